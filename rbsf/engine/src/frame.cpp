#include "frame.h"

#include <array>
#include <cstring>
#include <string>

namespace rbsf {
namespace {

constexpr uint8_t kMagic[8] = {0x89, 'R', 'B', 'S', 'F', 0x0D, 0x0A, 0x1A};
constexpr size_t kFrame = 24;    // The bytes of all of it.
constexpr size_t kChecked = 16;  // The checksum covers everything from this byte on.

// The CRC-32 that zlib computes. Its polynomial, reflected, is 0xEDB88320.
uint32_t crc32(const uint8_t* data, size_t size) {
  static const std::array<uint32_t, 256> table = [] {
    std::array<uint32_t, 256> t{};
    for (uint32_t i = 0; i < 256; ++i) {
      uint32_t c = i;
      for (int k = 0; k < 8; ++k) c = (c & 1) ? 0xEDB88320u ^ (c >> 1) : c >> 1;
      t[i] = c;
    }
    return t;
  }();
  uint32_t c = 0xFFFFFFFFu;
  for (size_t i = 0; i < size; ++i) c = table[(c ^ data[i]) & 0xFF] ^ (c >> 8);
  return c ^ 0xFFFFFFFFu;
}

}  // namespace

Frame open_frame(const uint8_t* data, size_t size) {
  if (size < sizeof kMagic || std::memcmp(data, kMagic, sizeof kMagic) != 0)
    refuse("it is not a packed network");
  if (size < kFrame) refuse("it ends too early");
  Reader reader(data + sizeof kMagic, size - sizeof kMagic);
  const auto version = reader.one<uint32_t>();
  if (version < kBitsVersion || version > kClassifierVersion)
    refuse("it has version " + std::to_string(version) + ", but this package reads versions " +
           std::to_string(kBitsVersion) + " to " + std::to_string(kClassifierVersion));
  const auto checksum = reader.one<uint32_t>();
  const auto whole = reader.one<uint64_t>();
  if (whole != size)
    refuse("it has " + std::to_string(size) + " bytes, but must have " + std::to_string(whole));
  if (crc32(data + kChecked, size - kChecked) != checksum) refuse("its checksum does not match");
  return {version, reader};
}

bool padded_with_zeros(const uint8_t* bytes, size_t count) {
  return count % 8 == 0 || (bytes[count / 8] >> (count % 8)) == 0;
}

}  // namespace rbsf
