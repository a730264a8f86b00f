// Reads damaged packed files, to find what the reader or the kernels do not survive. It is built
// with sanitizers and fed by rbsf/engine/fuzz.py.
//
//   1. Each file on standard input follows its size, which is a u32.
//   2. If the reader accepts the file and running it is cheap, every kernel path runs it. All paths
//      must give the same bits. So must the box head, if there is one.
//   3. One line on standard output says what became of the file: "refused" and why, "accepted", or
//      "ran".
//
// With RBSF_LIBFUZZER it is a target of libFuzzer instead, which makes the files:
//
//   CXX=clang++ cmake -S . -B build/libfuzzer -DRBSF_SANITIZE=ON -DRBSF_LIBFUZZER=ON
//   cmake --build build/libfuzzer --target fuzz
//   build/libfuzzer/fuzz -runs=1000000 -max_len=4096 CORPUS
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "classifier.h"
#include "dispatch.h"
#include "frame.h"
#include "max_sizes.h"
#include "model.h"
#include "network.h"

namespace {

// In one crop, and in the search crop of a box head, which is larger. More take long under
// sanitizers, and libFuzzer comes further with many files than with large ones.
#ifdef RBSF_LIBFUZZER
constexpr double kMostProducts = 1e4, kMostHeadProducts = 1e5;
#else
constexpr double kMostProducts = 1e6, kMostHeadProducts = 1e7;
#endif

// The side of crops that lead to `last` x `last` features; 0 if it is too large.
int crop_side(const rbsf::Model& model, int last) {
  int64_t side = last;
  for (auto layer = model.layers.rbegin(); layer != model.layers.rend(); ++layer) {
    if (layer->pool) side = (side - 1) * rbsf::kPoolStride + rbsf::kPoolSize;
    side = (side - 1) * layer->stride + layer->kernel;
  }
  return side > rbsf::kMaxCropSide ? 0 : static_cast<int>(side);
}

double products(const rbsf::Model& model, int side) {
  double sum = 0;
  for (const rbsf::Layer& layer : model.layers) {
    side = (side - layer.kernel) / layer.stride + 1;
    sum += double(side) * side * layer.outputs * layer.taps();
    if (layer.pool) side = (side - rbsf::kPoolSize) / rbsf::kPoolStride + 1;
  }
  return sum;
}

// Noise from the linear congruential generator of "Numerical Recipes".
std::vector<uint8_t> noise_crops(int count, int side) {
  std::vector<uint8_t> pixels(size_t(count) * side * side * 3);
  uint32_t noise = 1;
  for (uint8_t& pixel : pixels) {
    noise = noise * 1664525u + 1013904223u;
    pixel = static_cast<uint8_t>(noise >> 24);
  }
  return pixels;
}

void run(const rbsf::Model& model, int side, int threads) {
  constexpr int crops = 2;
  const auto pixels = noise_crops(crops, side);
  const auto trace = [&](const char* path) {
    return rbsf::Network(model, path, threads).trace(pixels.data(), crops, side);
  };
  const auto expected = trace("scalar");
  for (const rbsf::Kernels* path : rbsf::usable_paths()) {
    const auto got = trace(path->name);
    const size_t bytes = expected.features.size() * sizeof(float);
    if (got.maps == expected.maps &&
        std::memcmp(got.features.data(), expected.features.data(), bytes) == 0)
      continue;
    std::fprintf(stderr, "path %s differs from scalar\n", path->name);
    std::abort();
  }
}

std::vector<float> search(const rbsf::Model& model, const char* path, int exemplar_side, int side,
                          int threads) {
  rbsf::Network network(model, path, threads);
  const auto exemplar = network.exemplar(
      network.exemplar_feature(noise_crops(1, exemplar_side).data(), exemplar_side));
  const size_t grid = network.grid(side);
  std::vector<float> maps(rbsf::Head::kMaps * grid * grid);
  network.search(exemplar, noise_crops(1, side).data(), side, {0.25f, -0.5f}, maps.data());
  return maps;
}

// Numbers, infinity and what is no number have to be equal in their bits.
void run_head(const rbsf::Model& model, int cells, int threads) {
  const int exemplar_side = crop_side(model, rbsf::kCells);
  const int side = crop_side(model, rbsf::kCells + cells);
  if (exemplar_side == 0 || side == 0 || products(model, side) > kMostHeadProducts) return;
  const auto expected = search(model, "scalar", exemplar_side, side, threads);
  for (const rbsf::Kernels* path : rbsf::usable_paths()) {
    const auto got = search(model, path->name, exemplar_side, side, threads);
    if (std::memcmp(got.data(), expected.data(), expected.size() * sizeof(float)) == 0) continue;
    std::fprintf(stderr, "the head of path %s differs from scalar\n", path->name);
    std::abort();
  }
}

// The binary multiplications in a small image, and those of the stem.
double products(const rbsf::ClassifierModel& model, int side) {
  const auto& stem = model.stem.window;
  side = stem.strided(side);
  double sum = double(side) * side * model.stem.outputs * stem.kernel * stem.kernel * 3;
  if (model.stem.pool) side = (side - 1) / rbsf::kStemPoolStride + 1;
  for (const rbsf::UnitModel& unit : model.units) {
    side = unit.window.strided(side);
    sum += double(side) * side * unit.outputs * (unit.taps() + unit.shortcut_inputs);
  }
  return sum;
}

// Equal in their bits, but for numbers that are none.
bool same(const std::vector<float>& left, const std::vector<float>& right) {
  for (size_t i = 0; i < left.size(); ++i)
    if (std::memcmp(&left[i], &right[i], sizeof(float)) != 0 &&
        !(std::isnan(left[i]) && std::isnan(right[i])))
      return false;
  return left.size() == right.size();
}

std::string run_classifier(const uint8_t* data, size_t size, uint32_t number) {
  const rbsf::ClassifierModel model = rbsf::read_classifier(data, size);
  const int side = 1 + int(number % 9), threads = 1 + int(number % 2);
  if (products(model, side) + double(model.channels()) * model.classes > kMostProducts)
    return "accepted";
  const auto image = noise_crops(1, side);
  const auto trace = [&](const char* path) {
    return rbsf::Classifier(model, path, threads).trace(image.data(), side, side);
  };
  const auto expected = trace("scalar");
  for (const rbsf::Kernels* path : rbsf::usable_paths()) {
    const auto got = trace(path->name);
    bool equal = same(got.stem, expected.stem) && same(got.logits, expected.logits);
    for (size_t i = 0; i < got.units.size(); ++i)
      equal = equal && got.units[i].bits == expected.units[i].bits &&
              got.units[i].sums == expected.units[i].sums &&
              same(got.units[i].values, expected.units[i].values);
    if (equal) continue;
    std::fprintf(stderr, "the classifier of path %s differs from scalar\n", path->name);
    std::abort();
  }
  return "ran";
}

std::string verdict(const uint8_t* data, size_t size, uint32_t number) {
  try {
    if (rbsf::open_frame(data, size).version == rbsf::kClassifierVersion)
      return run_classifier(data, size, number);
    const rbsf::Model model = rbsf::read_model(data, size);
    const int side = crop_side(model, 1 + int(number % 3)), threads = 1 + int(number % 2);
    if (model.head) run_head(model, int(number % 3), threads);
    if (side == 0 || products(model, side) > kMostProducts) return "accepted";
    run(model, side, threads);
    return "ran";
  } catch (const std::invalid_argument& refusal) {
    return std::string("refused ") + refusal.what();
  }
}

}  // namespace

