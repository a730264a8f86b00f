// What both paths for AVX2 share.
//
//   1. Binary layers look up how many bits of a nibble differ, for 32 filters at a time, with
//      vpshufb: the window's nibble selects a table, and the filters' nibbles are its indices.
//   2. Comparison takes 32 counts at a time.
//   3. Residual networks are in real_rows.h.
//
// Everything is in an anonymous namespace, because each path compiles it for its own instructions.
#pragma once

#include <immintrin.h>

#include <cstdint>
#include <cstring>
#include <type_traits>

#include "bits.h"
#include "byte_sums.h"
#include "kernels.h"
#include "real_rows.h"

namespace rbsf {
namespace {

template <int digits>
struct Lookup {
  static constexpr NibbleTables<digits> kTables{};
  using Vector = __m256i;
  typedef uint8_t Counts __attribute__((vector_size(32)));
  using Spot = std::conditional_t<digits == 1, uint8_t, uint16_t>;
  static constexpr int kBytes = 32, kBits = 4, kDigits = digits;
  // Of 16 registers a tile takes 12 for byte counts, 2 for filters and 1 for a table.
  static constexpr int kBlocks = 1, kPixels = 6;

  static Vector load(const uint8_t* from) {
    return _mm256_load_si256(reinterpret_cast<const __m256i*>(from));
  }

  static Vector window(const Spot* nibble) {
    const auto* table = reinterpret_cast<const __m128i*>(kTables.counts + *nibble);
    return _mm256_broadcastsi128_si256(_mm_load_si128(table));
  }

  static Counts differing(Vector table, Vector filters) {
    return (Counts)_mm256_shuffle_epi8(table, filters);
  }

  static void widen_add(Counts byte_counts, uint16_t* counts) {
    const Vector pairs = (Vector)byte_counts;
    const Vector even = _mm256_and_si256(pairs, _mm256_set1_epi16(0xFF));
    const Vector odd = _mm256_srli_epi16(pairs, 8);
    auto* to = reinterpret_cast<__m256i*>(counts);
    _mm256_storeu_si256(to, _mm256_add_epi16(_mm256_loadu_si256(to), even));
    _mm256_storeu_si256(to + 1, _mm256_add_epi16(_mm256_loadu_si256(to + 1), odd));
  }
};

void compare_row(const BinaryShape& shape, const uint16_t* counts, int width,
                 const uint16_t* limits, uint8_t* bits, size_t out_stride) {
  const int bytes = (shape.filters + 7) / 8, padded = shape.padded_filters();
  for (int x = 0; x < width; ++x, counts += padded, bits += out_stride)
    for (int byte = 0; byte < bytes; byte += 4) {
      const auto* c = reinterpret_cast<const __m256i*>(counts + 8 * byte);
      const auto* l = reinterpret_cast<const __m256i*>(limits + 8 * byte);
      // AVX2 has no unsigned comparison. But c < l exactly if l - c is not 0 when negative
      // differences saturate at 0.
      const __m256i low = _mm256_subs_epu16(_mm256_loadu_si256(l), _mm256_loadu_si256(c));
      const __m256i high = _mm256_subs_epu16(_mm256_loadu_si256(l + 1), _mm256_loadu_si256(c + 1));
      const __m256i zero = _mm256_setzero_si256();
      // Packing works within each half of a register. 0xD8 orders the quarters as 0, 2, 1, 3.
      const __m256i clear = _mm256_permute4x64_epi64(
          _mm256_packs_epi16(_mm256_cmpeq_epi16(low, zero), _mm256_cmpeq_epi16(high, zero)), 0xD8);
      const uint32_t mask = ~static_cast<uint32_t>(_mm256_movemask_epi8(clear));
      put_mask(mask, bytes - byte, bits + byte);
    }
}

// What both paths share of the products of bytes, see product_tile.h.
struct Sums8 {
  typedef int32_t Sums __attribute__((vector_size(32)));
  using Weights = __m256i;
  static constexpr int kLanes = 8, kCentre = 0;
  // Of 16 registers a tile takes 12 for sums, 2 for weights and 1 for a window.
  static constexpr int kRegisters = 2, kWindows = 6;

  static Sums load_sums(const int32_t* from) { return *reinterpret_cast<const Sums*>(from); }
  static Weights load(const void* from) {
    return _mm256_load_si256(static_cast<const __m256i*>(from));
  }

  // Four bytes of a window, for all lanes.
  static __m256i window(const void* from) {
    int word;
    std::memcpy(&word, from, sizeof word);
    return _mm256_set1_epi32(word);
  }

  static uint32_t at_least(Sums sums, Sums bounds) {
    return static_cast<uint32_t>(_mm256_movemask_ps((__m256)(sums >= bounds)));
  }
};

struct Lanes {
  typedef float Reals __attribute__((vector_size(32)));
  typedef int32_t Ints __attribute__((vector_size(32)));
  typedef uint16_t Counts __attribute__((vector_size(16)));
  // Of 16 registers a tile takes 12 for sums, 2 for weights and 1 for an input.
  static constexpr int kRegisters = 2, kPixels = 6;

  static uint32_t at_least(Reals reals, Reals bounds) {
    return static_cast<uint32_t>(_mm256_movemask_ps((__m256)(reals >= bounds)));
  }
};

using Reals = RealRows<Lanes>;

}  // namespace
}  // namespace rbsf
