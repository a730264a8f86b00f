// Compares every kernel path that this machine can run with `scalar`, bit for bit, on random shapes
// and data. Usage: check_paths [trials [seed]]
//
//   1. A BinaryCase runs count_row, on bits or on levels, and compare_row. A PixelCase runs
//      pixel_row. A PointwiseCase and a DepthwiseCase run the layers of the box head, and a
//      RoundCase what turns their sums into bytes. A RealCase runs what residual networks need.
//   2. Inputs are only as long as kernels.h promises and lie at the end of their memory, so that
//      AddressSanitizer sees a read that goes too far.
//   3. Counts, sums and bits must be those of `scalar`. Bytes between the output rows, or after
//   them,
//      must not change.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "dispatch.h"
#include "kernels.h"
#include "max_sizes.h"
#include "memory.h"

namespace {

using rbsf::BinaryShape;
using rbsf::ByteRows;
using rbsf::Counting;
using rbsf::DepthwiseShape;
using rbsf::InputRows;
using rbsf::Kernels;
using rbsf::PixelShape;
using rbsf::PointwiseShape;

class Random {
 public:
  explicit Random(unsigned seed) : engine_(seed) {}

  int between(int least, int most) {
    return std::uniform_int_distribution<int>(least, most)(engine_);
  }

  // Mostly random bytes. Sometimes all are alike, which leads to sums at either end of their range.
  std::vector<uint8_t> bytes(size_t size) {
    const int kind = between(0, 9);
    std::vector<uint8_t> values(size, kind == 0 ? 0x00 : 0xFF);
    if (kind > 1)
      for (uint8_t& value : values) value = static_cast<uint8_t>(between(0, 255));
    return values;
  }

 private:
  std::mt19937 engine_;
};

struct Counts {
  std::vector<uint16_t> counts;  // [width][filters]
  std::vector<uint8_t> bits;
};

// Halves a width until a case has at most `most` products, which `scalar` computes in good time.
int affordable_width(int width, double products_a_pixel, double most) {
  while (width * products_a_pixel > most) width = (width + 1) / 2;
  return width;
}

struct BinaryCase {
  BinaryShape shape;
  bool levels;
  int width;
  size_t stride, digit_stride, out_stride;
  std::vector<uint64_t> filters;
  std::vector<uint16_t> limits;
  std::vector<uint8_t> input;

  explicit BinaryCase(Random& random) {
    shape.filters = random.between(1, random.between(0, 3) ? 140 : 600);
    shape.kernel = random.between(1, random.between(0, 3) ? 5 : rbsf::kMaxKernel);
    levels = random.between(0, 1);
    const int most = (levels ? rbsf::kMaxLevelTaps : rbsf::kMaxTaps) / 8;
    shape.channel_bytes = random.between(1, most / (shape.kernel * shape.kernel));
    if (random.between(0, 3))
      shape.channel_bytes = std::min(shape.channel_bytes, random.between(1, 24));
    width = affordable_width(random.between(1, 70), double(shape.filters) * shape.words(), 2e6);
    if (random.between(0, 2) == 0) shape.stride = random.between(2, rbsf::kMaxStride);
    const size_t row = size_t((width - 1) * shape.stride + shape.kernel) * shape.channel_bytes;
    stride = row + random.between(0, 9);
    out_stride = (shape.filters + 7) / 8 + random.between(0, 9);
    const size_t plane = stride * (shape.kernel - 1) + row;
    digit_stride = levels ? plane + random.between(0, 9) : 0;
    input = random.bytes(digit_stride + plane + rbsf::kReadAfterRow);
    make_filters(random);
    make_limits(random);
  }

  void make_filters(Random& random) {
    filters.resize(size_t(shape.padded_filters()) * shape.words());
    const auto values = random.bytes(8 * size_t(shape.filters) * shape.words());
    std::memcpy(filters.data(), values.data(), values.size());
    for (int f = 0; f < shape.filters; ++f)
      for (int row = 0; row < shape.kernel; ++row)
        filters[f * shape.words() + (row + 1) * shape.row_words() - 1] &= shape.tail();
  }

