// What a kernel path provides.
//
// A kernel path implements the inner loops of the network for one instruction set:
//
//   1. count_row compares a row of windows with binary filters and counts differing bits. There is
//      one for maps of bits and one for maps of levels.
//   2. compare_row turns those counts into the bits of a step of the layer's output.
//   3. pixel_row does both in one for the first layer, which multiplies 8-bit pixels and weights.
//   4. pointwise_row and depthwise_row sum products of bytes in the layers of the box head, and
//      round_row turns sums into bytes.
//   5. sign_row, add_row and mix_row are what a residual network needs around its binary layers,
//      whose inputs and outputs are reals there.
//
// The functions whose names begin with pack put weights into the order in which the path reads
// them. Every
// path gives the same bits. The file to read first is scalar.cpp, which computes them in plain C++.
//
// How binary maps lie in memory. Each group of a layer reads a plane [y][x][channel_bytes]: a
// pixel's channels are packed with the lowest bit first and padded with zeros to whole bytes. One
// row of a window is therefore a run of kernel * channel_bytes bytes, which can start at any byte.
// Runs are compared 64 bits at a time. A run takes `row_words` words, and `tail` masks what the
// last of them holds beyond the run. The words of a filter are laid out in the same way. Their
// padding is 0, so it never counts as different. A map of levels has two such planes, one for each
// binary digit. A bit that differs counts once in the lower digit's plane, and twice in the other.
#pragma once

#include <cstddef>
#include <cstdint>

#include "memory.h"

namespace rbsf {

// Filters are counted in blocks of this many. A block may end with filters that are only padding;
// their counts are meaningless.
constexpr int kFilterBlock = 64;

// Sums of products of bytes are computed in blocks of this many outputs or channels.
constexpr int kSumBlock = 48;

// 1x1 layers on reals are computed in blocks of this many outputs.
constexpr int kMixBlock = 32;

// The filters of one group of a binary layer.
struct BinaryShape {
  int filters;
  int kernel;         // The rows of a filter, and its columns.
  int channel_bytes;  // The bytes that one pixel of one group takes.
  int stride = 1;     // The pixels from a window to the next.
  int step_bytes() const { return stride * channel_bytes; }
  int row_bytes() const { return kernel * channel_bytes; }
  int row_words() const { return (row_bytes() + 7) / 8; }
  int words() const { return kernel * row_words(); }
  uint64_t tail() const { return row_bytes() % 8 ? ~0ull >> (64 - 8 * (row_bytes() % 8)) : ~0ull; }
  int padded_filters() const { return (filters + kFilterBlock - 1) / kFilterBlock * kFilterBlock; }
};

// The filters of a layer on RGB pixels.
struct PixelShape {
  int filters;
  int kernel;  // The rows of a filter, and its columns.
  int stride;
  int steps;  // Those of the output.
  int row_bytes() const { return 3 * kernel; }
};

// The rows of a map under an output row.
struct InputRows {
  const uint8_t* data;  // The first row.
  size_t stride;        // The bytes from a row to the next.
  size_t digit_stride;  // The bytes from a row of the lower digit to that of the higher, if any.
};

// Where the bits of an output row go: those of a step of pixel x start at
// data + x * stride + step * step_stride.
struct BitRow {
  uint8_t* data;
  size_t stride, step_stride;
};

// A 1x1 layer of the box head. Its sums are padded with meaningless ones.
struct PointwiseShape {
  int inputs, outputs;
  int padded_outputs() const { return (outputs + kSumBlock - 1) / kSumBlock * kSumBlock; }
};

// A depth-wise layer of the box head. Its sums are padded with meaningless ones.
struct DepthwiseShape {
  int channels;
  int kernel;  // The rows of a filter, and its columns.
  int padded_channels() const { return (channels + kSumBlock - 1) / kSumBlock * kSumBlock; }
};

// A 1x1 layer on reals. Its weights are padded with zeros.
struct MixShape {
  int inputs, outputs;
  int padded_outputs() const { return (outputs + kMixBlock - 1) / kMixBlock * kMixBlock; }
};

// The rows of a map of bytes, in which each pixel has its channels together.
struct ByteRows {
  const uint8_t* data;  // The first pixel's first channel.
  size_t pixel;         // The bytes from a pixel to the next.
  size_t row;           // The bytes from a row to the next.
};

// Kernels load whole words and registers, so they may read this many bytes after what they use.
constexpr size_t kReadAfterRow = 8;      // count_row, after the last window of an input row.
constexpr size_t kReadAfterPixels = 64;  // pixel_row, after the last pixel.
constexpr size_t kReadAfterBytes = 64;   // pointwise_row and depthwise_row, after the last pixel.

// What counts differing bits, in maps of bits or in maps of levels.
struct Counting {
  // Brings the filters of one group into the path's own order. `filters` is
  // [padded_filters][words()]; those that are only padding are zero.
  Bytes (*pack_binary)(const BinaryShape&, const uint64_t* filters);

  // The bytes of scratch memory that count_row needs for an output row of `width` pixels.
  size_t (*scratch_bytes)(const BinaryShape&, int width);

