// Single bits in bytes that are packed with the lowest bit first.
#pragma once

#include <cstdint>

namespace rbsf {

inline bool bit_of(const uint8_t* bytes, int index) { return bytes[index / 8] >> (index % 8) & 1; }

// Puts a bit where there is a 0.
inline void put_bit(uint8_t* bytes, int index, bool bit) {
  bytes[index / 8] |= static_cast<uint8_t>(bit << (index % 8));
}

}  // namespace rbsf
