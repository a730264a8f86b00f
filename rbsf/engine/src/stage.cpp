#include "stage.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
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

// The offset of an output's sum, see Stage::sum().
int32_t sum_offset(const Layer& layer, int output) {
  if (layer.input_digits == 1) return layer.taps();
  int32_t positive = 0;
  const uint8_t* filter = &layer.bits[output * layer.filter_bytes()];
  for (int tap = 0; tap < layer.taps(); ++tap) positive += bit_of(filter, tap);
  return 3 * positive;
}

// Turns the threshold t of an output's sum S into a limit for the count c of differing bits:
//   S = offset - weight c >= t   <=>   c <= (offset - t) / weight
//                                <=>   c < floor((offset - t) / weight) + 1.
// No count is above `most`, so a limit of most + 1 makes the bit 1, and a limit of 0 makes it 0.
uint16_t count_limit(const Stage& stage, int output, int32_t threshold) {
  const int64_t room = int64_t{stage.offsets[output]} - threshold;
  const int64_t most = int64_t{stage.layer.taps()} * (stage.layer.input_digits == 1 ? 1 : 3);
  if (room < 0) return 0;
  return static_cast<uint16_t>(std::min(room / stage.count_weight() + 1, most + 1));
}

std::vector<uint16_t> group_limits(const Stage& stage, int group) {
  const int padded = stage.binary.padded_filters(), filters = stage.binary.filters;
  std::vector<uint16_t> limits(static_cast<size_t>(stage.layer.steps) * padded);
  for (int step = 0; step < stage.layer.steps; ++step)
    for (int f = 0; f < filters; ++f) {
      const int output = group * filters + f;
      const int32_t threshold = stage.layer.thresholds[step * stage.layer.outputs + output];
      limits[step * padded + f] = count_limit(stage, output, threshold);
    }
  return limits;
}

Bytes pack_group(const Stage& stage, int group, const Counting& counting) {
  const Layer& layer = stage.layer;
  const BinaryShape& shape = stage.binary;
  std::vector<uint64_t> words(static_cast<size_t>(shape.padded_filters()) * shape.words());
  for (int f = 0; f < shape.filters; ++f)
    spread_filter(layer, shape, &layer.bits[(group * shape.filters + f) * layer.filter_bytes()],
                  &words[static_cast<size_t>(f) * shape.words()]);
  return counting.pack_binary(shape, words.data());
}

std::vector<uint64_t> raw_flips(const Stage& stage) {
  std::vector<uint64_t> flips(stage.step_words());
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

const Counting& Stage::counting(const Kernels& kernels) const {
  return layer.input_digits == 1 ? kernels.bits : kernels.levels;
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
    for (int output = 0; output < layer.outputs; ++output)
      stage.offsets.push_back(sum_offset(layer, output));
    for (int group = 0; group < layer.groups; ++group) {
      stage.filters.push_back(pack_group(stage, group, stage.counting(kernels)));
      stage.limits.push_back(group_limits(stage, group));
    }
  } else {
    stage.pixels = {layer.outputs, layer.kernel, layer.stride, layer.steps};
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
