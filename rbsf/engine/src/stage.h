// A layer as a kernel path runs it, and how its maps lie in memory.
//
//   1. The convolution writes a *raw* map, [crop][y][x][step][step_words()]. It has a bit for each
//      step that the sum reaches. In a step each group's channels start on a whole byte, and the
//      step ends on a whole 64-bit word.
//   2. Pooling works on the words of raw pixels. The steps then become binary digits, which takes
//      a word of each step to a word of each digit, and the digits are flipped.
//   3. The next layer reads *planes*, [crop][group][digit][y][x][plane_bytes()], for each of its
//      own groups. These groups can be others than those that the layer itself has.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels.h"
#include "memory.h"
#include "model.h"

namespace rbsf {

struct MapShape {
  int channels, height, width;
};

// The shapes of a layer's maps: `conv` comes out of the convolution, and `pooled` out of the layer.
// They are the same where the layer has no pool.
struct LayerShapes {
  MapShape conv, pooled;
};

struct Stage {
  Layer layer;
  int next_groups = 1;  // The groups of the next layer; 1 for the last layer.
  PixelShape pixels{};
  BinaryShape binary{};
  std::vector<Bytes> filters;                 // One for each group, in the path's own order.
  std::vector<std::vector<uint16_t>> limits;  // Of each group, [step][padded_filters()].
  std::vector<int32_t> offsets;               // Of each output of a binary layer, see sum().
  std::vector<uint64_t> flips;                // The bits to flip in each digit of a raw pixel.

  // The rows of the convolution's output for `side` rows of input; 0 if the kernel does not fit.
  int conv_side(int side) const;
  // The rows that the layer's pool, if it has one, leaves of them.
  int pool_side(int side) const;

  // The sum S of an output for a count c of differing bits. With K taps of which P are +1,
  //   bits     S = K - 2c
  //   levels   2S = 2 S1 + S0 + 3W = 2 (K - 2 c1) + (K - 2 c0) + 3 (2P - K) = 6P - 2c,
  // where c = 2 c1 + c0 is what count_row counts, and W the sum of the weights (see pack.py). So S
  // is an offset, K or 3P, less the count times count_weight().
  int32_t sum(int output, int count) const { return offsets[output] - count_weight() * count; }
  int count_weight() const { return layer.input_digits == 1 ? 2 : 1; }

  // What counts the differing bits of what the layer reads.
  const Counting& counting(const Kernels& kernels) const;

  int group_outputs() const { return layer.outputs / layer.groups; }
  int group_bytes() const { return (group_outputs() + 7) / 8; }
  int step_words() const { return (layer.groups * group_bytes() + 7) / 8; }
  int step_bytes() const { return 8 * step_words(); }
  int raw_words() const { return layer.steps * step_words(); }
  int raw_bytes() const { return 8 * raw_words(); }
  int raw_bit(int channel) const;  // Where in a step, or in a digit, the channel's bit is.

  int plane_channels() const { return layer.outputs / next_groups; }
  int plane_bytes() const { return (plane_channels() + 7) / 8; }
  // Whether a digit of a raw pixel has the bytes of each plane's pixel as they are.
  bool aligned() const;
};

// Prepares a layer for a kernel path.
Stage make_stage(const Layer& layer, int next_groups, const Kernels& kernels);

// The shapes of all layers' maps for crops of size x size. Throws std::invalid_argument if a map
// has no pixel left.
std::vector<LayerShapes> layer_shapes(const std::vector<Stage>& stages, int size);

}  // namespace rbsf
