// How a network runs:
//
//   1. The constructor turns each layer of the model into a Stage: its weights in the order of the
//      kernel path, its thresholds as limits.
//   2. embed() borrows a workspace and copies the crops into it.
//   3. run_layer() runs one layer after another. Threads share the rows of all crops.
//   4. exemplar_feature() and search() do the same with one crop. search() then runs the box head.
#include "network.h"

#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <string>
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
  if (model.head) head_ = std::make_unique<Head>(model, kernels_);
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
  for (size_t index = 0; index < stages_.size(); ++index) run_layer(index, *space, {features});
  give_back(std::move(space));
}

std::vector<uint8_t> Network::exemplar_feature(const uint8_t* crop, int size) {
  if (grid(size) != 1)
    throw std::invalid_argument("an exemplar's feature must have " + std::to_string(kCells) +
                                " rows of cells, but crops of " + std::to_string(size) + " have " +
                                std::to_string(grid(size) + kCells - 1));
  auto space = borrow(1, size);
  embed_bytes(crop, *space);
  const uint8_t* bytes = space->head->feature.bytes.data();
  std::vector<uint8_t> feature(bytes, bytes + head_->exemplar_size());
  give_back(std::move(space));
  return feature;
}

ExemplarKernels Network::exemplar(const std::vector<uint8_t>& feature) const {
  if (!head_) throw std::invalid_argument("this network has no box head");
  if (feature.size() != head_->exemplar_size())
    throw std::invalid_argument("an exemplar's feature has " +
                                std::to_string(head_->exemplar_size()) + " bytes, not " +
                                std::to_string(feature.size()));
  return head_->exemplar(feature.data());
}

void Network::search(const ExemplarKernels& exemplar, const uint8_t* crop, int size,
                     const float (&sizes)[2], float* maps) {
  grid(size);  // This checks the size.
  auto space = borrow(1, size);
  embed_bytes(crop, *space);
  head_->search(exemplar, sizes, *space->head, *pool_, maps);
  give_back(std::move(space));
}

int Network::grid(int size) const {
  if (!head_) throw std::invalid_argument("this network has no box head");
  const int side = shapes(size).back().height;
  if (side < kCells)
    throw std::invalid_argument("crops of " + std::to_string(size) + "x" + std::to_string(size) +
                                " are too small for this network's head");
  return side - kCells + 1;
}

void Network::embed_bytes(const uint8_t* crop, Workspace& space) const {
  std::memcpy(space.pixels.data(), crop, space.pixels.size());
  const FeatureOutput output{nullptr, space.head->feature.bytes.data(),
                             head_->feature_scale().data(), head_->feature_bias().data()};
  for (size_t index = 0; index < stages_.size(); ++index) run_layer(index, space, output);
}

void Network::run_layer(size_t index, Workspace& space, const FeatureOutput& features) const {
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
  return std::make_unique<Workspace>(stages_, kernels_, pool_->threads(), count, size,
                                     head_ ? &head_->model() : nullptr);
}

void Network::give_back(std::unique_ptr<Workspace> space) {
  std::lock_guard<std::mutex> lock(mutex_);
  if (idle_.size() >= kMostIdle) idle_.erase(idle_.begin());
  idle_.push_back(std::move(space));
}

}  // namespace rbsf
