// The content of a packed file, and its reader. rbsf/engine/format.py documents the format.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "head_model.h"

namespace rbsf {

// The max-pool that a layer may have.
constexpr int kPoolSize = 3, kPoolStride = 2;

// A level is 0 to 3: there are three steps from the lowest to the highest, and it has two binary
// digits. A bit is one step and one digit.
constexpr int kLevelSteps = 3, kLevelDigits = 2;

struct Layer {
  bool binary;  // Weights are +-1. Otherwise 8-bit weights meet 8-bit pixels.
  bool real;    // The output is S * scale + bias. Otherwise it is the number of steps S reaches.
  bool pool;    // A max-pool follows.
  int steps;    // The steps of the output: 1 for bits, kLevelSteps for levels, 0 if it is real.
  int input_digits;  // Of a binary layer: 1 if it reads bits as +-1, kLevelDigits for levels.
  int inputs, outputs, kernel, stride, groups;

  std::vector<int8_t> weights;  // Of a layer on pixels: [outputs][kernel][kernel][inputs].
  // Of a binary layer: [outputs][filter_bytes()], the bits [kernel][kernel][inputs / groups].
  std::vector<uint8_t> bits;
  std::vector<int32_t> thresholds;  // [steps][outputs]
  std::vector<uint8_t> flips;       // [outputs], one bit each.
  std::vector<float> scale, bias;   // [outputs]

  int digits() const { return steps == kLevelSteps ? kLevelDigits : 1; }
  int taps() const { return kernel * kernel * (inputs / groups); }
  size_t filter_bytes() const { return (static_cast<size_t>(taps()) + 7) / 8; }
};

struct Model {
  float response_gain, response_bias;
  std::vector<Layer> layers;
  std::optional<HeadModel> head;
};

// Reads a packed file. Anything but a whole, unaltered file of this version makes it throw
// std::invalid_argument with one line that says why. It never reads outside [data, data + size).
Model read_model(const uint8_t* data, size_t size);

}  // namespace rbsf
