#include "stage.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "bits.h"

namespace rbsf {
namespace {

// Spreads a filter's bits [kernel][kernel][inputs] to words [kernel][row_words], in which each
// pixel starts on a whole byte.
void spread_filter(const Layer& layer, const BinaryShape& shape, const uint8_t* from,
                   uint64_t* words) {
  const int inputs = layer.inputs / layer.groups;
  uint8_t* bytes = reinterpret_cast<uint8_t*>(words);
  for (int row = 0, bit = 0; row < shape.kernel; ++row)
    for (int column = 0; column < shape.kernel; ++column)
      for (int channel = 0; channel < inputs; ++channel, ++bit) {
        const int at = 64 * row * shape.row_words() + 8 * column * shape.channel_bytes + channel;
        put_bit(bytes, at, bit_of(from, bit));
      }
}

// Turns the threshold t of a binary layer's sum S into a limit for the count c of differing bits.
// With K taps,
//   S = K - 2c >= t   <=>   c <= (K - t) / 2   <=>   c < floor((K - t) / 2) + 1.
// Since 0 <= c <= K, a threshold beyond +-K makes the bit constant, and the limit is 0 or K + 1.
uint16_t count_limit(int taps, int32_t threshold) {
  const int64_t room = int64_t{taps} - threshold;
  if (room < 0) return 0;
  return static_cast<uint16_t>(std::min<int64_t>(room / 2 + 1, taps + 1));
}

void add_group(Stage& stage, int group, const Kernels& kernels) {
  const Layer& layer = stage.layer;
  const BinaryShape& shape = stage.binary;
  std::vector<uint64_t> words(static_cast<size_t>(shape.padded_filters()) * shape.words());
  std::vector<uint16_t> limits(shape.padded_filters());
  for (int f = 0; f < shape.filters; ++f) {
    const int filter = group * shape.filters + f;
    spread_filter(layer, shape, &layer.bits[filter * layer.filter_bytes()],
                  &words[static_cast<size_t>(f) * shape.words()]);
    if (!layer.real) limits[f] = count_limit(layer.taps(), layer.thresholds[filter]);
  }
  stage.filters.push_back(kernels.pack_binary(shape, words.data()));
  stage.limits.push_back(std::move(limits));
}

std::vector<uint64_t> raw_flips(const Stage& stage) {
  std::vector<uint64_t> flips(stage.raw_words());
  for (int channel = 0; channel < stage.layer.outputs; ++channel) {
    const int at = stage.raw_bit(channel);
    flips[at / 64] |= uint64_t{bit_of(stage.layer.flips.data(), channel)} << (at % 64);
  }
  return flips;
}

}  // namespace

int Stage::conv_side(int side) const {
  return side < layer.kernel ? 0 : (side - layer.kernel) / layer.stride + 1;
}

int Stage::pool_side(int side) const {
  if (!layer.pool) return side;
  return side < kPoolSize ? 0 : (side - kPoolSize) / kPoolStride + 1;
}

int Stage::raw_bit(int channel) const {
  return channel / group_outputs() * 8 * group_bytes() + channel % group_outputs();
}

bool Stage::aligned() const {
  const bool groups_fill_bytes = layer.groups == 1 || group_outputs() % 8 == 0;
  const bool planes_fill_bytes = next_groups == 1 || plane_channels() % 8 == 0;
  return groups_fill_bytes && planes_fill_bytes;
}

Stage make_stage(const Layer& layer, int next_groups, const Kernels& kernels) {
  Stage stage;
  stage.layer = layer;
  stage.next_groups = next_groups;
  if (layer.binary) {
    const int channel_bytes = (layer.inputs / layer.groups + 7) / 8;
    stage.binary = {stage.group_outputs(), layer.kernel, channel_bytes};
    for (int group = 0; group < layer.groups; ++group) add_group(stage, group, kernels);
  } else {
    stage.pixels = {layer.outputs, layer.kernel, layer.stride};
    stage.filters.push_back(kernels.pack_pixels(stage.pixels, layer.weights.data()));
  }
  if (!layer.real) stage.flips = raw_flips(stage);
  return stage;
}

std::vector<LayerShapes> layer_shapes(const std::vector<Stage>& stages, int size) {
  std::vector<LayerShapes> shapes;
  int side = size;
  for (const Stage& stage : stages) {
    const int conv = stage.conv_side(side), outputs = stage.layer.outputs;
    side = stage.pool_side(conv);
    if (side < 1)
      throw std::invalid_argument("crops of " + std::to_string(size) + "x" + std::to_string(size) +
                                  " are too small for this network");
    shapes.push_back({{outputs, conv, conv}, {outputs, side, side}});
  }
  return shapes;
}

}  // namespace rbsf
