// Reads packed files from standard input, each behind its size (u32), and tells in a line what
// became of it: "refused" and why, "accepted", or "ran" where running it on every kernel path was
// cheap. All paths must agree. Built with sanitizers and fed by rbsf/engine/fuzz.py.
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <stdexcept>
#include <string>

#include "network.h"

namespace {

constexpr double kMostProducts = 1e6;  // in one crop: sanitizers are slow

// Side of crops of which `last` x `last` features are left.
int crop_side(const rbsf::Model& model, int last) {
  int64_t side = last;
  for (auto layer = model.layers.rbegin(); layer != model.layers.rend(); ++layer)
    side = ((layer->pool ? 2 * side + 1 : side) - 1) * layer->stride + layer->kernel;
  return side > 4096 ? 0 : static_cast<int>(side);
}

double products(const rbsf::Model& model, int side) {
  double sum = 0;
  for (const rbsf::Layer& layer : model.layers) {
    side = (side - layer.kernel) / layer.stride + 1;
    sum += double(side) * side * layer.outputs * layer.taps();
    if (layer.pool) side = (side - 3) / 2 + 1;
  }
  return sum;
}

void run(const rbsf::Model& model, int side, int threads) {
  constexpr int crops = 2;
  std::vector<uint8_t> pixels(size_t(crops) * side * side * 3);
  uint32_t noise = 1;
  for (uint8_t& pixel : pixels) pixel = uint8_t((noise = noise * 1664525u + 1013904223u) >> 24);
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

std::string verdict(const uint8_t* data, size_t size, uint32_t number) {
  try {
    const rbsf::Model model = rbsf::read_model(data, size);
    const int side = crop_side(model, 1 + int(number % 3));
    if (side == 0 || products(model, side) > kMostProducts) return "accepted";
    run(model, side, 1 + int(number % 2));
    return "ran";
  } catch (const std::invalid_argument& refusal) {
    return std::string("refused ") + refusal.what();
  }
}

}  // namespace

int main() {
  uint32_t size;
  for (uint32_t number = 0; std::fread(&size, sizeof size, 1, stdin) == 1; ++number) {
    const std::unique_ptr<uint8_t[]> data(new uint8_t[size]);  // a byte more is out of bounds
    if (std::fread(data.get(), 1, size, stdin) != size) return 1;
    std::puts(verdict(data.get(), size, number).c_str());
    std::fflush(stdout);
  }
}
