// Reads a packed file in the order of its bytes:
//
//   1. The header: the magic number, version, size and checksum are verified before anything else
//      (frame.cpp).
//   2. The metadata, which only Python needs, is skipped.
//   3. Each layer: its record of sizes is checked against the limits and against the layer before
//      it. Only then are its weights and its thresholds, or its scales and biases, read.
//   4. The box head, if the version says that there is one (head_model.cpp).
#include "model.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string>
#include <utility>

#include "frame.h"
#include "max_sizes.h"

namespace rbsf {
namespace {

using rbsf::refuse;  // The overload below would hide it.

[[noreturn]] void refuse(size_t layer, const std::string& why) {
  refuse("layer " + std::to_string(layer) + ": " + why);
}

void check_range(size_t layer, const char* what, uint32_t value, int most) {
  if (value < 1 || value > static_cast<uint32_t>(most))
    refuse(layer, std::string("its ") + what + " must be 1 to " + std::to_string(most) +
                      ", but it is " + std::to_string(value));
}

Layer read_record(Reader& reader, size_t index) {
  const auto kind = reader.one<uint8_t>(), output = reader.one<uint8_t>();
  const auto pool = reader.one<uint8_t>(), zero = reader.one<uint8_t>();
  uint32_t sizes[5];
  for (uint32_t& size : sizes) size = reader.one<uint32_t>();
  const auto [inputs, outputs, kernel, stride, groups] = sizes;
  if (kind > 1 || output > 2 || pool > 1 || zero != 0) refuse(index, "its kind is unknown");
  check_range(index, "number of inputs", inputs, kMaxChannels);
  check_range(index, "number of outputs", outputs, kMaxChannels);
  check_range(index, "kernel size", kernel, kMaxKernel);
  check_range(index, "stride", stride, kMaxStride);
  if (groups < 1 || inputs % groups || outputs % groups)
    refuse(index, "its groups do not divide its channels");
  Layer layer{};
  layer.binary = kind == 1, layer.real = output == 1, layer.pool = pool == 1;
  layer.steps = output == 0 ? 1 : output == 1 ? 0 : kLevelSteps;
  layer.inputs = static_cast<int>(inputs), layer.outputs = static_cast<int>(outputs);
  layer.kernel = static_cast<int>(kernel), layer.stride = static_cast<int>(stride);
  layer.groups = static_cast<int>(groups);
  return layer;
}

// Checks what a layer's place in the network demands. `inputs` is what the layer before gives, and
// layer.input_digits says how.
void check_place(const Layer& layer, size_t index, size_t count, int inputs) {
  const bool first = index == 0, last = index + 1 == count;
  if (layer.binary == first) refuse(index, "the first layer, and no other, must read pixels");
  if (first && layer.groups != 1) refuse(index, "a layer on pixels must have one group");
  if (layer.binary && layer.stride != 1) refuse(index, "a binary layer must have stride 1");
  if (layer.real != last) refuse(index, "the last layer, and no other, must have a real output");
  if (layer.real && layer.pool) refuse(index, "a layer with a real output must have no pool");
  if (layer.inputs != inputs)
    refuse(index, "it has " + std::to_string(layer.inputs) + " inputs, but must have " +
                      std::to_string(inputs));
  const int most = layer.input_digits == 1 ? kMaxTaps : kMaxLevelTaps;
  if (layer.taps() > most)
    refuse(index, "a filter must have at most " + std::to_string(most) + " weights");
}

void read_weights(Reader& reader, Layer& layer, size_t index) {
  const size_t outputs = static_cast<size_t>(layer.outputs);
  if (!layer.binary) {
    layer.weights = reader.many<int8_t>(outputs * static_cast<size_t>(layer.taps()));
    for (int8_t weight : layer.weights)
      if (weight == -128) refuse(index, "a weight is below -127");
    return;
  }
  layer.bits = reader.many<uint8_t>(outputs * layer.filter_bytes());
  for (size_t filter = 0; filter < outputs; ++filter)
    if (!padded_with_zeros(&layer.bits[filter * layer.filter_bytes()],
                           static_cast<size_t>(layer.taps())))
      refuse(index, "the padding of its weights is not zero");
}

void read_output(Reader& reader, Layer& layer, size_t index) {
  const size_t outputs = static_cast<size_t>(layer.outputs);
  if (layer.real) {
    layer.scale = reader.many<float>(outputs);
    layer.bias = reader.many<float>(outputs);
    for (size_t i = 0; i < outputs; ++i)
      if (!std::isfinite(layer.scale[i]) || !std::isfinite(layer.bias[i]))
        refuse(index, "a scale or bias is not finite");
    return;
  }
  layer.thresholds = reader.many<int32_t>(layer.steps * outputs);
  for (size_t i = outputs; i < layer.thresholds.size(); ++i)
    if (layer.thresholds[i] < layer.thresholds[i - outputs])
      refuse(index, "its thresholds do not ascend");
  layer.flips = reader.many<uint8_t>((outputs + 7) / 8);
  if (!padded_with_zeros(layer.flips.data(), outputs))
    refuse(index, "the padding of its flips is not zero");
}

// Reads the rest of the header, skips the metadata, and returns the number of layers.
size_t read_header(Reader& reader, Model& model) {
  model.response_gain = reader.one<float>();
  model.response_bias = reader.one<float>();
  if (!std::isfinite(model.response_gain) || model.response_gain <= 0)
    refuse("its response gain is not positive and finite");
  if (!std::isfinite(model.response_bias)) refuse("its response bias is not finite");
  const auto metadata = reader.one<uint32_t>(), layers = reader.one<uint32_t>();
  if (metadata > kMaxMetadata)
    refuse("its metadata is longer than " + std::to_string(kMaxMetadata) + " bytes");
  if (layers < 2 || layers > kMaxLayers)
    refuse("it must have 2 to " + std::to_string(kMaxLayers) + " layers, but it has " +
           std::to_string(layers));
  reader.take(metadata);
  return layers;
}

// The version has been verified, but not that it is the one that the layers need. There is no
// other, so that a network has only one file.
void check_version(uint32_t version, const Model& model) {
  const bool levels = std::any_of(model.layers.begin(), model.layers.end(),
                                  [](const Layer& layer) { return layer.steps == kLevelSteps; });
  if (!model.head && version != (levels ? kLevelsVersion : kBitsVersion))
    refuse("its layers do not belong to version " + std::to_string(version));
}

}  // namespace

Model read_model(const uint8_t* data, size_t size) {
  auto [version, reader] = open_frame(data, size);
  if (version > kHeadVersion) refuse("it holds a classifier");
  Model model{};
  const size_t count = read_header(reader, model);
  int inputs = 3, digits = 1;  // A pixel has red, green and blue.
  for (size_t index = 0; index < count; ++index) {
    Layer layer = read_record(reader, index);
    layer.input_digits = digits;
    check_place(layer, index, count, inputs);
    read_weights(reader, layer, index);
    read_output(reader, layer, index);
    inputs = layer.outputs, digits = layer.digits();
    model.layers.push_back(std::move(layer));
  }
  if (version == kHeadVersion) model.head = read_head(reader, model);
  if (reader.left()) refuse("it has bytes after its last layer");
  check_version(version, model);
  return model;
}

}  // namespace rbsf
