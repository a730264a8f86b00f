// The layers of the box head, for all paths but scalar. Each describes its instructions in a struct
// Isa.
//
//   1. pointwise_row widens a row's bytes to the type that products need, and sums it tile by tile,
//      see product_tile.h. A window is a pixel.
//   2. depthwise_row takes `Isa::kLanes` channels at a time, which become the lanes. A step takes
//      one column of `Isa::kStep` rows of the kernel. So interleave() first brings the bytes of
//      these rows together, for each channel, and each output then reads kernel columns of them.
//
// Beside what product_tile.h asks for, an Isa has
//   interleave    Takes kLanes bytes from each of kStep rows, turns them into byte - kCentre, and
//                 stores them in the order of slot().
//
// Everything is in an anonymous namespace, because each path compiles it for its own instructions.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "kernels.h"
#include "memory.h"
#include "product_tile.h"

namespace rbsf {
namespace {

template <typename Isa>
struct HeadSums {
  using Tile = ProductTile<Isa>;
  using Weight = typename Isa::Weight;
  using Pixel = typename Isa::Pixel;

  static constexpr int kWindows = Isa::kWindows, kLanes = Isa::kLanes, kStep = Isa::kStep;
  static constexpr int kFilters = Tile::kFilters, kValues = Tile::kValues;

  static_assert(kSumBlock % kFilters == 0 && kSumBlock % kLanes == 0,
                "the padded sums of a pixel have room for whole tiles");
  static_assert(kWindows <= 16 && kValues * sizeof(Pixel) <= 64, "the scratch memory suffices");

  static Bytes pack_pointwise(const PointwiseShape& shape, const int8_t* weights) {
    return Tile::pack(shape.outputs, 1, shape.inputs, weights);
  }

  static void pointwise_row(const PointwiseShape& shape, const Bytes& weights,
                            const ByteRows& input, int width, int32_t* sums, uint8_t* scratch) {
    constexpr int kWidened = Tile::kWidened;
    auto* const row = reinterpret_cast<Pixel*>(scratch);
    const size_t stride = size_t(shape.inputs + kWidened - 1) / kWidened * kWidened;
    for (int x = 0; x < width; ++x)
      for (int i = 0; i < shape.inputs; i += kWidened)
        Isa::widen(input.data + x * input.pixel + i, row + x * stride + i);
    const uint8_t* tile = weights.data();
    for (int f = 0; f < shape.outputs; f += kFilters, tile += Tile::bytes(1, shape.inputs))
      for (int x = 0; x < width; x += kWindows) {
        typename Tile::Sums found;
        Tile::sum(tile, 1, Tile::steps(shape.inputs), row + x * stride, 0, stride, found);
        for (int p = 0; p < std::min(width - x, kWindows); ++p)
          std::memcpy(sums + size_t(x + p) * shape.padded_outputs() + f, found[p], sizeof found[p]);
      }
  }

  static int groups(const DepthwiseShape& shape) { return (shape.kernel + kStep - 1) / kStep; }
  static size_t block_bytes(const DepthwiseShape& shape) {
    const size_t weights = size_t(groups(shape)) * shape.kernel * kValues;
    return std::max<size_t>(64, sizeof(int32_t) * kLanes) + sizeof(Weight) * weights;
  }

  // Packs each block of kLanes channels as its first sums, int32 [kLanes] in at least 64 bytes, and
  // then its weights, [group of rows][column][kValues]. Padding is 0.
  static Bytes pack_depthwise(const DepthwiseShape& shape, const int8_t* weights) {
    const int blocks = (shape.channels + kLanes - 1) / kLanes;
    Bytes packed(blocks * block_bytes(shape));
    for (int channel = 0; channel < shape.channels; ++channel) {
      uint8_t* const block = packed.data() + channel / kLanes * block_bytes(shape);
      int32_t& first = reinterpret_cast<int32_t*>(block)[channel % kLanes];
      auto* const to = reinterpret_cast<Weight*>(block + block_weights());
      for (int row = 0; row < shape.kernel; ++row)
        for (int column = 0; column < shape.kernel; ++column, ++weights) {
          const int slot = Isa::slot(channel % kLanes, row % kStep);
          to[(size_t(row / kStep) * shape.kernel + column) * kValues + slot] = *weights;
          first += Isa::kCentre * *weights;
        }
    }
    return packed;
  }

  static constexpr size_t block_weights() { return std::max<size_t>(64, sizeof(int32_t) * kLanes); }

  static void depthwise_row(const DepthwiseShape& shape, const Bytes& weights,
                            const ByteRows& input, int width, int32_t* sums, uint8_t* scratch) {
    const size_t columns = width + shape.kernel - 1 + kWindows;
    auto* const rows = reinterpret_cast<Pixel*>(scratch);  // [group of rows][column][kValues]
    const uint8_t* block = weights.data();
    for (int channel = 0; channel < shape.channels;
         channel += kLanes, block += block_bytes(shape)) {
      for (int group = 0; group < groups(shape); ++group)
        interleave_rows(shape, group, input, channel, width + shape.kernel - 1,
                        rows + group * columns * kValues);
      for (int x = 0; x < width; x += kWindows) {
        typename Isa::Sums found[kWindows];
        sum_windows(shape, block, rows + size_t(x) * kValues, columns, found);
        for (int p = 0; p < std::min(width - x, kWindows); ++p)
          std::memcpy(sums + size_t(x + p) * shape.padded_channels() + channel, &found[p],
                      sizeof found[p]);
      }
    }
  }

  // A group's rows beyond the kernel have weights of 0. The last row stands for them.
  static void interleave_rows(const DepthwiseShape& shape, int group, const ByteRows& input,
                              int channel, int columns, Pixel* to) {
    const uint8_t* rows[kStep];
    for (int i = 0; i < kStep; ++i)
      rows[i] = input.data + std::min(group * kStep + i, shape.kernel - 1) * input.row + channel;
    for (int x = 0; x < columns; ++x, to += kValues) {
      Isa::interleave(rows, to);
      for (const uint8_t*& row : rows) row += input.pixel;
    }
  }

  static void sum_windows(const DepthwiseShape& shape, const uint8_t* block, const Pixel* rows,
                          size_t columns, typename Isa::Sums (&sums)[kWindows]) {
    const auto* weight = reinterpret_cast<const Weight*>(block + block_weights());
    for (auto& sum : sums) sum = Isa::load_sums(reinterpret_cast<const int32_t*>(block));
    for (int group = 0; group < groups(shape); ++group, rows += columns * kValues)
      for (int column = 0; column < shape.kernel; ++column, weight += kValues) {
        const typename Isa::Weights w = Isa::load(weight);
        const Pixel* at = rows + size_t(column) * kValues;
        for (int p = 0; p < kWindows; ++p, at += kValues)
          Isa::add(sums[p], w, Isa::load(reinterpret_cast<const Weight*>(at)));
      }
  }
};

}  // namespace
}  // namespace rbsf
