// Layers on pixels for the paths without AVX-512. The paths avx-vnni, avx2, neon and neon-dot share
// this code; each describes its instructions in a struct Isa.
//
//   1. pixel_row widens the rows under `Isa::kWindows` windows from bytes to the type that products
//      need.
//   2. run_tile sums these windows against a tile of filters, see product_tile.h.
//   3. It then compares the sums with the thresholds of each step and writes the bits.
//
// Beside what product_tile.h asks for, an Isa has
//   at_least    One bit for each lane, which says whether its sum is >= its bound.
//
// Everything is in an anonymous namespace, because each path compiles it for its own instructions.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "bits.h"
#include "kernels.h"
#include "max_sizes.h"
#include "memory.h"
#include "product_tile.h"

namespace rbsf {
namespace {

template <typename Isa>
struct PixelSums {
  using Tile = ProductTile<Isa>;
  using Pixel = typename Isa::Pixel;

  static constexpr int kWindows = Isa::kWindows, kFilters = Tile::kFilters;
  static constexpr int kWidened = Tile::kWidened;
  static constexpr int kPadding = Isa::kStep - 1;  // A row's last step may read so many bytes more.

  // The most bytes of a row that lie under a tile's windows, rounded up to whole calls of widen().
  static constexpr int kMostBytes = 3 * (kMaxKernel + (kWindows - 1) * kMaxStride) + kPadding;
  static constexpr int kRowBytes = (kMostBytes + kWidened - 1) / kWidened * kWidened;

  // run_tile collects a tile's bits in 32, and a tile's bits start on a whole byte.
  static_assert(kFilters <= 32 && kFilters % 8 == 0, "a tile's bits are whole bytes of 32 bits");

  static Bytes pack_pixels(const PixelShape& shape, const int8_t* filters) {
    return Tile::pack(shape.filters, shape.kernel, shape.row_bytes(), filters);
  }

  // Computes kWindows windows against a tile of filters, and writes the bits of the first
  // `windows`. `filters` counts those from this tile on.
  static void run_tile(const PixelShape& shape, const uint8_t* tile, const int32_t* thresholds,
                       int filters, const Pixel* rows, int windows, const BitRow& bits) {
    typename Tile::Sums sums;
    Tile::sum(tile, shape.kernel, Tile::steps(shape.row_bytes()), rows, kRowBytes, 3 * shape.stride,
              sums);
    const int real = std::min(filters, kFilters);
    for (int step = 0; step < shape.steps; ++step, thresholds += shape.filters)
      write_bits(sums, thresholds, real, windows, bits.data + step * bits.step_stride, bits.stride);
  }

  // The filters after the first `real` are only padding. max_sizes.h says why no sum reaches their
  // bound.
  static void write_bits(const typename Tile::Sums& sums, const int32_t* thresholds, int real,
                         int windows, uint8_t* bits, size_t out_stride) {
    alignas(64) int32_t bounds[kFilters];
    std::fill(std::copy(thresholds, thresholds + real, bounds), bounds + kFilters, INT32_MAX);
    for (int p = 0; p < windows; ++p) {
      uint32_t mask = 0;
      for (int r = 0, lane = 0; r < Isa::kRegisters; ++r, lane += Isa::kLanes)
        mask |= Isa::at_least(sums[p][r], Isa::load_sums(bounds + lane)) << lane;
      put_mask(mask, (real + 7) / 8, bits + p * out_stride);
    }
  }

  static void pixel_row(const PixelShape& shape, const Bytes& filters, const int32_t* thresholds,
                        const InputRows& input, int width, const BitRow& bits, uint8_t*) {
    alignas(64) Pixel rows[kMaxKernel][kRowBytes] = {};
    const size_t tile_bytes = Tile::bytes(shape.kernel, shape.row_bytes());
    for (int x = 0; x < width; x += kWindows) {
      const int windows = std::min(width - x, kWindows);
      const int used = shape.row_bytes() + 3 * (windows - 1) * shape.stride + kPadding;
      for (int row = 0; row < shape.kernel; ++row)
        for (int i = 0; i < used; i += kWidened)
          Isa::widen(input.data + row * input.stride + size_t(x) * 3 * shape.stride + i,
                     rows[row] + i);
      const uint8_t* tile = filters.data();
      for (int f = 0; f < shape.filters; f += kFilters, tile += tile_bytes)
        run_tile(shape, tile, thresholds + f, shape.filters - f, rows[0], windows,
                 {bits.data + x * bits.stride + f / 8, bits.stride, bits.step_stride});
    }
  }
};

}  // namespace
}  // namespace rbsf
