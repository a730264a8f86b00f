// The portable path: what the kernels compute, in plain C++.
//
//   1. count_row copies a window's words of each digit, zeroes what the last word of each row holds
//      beyond it, and counts the bits in which they differ from each filter's.
//   2. compare_row sets a bit where the count is below the filter's limit.
//   3. pixel_row sums weight * pixel over a window, and sets a step's bit where the sum reaches the
//      filter's threshold.
//   4. pointwise_row and depthwise_row sum weight * byte, and round_row rounds sums to bytes.
//   5. sign_row compares reals with thresholds, add_row turns counts into reals and adds them to a
//      shortcut, and mix_row is a 1x1 layer on reals.
#include <algorithm>
#include <bitset>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "kernels.h"
#include "memory.h"

namespace rbsf {
namespace {

uint64_t load_word(const uint8_t* from) {
  uint64_t word;
  std::memcpy(&word, from, sizeof word);
  return word;
}

int popcount(uint64_t word) { return static_cast<int>(std::bitset<64>(word).count()); }

Bytes pack_binary(const BinaryShape& shape, const uint64_t* filters) {
  Bytes packed(sizeof(uint64_t) * shape.padded_filters() * shape.words());
  std::memcpy(packed.data(), filters, packed.size());
  return packed;
}

size_t scratch_bytes(const BinaryShape& shape, int) { return sizeof(uint64_t) * shape.words(); }

void copy_window(const BinaryShape& shape, const uint8_t* from, size_t stride, uint64_t* words) {
  for (int row = 0; row < shape.kernel; ++row, from += stride, words += shape.row_words()) {
    for (int j = 0; j < shape.row_words(); ++j) words[j] = load_word(from + 8 * j);
    words[shape.row_words() - 1] &= shape.tail();
  }
}

template <int digits>
void count_row(const BinaryShape& shape, const Bytes& filters, const InputRows& input, int width,
               uint16_t* counts, uint8_t* scratch) {
  uint64_t* const window = reinterpret_cast<uint64_t*>(scratch);
  std::memset(counts, 0, sizeof(uint16_t) * shape.padded_filters() * width);
  for (int x = 0; x < width; ++x, counts += shape.padded_filters())
    for (int digit = 0; digit < digits; ++digit) {
      const size_t at = static_cast<size_t>(x) * shape.step_bytes() + digit * input.digit_stride;
      copy_window(shape, input.data + at, input.stride, window);
      const uint64_t* filter = filters.as<uint64_t>();
      for (int f = 0; f < shape.filters; ++f, filter += shape.words()) {
        int count = 0;
        for (int j = 0; j < shape.words(); ++j) count += popcount(window[j] ^ filter[j]);
        counts[f] = static_cast<uint16_t>(counts[f] + (count << digit));
      }
    }
}

void compare_row(const BinaryShape& shape, const uint16_t* counts, int width,
                 const uint16_t* limits, uint8_t* bits, size_t out_stride) {
  for (int x = 0; x < width; ++x, counts += shape.padded_filters(), bits += out_stride)
    for (int byte = 0; byte < (shape.filters + 7) / 8; ++byte) {
      int value = 0;
      for (int bit = 0; bit < 8; ++bit)
        value |= (counts[8 * byte + bit] < limits[8 * byte + bit]) << bit;
      bits[byte] = static_cast<uint8_t>(value);
    }
}

Bytes pack_pixels(const PixelShape& shape, const int8_t* filters) {
  Bytes packed(static_cast<size_t>(shape.filters) * shape.kernel * shape.row_bytes());
  std::memcpy(packed.data(), filters, packed.size());
  return packed;
}

int32_t window_sum(const PixelShape& shape, const int8_t* weights, const uint8_t* window,
                   size_t stride) {
  int32_t sum = 0;
  for (int row = 0; row < shape.kernel; ++row, weights += shape.row_bytes(), window += stride)
    for (int i = 0; i < shape.row_bytes(); ++i) sum += weights[i] * window[i];
  return sum;
}

void pixel_row(const PixelShape& shape, const Bytes& filters, const int32_t* thresholds,
               const InputRows& input, int width, const BitRow& bits, uint8_t*) {
  for (int x = 0; x < width; ++x) {
    const uint8_t* window = input.data + static_cast<size_t>(x) * shape.stride * 3;
    const int8_t* weights = filters.as<int8_t>();
    for (int f = 0; f < shape.filters; ++f, weights += shape.kernel * shape.row_bytes()) {
      const int32_t sum = window_sum(shape, weights, window, input.stride);
      for (int step = 0; step < shape.steps; ++step) {
        uint8_t& byte = bits.data[x * bits.stride + step * bits.step_stride + f / 8];
        if (f % 8 == 0) byte = 0;
        if (sum >= thresholds[step * shape.filters + f])
          byte = static_cast<uint8_t>(byte | 1 << f % 8);
      }
    }
  }
}

Bytes copy_weights(const int8_t* weights, size_t size) {
  Bytes packed(size);
  std::memcpy(packed.data(), weights, size);
  return packed;
}

Bytes pack_pointwise(const PointwiseShape& shape, const int8_t* weights) {
  return copy_weights(weights, static_cast<size_t>(shape.outputs) * shape.inputs);
}

void pointwise_row(const PointwiseShape& shape, const Bytes& weights, const ByteRows& input,
                   int width, int32_t* sums, uint8_t*) {
  for (int x = 0; x < width; ++x, sums += shape.padded_outputs()) {
    const uint8_t* pixel = input.data + x * input.pixel;
    const int8_t* weight = weights.as<int8_t>();
    for (int output = 0; output < shape.outputs; ++output) {
      int32_t sum = 0;
      for (int i = 0; i < shape.inputs; ++i) sum += *weight++ * pixel[i];
      sums[output] = sum;
    }
  }
}

Bytes pack_depthwise(const DepthwiseShape& shape, const int8_t* weights) {
  return copy_weights(weights, static_cast<size_t>(shape.channels) * shape.kernel * shape.kernel);
}

void depthwise_row(const DepthwiseShape& shape, const Bytes& weights, const ByteRows& input,
                   int width, int32_t* sums, uint8_t*) {
  for (int x = 0; x < width; ++x, sums += shape.padded_channels()) {
    const int8_t* weight = weights.as<int8_t>();
    for (int channel = 0; channel < shape.channels; ++channel) {
      int32_t sum = 0;
      for (int row = 0; row < shape.kernel; ++row) {
        const uint8_t* from = input.data + row * input.row + x * input.pixel + channel;
        for (int column = 0; column < shape.kernel; ++column)
          sum += *weight++ * from[column * input.pixel];
      }
      sums[channel] = sum;
    }
  }
}

void round_row(const int32_t* sums, const float* scale, const float* bias, int count,
               uint8_t* bytes) {
  for (int i = 0; i < count; ++i) {
    const float value = static_cast<float>(sums[i]) * scale[i] + bias[i];
    const float least = value > 0.0f ? value : 0.0f;
    bytes[i] = static_cast<uint8_t>(std::lrint(std::min(least, 255.0f)));
  }
}

void sign_row(const float* reals, const float* thresholds, const uint8_t* flips, int channels,
              int width, uint8_t* bits) {
  for (int x = 0; x < width; ++x, reals += channels)
    for (int first = 0; first < channels; first += 8) {
      int value = flips[first / 8];
      for (int c = first; c < std::min(first + 8, channels); ++c)
        value ^= (reals[c] >= thresholds[c]) << (c - first);
      *bits++ = static_cast<uint8_t>(value);
    }
}

void add_row(const BinaryShape& shape, const uint16_t* counts, int width, const int32_t* offsets,
             const float* scale, const float* bias, float* reals) {
  for (int x = 0; x < width; ++x, counts += shape.padded_filters(), reals += shape.filters)
    for (int f = 0; f < shape.filters; ++f)
      reals[f] = static_cast<float>(offsets[f] - 2 * counts[f]) * scale[f] + bias[f] + reals[f];
}

void mix_row(const MixShape& shape, const Bytes& weights, const float* bias, const float* inputs,
             int width, float* sums) {
  for (int x = 0; x < width; ++x, inputs += shape.inputs, sums += shape.outputs)
    for (int output = 0; output < shape.outputs; ++output) {
      const float* weight = weights.as<float>() + output;
      float sum = 0;
      for (int i = 0; i < shape.inputs; ++i, weight += shape.padded_outputs())
        sum += inputs[i] * *weight;
      sums[output] = sum + bias[output];
    }
}

const Kernels kPath = {"scalar",
                       {pack_binary, scratch_bytes, count_row<1>},
                       {pack_binary, scratch_bytes, count_row<2>},
                       compare_row,
                       pack_pixels,
                       pixel_row,
                       pack_pointwise,
                       pointwise_row,
                       pack_depthwise,
                       depthwise_row,
                       round_row,
                       sign_row,
                       add_row,
                       mix_row};

}  // namespace

const Kernels* const kScalar = &kPath;

}  // namespace rbsf
