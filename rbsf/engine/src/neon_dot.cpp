// The path for NEON with the dot products of ARMv8.2.
//
//   1. Binary layers and comparison are in neon.h.
//   2. Layers on pixels multiply four signed bytes at once and add the products to 32-bit sums.
//      neon.h makes the pixels signed.
#if defined(__aarch64__)

#include <arm_neon.h>

#include <cstdint>
#include <cstring>

#include "neon.h"

namespace rbsf {
namespace {

struct Products : SignedBytes {
  using Window = int8x16_t;

  static constexpr int slot(int lane, int byte) { return kStep * lane + byte; }

  static void interleave(const uint8_t* const (&rows)[kStep], Pixel* to) {
    interleave_rows<Products>(rows, to);
  }

  static Window window(const Pixel* from) {
    int32_t bytes;
    std::memcpy(&bytes, from, sizeof bytes);
    return vreinterpretq_s8_s32(vdupq_n_s32(bytes));
  }

  static void add(Sums& sums, Weights weights, Window window) {
    sums = vdotq_s32(sums, weights, window);
  }
};

using Pixels = PixelSums<Products>;
using Layers = HeadSums<Products>;

const Kernels kPath = {"neon-dot",
                       ByteSums<ByteCounts>::counting(),
                       ByteSums<LevelLookup>::counting(),
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

const Kernels* const kNeonDot = &kPath;

}  // namespace rbsf

#else
#include "kernels.h"
const rbsf::Kernels* const rbsf::kNeonDot = nullptr;
#endif
