// The box head, ready to run. The bytes of features go in, and maps of floats come out. What it
// computes is documented in rbsf/engine/packed_head.py, and in rbsf/engine/integer_head.py step by
// step.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "head_model.h"
#include "kernels.h"
#include "memory.h"
#include "model.h"
#include "pool.h"

namespace rbsf {

// A 1x1 layer, or a depth-wise one, on a kernel path.
template <typename Shape>
struct ByteLayer {
  Shape shape;
  Bytes weights;
  std::vector<float> scale, bias;
};
using Pointwise = ByteLayer<PointwiseShape>;
using Depthwise = ByteLayer<DepthwiseShape>;

// What the head computes from an exemplar, once. It belongs to the path of its head.
struct ExemplarKernels {
  Pointwise correlation;     // The features as filters. Their sums over cells are the response.
  int32_t correction;        // What centres that sum, see Head::exemplar().
  Pointwise pixel;           // The pixel-wise correlation.
  Depthwise depthwise;       // The depth-wise correlation.
  std::vector<float> gated;  // The scales of the layer that brings both to the grid.
};

// A map of bytes [height][width][channels], with `border` pixels of zeros around it.
struct ByteMap {
  ByteMap(int side, int channels, int border = 0);
  uint8_t* at(int y, int x) { return bytes.data() + offset(y + border, x + border); }
  // The rows from (y, x) on, which may lie in the border, counted from the given channel.
  ByteRows rows(int y, int x, int channel = 0) const;

  int side, channels, border;
  Bytes bytes;

 private:
  size_t offset(int y, int x) const {
    return (static_cast<size_t>(y) * (side + 2 * border) + x) * channels;
  }
};

// The memory that one call works in, for features of size x size.
struct HeadSpace {
  HeadSpace(const HeadModel& model, int features, int size, int threads);

  int grid;            // The rows of the response.
  ByteMap feature;     // [size][size][features]
  Bytes products;      // [size][size][padded outputs], int32: features times exemplar cells.
  ByteMap correlated;  // [size][size][36 + C]: the pixel-wise correlation, and the search's map.
  ByteMap joined;      // [grid][grid][36 + 2 C]: these on the grid, and depth-wise correlated.
  ByteMap mixed;       // [grid][grid][C]
  ByteMap halves[2];   // [grid][grid][C]: what each tower gives half-way.
  std::vector<Bytes> sums, scratch, rows, reals;  // One each for a thread.
};

class Head {
 public:
  Head(const Model& model, const Kernels& kernels);

  int features() const { return of_search_.shape.inputs; }
  size_t exemplar_size() const { return size_t(kCells) * kCells * features(); }  // In bytes.
  const HeadModel& model() const { return model_; }

  // The scale and bias that turn the sums of the backbone's last layer into bytes.
  const std::vector<float>& feature_scale() const { return feature_scale_; }
  const std::vector<float>& feature_bias() const { return feature_bias_; }

  // Prepares an exemplar from the bytes of its feature, [kCells][kCells][features].
  ExemplarKernels exemplar(const uint8_t* feature) const;

  // Computes the maps, [kMaps][grid][grid]: the response, the logits of target and quality, and
  // four codes of boxes. The space holds the search's feature. `sizes` are the logarithms of the
  // believed width and height.
  void search(const ExemplarKernels& exemplar, const float (&sizes)[2], HeadSpace& space,
              Pool& pool, float* maps) const;
  static constexpr int kMaps = 1 + kPlaceMaps + kSizeMaps;

 private:
  struct Tower {
    Depthwise deep[2];
    Pointwise wide[2];
    std::vector<float> answer, bias;
    int maps;
  };

  Pointwise pointwise(int inputs, int outputs, const int8_t* weights) const;
  Depthwise depthwise(int channels, int kernel, const int8_t* weights) const;
  Pointwise pointwise(int inputs, const HeadLayer& layer) const;
  Depthwise depthwise(int kernel, const HeadLayer& layer) const;
  Tower tower(const TowerModel& model, int maps) const;

  void correlate_row(const ExemplarKernels& exemplar, HeadSpace& space, int y, int worker) const;
  void mix_row(const ExemplarKernels& exemplar, const std::vector<float>& bias, HeadSpace& space,
               int y, int worker, float* maps) const;
  void first_half_row(const Tower& tower, ByteMap& to, HeadSpace& space, int y, int worker) const;
  void second_half_row(const Tower& tower, const ByteMap& from, HeadSpace& space, int y, int worker,
                       float* maps) const;

  // Runs a layer on a row, from the sums to bytes at to[x * stride].
  const int32_t* sum(const Pointwise& layer, const ByteRows& input, int width, HeadSpace& space,
                     int worker) const;
  const int32_t* sum(const Depthwise& layer, const ByteRows& input, int width, HeadSpace& space,
                     int worker) const;
  template <typename Layer>
  void run(const Layer& layer, const std::vector<float>& scale, const ByteRows& input, int width,
           HeadSpace& space, int worker, uint8_t* to, size_t stride) const;

  const Kernels& kernels_;
  const HeadModel model_;
  std::vector<float> feature_scale_, feature_bias_;
  float gain_, bias_;
  Pointwise of_exemplar_, of_search_, mix_;
  Depthwise to_grid_;
  Tower place_, size_;
};

}  // namespace rbsf
