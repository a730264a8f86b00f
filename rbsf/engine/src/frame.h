// What all packed files begin with: the magic number, the version, the checksum and the size.
#pragma once

#include <cstddef>
#include <cstdint>

#include "reader.h"

namespace rbsf {

constexpr uint32_t kBitsVersion = 1;        // The outputs of all layers but the last are bits.
constexpr uint32_t kLevelsVersion = 2;      // Some of them are levels.
constexpr uint32_t kHeadVersion = 3;        // A box head follows the layers.
constexpr uint32_t kClassifierVersion = 4;  // A residual network that classifies.
constexpr uint32_t kMaxMetadata = 65536;    // The bytes of the metadata.

struct Frame {
  uint32_t version;
  Reader content;  // It stands behind the size.
};

// Verifies what a file begins with. Throws std::invalid_argument with one line that says why,
// unless the file is whole, unaltered and of a version that this package knows.
Frame open_frame(const uint8_t* data, size_t size);

// Whether the bits after the first `count` of a row of bytes are 0. They must be, so that a network
// has only one file.
bool padded_with_zeros(const uint8_t* bytes, size_t count);

}  // namespace rbsf
