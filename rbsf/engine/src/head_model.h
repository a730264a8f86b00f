// The content of a packed box head, and its reader. rbsf/engine/packed_head.py documents both.
#pragma once

#include <cstdint>
#include <vector>

namespace rbsf {

class Reader;
struct Model;

constexpr int kCells = 6;        // The rows of an exemplar's feature, and its columns.
constexpr int kTowerKernel = 5;  // The rows of a depth-wise kernel in a tower, and its columns.
constexpr int kPlaceMaps = 2, kSizeMaps = 4;

// A layer with 8-bit weights: [outputs][inputs], or [channels][kernel][kernel] if it is depth-wise.
struct HeadLayer {
  std::vector<int8_t> weights;
  std::vector<float> scale, bias;  // [outputs]
};

// Depth-wise, 1x1, depth-wise, 1x1, and then the answers in floats.
struct TowerModel {
  HeadLayer layers[4];
  std::vector<float> answer, answer_bias;  // [maps][channels], [maps]
};

struct HeadModel {
  int channels;
  float feature_step, pixel_scale;
  HeadLayer of_exemplar, of_search;
  std::vector<float> gate, gate_bias;  // [channels][channels], [channels]
  HeadLayer to_grid;
  std::vector<float> correlated_scale, correlated_bias;  // [channels]
  HeadLayer mix;
  std::vector<float> beside;  // [channels][3]
  TowerModel place, size;
};

// Reads the head of a model whose layers have been read. Throws std::invalid_argument with one line
// that says why, unless it is whole and all of its numbers are in range.
HeadModel read_head(Reader& reader, const Model& model);

}  // namespace rbsf
