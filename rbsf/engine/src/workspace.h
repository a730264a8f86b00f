// The memory that one call of Network::embed() works in, for a number of crops of one size.
#pragma once

#include <memory>
#include <vector>

#include "head.h"
#include "kernels.h"
#include "memory.h"
#include "stage.h"

namespace rbsf {

static_assert(kReadAfterRow <= kCacheLine && kReadAfterPixels <= kCacheLine,
              "what kernels read after pixels and planes is the line that Bytes adds");

struct Workspace {
  // `model` is that of the network's head, null if it has none. Throws std::invalid_argument if the
  // crops are too small for the layers.
  Workspace(const std::vector<Stage>& stages, const Kernels& kernels, int threads, int count,
            int size, const HeadModel* model);

  int count, size;                  // The number of crops, and the rows and columns of each.
  std::vector<LayerShapes> shapes;  // One for each layer.

  // [count][size][size][3]. The crops are copied here, because kernels read past their end.
  Bytes pixels;

  // One for each layer. The layouts are described in stage.h. The last layer has neither raw bits
  // nor planes.
  std::vector<Bytes> raw;
  std::vector<Bytes> planes;

  // Null without a head, and for features that are smaller than an exemplar's.
  std::unique_ptr<HeadSpace> head;

  // One for each thread, large enough for an output row of any layer.
  std::vector<Bytes> counts;
  std::vector<Bytes> scratch;
};

}  // namespace rbsf