  // A tenth of the limits makes the bit 0, a tenth makes it 1. The others are near half of the
  // greatest count, so that the bit can be either.
  void make_limits(Random& random) {
    limits.resize(shape.padded_filters());
    const int most = 8 * shape.kernel * shape.row_bytes() * (levels ? 3 : 1);
    for (int f = 0; f < shape.filters; ++f) {
      const int kind = random.between(0, 9);
      int limit = most / 2 + random.between(-most / 8, most / 8);
      if (kind == 0) limit = 0;
      if (kind == 1) limit = most + 1;
      limits[f] = static_cast<uint16_t>(limit);
    }
  }

  Counts run(const Kernels& path) const {
    const Counting& counting = levels ? path.levels : path.bits;
    const InputRows rows{input.data(), stride, digit_stride};
    const rbsf::Bytes packed = counting.pack_binary(shape, filters.data());
    rbsf::Bytes scratch(counting.scratch_bytes(shape, width));
    std::vector<uint16_t> padded(size_t(width) * shape.padded_filters(), 0xABCD);
    Counts result{{}, std::vector<uint8_t>(width * out_stride, 0x5A)};
    counting.count_row(shape, packed, rows, width, padded.data(), scratch.data());
    path.compare_row(shape, padded.data(), width, limits.data(), result.bits.data(), out_stride);
    for (int x = 0; x < width; ++x) {
      const uint16_t* from = &padded[size_t(x) * shape.padded_filters()];
      result.counts.insert(result.counts.end(), from, from + shape.filters);
    }
    return result;
  }

  std::string describe() const {
    return std::string(levels ? "levels, " : "bits, ") + std::to_string(shape.filters) +
           " filters, kernel " + std::to_string(shape.kernel) + ", " +
           std::to_string(shape.channel_bytes) + " channel bytes, stride " +
           std::to_string(shape.stride) + ", width " + std::to_string(width);
  }

  bool check(const Kernels& path) const {
    const Counts mine = run(path), right = run(*rbsf::kScalar);
    if (mine.counts == right.counts && mine.bits == right.bits) return true;
    std::printf("%s: %s differ: %s\n", path.name, mine.counts == right.counts ? "bits" : "counts",
                describe().c_str());
    return false;
  }
};

struct PixelCase {
  PixelShape shape;
  int width;
  size_t stride, out_stride, step_stride;
  std::vector<int8_t> weights;
  std::vector<uint8_t> input;
  std::vector<int32_t> thresholds;

  explicit PixelCase(Random& random) {
    shape.filters = random.between(1, 200);
    shape.kernel = random.between(1, rbsf::kMaxKernel);
    shape.stride = random.between(1, rbsf::kMaxStride);
    shape.steps = random.between(0, 1) ? 3 : 1;
    width = affordable_width(random.between(1, 70), double(shape.filters) * window_bytes(), 1e6);
    const size_t row = 3 * (size_t(width - 1) * shape.stride + shape.kernel);
    stride = row + random.between(0, 9);
    step_stride = (shape.filters + 7) / 8 + random.between(0, 9);
    out_stride = shape.steps * step_stride + random.between(0, 9);
    input = random.bytes(stride * (shape.kernel - 1) + row + rbsf::kReadAfterPixels);
    make_weights(random);
    for (int step = 0; step < shape.steps; ++step)
      for (int f = 0; f < shape.filters; ++f) thresholds.push_back(make_threshold(random, f));
  }

  int window_bytes() const { return shape.kernel * shape.row_bytes(); }

  // Weights are -127 to 127. In two of five cases all of them are one of these extremes.
  void make_weights(Random& random) {
    const std::vector<uint8_t> values = random.bytes(size_t(shape.filters) * window_bytes());
    const int kind = random.between(0, 4);
    for (uint8_t value : values) {
      int weight = std::max<int>(static_cast<int8_t>(value), -127);
      if (kind == 0) weight = -127;
      if (kind == 1) weight = 127;
      weights.push_back(static_cast<int8_t>(weight));
    }
  }

