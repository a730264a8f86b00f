// Layers on pixels for the paths without VNNI. The paths avx2, neon and neon-dot share this code;
// each describes its instructions in a struct Isa.
//
//   1. pixel_row widens the rows under kWindows windows from bytes to the type that products need.
//   2. run_tile sums these windows against kFilters filters. A register holds the 32-bit sums of
//      `Isa::kLanes` filters, and one step multiplies `Isa::kStep` bytes of a window with the
//      weights of all of them.
//   3. It then compares the sums with the thresholds of each step and writes the bits.
//
// An Isa has
//   Sums, load_sums        A register of 32-bit sums.
//   kLanes, kStep          The sums in a register, and the bytes of a window that a step takes.
//   kRegisters, kWindows   The registers of filters and the windows in a tile.
//   Weight, Weights, load  One weight, and a register of those of one step.
//   slot(lane, byte)       Where in that register the weight of a filter for a byte stands.
//   Pixel, kCentre, widen  A pixel as the products need it. widen() turns 16 bytes into pixel -
//                          kCentre, and a filter's sums start with kCentre times its weights.
//   window                 The pixels of one step of a window, for all lanes.
//   add                    Adds the products of such pixels and weights to the sums.
//   at_least               One bit for each lane, which says whether its sum is >= its bound.
//
// Everything is in an anonymous namespace, because each path compiles it for its own instructions.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "kernels.h"
#include "max_sizes.h"
#include "memory.h"

namespace rbsf {
namespace {

template <typename Isa>
struct PixelSums {
  using Weight = typename Isa::Weight;
  using Pixel = typename Isa::Pixel;

  static constexpr int kWindows = Isa::kWindows;
  static constexpr int kFilters = Isa::kRegisters * Isa::kLanes;
  static constexpr int kValues = Isa::kLanes * Isa::kStep;  // The weights in a register.
  static constexpr int kPadding = Isa::kStep - 1;  // A row's last step may read so many bytes more.
  static constexpr int kWidened = 16;              // The bytes that one call of widen() takes.

  // The most bytes of a row that lie under a tile's windows, rounded up to whole calls of widen().
  static constexpr int kMostBytes = 3 * (kMaxKernel + (kWindows - 1) * kMaxStride) + kPadding;
  static constexpr int kRowBytes = (kMostBytes + kWidened - 1) / kWidened * kWidened;

  // run_tile collects a tile's bits in 32, and a tile's bits start on a whole byte.
  static_assert(kFilters <= 32 && kFilters % 8 == 0, "a tile's bits are whole bytes of 32 bits");

  static int row_steps(const PixelShape& shape) {
    return (shape.row_bytes() + Isa::kStep - 1) / Isa::kStep;
  }
  static size_t tile_bytes(const PixelShape& shape) {
    const size_t weights = size_t(kFilters) * Isa::kStep * shape.kernel * row_steps(shape);
    return sizeof(int32_t) * kFilters + sizeof(Weight) * weights;
  }

  // Packs each tile as its first sums, int32 [kFilters], and then its weights,
  // [row][step][register][kValues]. Padding is 0.
  static Bytes pack_pixels(const PixelShape& shape, const int8_t* filters) {
    const int tiles = (shape.filters + kFilters - 1) / kFilters, row_bytes = shape.row_bytes();
    Bytes packed(tiles * tile_bytes(shape));
    for (int f = 0; f < shape.filters; ++f) {
      uint8_t* const tile = packed.data() + f / kFilters * tile_bytes(shape);
      int32_t& first = reinterpret_cast<int32_t*>(tile)[f % kFilters];
      auto* const weights = reinterpret_cast<Weight*>(tile + sizeof(int32_t) * kFilters) +
                            f % kFilters / Isa::kLanes * kValues;
      for (int row = 0; row < shape.kernel; ++row)
        for (int i = 0; i < row_bytes; ++i, ++filters) {
          const int step = row * row_steps(shape) + i / Isa::kStep;
          const int slot = Isa::slot(f % Isa::kLanes, i % Isa::kStep);
          weights[step * Isa::kRegisters * kValues + slot] = *filters;
          first += Isa::kCentre * *filters;
        }
    }
    return packed;
  }

