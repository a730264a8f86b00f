// Binary layers on instruction sets that count differing bits within bytes: what avx512, avx2 and
// neon share. A register holds a byte of each of as many filters as it has bytes; in one step
// `Isa::kBits` bits of a window are compared with all of them, and counts grow in bytes until they
// might overflow. In an anonymous namespace, since each path is compiled for its own instructions.
//
// An Isa has
//   Vector, kBytes, load  a register of filters and its size
//   Sums                  a register of bytes with operator +=, which compilers keep in place where
//                         the casts of an intrinsic addition cost them copies and spills
//   kBits                 4 or 8, bits that a step compares
//   kBlocks, kPixels      blocks of filters, windows: the largest tile whose sums fit the registers
//   window                what a step needs of a window, from where its bits are
//   differing             how many bits of the window differ from each filter's
//   widen_add             counts[0, kBytes) += bytes; first the even bytes, then the odd ones
#pragma once

#include <algorithm>
#include <array>
#include <utility>

#include "kernels.h"

namespace rbsf {
namespace {

template <typename Isa>
struct ByteSums {
  using Vector = typename Isa::Vector;
  using Sums = typename Isa::Sums;
  using Tile = void (*)(const BinaryShape&, const uint8_t* filters, const uint8_t* input,
                        size_t stride, uint16_t* counts);

  static constexpr int kSteps = 8 / Isa::kBits;        // a byte of the map
  static constexpr int kMostSteps = 255 / Isa::kBits;  // until a byte might overflow
  static constexpr int kStepMask = (1 << Isa::kBits) - 1;
  static constexpr int kRegisters = kFilterBlock / Isa::kBytes;  // of a block of filters

  static int steps(const BinaryShape& shape) { return shape.row_bytes() * kSteps; }

  // Blocks of the next tile when `left` are to do: no single one is left over where two can be.
  static int blocks(int left) {
    return left == Isa::kBlocks + 1 ? (left + 1) / 2 : std::min(left, Isa::kBlocks);
  }

  // [tile][row][step][register][byte]
  static Bytes pack_binary(const BinaryShape& shape, const uint64_t* filters) {
    Bytes packed(size_t(shape.padded_filters()) * shape.kernel * steps(shape));
    uint8_t* to = packed.data();
    const int end = shape.padded_filters() / kFilterBlock;
    for (int block = 0, count; block < end; block += count) {
      count = blocks(end - block);
      for (int row = 0; row < shape.kernel; ++row)
        for (int step = 0; step < steps(shape); ++step)
          for (int i = 0; i < count * kFilterBlock; ++i) {
            const int byte = i % Isa::kBytes;  // even: of the first half of a register's filters
            const int f = block * kFilterBlock + i - byte + byte / 2 + byte % 2 * Isa::kBytes / 2;
            const auto* words = filters + size_t(f) * shape.words() + row * shape.row_words();
            const int bits = reinterpret_cast<const uint8_t*>(words)[step / kSteps];
            *to++ = static_cast<uint8_t>(bits >> step % kSteps * Isa::kBits & kStepMask);
          }
    }
    return packed;
  }

  static size_t input_bytes(const BinaryShape& shape, int width) {
    return size_t(width + shape.kernel - 1) * shape.channel_bytes;
  }

  static size_t scratch_bytes(const BinaryShape& shape, int width) {
    return kSteps == 1 ? 0 : shape.kernel * input_bytes(shape, width) * kSteps;
  }

  // Each byte of the input as two, `nibble << 4`: 16 times what is looked up, lower nibble first.
  static void spread_nibbles(const uint8_t* from, size_t bytes, uint8_t* to) {
    for (size_t i = 0; i < bytes; ++i) {
      to[2 * i] = static_cast<uint8_t>(from[i] << 4);
      to[2 * i + 1] = from[i] & 0xF0;
    }
  }

  // `pixels` windows against `registers` registers of filters.
  template <int registers, int pixels>
  static void count_tile(const BinaryShape& shape, const uint8_t* filters, const uint8_t* input,
                         size_t stride, uint16_t* counts) {
    const int row_steps = steps(shape), pixel_steps = shape.channel_bytes * kSteps;
    const int parts = (row_steps + kMostSteps - 1) / kMostSteps;
    const int part = (row_steps + parts - 1) / parts;
    for (int row = 0; row < shape.kernel; ++row, input += stride)
      for (int first = 0; first < row_steps; first += part) {
        Sums sums[pixels][registers] = {};
        const int end = std::min(first + part, row_steps);
        for (int step = first; step < end; ++step, filters += registers * Isa::kBytes) {
          Vector weights[registers];
          for (int r = 0; r < registers; ++r) weights[r] = Isa::load(filters + r * Isa::kBytes);
          for (int p = 0; p < pixels; ++p) {
            const Vector window = Isa::window(input + step + p * pixel_steps);
            for (int r = 0; r < registers; ++r) sums[p][r] += Isa::differing(window, weights[r]);
          }
        }
        for (int p = 0; p < pixels; ++p)
          for (int r = 0; r < registers; ++r)
            Isa::widen_add(sums[p][r],
                           counts + size_t(p) * shape.padded_filters() + r * Isa::kBytes);
      }
  }

  template <int registers, int... pixels>
  static constexpr std::array<Tile, sizeof...(pixels)> tiles(
      std::integer_sequence<int, pixels...>) {
    return {count_tile<registers, pixels + 1>...};
  }

  template <int... block>
  static constexpr auto all_tiles(std::integer_sequence<int, block...>) {
    constexpr std::make_integer_sequence<int, Isa::kPixels> pixels{};
    return std::array<std::array<Tile, Isa::kPixels>, sizeof...(block)>{
        tiles<(block + 1) * kRegisters>(pixels)...};
  }

  static void count_row(const BinaryShape& shape, const Bytes& filters, const uint8_t* input,
                        size_t stride, int width, uint16_t* counts, uint8_t* scratch) {
    static constexpr auto kTiles = all_tiles(std::make_integer_sequence<int, Isa::kBlocks>{});
    const int padded = shape.padded_filters();
    std::memset(counts, 0, sizeof(uint16_t) * padded * width);
    if (kSteps == 2) {
      const size_t bytes = input_bytes(shape, width);
      for (int row = 0; row < shape.kernel; ++row)
        spread_nibbles(input + row * stride, bytes, scratch + row * kSteps * bytes);
      input = scratch, stride = kSteps * bytes;
    }
    for (int first = 0, count; first < padded; first += count * kFilterBlock) {
      count = blocks((padded - first) / kFilterBlock);
      const uint8_t* tile = filters.data() + size_t(first) * shape.kernel * steps(shape);
      for (int x = 0, pixels; x < width; x += pixels) {
        const int rounds = (width - x + Isa::kPixels - 1) / Isa::kPixels;
        pixels = (width - x + rounds - 1) / rounds;  // equal shares, no small one at the end
        kTiles[count - 1][pixels - 1](shape, tile, input + size_t(x) * shape.channel_bytes * kSteps,
                                      stride, counts + size_t(x) * padded + first);
      }
    }
  }
};

// Sixteen tables of sixteen bytes: table a, at 16 a, tells how many bits of w differ from a.
struct NibbleTables {
  alignas(64) uint8_t counts[256] = {};
  constexpr NibbleTables() {
    for (int a = 0; a < 16; ++a)
      for (int w = 0; w < 16; ++w)
        for (int bit = 0; bit < 4; ++bit)
          counts[16 * a + w] = static_cast<uint8_t>(counts[16 * a + w] + ((a ^ w) >> bit & 1));
  }
};

}  // namespace
}  // namespace rbsf