  // Some thresholds are at the ends of their range. Some are a window's sum itself, which reaches
  // it, or one more, which the sum does not reach. The others are random.
  int32_t make_threshold(Random& random, int filter) const {
    const int kind = random.between(0, 9), most = 100000 * shape.kernel;
    if (kind == 0) return INT32_MIN;
    if (kind == 1) return INT32_MAX;
    if (kind == 7) return sum(random.between(0, width - 1), filter) + 1;
    if (kind > 7) return sum(random.between(0, width - 1), filter);
    return random.between(-most, most);
  }

  int32_t sum(int x, int filter) const {
    const int8_t* weight = &weights[size_t(filter) * window_bytes()];
    int32_t total = 0;
    for (int row = 0; row < shape.kernel; ++row)
      for (int i = 0; i < shape.row_bytes(); ++i, ++weight)
        total += *weight * input[row * stride + 3 * x * shape.stride + i];
    return total;
  }

  std::vector<uint8_t> run(const Kernels& path) const {
    const rbsf::Bytes packed = path.pack_pixels(shape, weights.data());
    rbsf::Bytes scratch(rbsf::pixel_scratch(width));
    std::vector<uint8_t> bits(width * out_stride, 0x5A);
    path.pixel_row(shape, packed, thresholds.data(), {input.data(), stride, 0}, width,
                   {bits.data(), out_stride, step_stride}, scratch.data());
    return bits;
  }

  bool check(const Kernels& path) const {
    if (run(path) == run(*rbsf::kScalar)) return true;
    std::printf("%s: pixels differ: %d filters, kernel %d, stride %d, %d steps, width %d\n",
                path.name, shape.filters, shape.kernel, shape.stride, shape.steps, width);
    return false;
  }
};

// Weights from -127 to 127. In two of ten cases all of them are one of these extremes.
std::vector<int8_t> make_weights(Random& random, size_t count) {
  std::vector<int8_t> weights;
  const int kind = random.between(0, 9), extreme = kind ? 127 : -127;
  for (uint8_t value : random.bytes(count))
    weights.push_back(
        static_cast<int8_t>(kind < 2 ? extreme : std::max<int>(static_cast<int8_t>(value), -127)));
  return weights;
}

// The first `count` of every `padded` sums.
std::vector<int32_t> without_padding(const std::vector<int32_t>& sums, int width, int padded,
                                     int count) {
  std::vector<int32_t> real;
  for (int x = 0; x < width; ++x)
    real.insert(real.end(), &sums[size_t(x) * padded], &sums[size_t(x) * padded] + count);
  return real;
}

struct PointwiseCase {
  PointwiseShape shape;
  int width;
  size_t pixel;
  std::vector<int8_t> weights;
  std::vector<uint8_t> input;

  explicit PointwiseCase(Random& random) {
    shape.inputs = random.between(1, random.between(0, 9) ? 300 : 2 * rbsf::kMaxHeadChannels + 36);
    shape.outputs = random.between(1, 150);
    width = affordable_width(random.between(1, 40), double(shape.inputs) * shape.outputs, 1e6);
    pixel = shape.inputs + random.between(0, 40);
    weights = make_weights(random, size_t(shape.inputs) * shape.outputs);
    input = random.bytes(pixel * (width - 1) + shape.inputs + rbsf::kReadAfterBytes);
  }

  std::vector<int32_t> run(const Kernels& path) const {
    const rbsf::Bytes packed = path.pack_pointwise(shape, weights.data());
    rbsf::Bytes scratch(rbsf::pointwise_scratch(shape, width));
    std::vector<int32_t> sums(size_t(width) * shape.padded_outputs());
    path.pointwise_row(shape, packed, {input.data(), pixel, 0}, width, sums.data(), scratch.data());
    return without_padding(sums, width, shape.padded_outputs(), shape.outputs);
  }

