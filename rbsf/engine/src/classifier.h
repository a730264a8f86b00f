// A packed classifier, ready to run. RGB images of uint8 go in and float logits come out.
//
// Between them is one real map after another, [y][x][channel]. A unit takes the signs of its
// input's channels, counts the bits that differ from its filters, and adds what that gives to a
// shortcut. The binary convolutions are exact. All that is real is rounded to float32 after each
// operation and in one order, so every kernel path and every number of threads gives the same bits.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "classifier_model.h"
#include "dispatch.h"
#include "memory.h"
#include "pool.h"

namespace rbsf {

struct ImageSpace;

struct RealShape {
  int height, width, channels;
  size_t row() const { return static_cast<size_t>(width) * channels; }
  size_t size() const { return height * row(); }
};

// A unit as a kernel path runs it.
struct Unit {
  UnitModel model;
  BinaryShape shape;
  Bytes filters;                  // In the path's own order.
  std::vector<int32_t> tap_sums;  // [kernel][kernel][outputs], the sums over the inputs.
  MixShape mix;
  Bytes shortcut;  // The weights of the 1x1 convolution, padded as mix_row asks for.
};

class Classifier {
 public:
  // Throws std::invalid_argument if this machine has no such path.
  Classifier(const ClassifierModel& model, const std::string& path, int threads);
  ~Classifier();

  const Kernels& path() const { return kernels_; }
  int threads() const { return pool_->threads(); }
  int classes() const { return model_.classes; }

  // Turns RGB images [count][height][width][3] into logits [count][classes]. Several threads may
  // call it at once.
  void classify(const uint8_t* images, int count, int height, int width, float* logits);

  // What a unit makes of one image, for tests and profiles.
  struct UnitTrace {
    RealShape in, out;
    std::vector<uint8_t> bits;  // [height][width][channels] of its input, 0 or 1.
    std::vector<int32_t> sums;  // [height][width][channels] of its output: the binary sums.
    std::vector<float> values;  // The same of its output itself.
    double sign_seconds, shortcut_seconds, sum_seconds;
  };
  struct Trace {
    RealShape shape;  // Of the stem's map.
    std::vector<float> stem;
    std::vector<UnitTrace> units;
    std::vector<float> logits;
    double stem_seconds, last_seconds;
  };

  // Runs classify() on one image and records what it passes through.
  Trace trace(const uint8_t* image, int height, int width);

 private:
  std::unique_ptr<ImageSpace> borrow(int height, int width);
  void give_back(std::unique_ptr<ImageSpace> space);
  void run(const uint8_t* image, ImageSpace& space, float* logits, Trace* trace) const;
  void run_stem(const uint8_t* image, ImageSpace& space) const;
  void stem_row(ImageSpace& space, int y, int worker) const;
  void run_unit(size_t index, ImageSpace& space, UnitTrace* trace) const;
  void sign_row(size_t index, ImageSpace& space, int y) const;
  void shortcut_row(size_t index, ImageSpace& space, int y, int worker) const;
  void sum_row(size_t index, ImageSpace& space, int y, int worker, UnitTrace* trace) const;
  void run_last(ImageSpace& space, float* logits) const;

  const Kernels& kernels_;
  ClassifierModel model_;
  PointwiseShape stem_shape_;
  Bytes stem_weights_, last_weights_;
  std::vector<Unit> units_;
  std::unique_ptr<Pool> pool_;
  std::mutex mutex_;  // Guards idle_.
  std::unique_ptr<ImageSpace> idle_;
};

}  // namespace rbsf
