// What both NEON paths share: binary layers, comparison, and the packing of layers on pixels. In an
// anonymous namespace, since each path is compiled for its own instruction set.
#pragma once

#include <arm_neon.h>

#include "byte_sums.h"
#include "kernels.h"
#include "pixel_sums.h"

namespace rbsf {
namespace {

struct ByteCounts {
  using Vector = uint8x16_t;
  using Sums = uint8x16_t;
  static constexpr int kBytes = 16, kBits = 8;
  static constexpr int kBlocks = 1, kPixels = 4;  // 16 sums, 4 registers of filters, 1 window

  static Vector load(const uint8_t* from) { return vld1q_u8(from); }
  static Vector window(const uint8_t* byte) { return vld1q_dup_u8(byte); }
  static Sums differing(Vector window, Vector filters) {
    return vcntq_u8(veorq_u8(window, filters));
  }

  static void widen_add(Sums bytes, uint16_t* counts) {
    const uint16x8_t sums = vreinterpretq_u16_u8(bytes);
    vst1q_u16(counts, vaddq_u16(vld1q_u16(counts), vandq_u16(sums, vdupq_n_u16(0xFF))));
    vst1q_u16(counts + 8, vsraq_n_u16(vld1q_u16(counts + 8), sums, 8));
  }
};

void compare_row(const BinaryShape& shape, const uint16_t* counts, int width,
                 const uint16_t* limits, uint8_t* bits, size_t out_stride) {
  const uint16x8_t places = {1, 2, 4, 8, 16, 32, 64, 128};
  for (int x = 0; x < width; ++x, counts += shape.padded_filters(), bits += out_stride)
    for (int byte = 0; byte < (shape.filters + 7) / 8; ++byte) {
      const uint16x8_t count = vld1q_u16(counts + 8 * byte), limit = vld1q_u16(limits + 8 * byte);
      const uint16x8_t below = vcltq_u16(count, limit);
      bits[byte] = static_cast<uint8_t>(vaddvq_u16(vandq_u16(below, places)));
    }
}

// Signed bytes alone: pixel - 128, and each filter's sums start with 128 times its weights.
struct SignedBytes {
  using Sums = int32x4_t;
  using Weights = int8x16_t;
  using Weight = int8_t;
  using Pixel = int8_t;
  static constexpr int kStep = 4, kLanes = 4, kCentre = 128;
  static constexpr int kRegisters = 4, kWindows = 4;

  static void widen(const uint8_t* from, Pixel* to) {
    vst1q_s8(to, vreinterpretq_s8_u8(veorq_u8(vld1q_u8(from), vdupq_n_u8(0x80))));
  }

  static Sums load_sums(const int32_t* from) { return vld1q_s32(from); }
  static Weights load(const Weight* from) { return vld1q_s8(from); }

  static uint32_t at_least(Sums sums, Sums bounds) {
    const uint32x4_t places = {1, 2, 4, 8};
    return vaddvq_u32(vandq_u32(vcgeq_s32(sums, bounds), places));
  }
};

}  // namespace
}  // namespace rbsf
