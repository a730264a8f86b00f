#include "layer_pass.h"

#include <cstring>

#include "bits.h"

namespace rbsf {
namespace {

// A max-pool on bits is an OR. First the rows under the window become one row, `wide`; then
// neighbouring pixels of `words` words each become one pixel of `out`.
void pool_row(const uint64_t* raw, size_t row_words, int words, int width, uint64_t* wide,
              uint64_t* out) {
  static_assert(kPoolSize == 3, "three rows and three pixels are listed below");
  for (size_t i = 0; i < row_words; ++i)
    wide[i] = raw[i] | raw[i + row_words] | raw[i + 2 * row_words];
  for (int x = 0; x < width; ++x, wide += kPoolStride * words, out += words)
    for (int j = 0; j < words; ++j) out[j] = wide[j] | wide[j + words] | wide[j + 2 * words];
}

// Of bits, the one step is the one digit.
void flip_row(const uint64_t* from, const uint64_t* flips, int words, int width, uint64_t* to) {
  for (int x = 0; x < width; ++x)
    for (int j = 0; j < words; ++j) to[x * words + j] = from[x * words + j] ^ flips[j];
}

// Turns the steps of levels into their two digits, and flips these. A level reaches the steps up to
// its own number and no others, because the thresholds ascend:
//
//   level    first   second   third      higher digit   lower digit
//       0      0        0       0              0             0
//       1      1        0       0              0             1
//       2      1        1       0              1             0
//       3      1        1       1              1             1
//
// So the higher digit is the second step, and the lower digit is odd parity. A flip turns level l
// into 3 - l, whose digits are the opposite ones.
void digit_row(const uint64_t* from, const uint64_t* flips, int words, int width, uint64_t* to) {
  static_assert(kLevelSteps == 3 && kLevelDigits == 2, "the steps are listed above");
  for (int x = 0; x < width; ++x, from += kLevelSteps * words, to += kLevelDigits * words)
    for (int j = 0; j < words; ++j) {
      const uint64_t first = from[j], second = from[j + words], third = from[j + 2 * words];
      to[j] = first ^ second ^ third ^ flips[j];
      to[j + words] = second ^ flips[j];
    }
}

// Copies a few bytes. Calling memcpy for each pixel would take longer than all else in finish_row.
void copy_few(const uint8_t* from, int count, uint8_t* to) {
  int i = 0;
  for (; i + 4 <= count; i += 4) std::memcpy(to + i, from + i, 4);
  for (; i < count; ++i) to[i] = from[i];
}

}  // namespace

LayerPass::LayerPass(const Kernels& kernels, const Stage& stage, size_t index, Workspace& space,
                     const FeatureOutput& features)
    : kernels_(kernels),
      stage_(stage),
      layer_(stage.layer),
      index_(index),
      space_(space),
      features_(features),
      conv_(space.shapes[index].conv),
      pooled_(space.shapes[index].pooled) {}

void LayerPass::convolve_row(int crop, int y, int worker) const {
  if (!layer_.binary) return convolve_pixels(crop, y, worker);
  for (int group = 0; group < layer_.groups; ++group) {
    count_differing(crop, group, y, worker);
    const uint16_t* counts = space_.counts[worker].as<uint16_t>();
    if (layer_.real && features_.bytes)
      write_feature_bytes(crop, group, y, counts, worker);
    else if (layer_.real)
      write_features(crop, group, y, counts);
    else
      write_raw_bits(crop, group, y, counts);
  }
}

void LayerPass::convolve_pixels(int crop, int y, int worker) const {
  const size_t stride = static_cast<size_t>(space_.size) * 3;
  const size_t first_row = static_cast<size_t>(crop) * space_.size + y * layer_.stride;
  const InputRows input{space_.pixels.data() + first_row * stride, stride, 0};
  const BitRow bits{raw_row(crop, y), size_t(stage_.raw_bytes()), size_t(stage_.step_bytes())};
  kernels_.pixel_row(stage_.pixels, stage_.filters[0], layer_.thresholds.data(), input, conv_.width,
                     bits, space_.scratch[worker].data());
}

void LayerPass::count_differing(int crop, int group, int y, int worker) const {
  const MapShape before = space_.shapes[index_ - 1].pooled;
  const size_t stride = static_cast<size_t>(before.width) * stage_.binary.channel_bytes;
  const size_t plane = (static_cast<size_t>(crop) * layer_.groups + group) * layer_.input_digits;
  const InputRows input{space_.planes[index_ - 1].data() + (plane * before.height + y) * stride,
                        stride, before.height * stride};
  stage_.counting(kernels_).count_row(stage_.binary, stage_.filters[group], input, conv_.width,
                                      space_.counts[worker].as<uint16_t>(),
                                      space_.scratch[worker].data());
}

// A feature is S * scale + bias.
void LayerPass::write_features(int crop, int group, int y, const uint16_t* counts) const {
  const size_t padded = stage_.binary.padded_filters();
  const size_t map = static_cast<size_t>(conv_.height) * conv_.width;
  const int filters = stage_.group_outputs(), width = conv_.width;
  const size_t first = static_cast<size_t>(crop) * layer_.outputs + group * filters;
  float* to = features_.reals + first * map + static_cast<size_t>(y) * width;
  for (int f = 0; f < filters; ++f, to += map) {
    const int output = group * filters + f;
    const float scale = layer_.scale[output], bias = layer_.bias[output];
    for (int x = 0; x < width; ++x)
      to[x] = static_cast<float>(stage_.sum(output, counts[x * padded + f])) * scale + bias;
  }
}

void LayerPass::write_feature_bytes(int crop, int group, int y, const uint16_t* counts,
                                    int worker) const {
  const size_t padded = stage_.binary.padded_filters();
  const int filters = stage_.group_outputs(), first = group * filters;
  int32_t* const sums = space_.scratch[worker].as<int32_t>();
  const size_t row = static_cast<size_t>(crop) * conv_.height + y;
  uint8_t* to = features_.bytes + row * conv_.width * layer_.outputs + first;
  for (int x = 0; x < conv_.width; ++x, counts += padded, to += layer_.outputs) {
    for (int f = 0; f < filters; ++f) sums[f] = stage_.sum(first + f, counts[f]);
    kernels_.round_row(sums, features_.scale + first, features_.bias + first, filters, to);
  }
}

void LayerPass::write_raw_bits(int crop, int group, int y, const uint16_t* counts) const {
  uint8_t* to = raw_row(crop, y) + static_cast<size_t>(group) * stage_.group_bytes();
  const uint16_t* limits = stage_.limits[group].data();
  for (int step = 0; step < layer_.steps; ++step) {
    kernels_.compare_row(stage_.binary, counts, conv_.width, limits, to, stage_.raw_bytes());
    to += stage_.step_bytes(), limits += stage_.binary.padded_filters();
  }
}

void LayerPass::finish_row(int crop, int y, int worker) const {
  const int words = stage_.step_words(), width = pooled_.width;
  uint64_t* const wide = space_.scratch[worker].as<uint64_t>();
  uint64_t* const row = wide + raw_row_words();
  const int first = layer_.pool ? kPoolStride * y : y;
  const auto* from = reinterpret_cast<const uint64_t*>(raw_row(crop, first));
  if (layer_.pool) {
    pool_row(from, raw_row_words(), stage_.raw_words(), width, wide, row);
    from = row;
  }
  const auto finish = layer_.steps == 1 ? flip_row : digit_row;
  finish(from, stage_.flips.data(), words, width, wide);
  for (int group = 0; group < stage_.next_groups; ++group)
    for (int digit = 0; digit < layer_.digits(); ++digit)
      write_plane_row(crop, group, digit, y, wide + digit * words);
}

void LayerPass::write_plane_row(int crop, int group, int digit, int y, const uint64_t* row) const {
  const int bytes = stage_.plane_bytes(), channels = stage_.plane_channels();
  const int pixel_bytes = layer_.digits() * stage_.step_bytes(), width = pooled_.width;
  const bool aligned = stage_.aligned();
  const size_t plane =
      (static_cast<size_t>(crop) * stage_.next_groups + group) * layer_.digits() + digit;
  uint8_t* to = space_.planes[index_].data() + (plane * pooled_.height + y) * width * bytes;
  const auto* pixel = reinterpret_cast<const uint8_t*>(row);
  for (int x = 0; x < width; ++x, to += bytes, pixel += pixel_bytes) {
    if (aligned) {
      copy_few(pixel + static_cast<size_t>(group) * bytes, bytes, to);
      continue;
    }
    std::memset(to, 0, bytes);
    for (int c = 0; c < channels; ++c)
      put_bit(to, c, bit_of(pixel, stage_.raw_bit(group * channels + c)));
  }
}

uint8_t* LayerPass::raw_row(int crop, int y) const {
  const size_t row = static_cast<size_t>(crop) * conv_.height + y;
  return space_.raw[index_].data() + row * raw_row_words() * sizeof(uint64_t);
}

}  // namespace rbsf
