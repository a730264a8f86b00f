// AVX-512 with BW and VNNI: differing bits of a nibble looked up for 64 filters at a time.
#if defined(__x86_64__)

#include <immintrin.h>

#include "avx512_pixels.h"
#include "byte_sums.h"
#include "kernels.h"

namespace rbsf {
namespace {

constexpr NibbleTables kTables;

struct Avx512 {
  using Vector = __m512i;
  typedef uint8_t Sums __attribute__((vector_size(64)));
  static constexpr int kBytes = 64, kBits = 4;
  static constexpr int kBlocks = 3, kPixels = 6;  // 18 sums, 3 registers of filters, 1 table

  static Vector load(const uint8_t* from) { return _mm512_load_si512(from); }

  static Vector window(const uint8_t* nibble) {
    const auto* table = reinterpret_cast<const __m128i*>(kTables.counts + *nibble);
    return _mm512_maskz_broadcast_i32x4(0xFFFF, _mm_load_si128(table));
  }

  static Sums differing(Vector table, Vector filters) {
    return (Sums)_mm512_shuffle_epi8(table, filters);
  }

  static void widen_add(Sums bytes, uint16_t* counts) {
    const Vector sums = (Vector)bytes;
    const Vector even = _mm512_and_si512(sums, _mm512_set1_epi16(0xFF));
    const Vector odd = _mm512_srli_epi16(sums, 8);
    _mm512_storeu_si512(counts, _mm512_add_epi16(_mm512_loadu_si512(counts), even));
    _mm512_storeu_si512(counts + 32, _mm512_add_epi16(_mm512_loadu_si512(counts + 32), odd));
  }
};

using Sums = ByteSums<Avx512>;

const Kernels kPath = {"avx512",        Sums::pack_binary, Sums::scratch_bytes,
                       Sums::count_row, compare_row,       pack_pixels,
                       pixel_row};

}  // namespace

const Kernels* const kAvx512 = &kPath;

}  // namespace rbsf

#else
#include "kernels.h"
const rbsf::Kernels* const rbsf::kAvx512 = nullptr;
#endif