  // Computes one output row: counts[x][filter] is the number of bits in which window x differs from
  // the filter. In levels, those of the higher digit count twice. `input` starts with the first row
  // of the windows. `counts` is [width][padded_filters].
  void (*count_row)(const BinaryShape&, const Bytes& filters, const InputRows& input, int width,
                    uint16_t* counts, uint8_t* scratch);
};

struct Kernels {
  const char* name;
  Counting bits, levels;

  // Computes bits[x][filter] = counts[x][filter] < limits[filter], packed with the lowest bit
  // first. `bits` is [width][out_stride]; of each pixel (filters + 7) / 8 whole bytes are written.
  // `limits` is [padded_filters], and 0 for padding.
  void (*compare_row)(const BinaryShape&, const uint16_t* counts, int width, const uint16_t* limits,
                      uint8_t* bits, size_t out_stride);

  // Brings filters on pixels, [filters][kernel][3 * kernel], into the path's own order.
  Bytes (*pack_pixels)(const PixelShape&, const int8_t* filters);

  // Computes one output row on RGB pixels: a bit of a step says whether the sum of weight * pixel
  // reaches thresholds[step][filter]. Each step's bits are written as by compare_row. `thresholds`
  // is [steps][filters], `scratch` has pixel_scratch(width) bytes.
  void (*pixel_row)(const PixelShape&, const Bytes& filters, const int32_t* thresholds,
                    const InputRows& input, int width, const BitRow& bits, uint8_t* scratch);

  // Brings the weights of a 1x1 layer, [outputs][inputs], into the path's own order.
  Bytes (*pack_pointwise)(const PointwiseShape&, const int8_t* weights);

  // Computes sums[x][output] of the `width` pixels of a row, whose inputs are bytes. `sums` is
  // [width][padded_outputs()], `scratch` has pointwise_scratch() bytes.
  void (*pointwise_row)(const PointwiseShape&, const Bytes& weights, const ByteRows& input,
                        int width, int32_t* sums, uint8_t* scratch);

  // Brings the weights of a depth-wise layer, [channels][kernel][kernel], into the path's own
  // order.
  Bytes (*pack_depthwise)(const DepthwiseShape&, const int8_t* weights);

  // Computes sums[x][channel] of an output row. `input` starts with the first row of the windows.
  // `sums` is [width][padded_channels()], `scratch` has depthwise_scratch() bytes.
  void (*depthwise_row)(const DepthwiseShape&, const Bytes& weights, const ByteRows& input,
                        int width, int32_t* sums, uint8_t* scratch);

  // Computes bytes[i] = sums[i] * scale[i] + bias[i], rounded twice to float32, clamped to 0..255
  // and rounded to the nearest integer, half to even. What is no number becomes 0.
  void (*round_row)(const int32_t* sums, const float* scale, const float* bias, int count,
                    uint8_t* bytes);

  // Computes bits[x][channel] = (reals[x][channel] >= thresholds[channel]) ^ flips[channel], packed
  // with the lowest bit first. Each pixel starts on a byte, and its unused bits are 0. What is no
  // number reaches no threshold. `reals` is [width][channels].
  void (*sign_row)(const float* reals, const float* thresholds, const uint8_t* flips, int channels,
                   int width, uint8_t* bits);

  // Computes reals[x][filter] = (offsets[filter] - 2 counts[x][filter]) * scale[filter] +
  // bias[filter] + reals[x][filter], rounded to float32 after each operation from left to right.
  // `reals` is [width][filters], and `counts` is [width][padded_filters].
  void (*add_row)(const BinaryShape&, const uint16_t* counts, int width, const int32_t* offsets,
                  const float* scale, const float* bias, float* reals);

  // Computes sums[x][output] = the sum of inputs[x][i] * weights[i][output] over i, added in their
  // order from 0 on and rounded to float32 after each operation, and then bias[output] added.
  // `inputs` is [width][inputs], `weights` [inputs][padded_outputs] on a cache line, `sums`
  // [width][outputs].
  void (*mix_row)(const MixShape&, const Bytes& weights, const float* bias, const float* inputs,
                  int width, float* sums);
};

// The bytes of scratch memory that pixel_row may use for each output pixel, and for a whole row.
constexpr int kPixelScratch = 64;
constexpr size_t pixel_scratch(int width) { return kPixelScratch * static_cast<size_t>(width); }

// The bytes of scratch memory that the layers of the box head may use: a row whose bytes are
// widened to 16 bits, with some pixels of padding, and as many registers as a block of channels has
// pixels under its windows.
constexpr size_t pointwise_scratch(const PointwiseShape& shape, int width) {
  return size_t{2} * (width + 16) * (shape.inputs + 64);
}
constexpr size_t depthwise_scratch(const DepthwiseShape& shape, int width) {
  return size_t{64} * (shape.kernel + 3) * (width + shape.kernel + 16);
}

// The paths. A pointer is null where the path is not for the processor that this is compiled for,
// or where the compiler does not know its instructions.
extern const Kernels* const kVpopcnt;
extern const Kernels* const kAvx512;
extern const Kernels* const kAvxVnni;
extern const Kernels* const kAvx2;
extern const Kernels* const kNeonDot;
extern const Kernels* const kNeon;
extern const Kernels* const kScalar;

}  // namespace rbsf
