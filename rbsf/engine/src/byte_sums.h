// Binary layers on instruction sets that count differing bits within bytes. All paths but scalar
// share this code, avx512-vpopcnt for maps of levels only; each describes its instructions in a
// struct Isa. There is one Isa for maps of bits and one for maps of levels.
//
//   1. A register holds one byte of each of `Isa::kBytes` filters, and one step compares
//      `Isa::kBits` bits of a window, or so many levels, with all of these filters. Where a step
//      takes a nibble, spread_nibbles first finds the look-up table of every nibble of the input.
//   2. count_tile runs the steps for a tile: some windows against some registers of filters. Each
//      pair of a window and a register has a register of byte counts, in which the differing bits
//      add up.
//   3. Before a byte count can overflow, widen_add adds it to the 16-bit counts in memory.
//   4. count_row covers an output row with tiles.
//
// An Isa has
//   Vector, kBytes    A register of filters, and how many bytes it has.
//   load              Loads such a register from aligned memory.
//   Counts            A register of byte counts with an operator +=. Compilers keep it in place,
//                     where the casts around an intrinsic addition cost them copies and spills.
//   kDigits           1 for maps of bits, 2 for maps of levels.
//   kBits             The bits, or levels, that a step compares: 4 or 8.
//   kBlocks, kPixels  The largest tile whose byte counts fit the registers: its blocks of filters
//                     and its windows.
//   Spot, window      What a step needs of a window, given the Spot of its bits.
//   differing         The number of bits in which the window differs from each filter. With levels,
//                     those of the higher digit count twice.
//   widen_add         Adds byte counts to counts[0, kBytes): the even bytes first, then the odd.
//
// Everything is in an anonymous namespace, because each path compiles it for its own instructions.
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
struct ByteSums {
  using Vector = typename Isa::Vector;
  using Counts = typename Isa::Counts;
  using Spot = typename Isa::Spot;
  using Tile = void (*)(const BinaryShape&, const uint8_t* filters, const Spot* input,
                        size_t stride, uint16_t* counts);

  static constexpr int kSteps = 8 / Isa::kBits;  // The steps that a byte of the map takes.
  static constexpr int kMostOfStep = Isa::kDigits == 1 ? Isa::kBits : 3 * Isa::kBits;
  static constexpr int kMostSteps = 255 / kMostOfStep;  // After more steps a byte might overflow.
  static constexpr int kStepMask = (1 << Isa::kBits) - 1;
  static constexpr int kRegisters = kFilterBlock / Isa::kBytes;  // Those of a block of filters.
  static_assert(Isa::kBits == 4 || Isa::kBits == 8, "a step compares a nibble or a byte");
  static_assert(kFilterBlock % Isa::kBytes == 0, "a block of filters fills whole registers");

  static int steps(const BinaryShape& shape) { return shape.row_bytes() * kSteps; }

  // The blocks of the next tile when `left` are still to do. Two tiles share kBlocks + 1 blocks, so
  // that no tile is left with a single block where it can have two.
  static int blocks(int left) {
    return left == Isa::kBlocks + 1 ? (left + 1) / 2 : std::min(left, Isa::kBlocks);
  }

  // Packs filters as [tile][row][step][register][byte], the order in which count_tile reads them.
  static Bytes pack_binary(const BinaryShape& shape, const uint64_t* filters) {
    Bytes packed(size_t(shape.padded_filters()) * shape.kernel * steps(shape));
    uint8_t* to = packed.data();
    const int end = shape.padded_filters() / kFilterBlock;
    for (int block = 0, count; block < end; block += count) {
      count = blocks(end - block);
      for (int row = 0; row < shape.kernel; ++row)
        for (int step = 0; step < steps(shape); ++step)
          for (int i = 0; i < count * kFilterBlock; ++i) {
            const int f = block * kFilterBlock + filter_of_byte(i);
            const auto* words = filters + size_t(f) * shape.words() + row * shape.row_words();
            const int bits = reinterpret_cast<const uint8_t*>(words)[step / kSteps];
            *to++ = static_cast<uint8_t>(bits >> step % kSteps * Isa::kBits & kStepMask);
          }
    }
    return packed;
  }

  // The filter that has byte i of a tile's registers. widen_add writes a register's even bytes to
  // its first half of counts and the odd bytes to the second, so the filters alternate in it.
  static int filter_of_byte(int i) {
    const int byte = i % Isa::kBytes;
    return i - byte + byte / 2 + byte % 2 * Isa::kBytes / 2;
  }

  static size_t input_bytes(const BinaryShape& shape, int width) {
    return size_t((width - 1) * shape.stride + shape.kernel) * shape.channel_bytes;
  }

  // Only nibbles need scratch memory: the rows of the windows, spread.
  static size_t scratch_bytes(const BinaryShape& shape, int width) {
    return kSteps == 1 ? 0 : shape.kernel * input_bytes(shape, width) * kSteps * sizeof(Spot);
  }

  // Turns each byte into two spots, that of the lower nibble first. A spot is where the nibble's
  // table of 16 bytes starts in NibbleTables. With levels, the nibbles of both digits make one
  // spot, and one look-up compares both.
  static void spread_nibbles(const uint8_t* from, size_t digit_stride, size_t bytes, Spot* to) {
    for (size_t i = 0; i < bytes; ++i) {
      const int low = from[i], high = Isa::kDigits == 1 ? 0 : from[i + digit_stride];
      to[2 * i] = static_cast<Spot>((high & 0x0F) << 8 | (low & 0x0F) << 4);
      to[2 * i + 1] = static_cast<Spot>((high & 0xF0) << 4 | (low & 0xF0));
    }
  }

