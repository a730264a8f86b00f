// What both NEON paths share.
//
//   1. Binary layers compare a byte of a window of bits with 16 filters: cnt counts the bits that
//      differ. In a window of levels, tbl looks up a nibble of both digits at once.
//   2. Comparison makes one byte of output bits from eight counts.
//   3. Layers on pixels have signed bytes only, so pixels are stored less 128. So have the layers
//   of
//      the box head.
//   4. Sums become bytes four at a time.
//   5. Residual networks are in real_rows.h.
//
// Everything is in an anonymous namespace, because each path compiles it for its own instructions.
#pragma once

#include <arm_neon.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "byte_sums.h"
#include "head_sums.h"
#include "kernels.h"
#include "pixel_sums.h"
#include "real_rows.h"

namespace rbsf {
namespace {

struct ByteCounts {
  using Vector = uint8x16_t;
  using Counts = uint8x16_t;
  using Spot = uint8_t;
  static constexpr int kBytes = 16, kBits = 8, kDigits = 1;
  // Of 32 registers a tile takes 16 for byte counts, 4 for filters and 1 for a window.
  static constexpr int kBlocks = 1, kPixels = 4;

  static Vector load(const uint8_t* from) { return vld1q_u8(from); }
  static Vector window(const uint8_t* byte) { return vld1q_dup_u8(byte); }
  static Counts differing(Vector window, Vector filters) {
    return vcntq_u8(veorq_u8(window, filters));
  }

  static void widen_add(Counts byte_counts, uint16_t* counts) {
    const uint16x8_t pairs = vreinterpretq_u16_u8(byte_counts);
    vst1q_u16(counts, vaddq_u16(vld1q_u16(counts), vandq_u16(pairs, vdupq_n_u16(0xFF))));
    vst1q_u16(counts + 8, vsraq_n_u16(vld1q_u16(counts + 8), pairs, 8));
  }
};

struct LevelLookup : ByteCounts {
  using Spot = uint16_t;
  static constexpr NibbleTables<2> kTables{};
  static constexpr int kBits = 4, kDigits = 2;
  // Of 32 registers a tile takes 24 for byte counts, 4 for filters and 1 for a table.
  static constexpr int kBlocks = 1, kPixels = 6;

  static Vector window(const Spot* nibble) { return vld1q_u8(kTables.counts + *nibble); }
  static Counts differing(Vector table, Vector filters) { return vqtbl1q_u8(table, filters); }
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

// Pixels as signed bytes. With w the weights and p the pixels,
//   sum of w * p = sum of w * (p - 128) + 128 * sum of w,
// so each filter's sums start with 128 times the sum of its weights.
struct SignedBytes {
  using Sums = int32x4_t;
  using Weights = int8x16_t;
  using Weight = int8_t;
  using Pixel = int8_t;
  static constexpr int kStep = 4, kLanes = 4, kCentre = 128;
  // Of 32 registers a tile takes 16 for sums, 4 for weights and 1 for a window.
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

// Of the bytes [row][lane] of four rows, says which one stands at each place in the order of
// slot().
template <typename Isa>
constexpr std::array<uint8_t, 16> interleaved() {
  std::array<uint8_t, 16> order{};
  for (int lane = 0; lane < Isa::kLanes; ++lane)
    for (int byte = 0; byte < Isa::kStep; ++byte)
      order[Isa::slot(lane, byte)] = static_cast<uint8_t>(Isa::kLanes * byte + lane);
  return order;
}

template <typename Isa>
void interleave_rows(const uint8_t* const (&rows)[4], int8_t* to) {
  static constexpr std::array<uint8_t, 16> kOrder = interleaved<Isa>();
  uint8_t bytes[16];
  for (int i = 0; i < 4; ++i) std::memcpy(bytes + 4 * i, rows[i], 4);
  const uint8x16_t ordered = vqtbl1q_u8(vld1q_u8(bytes), vld1q_u8(kOrder.data()));
  vst1q_s8(to, vreinterpretq_s8_u8(veorq_u8(ordered, vdupq_n_u8(0x80))));
}

struct Lanes {
  typedef float Reals __attribute__((vector_size(16)));
  typedef int32_t Ints __attribute__((vector_size(16)));
  typedef uint16_t Counts __attribute__((vector_size(8)));
  // Of 32 registers a tile takes 16 for sums, 4 for weights and 1 for an input.
  static constexpr int kRegisters = 4, kPixels = 4;

  static uint32_t at_least(Reals reals, Reals bounds) {
    const uint32x4_t places = {1, 2, 4, 8};
    return vaddvq_u32(vandq_u32(vcgeq_f32(reals, bounds), places));
  }
};

using Reals = RealRows<Lanes>;

uint16x4_t round_four(const int32_t* sums, const float* scale, const float* bias) {
  const float32x4_t product = vmulq_f32(vcvtq_f32_s32(vld1q_s32(sums)), vld1q_f32(scale));
  // Of a number and what is none, these take the number.
  const float32x4_t least = vmaxnmq_f32(vaddq_f32(product, vld1q_f32(bias)), vdupq_n_f32(0.0f));
  return vqmovun_s32(vcvtnq_s32_f32(vminnmq_f32(least, vdupq_n_f32(255.0f))));
}

void round_row(const int32_t* sums, const float* scale, const float* bias, int count,
               uint8_t* bytes) {
  int i = 0;
  for (; i + 8 <= count; i += 8) {
    const uint16x4_t low = round_four(sums + i, scale + i, bias + i);
    const uint16x4_t high = round_four(sums + i + 4, scale + i + 4, bias + i + 4);
    vst1_u8(bytes + i, vmovn_u16(vcombine_u16(low, high)));
  }
  for (; i < count; i += 4) {  // Past the end nothing may be read or written.
    const int left = std::min(count - i, 4);
    int32_t s[4] = {};
    float a[4] = {}, b[4] = {};
    std::copy_n(sums + i, left, s), std::copy_n(scale + i, left, a), std::copy_n(bias + i, left, b);
    const uint16x4_t words = round_four(s, a, b);
    uint8_t rounded[8];
    vst1_u8(rounded, vmovn_u16(vcombine_u16(words, words)));
    std::copy_n(rounded, left, bytes + i);
  }
}

}  // namespace
}  // namespace rbsf
