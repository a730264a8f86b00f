// What both AVX-512 paths share: 8-bit dot products by VNNI, and comparison. In an anonymous
// namespace, since each path is compiled for its own instruction set.
#pragma once

#include <immintrin.h>

#include "kernels.h"

namespace rbsf {
namespace {

void compare_row(const BinaryShape& shape, const uint16_t* counts, int width,
                 const uint16_t* limits, uint8_t* bits, size_t out_stride) {
  const int bytes = (shape.filters + 7) / 8;
  for (int x = 0; x < width; ++x, counts += shape.padded_filters(), bits += out_stride)
    for (int byte = 0; byte < bytes; byte += 4) {
      const uint32_t mask = _mm512_cmplt_epu16_mask(_mm512_loadu_si512(counts + 8 * byte),
                                                    _mm512_loadu_si512(limits + 8 * byte));
      std::memcpy(bits + byte, &mask, bytes - byte < 4 ? bytes - byte : 4);
    }
}

// A window's rows are 3 * kernel bytes. vpdpbusd takes four bytes a step, so the bytes that a row
// has over are gathered from all rows, behind one another, into `kernel * over` bytes a window: 91
// steps for 11 rows of 33 bytes, where rows padded to 36 would take 99.
struct Steps {
  explicit Steps(const PixelShape& shape)
      : rows(shape.kernel),
        row_steps(shape.row_bytes() / 4),
        over(shape.row_bytes() % 4),
        over_bytes((rows * over + 3) / 4 * 4) {}
  int total() const { return rows * row_steps + over_bytes / 4; }
  const int rows, row_steps, over, over_bytes;
};

constexpr int kBlock = 16;  // filters in a register

// [block of 16 filters][step][16][4]; filters of the last block that are only padding are 0.
Bytes pack_pixels(const PixelShape& shape, const int8_t* filters) {
  const Steps steps(shape);
  const int blocks = (shape.filters + kBlock - 1) / kBlock, row_bytes = shape.row_bytes();
  Bytes packed(size_t(blocks) * steps.total() * 64);
  for (int f = 0; f < shape.filters; ++f) {
    const int8_t* filter = filters + size_t(f) * shape.kernel * row_bytes;
    int8_t* block = packed.as<int8_t>() + size_t(f / kBlock) * steps.total() * 64 + f % kBlock * 4;
    const auto put = [&](int byte, int8_t weight) { block[byte / 4 * 64 + byte % 4] = weight; };
    for (int row = 0; row < steps.rows; ++row)
      for (int i = 0; i < row_bytes; ++i)
        put(i < 4 * steps.row_steps
                ? 4 * row * steps.row_steps + i
                : 4 * steps.rows * steps.row_steps + row * steps.over + i - 4 * steps.row_steps,
            filter[row * row_bytes + i]);
  }
  return packed;
}

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

// `pixels` windows against `blocks` blocks of filters. over: the gathered bytes of the windows.
template <int blocks, int pixels>
void pixel_tile(const PixelShape& shape, const Steps& steps, const int8_t* weights,
                const int32_t* thresholds, int filters, const uint8_t* input, size_t stride,
                const uint8_t* over, uint8_t* bits, size_t out_stride) {
  const size_t block_bytes = size_t(steps.total()) * 64;
  const int pixel_bytes = 3 * shape.stride;
  __m512i sums[pixels][blocks];
  for (auto& row : sums)
    for (__m512i& sum : row) sum = _mm512_setzero_si512();
  for (int row = 0; row < steps.rows; ++row)
    for (int step = 0; step < steps.row_steps; ++step, weights += 64)
      add_step<blocks, pixels>(sums, weights, block_bytes, input + row * stride + 4 * step,
                               pixel_bytes);
  for (int step = 0; step < steps.over_bytes / 4; ++step, weights += 64)
    add_step<blocks, pixels>(sums, weights, block_bytes, over + 4 * step, steps.over_bytes);
  for (int b = 0; b < blocks; ++b) {
    const int left = filters - b * kBlock;
    const __mmask16 mine = left >= kBlock ? 0xFFFF : static_cast<__mmask16>((1u << left) - 1);
    const __m512i bound = _mm512_maskz_loadu_epi32(mine, thresholds + b * kBlock);
    for (int p = 0; p < pixels; ++p) {
      const uint16_t mask = _mm512_mask_cmpge_epi32_mask(mine, sums[p][b], bound);
      std::memcpy(bits + p * out_stride + b * 2, &mask, left > 8 ? 2 : 1);
    }
  }
}

void pixel_row(const PixelShape& shape, const Bytes& filters, const int32_t* thresholds,
               const uint8_t* input, size_t stride, int width, uint8_t* bits, size_t out_stride,
               uint8_t* scratch) {
  constexpr int kWide = 6, kPixels = 4;  // 24 sums, 6 registers of weights, 1 of pixels
  const Steps steps(shape);
  const int pixel_bytes = 3 * shape.stride;
  for (int row = 0; row < steps.rows; ++row)
    for (int i = 0; i < steps.over; ++i) {
      const uint8_t* from = input + row * stride + 4 * steps.row_steps + i;
      uint8_t* to = scratch + row * steps.over + i;
      for (int x = 0; x < width; ++x, from += pixel_bytes, to += steps.over_bytes) *to = *from;
    }

  const int blocks = (shape.filters + kBlock - 1) / kBlock;
  for (int b = 0; b < blocks;) {
    const bool wide = blocks - b >= kWide;
    const int8_t* weights = filters.as<int8_t>() + size_t(b) * steps.total() * 64;
    const auto tile = [&](auto run, int x) {
      run(shape, steps, weights, thresholds + b * kBlock, shape.filters - b * kBlock,
          input + size_t(x) * pixel_bytes, stride, scratch + size_t(x) * steps.over_bytes,
          bits + size_t(x) * out_stride + 2 * b, out_stride);
    };
    int x = 0;
    for (; x + kPixels <= width; x += kPixels)
      wide ? tile(pixel_tile<kWide, kPixels>, x) : tile(pixel_tile<1, kPixels>, x);
    for (; x < width; ++x) wide ? tile(pixel_tile<kWide, 1>, x) : tile(pixel_tile<1, 1>, x);
    b += wide ? kWide : 1;
  }
}

}  // namespace
}  // namespace rbsf
