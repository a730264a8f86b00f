// What both AVX-512 paths share: comparison, and layers on pixels by the dot products of VNNI.
//
//   1. vpdpbusd multiplies four pixel bytes of a window with four weights of each of 16 filters and
//      adds the products to the filters' 32-bit sums. This is one step.
//   2. Steps says how the rows of a window are divided into steps, and pack_pixels brings the
//      weights into the same order.
//   3. pixel_tile sums some windows against some blocks of 16 filters, compares the sums with the
//      thresholds of each step, and writes the bits.
//   4. pixel_row covers an output row with tiles.
//
// Everything is in an anonymous namespace, because each path compiles it for its own instructions.
#pragma once

#include <immintrin.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "bits.h"
#include "kernels.h"
#include "max_sizes.h"
#include "memory.h"

namespace rbsf {
namespace {

void compare_row(const BinaryShape& shape, const uint16_t* counts, int width,
                 const uint16_t* limits, uint8_t* bits, size_t out_stride) {
  const int bytes = (shape.filters + 7) / 8, padded = shape.padded_filters();
  for (int x = 0; x < width; ++x, counts += padded, bits += out_stride)
    for (int byte = 0; byte < bytes; byte += 4) {
      const uint32_t mask = _mm512_cmplt_epu16_mask(_mm512_loadu_si512(counts + 8 * byte),
                                                    _mm512_loadu_si512(limits + 8 * byte));
      put_mask(mask, bytes - byte, bits + byte);
    }
}

constexpr int kRegister = 64;  // The bytes of a register.
constexpr int kBlock = 16;     // The filters whose sums fit one register.
constexpr int kStepBytes = 4;  // The bytes of a window that a step takes.

// The most sums of a tile. Of 32 registers it takes these, one of weights for each of its up to 6
// blocks, and 1 for a window.
constexpr int kTileSums = 24;

static_assert(kBlock * kStepBytes == kRegister, "a step's weights of a block fill one register");

// The steps of a window. Each of its rows is 3 * kernel bytes, which need not be a multiple of
// four. The bytes that the rows have left over are gathered, one row's after another's, into
// `over_bytes` bytes for each window. For 11 rows of 33 bytes this makes 91 steps, where rows
// padded to 36 bytes would make 99.
struct Steps {
  explicit Steps(const PixelShape& shape)
      : rows(shape.kernel),
        row_steps(shape.row_bytes() / kStepBytes),
        over(shape.row_bytes() % kStepBytes),
        over_bytes((rows * over + kStepBytes - 1) / kStepBytes * kStepBytes) {}
  int total() const { return rows * row_steps + over_bytes / kStepBytes; }

  // Where byte i of a row stands in the order of the steps.
  int place(int row, int i) const {
    const int stepped = row_steps * kStepBytes;
    if (i < stepped) return row * stepped + i;
    return rows * stepped + row * over + i - stepped;
  }

