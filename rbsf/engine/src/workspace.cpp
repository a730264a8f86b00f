#include "workspace.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace rbsf {
namespace {

size_t raw_row_bytes(const Stage& stage, const LayerShapes& shapes) {
  return static_cast<size_t>(shapes.conv.width) * stage.raw_bytes();
}

size_t raw_map_bytes(const Stage& stage, const LayerShapes& shapes) {
  if (stage.layer.real) return 0;
  return shapes.conv.height * raw_row_bytes(stage, shapes);
}

size_t plane_map_bytes(const Stage& stage, const LayerShapes& shapes) {
  if (stage.layer.real) return 0;
  const size_t pixels = static_cast<size_t>(shapes.pooled.height) * shapes.pooled.width;
  return pixels * stage.next_groups * stage.layer.digits() * stage.plane_bytes();
}

size_t counts_bytes(const Stage& stage, const LayerShapes& shapes) {
  if (!stage.layer.binary) return 0;
  return static_cast<size_t>(shapes.conv.width) * stage.binary.padded_filters() * sizeof(uint16_t);
}

// The convolution needs what its kernel asks for. The last layer needs the sums of a pixel. The
// pool needs a raw row and what it becomes, and the digits of that take no more than the raw row.
size_t scratch_bytes(const Stage& stage, const LayerShapes& shapes, const Kernels& kernels) {
  const int width = shapes.conv.width;
  const size_t convolution = stage.layer.binary
                                 ? stage.counting(kernels).scratch_bytes(stage.binary, width)
                                 : pixel_scratch(width);
  const size_t sums = stage.layer.real ? sizeof(int32_t) * stage.group_outputs() : 0;
  return std::max({convolution, sums, 2 * raw_row_bytes(stage, shapes)});
}

}  // namespace

Workspace::Workspace(const std::vector<Stage>& stages, const Kernels& kernels, int threads,
                     int crop_count, int crop_size, const HeadModel* model)
    : count(crop_count),
      size(crop_size),
      shapes(layer_shapes(stages, size)),
      pixels(static_cast<size_t>(count) * size * size * 3) {
  size_t most_counts = 0, most_scratch = 0;
  for (size_t index = 0; index < stages.size(); ++index) {
    raw.emplace_back(count * raw_map_bytes(stages[index], shapes[index]));
    planes.emplace_back(count * plane_map_bytes(stages[index], shapes[index]));
    most_counts = std::max(most_counts, counts_bytes(stages[index], shapes[index]));
    most_scratch = std::max(most_scratch, scratch_bytes(stages[index], shapes[index], kernels));
  }
  for (int worker = 0; worker < threads; ++worker) {
    counts.emplace_back(most_counts);
    scratch.emplace_back(most_scratch);
  }
  const MapShape feature = shapes.back().pooled;
  if (model && feature.height >= kCells)
    head = std::make_unique<HeadSpace>(*model, feature.channels, feature.height, threads);
}

}  // namespace rbsf
