// How a network runs:
//
//   1. The constructor turns each layer of the model into a Stage: its weights in the order of the
//      kernel path, its thresholds as limits.
//   2. embed() borrows a workspace and copies the crops into it.
//   3. run_layer() runs one layer after another. Threads share the rows of all crops.
#include "network.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "layer_pass.h"
#include "workspace.h"

namespace rbsf {
namespace {

constexpr int kRowsAnItem = 4;  // The output rows that a thread takes at a time.

// Each caller uses two sizes, those of exemplar and search crops. This is enough for two callers.
constexpr size_t kMostIdle = 4;

}  // namespace

Network::Network(const Model& model, const std::string& path, int threads)
    : kernels_(find_path(path)), pool_(std::make_unique<Pool>(threads)) {
  const size_t count = model.layers.size();
  for (size_t index = 0; index < count; ++index) {
    const int next_groups = index + 1 < count ? model.layers[index + 1].groups : 1;
    stages_.push_back(make_stage(model.layers[index], next_groups, kernels_));
  }
}

Network::~Network() = default;

std::vector<MapShape> Network::shapes(int size) const {
  std::vector<MapShape> outputs;
  for (const LayerShapes& shapes : layer_shapes(stages_, size)) outputs.push_back(shapes.pooled);
  return outputs;
}

void Network::embed(const uint8_t* crops, int count, int size, float* features) {
  if (!count) return;
  auto space = borrow(count, size);
  std::memcpy(space->pixels.data(), crops, space->pixels.size());
  for (size_t index = 0; index < stages_.size(); ++index) run_layer(index, *space, features);
  give_back(std::move(space));
}

void Network::run_layer(size_t index, Workspace& space, float* features) const {
  const LayerPass pass(kernels_, stages_[index], index, space, features);
  const int conv_rows = space.shapes[index].conv.height, rows = space.shapes[index].pooled.height;
  const int parts = (conv_rows + kRowsAnItem - 1) / kRowsAnItem;  // The items of one crop.
  pool_->run(space.count * parts, [&](int item, int worker) {
    const int first = item % parts * kRowsAnItem, end = std::min(first + kRowsAnItem, conv_rows);
    for (int y = first; y < end; ++y) pass.convolve_row(item / parts, y, worker);
  });
  if (stages_[index].layer.real) return;
  pool_->run(space.count * rows,
             [&](int item, int worker) { pass.finish_row(item / rows, item % rows, worker); });
}

std::unique_ptr<Workspace> Network::borrow(int count, int size) {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    for (auto& space : idle_)
      if (space->count == count && space->size == size) {
        std::swap(space, idle_.back());
        auto taken = std::move(idle_.back());
        idle_.pop_back();
        return taken;
      }
  }
  return std::make_unique<Workspace>(stages_, kernels_, pool_->threads(), count, size);
}

void Network::give_back(std::unique_ptr<Workspace> space) {
  std::lock_guard<std::mutex> lock(mutex_);
  if (idle_.size() >= kMostIdle) idle_.erase(idle_.begin());
  idle_.push_back(std::move(space));
}

}  // namespace rbsf
