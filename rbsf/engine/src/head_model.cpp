// Reads the box head in the order of its bytes. Each part has the shape that follows from the
// number of channels, so only that number, and the numbers in the parts, have to be checked.
#include "head_model.h"

#include <cmath>
#include <cstddef>
#include <string>

#include "max_sizes.h"
#include "model.h"
#include "reader.h"

namespace rbsf {
namespace {

bool in_range(float value) { return std::abs(value) <= kMaxHeadNumber; }  // NaN is not.
bool is_step(float value) { return in_range(value) && value >= 1 / kMaxHeadNumber; }

std::vector<float> read_floats(Reader& reader, size_t count) {
  std::vector<float> values = reader.many<float>(count);
  for (float value : values)
    if (!in_range(value)) refuse("a number of its head is not finite or too large");
  return values;
}

HeadLayer read_layer(Reader& reader, size_t outputs, size_t weights) {
  HeadLayer layer;
  layer.weights = reader.many<int8_t>(outputs * weights);
  for (int8_t weight : layer.weights)
    if (weight == -128) refuse("a weight of its head is below -127");
  layer.scale = read_floats(reader, outputs);
  layer.bias = read_floats(reader, outputs);
  return layer;
}

TowerModel read_tower(Reader& reader, size_t channels, size_t maps) {
  TowerModel tower;
  for (int half = 0; half < 2; ++half) {
    tower.layers[2 * half] = read_layer(reader, channels, kTowerKernel * kTowerKernel);
    tower.layers[2 * half + 1] = read_layer(reader, channels, channels);
  }
  tower.answer = read_floats(reader, maps * channels);
  tower.answer_bias = read_floats(reader, maps);
  return tower;
}

}  // namespace

HeadModel read_head(Reader& reader, const Model& model) {
  if (!is_step(model.response_gain) || !in_range(model.response_bias))
    refuse("the gain or bias of its response is out of range");
  const size_t features = static_cast<size_t>(model.layers.back().outputs);
  const auto channels = static_cast<size_t>(reader.one<uint32_t>());
  if (features > kMaxHeadChannels || channels < 1 || channels > kMaxHeadChannels)
    refuse("its head and features must have 1 to " + std::to_string(kMaxHeadChannels) +
           " channels");
  constexpr size_t cells = kCells * kCells;
  HeadModel head;
  head.channels = static_cast<int>(channels);
  head.feature_step = read_floats(reader, 1)[0];
  if (!is_step(head.feature_step)) refuse("a step of its head is too small");
  head.pixel_scale = read_floats(reader, 1)[0];
  head.of_exemplar = read_layer(reader, channels, features);
  head.of_search = read_layer(reader, channels, features);
  head.gate = read_floats(reader, channels * channels);
  head.gate_bias = read_floats(reader, channels);
  head.to_grid = read_layer(reader, cells + channels, cells);
  head.correlated_scale = read_floats(reader, channels);
  head.correlated_bias = read_floats(reader, channels);
  head.mix = read_layer(reader, channels, cells + 2 * channels);
  head.beside = read_floats(reader, 3 * channels);
  head.place = read_tower(reader, channels, kPlaceMaps);
  head.size = read_tower(reader, channels, kSizeMaps);
  return head;
}

}  // namespace rbsf
