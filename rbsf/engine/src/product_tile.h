// Sums of products of bytes and 8-bit weights, tile by tile. Layers on pixels (pixel_sums.h) and
// the layers of the box head (head_sums.h) share this code; each path describes its instructions in
// a struct Isa.
//
// A tile is `Isa::kWindows` windows against kFilters filters. A register holds the 32-bit sums of
// `Isa::kLanes` filters, and one step multiplies `Isa::kStep` bytes of a window with the weights of
// all of them.
//
// An Isa has
//   Sums, load_sums        A register of 32-bit sums.
//   kLanes, kStep          The sums in a register, and the bytes of a window that a step takes.
//   kRegisters, kWindows   The registers of filters and the windows in a tile.
//   Weight, Weights, load  One weight, and a register of those of one step.
//   slot(lane, byte)       Where in that register the weight of a filter for a byte stands.
//   Pixel, kCentre, widen  A byte as the products need it. widen() turns 16 bytes into byte -
//                          kCentre, and a filter's sums start with kCentre times its weights.
//   window                 The bytes of one step of a window, for all lanes.
//   add                    Adds the products of such bytes and weights to the sums.
//
// Everything is in an anonymous namespace, because each path compiles it for its own instructions.
#pragma once

#include <cstddef>
#include <cstdint>

#include "memory.h"

namespace rbsf {
namespace {

template <typename Isa>
struct ProductTile {
  using Weight = typename Isa::Weight;
  using Pixel = typename Isa::Pixel;
  using Sums = typename Isa::Sums[Isa::kWindows][Isa::kRegisters];

  static constexpr int kFilters = Isa::kRegisters * Isa::kLanes;
  static constexpr int kValues = Isa::kLanes * Isa::kStep;  // The weights in a register.
  static constexpr int kWidened = 16;  // The bytes that a call of widen() takes.

  static int steps(int row_bytes) { return (row_bytes + Isa::kStep - 1) / Isa::kStep; }

  // The bytes of a tile of filters that have so many rows.
  static size_t bytes(int rows, int row_bytes) {
    const size_t weights = size_t(kFilters) * Isa::kStep * rows * steps(row_bytes);
    return sizeof(int32_t) * kFilters + sizeof(Weight) * weights;
  }

  // Packs filters [filters][rows][row_bytes], each tile as its first sums, int32 [kFilters], and
  // then its weights, [row][step][register][kValues]. Padding is 0.
  static Bytes pack(int filters, int rows, int row_bytes, const int8_t* from) {
    const int tiles = (filters + kFilters - 1) / kFilters;
    Bytes packed(tiles * bytes(rows, row_bytes));
    for (int f = 0; f < filters; ++f) {
      uint8_t* const tile = packed.data() + f / kFilters * bytes(rows, row_bytes);
      int32_t& first = reinterpret_cast<int32_t*>(tile)[f % kFilters];
      auto* const weights = reinterpret_cast<Weight*>(tile + sizeof(int32_t) * kFilters) +
                            f % kFilters / Isa::kLanes * kValues;
      for (int row = 0; row < rows; ++row)
        for (int i = 0; i < row_bytes; ++i, ++from) {
          const size_t step = size_t(row) * steps(row_bytes) + i / Isa::kStep;
          const int slot = Isa::slot(f % Isa::kLanes, i % Isa::kStep);
          weights[step * Isa::kRegisters * kValues + slot] = *from;
          first += Isa::kCentre * *from;
        }
    }
    return packed;
  }

  // Sums the windows that start at `pixels` and are `window` apart. The rows of a window are `row`
  // apart, and each takes `row_steps` steps.
  static void sum(const uint8_t* tile, int rows, int row_steps, const Pixel* pixels, size_t row,
                  size_t window, Sums& sums) {
    const auto* first = reinterpret_cast<const int32_t*>(tile);
    const auto* weights = reinterpret_cast<const Weight*>(first + kFilters);
    for (auto& of_window : sums)
      for (int r = 0; r < Isa::kRegisters; ++r)
        of_window[r] = Isa::load_sums(first + r * Isa::kLanes);
    for (int y = 0; y < rows; ++y) {
      const Pixel* at = pixels + y * row;
      for (int step = row_steps; step > 0; --step, at += Isa::kStep) {
        typename Isa::Weights w[Isa::kRegisters];
        for (int r = 0; r < Isa::kRegisters; ++r, weights += kValues) w[r] = Isa::load(weights);
        for (int p = 0; p < Isa::kWindows; ++p) {
          const auto bytes = Isa::window(at + p * window);
          for (int r = 0; r < Isa::kRegisters; ++r) Isa::add(sums[p][r], w[r], bytes);
        }
      }
    }
  }
};

}  // namespace
}  // namespace rbsf
