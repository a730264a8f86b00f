// Layers on pixels for the paths without VNNI: what avx2, neon and neon-dot share. A register holds
// the 32-bit sums of some filters; in one step `Isa::kStep` bytes of a window are multiplied with
// the weights of all of them. In an anonymous namespace, since each path is compiled for its own
// instructions.
//
// An Isa has
//   kLanes, kStep          sums in a register, bytes of a window that a step takes
//   kRegisters, kWindows   registers of filters and windows in a tile
//   Weight, Weights, load  one weight, a register of a step's; slot(lane, byte): which goes where
//   Pixel, kCentre, widen  a pixel as the products need it: widen() makes 16 bytes pixel - kCentre,
//                          and a filter's sums start with kCentre times its weights
//   window, add            a step's pixels of one window for all lanes; sums += products
//   Sums, load_sums        a register of sums
//   at_least               one bit a lane: whether its sum is >= its bound
#pragma once

#include <algorithm>

#include "kernels.h"

namespace rbsf {
namespace {

template <typename Isa>
struct PixelSums {
  using Weight = typename Isa::Weight;
  using Pixel = typename Isa::Pixel;

  static constexpr int kWindows = Isa::kWindows;
  static constexpr int kFilters = Isa::kRegisters * Isa::kLanes;
  static constexpr int kValues = Isa::kLanes * Isa::kStep;  // weights in a register
  static constexpr int kMostKernel = 15, kMostStride = 4;   // of a packed file
  static constexpr int kPadding = Isa::kStep - 1;           // bytes that a row's last step has over
  static constexpr int kMostBytes = 3 * (kMostKernel + (kWindows - 1) * kMostStride) + kPadding;
  static constexpr int kRowBytes = (kMostBytes + 15) / 16 * 16;  // of a tile's windows

  static int row_steps(const PixelShape& shape) {
    return (shape.row_bytes() + Isa::kStep - 1) / Isa::kStep;
  }
  static size_t tile_bytes(const PixelShape& shape) {
    const size_t weights = size_t(kFilters) * Isa::kStep * shape.kernel * row_steps(shape);
    return sizeof(int32_t) * kFilters + sizeof(Weight) * weights;
  }

  // [tile]{int32 first sums [kFilters], weights [row][step][register][kValues]}; padding is 0.
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

  // kWindows windows against a tile of filters; the first `windows` are written.
  static void run_tile(const PixelShape& shape, const uint8_t* tile, const int32_t* thresholds,
                       int filters, const Pixel (*rows)[kRowBytes], int windows, uint8_t* bits,
                       size_t out_stride) {
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
    // No sum reaches the bound of padding: they are of at most 15 * 15 * 3 products.
    alignas(64) int32_t bounds[kFilters];
    const int real = std::min(filters, kFilters);
    std::fill(std::copy(thresholds, thresholds + real, bounds), bounds + kFilters, INT32_MAX);
    for (int p = 0; p < windows; ++p) {
      uint32_t mask = 0;
      for (int r = 0, lane = 0; r < Isa::kRegisters; ++r, lane += Isa::kLanes)
        mask |= Isa::at_least(sums[p][r], Isa::load_sums(bounds + lane)) << lane;
      std::memcpy(bits + p * out_stride, &mask, (real + 7) / 8);
    }
  }

  static void pixel_row(const PixelShape& shape, const Bytes& filters, const int32_t* thresholds,
                        const uint8_t* input, size_t stride, int width, uint8_t* bits,
                        size_t out_stride, uint8_t*) {
    alignas(64) Pixel rows[kMostKernel][kRowBytes] = {};
    for (int x = 0; x < width; x += kWindows, bits += kWindows * out_stride) {
      const int windows = std::min(width - x, kWindows);
      const int used = shape.row_bytes() + 3 * (windows - 1) * shape.stride + kPadding;
      for (int row = 0; row < shape.kernel; ++row)
        for (int i = 0; i < used; i += 16)
          Isa::widen(input + row * stride + size_t(x) * 3 * shape.stride + i, rows[row] + i);
      const uint8_t* tile = filters.data();
      for (int f = 0; f < shape.filters; f += kFilters, tile += tile_bytes(shape))
        run_tile(shape, tile, thresholds + f, shape.filters - f, rows, windows, bits + f / 8,
                 out_stride);
    }
  }
};

}  // namespace
}  // namespace rbsf
