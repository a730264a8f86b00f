// What a residual network needs around its binary layers, for all paths but scalar. Each describes
// its registers in a struct Isa.
//
//   1. sign_row compares registers of channels with their thresholds.
//   2. add_row turns the counts of a pixel into reals, and adds them to the shortcut.
//   3. mix_row multiplies and adds for a tile: some pixels against some registers of outputs.
//
// An Isa has
//   Reals, Ints, Counts  A register of floats, one of integers, and as many 16-bit counts.
//   kRegisters, kPixels  The tile of mix_row: its registers of outputs and its pixels.
//   at_least             The bits of reals >= bounds, the first lane's lowest.
//
// Multiplications and additions are rounded one by one, in the same order on all paths, so all give
// the same bits. Everything is in an anonymous namespace, because each path compiles it for its own
// instructions.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <utility>

#include "kernels.h"
#include "memory.h"

namespace rbsf {
namespace {

template <typename Isa>
struct RealRows {
  using Reals = typename Isa::Reals;
  using Ints = typename Isa::Ints;
  using Counts = typename Isa::Counts;
  static constexpr int kLanes = sizeof(Reals) / sizeof(float);
  static constexpr int kOutputs = Isa::kRegisters * kLanes;  // Those of a tile.
  static constexpr int kSigns = std::max(kLanes, 8);         // The channels of a step of sign_row.
  static_assert(kMixBlock % kOutputs == 0, "the padded outputs fill whole tiles");

  template <typename Vector, typename Value>
  static Vector load(const Value* from) {
    Vector vector;
    std::memcpy(&vector, from, sizeof vector);
    return vector;
  }

  static void sign_row(const float* reals, const float* thresholds, const uint8_t* flips,
                       int channels, int width, uint8_t* bits) {
    for (int x = 0; x < width; ++x, reals += channels, bits += (channels + 7) / 8) {
      int first = 0;
      for (; first + kSigns <= channels; first += kSigns) {
        uint32_t value = 0;
        for (int lane = 0; lane < kSigns; lane += kLanes)
          value |= Isa::at_least(load<Reals>(reals + first + lane),
                                 load<Reals>(thresholds + first + lane))
                   << lane;
        for (int byte = 0; byte < kSigns / 8; ++byte)
          bits[first / 8 + byte] =
              static_cast<uint8_t>(value >> 8 * byte ^ flips[first / 8 + byte]);
      }
      for (; first < channels; first += 8) {
        int value = flips[first / 8];
        for (int c = first; c < std::min(first + 8, channels); ++c)
          value ^= (reals[c] >= thresholds[c]) << (c - first);
        bits[first / 8] = static_cast<uint8_t>(value);
      }
    }
  }

  static void add_row(const BinaryShape& shape, const uint16_t* counts, int width,
                      const int32_t* offsets, const float* scale, const float* bias, float* reals) {
    for (int x = 0; x < width; ++x, counts += shape.padded_filters(), reals += shape.filters) {
      int f = 0;
      for (; f + kLanes <= shape.filters; f += kLanes) {
        const Ints count = __builtin_convertvector(load<Counts>(counts + f), Ints);
        const Ints sum = load<Ints>(offsets + f) - (count + count);
        const Reals value = __builtin_convertvector(sum, Reals) * load<Reals>(scale + f) +
                            load<Reals>(bias + f) + load<Reals>(reals + f);
        std::memcpy(reals + f, &value, sizeof value);
      }
      for (; f < shape.filters; ++f)
        reals[f] = static_cast<float>(offsets[f] - 2 * counts[f]) * scale[f] + bias[f] + reals[f];
    }
  }

  using Tile = void (*)(const MixShape&, const float* weights, const float* inputs,
                        float (*found)[kOutputs]);

  template <int pixels>
  static void mix_tile(const MixShape& shape, const float* weights, const float* inputs,
                       float (*found)[kOutputs]) {
    Reals sums[pixels][Isa::kRegisters] = {};
    for (int i = 0; i < shape.inputs; ++i, weights += shape.padded_outputs()) {
      Reals weight[Isa::kRegisters];
      for (int r = 0; r < Isa::kRegisters; ++r) weight[r] = load<Reals>(weights + r * kLanes);
      for (int p = 0; p < pixels; ++p)
        for (int r = 0; r < Isa::kRegisters; ++r)
          sums[p][r] += weight[r] * inputs[p * shape.inputs + i];
    }
    std::memcpy(found, sums, sizeof sums);
  }

  template <int... pixels>
  static constexpr std::array<Tile, sizeof...(pixels)> tiles(
      std::integer_sequence<int, pixels...>) {
    return {mix_tile<pixels + 1>...};
  }

  static void mix_row(const MixShape& shape, const Bytes& weights, const float* bias,
                      const float* inputs, int width, float* sums) {
    static constexpr auto kTiles = tiles(std::make_integer_sequence<int, Isa::kPixels>{});
    for (int x = 0, pixels; x < width; x += pixels) {
      pixels = std::min(width - x, Isa::kPixels);
      for (int first = 0; first < shape.outputs; first += kOutputs) {
        float found[Isa::kPixels][kOutputs];
        kTiles[pixels - 1](shape, weights.as<float>() + first, inputs + size_t(x) * shape.inputs,
                           found);
        const int count = std::min(shape.outputs - first, kOutputs);
        for (int p = 0; p < pixels; ++p)
          for (int o = 0; o < count; ++o)
            sums[size_t(x + p) * shape.outputs + first + o] = found[p][o] + bias[first + o];
      }
    }
  }
};

}  // namespace
}  // namespace rbsf
