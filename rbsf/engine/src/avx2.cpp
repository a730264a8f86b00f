// The path for AVX2 alone.
//
//   1. Binary layers, comparison and residual networks are in avx2.h.
//   2. Layers on pixels widen pixels and weights to 16 bits. vpmaddwd multiplies them and adds
//      pairs of products. So do the layers of the box head.
#if defined(__x86_64__)

#include "avx2.h"

#include <immintrin.h>

#include <cstdint>
#include <cstring>

#include "byte_sums.h"
#include "head_sums.h"
#include "kernels.h"
#include "pixel_sums.h"
#include "x86_round.h"

namespace rbsf {
namespace {

// The factors have 16 bits. vpmaddubsw would multiply bytes, but it adds two products in 16 bits
// and saturates: 2 * 255 * 127 is beyond 32767.
struct Products : Sums8 {
  using Weight = int16_t;
  using Pixel = int16_t;
  static constexpr int kStep = 2;

  static int slot(int lane, int byte) { return kStep * lane + byte; }

  static void widen(const uint8_t* from, Pixel* to) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
    _mm256_store_si256(reinterpret_cast<__m256i*>(to), _mm256_cvtepu8_epi16(bytes));
  }

  static void interleave(const uint8_t* const (&rows)[kStep], Pixel* to) {
    const __m128i bytes =
        _mm_unpacklo_epi8(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(rows[0])),
                          _mm_loadl_epi64(reinterpret_cast<const __m128i*>(rows[1])));
    _mm256_store_si256(reinterpret_cast<__m256i*>(to), _mm256_cvtepu8_epi16(bytes));
  }

  static void add(Sums& sums, Weights weights, __m256i window) {
    sums += (Sums)_mm256_madd_epi16(weights, window);
  }
};

using Pixels = PixelSums<Products>;
using Layers = HeadSums<Products>;

const Kernels kPath = {"avx2",
                       ByteSums<Lookup<1>>::counting(),
                       ByteSums<Lookup<2>>::counting(),
                       compare_row,
                       Pixels::pack_pixels,
                       Pixels::pixel_row,
                       Layers::pack_pointwise,
                       Layers::pointwise_row,
                       Layers::pack_depthwise,
                       Layers::depthwise_row,
                       round_row,
                       Reals::sign_row,
                       Reals::add_row,
                       Reals::mix_row};

}  // namespace

const Kernels* const kAvx2 = &kPath;

}  // namespace rbsf

#else
#include "kernels.h"
const rbsf::Kernels* const rbsf::kAvx2 = nullptr;
#endif
