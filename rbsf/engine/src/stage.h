// A layer as a kernel path runs it, and how its maps lie in memory.
//
//   1. The convolution writes a *raw* map, [crop][y][x][raw_words()]. In a raw pixel each group's
//      channels start on a whole byte, and the pixel ends on a whole 64-bit word.
//   2. Pooling and flipping work on the words of raw pixels.
//   3. The next layer reads *planes*, [crop][group][y][x][plane_bytes()], one for each of its own
//      groups. These groups can be others than those that the layer itself has.
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
  std::vector<std::vector<uint16_t>> limits;  // One for each group of a binary layer.
  std::vector<uint64_t> flips;                // The bits to flip in a raw pixel.

  // The rows of the convolution's output for `side` rows of input; 0 if the kernel does not fit.
  int conv_side(int side) const;
  // The rows that the layer's pool, if it has one, leaves of them.
  int pool_side(int side) const;

  int group_outputs() const { return layer.outputs / layer.groups; }
  int group_bytes() const { return (group_outputs() + 7) / 8; }
  int raw_words() const { return (layer.groups * group_bytes() + 7) / 8; }
  int raw_bytes() const { return 8 * raw_words(); }
  int raw_bit(int channel) const;  // Where in a raw pixel the channel's bit is.

  int plane_channels() const { return layer.outputs / next_groups; }
  int plane_bytes() const { return (plane_channels() + 7) / 8; }
  // Whether a raw pixel has the bytes of each plane's pixel as they are.
  bool aligned() const;
};

// Prepares a layer for a kernel path.
Stage make_stage(const Layer& layer, int next_groups, const Kernels& kernels);

// The shapes of all layers' maps for crops of size x size. Throws std::invalid_argument if a map
// has no pixel left.
std::vector<LayerShapes> layer_shapes(const std::vector<Stage>& stages, int size);

}  // namespace rbsf
