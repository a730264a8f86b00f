// The path for the NEON instructions that every AArch64 processor has.
//
//   1. Binary layers and comparison are in neon.h.
//   2. Layers on pixels multiply signed bytes to 16 bits, add two products, and add the pairs to
//      32-bit sums. neon.h makes the pixels signed.
#if defined(__aarch64__)

#include "neon.h"

#include <arm_neon.h>

#include <cstdint>
#include <cstring>

namespace rbsf {
namespace {

struct Products : SignedBytes {
  using Window = int8x16_t;

  // The lower half of a register holds bytes 0 and 1 of each filter, the upper half bytes 2 and 3.
  static constexpr int slot(int lane, int byte) { return byte / 2 * 8 + 2 * lane + byte % 2; }

  static void interleave(const uint8_t* const (&rows)[kStep], Pixel* to) {
    interleave_rows<Products>(rows, to);
  }

  static Window window(const Pixel* from) {
    int16_t pairs[2];
    std::memcpy(pairs, from, sizeof pairs);
    return vcombine_s8(vreinterpret_s8_s16(vdup_n_s16(pairs[0])),
                       vreinterpret_s8_s16(vdup_n_s16(pairs[1])));
  }

  // The sum of two products fits 16 bits, because 2 * 128 * 127 < 32768.
  static void add(Sums& sums, Weights weights, Window window) {
    const int16x8_t low = vmull_s8(vget_low_s8(weights), vget_low_s8(window));
    sums = vpadalq_s16(sums, vmlal_high_s8(low, weights, window));
  }
};

using Pixels = PixelSums<Products>;
using Layers = HeadSums<Products>;

const Kernels kPath = {"neon",
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

const Kernels* const kNeon = &kPath;

}  // namespace rbsf

#else
#include "kernels.h"
const rbsf::Kernels* const rbsf::kNeon = nullptr;
#endif