  bool check(const Kernels& path) const {
    if (run(path) == run(*rbsf::kScalar)) return true;
    std::printf("%s: pointwise sums differ: %d inputs, %d outputs, width %d\n", path.name,
                shape.inputs, shape.outputs, width);
    return false;
  }
};

struct DepthwiseCase {
  DepthwiseShape shape;
  int width;
  ByteRows rows;
  std::vector<int8_t> weights;
  std::vector<uint8_t> input;

  explicit DepthwiseCase(Random& random) {
    shape.channels = random.between(1, 300);
    shape.kernel = random.between(1, 8);
    width = random.between(1, 40);
    rows.pixel = shape.channels + random.between(0, 40);
    const size_t row = rows.pixel * (width + shape.kernel - 1);
    rows.row = row + random.between(0, 40);
    weights = make_weights(random, size_t(shape.channels) * shape.kernel * shape.kernel);
    input = random.bytes(rows.row * (shape.kernel - 1) + row - (rows.pixel - shape.channels) +
                         rbsf::kReadAfterBytes);
  }

  std::vector<int32_t> run(const Kernels& path) const {
    const rbsf::Bytes packed = path.pack_depthwise(shape, weights.data());
    rbsf::Bytes scratch(rbsf::depthwise_scratch(shape, width));
    std::vector<int32_t> sums(size_t(width) * shape.padded_channels());
    path.depthwise_row(shape, packed, {input.data(), rows.pixel, rows.row}, width, sums.data(),
                       scratch.data());
    return without_padding(sums, width, shape.padded_channels(), shape.channels);
  }

  bool check(const Kernels& path) const {
    if (run(path) == run(*rbsf::kScalar)) return true;
    std::printf("%s: depthwise sums differ: %d channels, kernel %d, width %d\n", path.name,
                shape.channels, shape.kernel, width);
    return false;
  }
};

// Sums become bytes. Some lie half-way between two bytes, some far beyond all, and some scales make
// infinity, or no number.
struct RoundCase {
  std::vector<int32_t> sums;  // With some that are only padding.
  std::vector<float> scale, bias;

  explicit RoundCase(Random& random) {
    const int count = random.between(1, 100);
    constexpr float kInfinity = std::numeric_limits<float>::infinity();
    for (int i = 0; i < count; ++i) {
      const int kind = random.between(0, 9);
      sums.push_back(random.between(-600, 600));
      if (kind == 0) sums.back() = random.between(INT32_MIN, INT32_MAX);
      scale.push_back(kind == 1 ? kInfinity : kind == 2 ? -1e30f : 0.5f);
      bias.push_back(kind == 3 ? -kInfinity : kind == 4 ? 0.1f : float(random.between(-9, 9)));
      if (kind == 5) sums.back() = 0, scale.back() = kInfinity;
    }
    sums.resize(count + rbsf::kSumBlock);
  }

  std::vector<uint8_t> run(const Kernels& path) const {
    std::vector<uint8_t> bytes(scale.size() + 9, 0x5A);
    path.round_row(sums.data(), scale.data(), bias.data(), int(scale.size()), bytes.data());
    return bytes;
  }

  bool check(const Kernels& path) const {
    if (run(path) == run(*rbsf::kScalar)) return true;
    std::printf("%s: rounded bytes differ: %d sums\n", path.name, int(scale.size()));
    return false;
  }
};

// What a residual network needs: signs, the sums of counts and a shortcut, and a 1x1 layer.
struct RealCase {
  int width, inputs, outputs;
  std::vector<float> reals, thresholds, scale, bias, weights, shortcut;
  std::vector<uint8_t> flips;
  std::vector<uint16_t> counts;
  std::vector<int32_t> offsets;

