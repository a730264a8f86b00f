// Compares every kernel path that this machine can run with `scalar`, bit for bit, on random shapes
// and data: `check_paths [trials [seed]]`. Inputs are as long as kernels.h promises and lie at the
// end of their memory, so that AddressSanitizer sees a read too far.
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>

#include "dispatch.h"

namespace {

using rbsf::BinaryShape;
using rbsf::Kernels;
using rbsf::PixelShape;

class Random {
 public:
  explicit Random(unsigned seed) : engine_(seed) {}

  int between(int least, int most) {
    return std::uniform_int_distribution<int>(least, most)(engine_);
  }

  // Mostly anything, sometimes all of one kind: the sums at either end of their range.
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

struct BinaryCase {
  BinaryShape shape;
  int width;
  size_t stride, out_stride;
  std::vector<uint64_t> filters;
  std::vector<uint16_t> limits;
  std::vector<uint8_t> input;

  explicit BinaryCase(Random& random) {
    shape.filters = random.between(1, random.between(0, 3) ? 140 : 600);
    shape.kernel = random.between(1, random.between(0, 3) ? 5 : 15);
    shape.channel_bytes = random.between(1, 32768 / 8 / (shape.kernel * shape.kernel));
    if (random.between(0, 3))
      shape.channel_bytes = std::min(shape.channel_bytes, random.between(1, 24));
    width = random.between(1, 70);
    while (double(width) * shape.filters * shape.words() > 2e6) width = (width + 1) / 2;
    const size_t row = size_t(width + shape.kernel - 1) * shape.channel_bytes;
    stride = row + random.between(0, 9);
    out_stride = (shape.filters + 7) / 8 + random.between(0, 9);
    input = random.bytes(stride * (shape.kernel - 1) + row + 8);
    filters.resize(size_t(shape.padded_filters()) * shape.words());
    const auto values = random.bytes(8 * size_t(shape.filters) * shape.words());
    std::memcpy(filters.data(), values.data(), values.size());
    for (int f = 0; f < shape.filters; ++f)
      for (int row = 0; row < shape.kernel; ++row)
        filters[f * shape.words() + (row + 1) * shape.row_words() - 1] &= shape.tail();
    limits.resize(shape.padded_filters());
    const int taps = 8 * shape.kernel * shape.row_bytes();
    for (int f = 0; f < shape.filters; ++f) {
      const int kind = random.between(0, 9);  // 0: never, 1: always, else about half the time
      const int spread = random.between(-taps / 8, taps / 8);
      limits[f] = static_cast<uint16_t>(kind == 0 ? 0 : kind == 1 ? taps + 1 : taps / 2 + spread);
    }
  }

  Counts run(const Kernels& path) const {
    const rbsf::Bytes packed = path.pack_binary(shape, filters.data());
    rbsf::Bytes scratch(path.scratch_bytes(shape, width));
    std::vector<uint16_t> padded(size_t(width) * shape.padded_filters(), 0xABCD);
    Counts result{{}, std::vector<uint8_t>(width * out_stride, 0x5A)};
    path.count_row(shape, packed, input.data(), stride, width, padded.data(), scratch.data());
    path.compare_row(shape, padded.data(), width, limits.data(), result.bits.data(), out_stride);
    for (int x = 0; x < width; ++x) {
      const uint16_t* from = &padded[size_t(x) * shape.padded_filters()];
      result.counts.insert(result.counts.end(), from, from + shape.filters);
    }
    return result;
  }

  std::string describe() const {
    return std::to_string(shape.filters) + " filters, kernel " + std::to_string(shape.kernel) +
           ", " + std::to_string(shape.channel_bytes) + " channel bytes, width " +
           std::to_string(width);
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
  size_t stride, out_stride;
  std::vector<uint8_t> weights, input;
  std::vector<int32_t> thresholds;

  explicit PixelCase(Random& random) {
    shape = {random.between(1, 200), random.between(1, 15), random.between(1, 4)};
    width = random.between(1, 70);
    while (double(width) * shape.filters * shape.kernel * shape.row_bytes() > 1e6)
      width = (width + 1) / 2;
    const size_t row = 3 * (size_t(width - 1) * shape.stride + shape.kernel);
    stride = row + random.between(0, 9);
    out_stride = (shape.filters + 7) / 8 + random.between(0, 9);
    input = random.bytes(stride * (shape.kernel - 1) + row + 64);
    weights = random.bytes(size_t(shape.filters) * shape.kernel * shape.row_bytes());
    const int extreme = random.between(0, 4);  // 0: all -127, 1: all 127
    for (uint8_t& weight : weights)
      weight = extreme == 0 ? 0x81 : extreme == 1 ? 0x7F : weight == 0x80 ? 0x81 : weight;
    for (int f = 0; f < shape.filters; ++f) {
      const int kind = random.between(0, 9);
      const int most = 100000 * shape.kernel;
      thresholds.push_back(kind == 0   ? INT32_MIN
                           : kind == 1 ? INT32_MAX
                                       : random.between(-most, most));
      if (kind > 6) thresholds.back() = sum(random.between(0, width - 1), f) + (kind == 7);
    }
  }

  int32_t sum(int x, int filter) const {  // a threshold at a sum itself, or one more
    const uint8_t* w = &weights[size_t(filter) * shape.kernel * shape.row_bytes()];
    int32_t total = 0;
    for (int row = 0; row < shape.kernel; ++row)
      for (int i = 0; i < shape.row_bytes(); ++i, ++w)
        total += static_cast<int8_t>(*w) * input[row * stride + 3 * x * shape.stride + i];
    return total;
  }

  std::vector<uint8_t> run(const Kernels& path) const {
    const rbsf::Bytes packed =
        path.pack_pixels(shape, reinterpret_cast<const int8_t*>(weights.data()));
    rbsf::Bytes scratch(rbsf::pixel_scratch(width));
    std::vector<uint8_t> bits(width * out_stride, 0x5A);
    path.pixel_row(shape, packed, thresholds.data(), input.data(), stride, width, bits.data(),
                   out_stride, scratch.data());
    return bits;
  }

  bool check(const Kernels& path) const {
    if (run(path) == run(*rbsf::kScalar)) return true;
    std::printf("%s: pixels differ: %d filters, kernel %d, stride %d, width %d\n", path.name,
                shape.filters, shape.kernel, shape.stride, width);
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
    for (const Kernels* path : rbsf::usable_paths())
      if (path != rbsf::kScalar) wrong += !binary.check(*path) + !pixels.check(*path);
  }
  std::printf("%d trials, %d differences from scalar:%s\n", trials, wrong, names.c_str());
  return wrong ? 1 : 0;
}
