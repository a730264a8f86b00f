// A packed network, ready to run. RGB crops of uint8 go in and float features come out. Between
// them there are only integers and bits.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "dispatch.h"
#include "head.h"
#include "model.h"
#include "pool.h"
#include "stage.h"

namespace rbsf {

struct FeatureOutput;
struct Workspace;

class Network {
 public:
  // Throws std::invalid_argument if this machine has no such path.
  Network(const Model& model, const std::string& path, int threads);
  ~Network();

  const Kernels& path() const { return kernels_; }
  int threads() const { return pool_->threads(); }

  // The output shape of every layer for crops of size x size. Throws std::invalid_argument if a map
  // has no pixel left.
  std::vector<MapShape> shapes(int size) const;

  // Turns RGB crops [count][size][size][3] into features [count][channels][height][width]. Several
  // threads may call it at once.
  void embed(const uint8_t* crops, int count, int size, float* features);

  bool has_head() const { return head_ != nullptr; }

  // Turns an exemplar crop [size][size][3] into the bytes of its feature,
  // [kCells][kCells][features]. Throws std::invalid_argument if there is no head, or if the feature
  // of such a crop is not kCells x kCells.
  std::vector<uint8_t> exemplar_feature(const uint8_t* crop, int size);

  // Prepares an exemplar for search(), from the bytes of a feature. Throws std::invalid_argument if
  // there is no head, or if that is not their number.
  ExemplarKernels exemplar(const std::vector<uint8_t>& feature) const;

  // Looks for an exemplar of this network in a crop [size][size][3], and writes the maps of
  // Head::search(), each [grid(size)][grid(size)]. `sizes` are the logarithms of the believed width
  // and height. Several threads may call it at once.
  void search(const ExemplarKernels& exemplar, const uint8_t* crop, int size,
              const float (&sizes)[2], float* maps);

  // The rows of the maps for crops of size x size. Throws std::invalid_argument if there is no
  // head, or if the feature is smaller than an exemplar's.
  int grid(int size) const;

  // What embed() passes through. It is for tests and profiles (trace.cpp).
  struct Trace {
    std::vector<std::vector<uint8_t>> maps;  // Of each layer but the last, see below.
    std::vector<float> features;
    std::vector<double> seconds;  // Of each layer.
  };

  // Runs embed() and records each layer's map as [count][channels][height][width] of 0 and 1, or
  // of levels 0 to 3.
  Trace trace(const uint8_t* crops, int count, int size);

  // Runs the same for crops of size x size, but from the given map of the first layer on.
  Trace trace_bits(const uint8_t* first, int count, int size);

 private:
  std::unique_ptr<Workspace> borrow(int count, int size);
  void give_back(std::unique_ptr<Workspace> space);
  void run_layer(size_t index, Workspace& space, const FeatureOutput& features) const;
  void embed_bytes(const uint8_t* crop, Workspace& space) const;
  Trace trace_from(size_t first, Workspace& space) const;

  const Kernels& kernels_;
  std::vector<Stage> stages_;
  std::unique_ptr<Head> head_;  // Null if the network only embeds.
  std::unique_ptr<Pool> pool_;
  std::mutex mutex_;  // Guards idle_.
  std::vector<std::unique_ptr<Workspace>> idle_;
};

}  // namespace rbsf
