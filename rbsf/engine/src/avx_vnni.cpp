// The path for AVX2 with the dot products of AVX-VNNI, which processors without AVX-512 have since
// Intel's Alder Lake (2021).
//
//   1. Binary layers, comparison and residual networks are in avx2.h.
//   2. Layers on pixels multiply four bytes at once with four weights of each of 8 filters, and add
//      the products to 32-bit sums. So do the layers of the box head.
#if defined(__AVXVNNI__)

#include <immintrin.h>

#include <cstdint>
#include <cstring>

#include "avx2.h"
#include "byte_sums.h"
#include "head_sums.h"
#include "kernels.h"
#include "pixel_sums.h"
#include "x86_round.h"

namespace rbsf {
namespace {

struct Products : Sums8 {
  using Weight = int8_t;
  using Pixel = uint8_t;
  static constexpr int kStep = 4;

  static int slot(int lane, int byte) { return kStep * lane + byte; }

  static void widen(const uint8_t* from, Pixel* to) { std::memcpy(to, from, 16); }

  static void interleave(const uint8_t* const (&rows)[kStep], Pixel* to) {
    __m128i row[kStep];
    for (int i = 0; i < kStep; ++i)
      row[i] = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(rows[i]));
    const __m128i first = _mm_unpacklo_epi8(row[0], row[1]);
    const __m128i second = _mm_unpacklo_epi8(row[2], row[3]);
    auto* const halves = reinterpret_cast<__m128i*>(to);
    _mm_store_si128(halves, _mm_unpacklo_epi16(first, second));
    _mm_store_si128(halves + 1, _mm_unpackhi_epi16(first, second));
  }

  static void add(Sums& sums, Weights weights, __m256i window) {
    sums = (Sums)_mm256_dpbusd_avx_epi32((__m256i)sums, window, weights);
  }
};

using Pixels = PixelSums<Products>;
using Layers = HeadSums<Products>;

const Kernels kPath = {"avx-vnni",
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

const Kernels* const kAvxVnni = &kPath;

}  // namespace rbsf

#else
#include "kernels.h"
const rbsf::Kernels* const rbsf::kAvxVnni = nullptr;
#endif