  // The windows' rows as count_tile reads them, and their stride in spots.
  static const Spot* spots(const BinaryShape& shape, const InputRows& input, int width,
                           uint8_t* scratch, size_t& stride) {
    if constexpr (kSteps == 1) {
      stride = input.stride;
      return input.data;
    } else {
      const size_t bytes = input_bytes(shape, width);
      auto* const to = reinterpret_cast<Spot*>(scratch);
      stride = kSteps * bytes;
      for (int row = 0; row < shape.kernel; ++row)
        spread_nibbles(input.data + row * input.stride, input.digit_stride, bytes,
                       to + row * stride);
      return to;
    }
  }

  // Counts `pixels` windows against `registers` registers of filters. The byte counts go on from
  // row to row, and are widened after each kMostSteps and at the end.
  template <int registers, int pixels>
  static void count_tile(const BinaryShape& shape, const uint8_t* filters, const Spot* input,
                         size_t stride, uint16_t* counts) {
    // Compilers would read the shape again after each store to the counts.
    const int rows = shape.kernel, row_steps = steps(shape);
    const int pixel_steps = shape.step_bytes() * kSteps;
    const size_t padded = shape.padded_filters();
    Counts byte_counts[pixels][registers] = {};
    int room = kMostSteps;
    const auto widen = [&] {
      for (int p = 0; p < pixels; ++p)
        for (int r = 0; r < registers; ++r) {
          Isa::widen_add(byte_counts[p][r], counts + p * padded + r * Isa::kBytes);
          byte_counts[p][r] = Counts{};
        }
      room = kMostSteps;
    };
    for (int row = 0; row < rows; ++row, input += stride)
      for (int step = 0; step < row_steps;) {
        const int end = std::min(step + room, row_steps);
        room -= end - step;
        for (; step < end; ++step, filters += registers * Isa::kBytes) {
          Vector weights[registers];
          for (int r = 0; r < registers; ++r) weights[r] = Isa::load(filters + r * Isa::kBytes);
          for (int p = 0; p < pixels; ++p) {
            const Vector window = Isa::window(input + step + p * pixel_steps);
            for (int r = 0; r < registers; ++r)
              byte_counts[p][r] += Isa::differing(window, weights[r]);
          }
        }
        if (!room) widen();
      }
    widen();
  }

  // The tiles of `registers` registers, for 1 to kPixels windows.
  template <int registers, int... pixels>
  static constexpr std::array<Tile, sizeof...(pixels)> tiles(
      std::integer_sequence<int, pixels...>) {
    return {count_tile<registers, pixels + 1>...};
  }

  // All tiles: [blocks - 1][pixels - 1].
  template <int... block>
  static constexpr auto all_tiles(std::integer_sequence<int, block...>) {
    constexpr std::make_integer_sequence<int, Isa::kPixels> pixels{};
    return std::array<std::array<Tile, Isa::kPixels>, sizeof...(block)>{
        tiles<(block + 1) * kRegisters>(pixels)...};
  }

  static void count_row(const BinaryShape& shape, const Bytes& filters, const InputRows& rows,
                        int width, uint16_t* counts, uint8_t* scratch) {
    static constexpr auto kTiles = all_tiles(std::make_integer_sequence<int, Isa::kBlocks>{});
    const int padded = shape.padded_filters();
    std::memset(counts, 0, sizeof(uint16_t) * padded * width);
    size_t stride;
    const Spot* const input = spots(shape, rows, width, scratch, stride);
    for (int first = 0, count; first < padded; first += count * kFilterBlock) {
      count = blocks((padded - first) / kFilterBlock);
      const uint8_t* tile = filters.data() + size_t(first) * shape.kernel * steps(shape);
      for (int x = 0, pixels; x < width; x += pixels) {
        // The windows that are left are shared equally, so that the last tile is not a small one.
        const int rounds = (width - x + Isa::kPixels - 1) / Isa::kPixels;
        pixels = (width - x + rounds - 1) / rounds;
        kTiles[count - 1][pixels - 1](shape, tile, input + size_t(x) * shape.step_bytes() * kSteps,
                                      stride, counts + size_t(x) * padded + first);
      }
    }
  }

  static constexpr Counting counting() { return {pack_binary, scratch_bytes, count_row}; }
};

// Tables of sixteen bytes. Table a, which starts at 16 a, says for each nibble w in how many bits
// it differs from a. With two digits a has 8 bits, and those in which w differs from its upper
// nibble count twice.
template <int digits>
struct NibbleTables {
  static constexpr int kTables = digits == 1 ? 16 : 256;
  alignas(64) uint8_t counts[16 * kTables] = {};
  constexpr NibbleTables() {
    for (int a = 0; a < kTables; ++a)
      for (int w = 0; w < 16; ++w)
        for (int digit = 0; digit < digits; ++digit)
          for (int bit = 0; bit < 4; ++bit)
            counts[16 * a + w] = static_cast<uint8_t>(counts[16 * a + w] +
                                                      (((a >> 4 * digit ^ w) >> bit & 1) << digit));
  }
};

}  // namespace
}  // namespace rbsf