  explicit RealCase(Random& random)
      : width(random.between(1, 20)),
        inputs(random.between(1, 90)),
        outputs(random.between(1, 150)) {
    const auto numbers = [&](size_t count) {
      std::vector<float> values(count);
      for (float& value : values) value = random.between(-9999, 9999) * 0.37f;
      return values;
    };
    reals = numbers(size_t(width) * inputs), thresholds = numbers(inputs);
    for (int c = 0; c < inputs; c += 2) reals[c] = thresholds[c];  // Ties.
    thresholds[0] = -std::numeric_limits<float>::infinity();
    reals.back() = std::numeric_limits<float>::quiet_NaN();
    flips = random.bytes((inputs + 7) / 8);
    if (inputs % 8) flips.back() = static_cast<uint8_t>(flips.back() & ((1 << inputs % 8) - 1));
    scale = numbers(outputs), bias = numbers(outputs);
    shortcut = numbers(size_t(width) * outputs), weights = numbers(size_t(inputs) * outputs);
    counts.resize(size_t(width) * shape().padded_filters());
    for (uint16_t& count : counts) count = static_cast<uint16_t>(random.between(0, UINT16_MAX));
    for (int f = 0; f < outputs; ++f) offsets.push_back(random.between(-65536, 65536));
  }

  BinaryShape shape() const { return {outputs, 1, 1}; }

  // The bits, and the bytes of all reals but those that come of a NaN.
  std::vector<uint8_t> run(const Kernels& path) const {
    std::vector<uint8_t> found(size_t(width) * ((inputs + 7) / 8));
    path.sign_row(reals.data(), thresholds.data(), flips.data(), inputs, width, found.data());
    std::vector<float> sums = shortcut;
    path.add_row(shape(), counts.data(), width, offsets.data(), scale.data(), bias.data(),
                 sums.data());
    const rbsf::MixShape mix{inputs, outputs};
    rbsf::Bytes padded(sizeof(float) * inputs * mix.padded_outputs());
    for (int i = 0; i < inputs; ++i)
      std::memcpy(padded.as<float>() + size_t(i) * mix.padded_outputs(),
                  &weights[size_t(i) * outputs], sizeof(float) * outputs);
    std::vector<float> mixed(size_t(width) * outputs, 7.0f);
    std::vector<float> whole = reals;
    whole.back() = 1;
    path.mix_row(mix, padded, bias.data(), whole.data(), width, mixed.data());
    for (const auto& values : {sums, mixed}) {
      const auto* bytes = reinterpret_cast<const uint8_t*>(values.data());
      found.insert(found.end(), bytes, bytes + sizeof(float) * values.size());
    }
    return found;
  }

  bool check(const Kernels& path) const {
    if (run(path) == run(*rbsf::kScalar)) return true;
    std::printf("%s: reals differ: %d inputs, %d outputs, width %d\n", path.name, inputs, outputs,
                width);
    return false;
  }
};

}  // namespace

int main(int argc, char** argv) {
  const int trials = argc > 1 ? std::atoi(argv[1]) : 300;
  Random random(argc > 2 ? static_cast<unsigned>(std::atoi(argv[2])) : 0);
  std::string names;
  int wrong = 0;
  for (const Kernels* path : rbsf::usable_paths()) names += std::string(" ") + path->name;
  for (int trial = 0; trial < trials; ++trial) {
    const BinaryCase binary(random);
    const PixelCase pixels(random);
    const PointwiseCase pointwise(random);
    const DepthwiseCase depthwise(random);
    const RoundCase rounded(random);
    const RealCase reals(random);
    for (const Kernels* path : rbsf::usable_paths())
      if (path != rbsf::kScalar) {
        wrong += !binary.check(*path) + !pixels.check(*path);
        wrong += !pointwise.check(*path) + !depthwise.check(*path) + !rounded.check(*path);
        wrong += !reals.check(*path);
      }
  }
  std::printf("%d trials, %d differences from scalar:%s\n", trials, wrong, names.c_str());
  return wrong ? 1 : 0;
}
