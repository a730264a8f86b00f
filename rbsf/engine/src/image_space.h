// The memory that a classifier works in for one image of a size.
#pragma once

#include <cstdint>
#include <vector>

#include "classifier.h"
#include "memory.h"

namespace rbsf {

// What the sums of a unit start from. Where the border is a real zero, a window that reaches beyond
// the map has fewer terms. So it has its own offsets, see image_space.cpp.
struct Offsets {
  std::vector<int> rows, columns;  // Of each output row and column, its class.
  int column_classes;
  std::vector<int32_t> values;  // [class of rows][class of columns][outputs]

  const int32_t* at(int row_class, int column_class, int outputs) const {
    return &values[(static_cast<size_t>(row_class) * column_classes + column_class) * outputs];
  }
};

struct ImageSpace {
  ImageSpace(const ClassifierModel& model, const std::vector<Unit>& units, const Kernels& kernels,
             int threads, int image_height, int image_width);

  // The map that unit `index` reads. It takes the place of the one that came three units before.
  float* map(size_t index) { return maps[index % 3].as<float>(); }

  int height, width;              // Of the image.
  RealShape wide;                 // The stem's map before its pool.
  std::vector<RealShape> shapes;  // That of the map that each unit reads, and of the last map.

  Bytes pixels;               // The image and the border around it, [height + 2 p][width + 2 p][3].
  Bytes unpooled;             // The stem's map before its pool, if it has one.
  Bytes maps[3];              // See map().
  std::vector<Bytes> planes;  // Of each unit, its bits and the border around them.
  std::vector<Offsets> offsets;  // Of each unit.

  // One for each thread, large enough for a row of the stem or of any unit.
  std::vector<Bytes> counts, scratch, reals;
};

}  // namespace rbsf
