// A packed file's content. The format is documented in rbsf/engine/format.py.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace rbsf {

struct Layer {
  bool binary;  // +-1 weights on +-1 maps; else 8-bit weights on 8-bit pixels
  bool real;    // the output is S * scale + bias; else the bits S >= threshold, xor flip
  bool pool;    // a 3x3 stride 2 max-pool follows
  int inputs, outputs, kernel, stride, groups;

  std::vector<int8_t> weights;  // pixels: [outputs][kernel][kernel][inputs]
  std::vector<uint8_t>
      bits;  // binary: filters of filter_bytes(), [kernel][kernel][inputs / groups]
  std::vector<int32_t> thresholds;  // [outputs]
  std::vector<uint8_t> flips;       // [outputs] bits
  std::vector<float> scale, bias;   // [outputs]

  int taps() const { return kernel * kernel * (inputs / groups); }
  size_t filter_bytes() const { return (static_cast<size_t>(taps()) + 7) / 8; }
};

struct Model {
  float response_gain, response_bias;
  std::vector<Layer> layers;
};

// Reads a packed file. Throws std::invalid_argument, one line, for anything but a whole, unaltered
// file of this version; never looks outside [data, data + size).
Model read_model(const uint8_t* data, size_t size);

}  // namespace rbsf
