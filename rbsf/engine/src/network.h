// A packed network, ready to run: uint8 crops in, float features out, integers and bits between.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "dispatch.h"
#include "model.h"
#include "pool.h"

namespace rbsf {

// Channels, rows and columns of a layer's output after its pool.
struct MapShape {
  int channels, height, width;
};

class Network {
 public:
  // Throws std::invalid_argument for a path that is not on this machine.
  Network(const Model& model, const std::string& path, int threads);
  ~Network();

  const Kernels& path() const { return kernels_; }
  int threads() const { return pool_->threads(); }

  // Every layer's output shape for crops of size x size. Throws where a map has nothing left.
  std::vector<MapShape> shapes(int size) const;

  // RGB crops [count][size][size][3] -> features [count][channels][height][width].
  void embed(const uint8_t* crops, int count, int size, float* features);

  // What embed() passes through: for each layer with bits its map, [count][channels][h][w] of 0 and
  // 1; then the features.
  struct Trace {
    std::vector<std::vector<uint8_t>> maps;
    std::vector<float> features;
    std::vector<double> seconds;  // of each layer
  };
  Trace trace(const uint8_t* crops, int count, int size);

  // The same from the first layer's bits on, [count][channels][h][w] of 0 and 1, for crops of
  // `size`.
  Trace trace_bits(const uint8_t* first, int count, int size);

 private:
  struct Stage;      // a layer, its weights as the path reads them
  struct Workspace;  // the maps of one call

  static std::vector<uint64_t> raw_flips(const Stage& stage);
  std::unique_ptr<Workspace> borrow(int count, int size);
  void give_back(std::unique_ptr<Workspace> workspace);
  void run_layer(size_t index, Workspace& space, const uint8_t* crops, float* features) const;
  void run(const uint8_t* crops, const uint8_t* first, int count, int size, float* features,
           Trace* trace);

  const Kernels& kernels_;
  std::vector<Stage> stages_;
  std::unique_ptr<Pool> pool_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<Workspace>> idle_;
};

}  // namespace rbsf
