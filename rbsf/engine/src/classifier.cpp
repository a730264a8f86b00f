// How a classifier runs, for one image after another. Threads share the rows of each map.
//
//   1. run_stem() copies the image between its borders. Each row of windows becomes a row of inputs
//      of a 1x1 layer of the box head, which sums their products; a max-pool may follow.
//   2. run_unit() takes the signs of a map, starts the next map with the shortcut, and adds what
//      the binary convolution gives.
//   3. run_last() takes the mean of the last map and its products with the weights.
#include "classifier.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <stdexcept>
#include <utility>

#include "bits.h"
#include "image_space.h"

namespace rbsf {
namespace {

// Spreads a filter's bits [kernel][kernel][inputs] to words [kernel][row_words], in which each
// pixel starts on a whole byte, and adds its weights to the sums of its taps.
void spread_filter(const UnitModel& model, const BinaryShape& shape, int filter, uint64_t* words,
                   int32_t* tap_sums) {
  const uint8_t* from = &model.bits[filter * model.filter_bytes()];
  uint8_t* bytes = reinterpret_cast<uint8_t*>(words);
  for (int row = 0, bit = 0, tap = 0; row < shape.kernel; ++row)
    for (int column = 0; column < shape.kernel; ++column, ++tap)
      for (int channel = 0; channel < model.inputs; ++channel, ++bit) {
        const int at = 64 * row * shape.row_words() + 8 * column * shape.channel_bytes + channel;
        put_bit(bytes, at, bit_of(from, bit));
        tap_sums[static_cast<size_t>(tap) * model.outputs + filter] += bit_of(from, bit) ? 1 : -1;
      }
}

// Pads the weights of a 1x1 layer, [inputs][outputs], as mix_row asks for.
Bytes pad_weights(const MixShape& shape, const std::vector<float>& weights) {
  Bytes padded(sizeof(float) * shape.inputs * shape.padded_outputs());
  for (int i = 0; i < shape.inputs; ++i)
    std::copy_n(&weights[static_cast<size_t>(i) * shape.outputs], shape.outputs,
                padded.as<float>() + static_cast<size_t>(i) * shape.padded_outputs());
  return padded;
}

Unit make_unit(const UnitModel& model, const Kernels& kernels) {
  Unit unit{model, {}, {}, {}, {}, {}};
  unit.shape = {model.outputs, model.window.kernel, (model.inputs + 7) / 8, model.window.stride};
  unit.tap_sums.resize(static_cast<size_t>(model.window.kernel) * model.window.kernel *
                       model.outputs);
  std::vector<uint64_t> words(static_cast<size_t>(unit.shape.padded_filters()) *
                              unit.shape.words());
  for (int f = 0; f < model.outputs; ++f)
    spread_filter(model, unit.shape, f, &words[static_cast<size_t>(f) * unit.shape.words()],
                  unit.tap_sums.data());
  unit.filters = kernels.bits.pack_binary(unit.shape, words.data());
  if (model.change != Change::kNone) {
    unit.mix = {model.shortcut_inputs, model.outputs};
    unit.shortcut = pad_weights(unit.mix, model.shortcut);
  }
  return unit;
}

// Copies a run of bytes in words. It may read and write up to 7 bytes more.
void copy_words(const uint8_t* from, int count, uint8_t* to) {
  for (int i = 0; i < count; i += 8) std::memcpy(to + i, from + i, 8);
}

// Takes the mean over a window of `stride` x `stride` pixels, as far as it lies on the map.
void mean_pixel(const float* map, const RealShape& shape, int stride, int y, int x, float* mean) {
  const int bottom = std::min(stride * (y + 1), shape.height);
  const int right = std::min(stride * (x + 1), shape.width);
  std::fill_n(mean, shape.channels, 0.0f);
  for (int row = stride * y; row < bottom; ++row)
    for (int column = stride * x; column < right; ++column) {
      const float* from = map + row * shape.row() + static_cast<size_t>(column) * shape.channels;
      for (int c = 0; c < shape.channels; ++c) mean[c] += from[c];
    }
  const float count = static_cast<float>((bottom - stride * y) * (right - stride * x));
  for (int c = 0; c < shape.channels; ++c) mean[c] /= count;
}

// Takes the maximum over 3x3 pixels around each second one, as far as they lie on the map.
void pool_row(const float* map, const RealShape& wide, const RealShape& out, int y, float* to) {
  const int top = std::max(kStemPoolStride * y - 1, 0);
  const int bottom = std::min(kStemPoolStride * y + 2, wide.height);
  for (int x = 0; x < out.width; ++x, to += out.channels) {
    const int left = std::max(kStemPoolStride * x - 1, 0);
    const int right = std::min(kStemPoolStride * x + 2, wide.width);
    for (int row = top; row < bottom; ++row)
      for (int column = left; column < right; ++column) {
        const float* from = map + row * wide.row() + static_cast<size_t>(column) * wide.channels;
        if (row == top && column == left) {
          std::copy_n(from, out.channels, to);
          continue;
        }
        for (int c = 0; c < out.channels; ++c) to[c] = from[c] > to[c] ? from[c] : to[c];
      }
  }
}

// Where the bits of a row of a map lie in its plane, behind the border.
size_t plane_row(const Unit& unit, const RealShape& in, int y) {
  const int padding = unit.model.window.padding();
  const size_t before = static_cast<size_t>(y + padding) * (in.width + 2 * padding) + padding;
  return before * unit.shape.channel_bytes;
}

std::vector<uint8_t> unpack_bits(const Unit& unit, const RealShape& in, const Bytes& plane) {
  std::vector<uint8_t> bits;
  for (int y = 0; y < in.height; ++y) {
    const uint8_t* pixel = plane.data() + plane_row(unit, in, y);
    for (int x = 0; x < in.width; ++x, pixel += unit.shape.channel_bytes)
      for (int c = 0; c < in.channels; ++c) bits.push_back(bit_of(pixel, c));
  }
  return bits;
}

// Measures the seconds from one call to the next.
class Clock {
 public:
  double lap() {
    const auto now = std::chrono::steady_clock::now();
    const std::chrono::duration<double> passed = now - last_;
    last_ = now;
    return passed.count();
  }

