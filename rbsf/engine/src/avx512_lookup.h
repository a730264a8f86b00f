// What both AVX-512 paths share for binary layers: they look up how many bits of a nibble differ,
// as in avx2.h, but for 64 filters at a time. The path with VPOPCNTDQ does so on maps of levels,
// where one look-up compares both digits of four taps.
//
// Everything is in an anonymous namespace, because each path compiles it for its own instructions.
#pragma once

#include <immintrin.h>

#include <cstdint>
#include <type_traits>

#include "byte_sums.h"

namespace rbsf {
namespace {

template <int digits>
struct Lookup {
  static constexpr NibbleTables<digits> kTables{};
  using Vector = __m512i;
  typedef uint8_t Counts __attribute__((vector_size(64)));
  using Spot = std::conditional_t<digits == 1, uint8_t, uint16_t>;
  static constexpr int kBytes = 64, kBits = 4, kDigits = digits;
  // Of 32 registers a tile takes 18 for byte counts, 3 for filters and 1 for a table.
  static constexpr int kBlocks = 3, kPixels = 6;

  static Vector load(const uint8_t* from) { return _mm512_load_si512(from); }

  static Vector window(const Spot* nibble) {
    const auto* table = reinterpret_cast<const __m128i*>(kTables.counts + *nibble);
    return _mm512_maskz_broadcast_i32x4(0xFFFF, _mm_load_si128(table));
  }

  static Counts differing(Vector table, Vector filters) {
    return (Counts)_mm512_shuffle_epi8(table, filters);
  }

  static void widen_add(Counts byte_counts, uint16_t* counts) {
    const Vector pairs = (Vector)byte_counts;
    const Vector even = _mm512_and_si512(pairs, _mm512_set1_epi16(0xFF));
    const Vector odd = _mm512_srli_epi16(pairs, 8);
    _mm512_storeu_si512(counts, _mm512_add_epi16(_mm512_loadu_si512(counts), even));
    _mm512_storeu_si512(counts + 32, _mm512_add_epi16(_mm512_loadu_si512(counts + 32), odd));
  }
};

}  // namespace
}  // namespace rbsf
