// The path for AVX-512 with BW and VNNI, but without VPOPCNTDQ.
//
//   1. Binary layers look up how many bits of a nibble differ, as in avx2.cpp, but for 64 filters
//      at a time.
//   2. Comparison and layers on pixels are in avx512_pixels.h.
#if defined(__x86_64__)

#include <immintrin.h>

#include <cstdint>

#include "avx512_pixels.h"
#include "byte_sums.h"
#include "kernels.h"

namespace rbsf {
namespace {

constexpr NibbleTables kTables;

struct Lookup {
  using Vector = __m512i;
  typedef uint8_t Counts __attribute__((vector_size(64)));
  static constexpr int kBytes = 64, kBits = 4;
  // Of 32 registers a tile takes 18 for byte counts, 3 for filters and 1 for a table.
  static constexpr int kBlocks = 3, kPixels = 6;

  static Vector load(const uint8_t* from) { return _mm512_load_si512(from); }

  static Vector window(const uint8_t* nibble) {
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

using Binary = ByteSums<Lookup>;

const Kernels kPath = {"avx512",          Binary::pack_binary, Binary::scratch_bytes,
                       Binary::count_row, compare_row,         pack_pixels,
                       pixel_row};

}  // namespace

const Kernels* const kAvx512 = &kPath;

}  // namespace rbsf

#else
#include "kernels.h"
const rbsf::Kernels* const rbsf::kAvx512 = nullptr;
#endif