 private:
  std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
};

}  // namespace

Classifier::Classifier(const ClassifierModel& model, const std::string& path, int threads)
    : kernels_(find_path(path)), model_(model), pool_(std::make_unique<Pool>(threads)) {
  const StemModel& stem = model_.stem;
  stem_shape_ = {3 * stem.window.kernel * stem.window.kernel, stem.outputs};
  stem_weights_ = kernels_.pack_pointwise(stem_shape_, stem.weights.data());
  for (const UnitModel& unit : model_.units) units_.push_back(make_unit(unit, kernels_));
  last_weights_ = pad_weights({model_.channels(), model_.classes}, model_.weights);
}

Classifier::~Classifier() = default;

void Classifier::classify(const uint8_t* images, int count, int height, int width, float* logits) {
  if (!count) return;
  auto space = borrow(height, width);
  const size_t image = static_cast<size_t>(height) * width * 3;
  for (int i = 0; i < count; ++i, images += image, logits += model_.classes)
    run(images, *space, logits, nullptr);
  give_back(std::move(space));
}

Classifier::Trace Classifier::trace(const uint8_t* image, int height, int width) {
  auto space = borrow(height, width);
  Trace trace;
  trace.logits.resize(model_.classes);
  run(image, *space, trace.logits.data(), &trace);
  give_back(std::move(space));
  return trace;
}

void Classifier::run(const uint8_t* image, ImageSpace& space, float* logits, Trace* trace) const {
  Clock clock;
  run_stem(image, space);
  if (trace) {
    trace->stem_seconds = clock.lap();
    trace->shape = space.shapes[0];
    trace->stem.assign(space.map(0), space.map(0) + trace->shape.size());
    trace->units.resize(units_.size());
  }
  for (size_t index = 0; index < units_.size(); ++index)
    run_unit(index, space, trace ? &trace->units[index] : nullptr);
  clock.lap();
  run_last(space, logits);
  if (trace) trace->last_seconds = clock.lap();
}

void Classifier::run_stem(const uint8_t* image, ImageSpace& space) const {
  const int padding = model_.stem.window.padding();
  const size_t row = static_cast<size_t>(space.width) * 3;
  const size_t stride = row + static_cast<size_t>(6) * padding;
  for (int y = 0; y < space.height; ++y)
    std::memcpy(space.pixels.data() + (y + padding) * stride + 3 * padding, image + y * row, row);
  pool_->run(space.wide.height, [&](int y, int worker) { stem_row(space, y, worker); });
  if (!model_.stem.pool) return;
  const RealShape& out = space.shapes[0];
  pool_->run(out.height, [&](int y, int) {
    pool_row(space.unpooled.as<float>(), space.wide, out, y, space.map(0) + y * out.row());
  });
}

void Classifier::stem_row(ImageSpace& space, int y, int worker) const {
  const StemModel& stem = model_.stem;
  const int kernel = stem.window.kernel, stride = stem.window.stride, width = space.wide.width;
  const size_t row = static_cast<size_t>(space.width + 2 * stem.window.padding()) * 3;
  const uint8_t* const pixels = space.pixels.data() + static_cast<size_t>(y) * stride * row;
  uint8_t* const windows = space.scratch[worker].data();
  const size_t inputs = stem_shape_.inputs;
  for (int x = 0; x < width; ++x)
    for (int ky = 0; ky < kernel; ++ky)
      copy_words(pixels + ky * row + static_cast<size_t>(x) * stride * 3, 3 * kernel,
                 windows + x * inputs + static_cast<size_t>(ky) * 3 * kernel);
  const size_t used = (width * inputs + kReadAfterBytes + kCacheLine - 1) / kCacheLine * kCacheLine;
  int32_t* sums = space.counts[worker].as<int32_t>();
  kernels_.pointwise_row(stem_shape_, stem_weights_, {windows, inputs, 0}, width, sums,
                         windows + used);
  float* to = (stem.pool ? space.unpooled.as<float>() : space.map(0)) + y * space.wide.row();
  for (int x = 0; x < width; ++x, sums += stem_shape_.padded_outputs(), to += stem.outputs)
    for (int f = 0; f < stem.outputs; ++f)
      to[f] = static_cast<float>(sums[f]) * stem.scale[f] + stem.bias[f];
}

void Classifier::run_unit(size_t index, ImageSpace& space, UnitTrace* trace) const {
  const RealShape &in = space.shapes[index], &out = space.shapes[index + 1];
  if (trace) *trace = {in, out, {}, std::vector<int32_t>(out.size()), {}, 0, 0, 0};
  Clock clock;
  pool_->run(in.height, [&](int y, int) { sign_row(index, space, y); });
  if (trace) trace->sign_seconds = clock.lap();
  pool_->run(out.height, [&](int y, int worker) { shortcut_row(index, space, y, worker); });
  if (trace) trace->shortcut_seconds = clock.lap();
  pool_->run(out.height, [&](int y, int worker) { sum_row(index, space, y, worker, trace); });
  if (!trace) return;
  trace->sum_seconds = clock.lap();
  trace->bits = unpack_bits(units_[index], in, space.planes[index]);
  trace->values.assign(space.map(index + 1), space.map(index + 1) + out.size());
}

void Classifier::sign_row(size_t index, ImageSpace& space, int y) const {
  const Unit& unit = units_[index];
  const RealShape& in = space.shapes[index];
  kernels_.sign_row(space.map(index) + y * in.row(), unit.model.thresholds.data(),
                    unit.model.flips.data(), in.channels, in.width,
                    space.planes[index].data() + plane_row(unit, in, y));
}

// Starts a row of the unit's output with the shortcut.
void Classifier::shortcut_row(size_t index, ImageSpace& space, int y, int worker) const {
  const Unit& unit = units_[index];
  const RealShape& out = space.shapes[index + 1];
  float* const to = space.map(index + 1) + y * out.row();
  if (unit.model.source == Source::kNone) {
    std::fill_n(to, out.row(), 0.0f);
    return;
  }
  const size_t source = unit.model.source == Source::kOwn ? index : index - 1;
  const RealShape& in = space.shapes[source];
  const float* const map = space.map(source);
  if (unit.model.change == Change::kNone) {
    std::copy_n(map + y * in.row(), out.row(), to);
    return;
  }
  const int stride = unit.model.shortcut_stride;
  float* const inputs = space.reals[worker].as<float>();
  for (int x = 0; x < out.width; ++x) {
    float* const pixel = inputs + static_cast<size_t>(x) * in.channels;
    const size_t at = y * stride * in.row() + static_cast<size_t>(x) * stride * in.channels;
    if (unit.model.change == Change::kPooled)
      mean_pixel(map, in, stride, y, x, pixel);
    else
      std::copy_n(map + at, in.channels, pixel);
  }
  kernels_.mix_row(unit.mix, unit.shortcut, unit.model.shortcut_bias.data(), inputs, out.width, to);
}

// Adds what the binary convolution gives to a row of the unit's output.
void Classifier::sum_row(size_t index, ImageSpace& space, int y, int worker,
                         UnitTrace* trace) const {
  const Unit& unit = units_[index];
  const UnitModel& model = unit.model;
  const RealShape &in = space.shapes[index], &out = space.shapes[index + 1];
  const Offsets& offsets = space.offsets[index];
  const size_t padded = unit.shape.padded_filters();
  const size_t stride =
      static_cast<size_t>(in.width + 2 * model.window.padding()) * unit.shape.channel_bytes;
  const InputRows rows{space.planes[index].data() + y * model.window.stride * stride, stride, 0};
  uint16_t* const counts = space.counts[worker].as<uint16_t>();
  kernels_.bits.count_row(unit.shape, unit.filters, rows, out.width, counts,
                          space.scratch[worker].data());
  for (int x = 0, end; x < out.width; x = end) {
    const int column = offsets.columns[x];
    for (end = x + 1; end < out.width && offsets.columns[end] == column;) ++end;
    const int32_t* const first = offsets.at(offsets.rows[y], column, out.channels);
    const size_t at = y * out.row() + static_cast<size_t>(x) * out.channels;
    kernels_.add_row(unit.shape, counts + x * padded, end - x, first, model.scale.data(),
                     model.bias.data(), space.map(index + 1) + at);
    for (int i = x; trace && i < end; ++i)
      for (int f = 0; f < out.channels; ++f)
        trace->sums[y * out.row() + static_cast<size_t>(i) * out.channels + f] =
            first[f] - 2 * counts[i * padded + f];
  }
}

void Classifier::run_last(ImageSpace& space, float* logits) const {
  const RealShape& in = space.shapes.back();
  const float* from = space.map(units_.size());
  const int pixels = in.height * in.width;
  std::vector<float> mean(in.channels);
  for (int i = 0; i < pixels; ++i, from += in.channels)
    for (int c = 0; c < in.channels; ++c) {
      float value = from[c];
      if (model_.rectified) {
        value = value * model_.last_scale[c] + model_.last_bias[c];
        value = value > 0 ? value : 0.0f;
      }
      mean[c] += value;
    }
  for (float& value : mean) value /= static_cast<float>(pixels);
  kernels_.mix_row({in.channels, model_.classes}, last_weights_, model_.bias.data(), mean.data(), 1,
                   logits);
}

std::unique_ptr<ImageSpace> Classifier::borrow(int height, int width) {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    if (idle_ && idle_->height == height && idle_->width == width) return std::move(idle_);
  }
  return std::make_unique<ImageSpace>(model_, units_, kernels_, pool_->threads(), height, width);
}

void Classifier::give_back(std::unique_ptr<ImageSpace> space) {
  std::lock_guard<std::mutex> lock(mutex_);
  idle_ = std::move(space);
}

}  // namespace rbsf
