// One layer of one call, row by row:
//
//   1. convolve_row computes a row of the convolution. A layer on pixels needs one call of a kernel
//      for it. A binary layer counts the differing bits, group by group. The last layer turns the
//      counts into features, every other layer compares them with its limits, which gives raw bits.
//   2. finish_row makes a row of planes from raw bits: it pools them, turns the steps into digits,
//      flips these, and splits them into the planes that the groups of the next layer read.
//
// The first step must be done for all rows before the second begins, because a pooled row needs
// several rows of raw bits. Within a step, several workers can compute rows at once and in any
// order. Each worker has its own memory for counts and scratch.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels.h"
#include "stage.h"
#include "workspace.h"

namespace rbsf {

// Where the last layer writes features: as reals, [crop][channel][y][x], or as the bytes that a box
// head reads, [crop][y][x][channel]. Bytes are sums that a scale and a bias of each channel turn
// into steps.
struct FeatureOutput {
  float* reals;
  uint8_t* bytes = nullptr;
  const float* scale = nullptr;
  const float* bias = nullptr;
};

class LayerPass {
 public:
  // Layer `index` of the workspace's call. The last layer writes `features`.
  LayerPass(const Kernels& kernels, const Stage& stage, size_t index, Workspace& space,
            const FeatureOutput& features);

  void convolve_row(int crop, int y, int worker) const;
  void finish_row(int crop, int y, int worker) const;

 private:
  void convolve_pixels(int crop, int y, int worker) const;
  void count_differing(int crop, int group, int y, int worker) const;
  void write_features(int crop, int group, int y, const uint16_t* counts) const;
  void write_feature_bytes(int crop, int group, int y, const uint16_t* counts, int worker) const;
  void write_raw_bits(int crop, int group, int y, const uint16_t* counts) const;
  void write_plane_row(int crop, int group, int digit, int y, const uint64_t* row) const;
  uint8_t* raw_row(int crop, int y) const;
  size_t raw_row_words() const { return static_cast<size_t>(conv_.width) * stage_.raw_words(); }

  const Kernels& kernels_;
  const Stage& stage_;
  const Layer& layer_;
  const size_t index_;
  Workspace& space_;
  const FeatureOutput features_;
  const MapShape conv_, pooled_;
};

}  // namespace rbsf
