// The largest sizes that the engine accepts. model.cpp refuses a packed file, and module.cpp
// refuses crops, beyond them. The kernels rely on them for the sizes of their buffers and the
// widths of their sums, so a larger limit may need wider sums: the assertions below say which.
#pragma once

#include <cstdint>

namespace rbsf {

// Of a packed file.
constexpr int kMaxLayers = 32;
constexpr int kMaxChannels = 4096;
constexpr int kMaxKernel = 15;        // The rows of a filter, and its columns.
constexpr int kMaxStride = 4;         // A tracker's binary layers have none.
constexpr int kMaxTaps = 32768;       // The products in one sum of a binary layer on bits.
constexpr int kMaxLevelTaps = 16384;  // The same of a binary layer on levels.

// Of a box head.
constexpr int kMaxHeadChannels = 1024;       // Those of the features too.
constexpr float kMaxHeadNumber = 1048576.0;  // 2^20. Every float is at most this in magnitude.

// Of a classifier.
constexpr int kMaxUnits = 256;
constexpr int kMaxClasses = 65536;

// Of a call.
constexpr int kMaxCropSide = 4096;
constexpr int kMaxCrops = 65536;
constexpr int kMaxThreads = 256;

// Counts of differing bits have 16 bits, and so have their limits, which can be one above any
// count. On levels a bit of the higher digit counts twice, so a tap counts 3 at most.
static_assert(kMaxTaps + 1 <= UINT16_MAX, "counts of differing bits and their limits fit 16 bits");
static_assert(3 * kMaxLevelTaps + 1 <= UINT16_MAX, "counts on levels and their limits do, too");

// A sum on pixels has 32 bits. No sum reaches INT32_MAX, which serves as an unreachable threshold.
static_assert(int64_t{3} * kMaxKernel * kMaxKernel * 255 * 127 < INT32_MAX, "sums fit 32 bits");

// A response is the sum over 36 cells of the products of two features, of which the search's are 0
// to 255 before 128 is taken from them. No other sum in the head is as large.
static_assert(int64_t{36} * kMaxHeadChannels * 255 * 127 < INT32_MAX,
              "sums in the head fit 32 bits");

}  // namespace rbsf