  const int rows, row_steps, over, over_bytes;
};

static_assert((kMaxKernel * (kStepBytes - 1) + kStepBytes - 1) / kStepBytes * kStepBytes <=
                  kPixelScratch,
              "the gathered bytes of a window fit its scratch memory");

// Packs weights as [block][step][kBlock][kStepBytes]. Filters of the last block that are only
// padding are 0.
Bytes pack_pixels(const PixelShape& shape, const int8_t* filters) {
  const Steps steps(shape);
  const int blocks = (shape.filters + kBlock - 1) / kBlock;
  const size_t block_bytes = size_t(steps.total()) * kRegister;
  Bytes packed(blocks * block_bytes);
  for (int f = 0; f < shape.filters; ++f) {
    int8_t* to = packed.as<int8_t>() + f / kBlock * block_bytes + f % kBlock * kStepBytes;
    for (int row = 0; row < shape.kernel; ++row)
      for (int i = 0; i < shape.row_bytes(); ++i, ++filters) {
        const int place = steps.place(row, i);
        to[place / kStepBytes * kRegister + place % kStepBytes] = *filters;
      }
  }
  return packed;
}

// One output row, as pixel_row gets it, with the gathered bytes of its windows.
struct PixelRow {
  const PixelShape& shape;
  const Steps& steps;
  const Bytes& filters;
  const int32_t* thresholds;
  const InputRows& input;
  const uint8_t* over;  // [width][over_bytes]
  const BitRow& bits;
};

inline __m512i broadcast4(const uint8_t* from) {
  int word;
  std::memcpy(&word, from, sizeof word);
  return _mm512_set1_epi32(word);
}

template <int blocks, int pixels>
inline void add_step(__m512i (&sums)[pixels][blocks], const int8_t* weights, size_t block_bytes,
                     const uint8_t* window, int pixel_bytes) {
  __m512i w[blocks];
  for (int b = 0; b < blocks; ++b) w[b] = _mm512_load_si512(weights + b * block_bytes);
  for (int p = 0; p < pixels; ++p) {
    const __m512i bytes = broadcast4(window + p * pixel_bytes);
    for (int b = 0; b < blocks; ++b) sums[p][b] = _mm512_dpbusd_epi32(sums[p][b], bytes, w[b]);
  }
}

// Computes the `pixels` windows from `x` on against the `blocks` blocks from `first_block` on.
template <int blocks, int pixels>
void pixel_tile(const PixelRow& row, int first_block, int x) {
  const Steps& steps = row.steps;
  const size_t block_bytes = size_t(steps.total()) * kRegister;
  const int pixel_bytes = 3 * row.shape.stride;
  const int8_t* weights = row.filters.as<int8_t>() + first_block * block_bytes;
  const uint8_t* input = row.input.data + size_t(x) * pixel_bytes;
  const uint8_t* over = row.over + size_t(x) * steps.over_bytes;
  __m512i sums[pixels][blocks];
  for (auto& window : sums)
    for (__m512i& sum : window) sum = _mm512_setzero_si512();
  for (int y = 0; y < steps.rows; ++y, input += row.input.stride)
    for (int step = 0; step < steps.row_steps; ++step, weights += kRegister)
      add_step<blocks, pixels>(sums, weights, block_bytes, input + kStepBytes * step, pixel_bytes);
  for (int step = 0; step < steps.over_bytes / kStepBytes; ++step, weights += kRegister)
    add_step<blocks, pixels>(sums, weights, block_bytes, over + kStepBytes * step,
                             steps.over_bytes);
  for (int b = 0; b < blocks; ++b) {
    const int first = (first_block + b) * kBlock, left = row.shape.filters - first;
    const __mmask16 mine = left >= kBlock ? 0xFFFF : static_cast<__mmask16>((1u << left) - 1);
    for (int s = 0; s < row.shape.steps; ++s) {
      const int32_t* thresholds = row.thresholds + s * row.shape.filters + first;
      const __m512i bound = _mm512_maskz_loadu_epi32(mine, thresholds);
      uint8_t* to = row.bits.data + x * row.bits.stride + s * row.bits.step_stride + first / 8;
      for (int p = 0; p < pixels; ++p, to += row.bits.stride) {
        const uint16_t mask = _mm512_mask_cmpge_epi32_mask(mine, sums[p][b], bound);
        std::memcpy(to, &mask, left > 8 ? 2 : 1);
      }
    }
  }
}

// Computes all windows of a row against `blocks` blocks of filters, as long as so many are left.
// Returns the first block that is.
template <int blocks>
int pixel_tiles(const PixelRow& row, int block, int end, int width) {
  constexpr int kPixels = std::min(kTileSums / blocks, 8);
  for (; block + blocks <= end; block += blocks) {
    int x = 0;
    for (; x + kPixels <= width; x += kPixels) pixel_tile<blocks, kPixels>(row, block, x);
    for (; x < width; ++x) pixel_tile<blocks, 1>(row, block, x);
  }
  return block;
}

void gather_over(const PixelShape& shape, const Steps& steps, const InputRows& input, int width,
                 uint8_t* over) {
  for (int row = 0; row < steps.rows; ++row)
    for (int i = 0; i < steps.over; ++i) {
      const uint8_t* from = input.data + row * input.stride + kStepBytes * steps.row_steps + i;
      uint8_t* to = over + row * steps.over + i;
      for (int x = 0; x < width; ++x, from += 3 * shape.stride, to += steps.over_bytes) *to = *from;
    }
}

void pixel_row(const PixelShape& shape, const Bytes& filters, const int32_t* thresholds,
               const InputRows& input, int width, const BitRow& bits, uint8_t* scratch) {
  const Steps steps(shape);
  gather_over(shape, steps, input, width, scratch);
  const PixelRow row{shape, steps, filters, thresholds, input, scratch, bits};
  const int end = (shape.filters + kBlock - 1) / kBlock;
  int block = pixel_tiles<6>(row, 0, end, width);
  block = pixel_tiles<4>(row, block, end, width);
  block = pixel_tiles<2>(row, block, end, width);
  pixel_tiles<1>(row, block, end, width);
}

}  // namespace
}  // namespace rbsf