#ifdef RBSF_LIBFUZZER
namespace {

uint32_t crc32(const uint8_t* data, size_t size) {
  uint32_t crc = ~0u;
  for (const uint8_t* end = data + size; data != end; ++data) {
    crc ^= *data;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ (crc & 1 ? 0xEDB88320u : 0);
  }
  return ~crc;
}

}  // namespace

// libFuzzer makes the files, guided by the code that they reach. No guess of its would get past the
// checksum, so it is made right here, as is the size.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* made, size_t size) {
  if (size < 24) return 0;
  const std::unique_ptr<uint8_t[]> data(new uint8_t[size]);
  std::memcpy(data.get(), made, size);
  const uint64_t whole = size;
  std::memcpy(data.get() + 16, &whole, sizeof whole);
  const uint32_t checksum = crc32(data.get() + 16, size - 16);
  std::memcpy(data.get() + 12, &checksum, sizeof checksum);
  if (checksum % 16 == 0) {  // to run a network takes far longer than to read it
    verdict(data.get(), size, checksum);
    return 0;
  }
  try {
    rbsf::read_model(data.get(), size);
  } catch (const std::invalid_argument&) {
  }
  return 0;
}
#else
int main() {
  uint32_t size;
  for (uint32_t number = 0; std::fread(&size, sizeof size, 1, stdin) == 1; ++number) {
    // The memory has exactly this size, so that the sanitizer detects a read past the end.
    const std::unique_ptr<uint8_t[]> data(new uint8_t[size]);
    if (std::fread(data.get(), 1, size, stdin) != size) return 1;
    std::puts(verdict(data.get(), size, number).c_str());
    std::fflush(stdout);
  }
}
#endif
