// Single bits in bytes that are packed with the lowest bit first.
#pragma once

#include <cstdint>
#include <cstring>

namespace rbsf {

inline bool bit_of(const uint8_t* bytes, int index) { return bytes[index / 8] >> (index % 8) & 1; }

// Puts a bit where there is a 0.
inline void put_bit(uint8_t* bytes, int index, bool bit) {
  bytes[index / 8] |= static_cast<uint8_t>(bit << (index % 8));
}

// Stores the first `bytes` bytes of a mask, or all four if there are more. Whole masks come first,
// because a copy of a length that the compiler does not know takes longer than making the mask.
inline void put_mask(uint32_t mask, int bytes, uint8_t* to) {
  if (bytes >= 4) {
    std::memcpy(to, &mask, 4);
    return;
  }
  for (int i = 0; i < bytes; ++i) to[i] = static_cast<uint8_t>(mask >> 8 * i);
}

}  // namespace rbsf