  // Computes kWindows windows against a tile of filters, and writes the bits of the first
  // `windows`. `filters` counts those from this tile on.
  static void run_tile(const PixelShape& shape, const uint8_t* tile, const int32_t* thresholds,
                       int filters, const Pixel (*rows)[kRowBytes], int windows,
                       const BitRow& bits) {
    const auto* first = reinterpret_cast<const int32_t*>(tile);
    const auto* weights = reinterpret_cast<const Weight*>(first + kFilters);
    typename Isa::Sums sums[kWindows][Isa::kRegisters];
    for (auto& window : sums)
      for (int r = 0; r < Isa::kRegisters; ++r) window[r] = Isa::load_sums(first + r * Isa::kLanes);
    for (int row = 0; row < shape.kernel; ++row) {
      const Pixel* pixels = rows[row];
      for (int step = row_steps(shape); step > 0; --step, pixels += Isa::kStep) {
        typename Isa::Weights w[Isa::kRegisters];
        for (int r = 0; r < Isa::kRegisters; ++r, weights += kValues) w[r] = Isa::load(weights);
        for (int p = 0; p < kWindows; ++p) {
          const auto window = Isa::window(pixels + 3 * p * shape.stride);
          for (int r = 0; r < Isa::kRegisters; ++r) Isa::add(sums[p][r], w[r], window);
        }
      }
    }
    const int real = std::min(filters, kFilters);
    for (int step = 0; step < shape.steps; ++step, thresholds += shape.filters)
      write_bits(sums, thresholds, real, windows, bits.data + step * bits.step_stride, bits.stride);
  }

  // The filters after the first `real` are only padding. max_sizes.h says why no sum reaches their
  // bound.
  static void write_bits(const typename Isa::Sums (&sums)[kWindows][Isa::kRegisters],
                         const int32_t* thresholds, int real, int windows, uint8_t* bits,
                         size_t out_stride) {
    alignas(64) int32_t bounds[kFilters];
    std::fill(std::copy(thresholds, thresholds + real, bounds), bounds + kFilters, INT32_MAX);
    for (int p = 0; p < windows; ++p) {
      uint32_t mask = 0;
      for (int r = 0, lane = 0; r < Isa::kRegisters; ++r, lane += Isa::kLanes)
        mask |= Isa::at_least(sums[p][r], Isa::load_sums(bounds + lane)) << lane;
      std::memcpy(bits + p * out_stride, &mask, (real + 7) / 8);
    }
  }

  static void pixel_row(const PixelShape& shape, const Bytes& filters, const int32_t* thresholds,
                        const InputRows& input, int width, const BitRow& bits, uint8_t*) {
    alignas(64) Pixel rows[kMaxKernel][kRowBytes] = {};
    for (int x = 0; x < width; x += kWindows) {
      const int windows = std::min(width - x, kWindows);
      const int used = shape.row_bytes() + 3 * (windows - 1) * shape.stride + kPadding;
      for (int row = 0; row < shape.kernel; ++row)
        for (int i = 0; i < used; i += kWidened)
          Isa::widen(input.data + row * input.stride + size_t(x) * 3 * shape.stride + i,
                     rows[row] + i);
      const uint8_t* tile = filters.data();
      for (int f = 0; f < shape.filters; f += kFilters, tile += tile_bytes(shape))
        run_tile(shape, tile, thresholds + f, shape.filters - f, rows, windows,
                 {bits.data + x * bits.stride + f / 8, bits.stride, bits.step_stride});
    }
  }
};

}  // namespace
}  // namespace rbsf
