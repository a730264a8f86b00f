// What embed() passes through, for tests and profiles:
//
//   1. trace() starts with pixels. trace_bits() packs the given map into the first layer's planes.
//   2. trace_from() runs the layers that are left, times each, and unpacks its planes.
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <utility>
#include <vector>

#include "bits.h"
#include "layer_pass.h"
#include "network.h"
#include "workspace.h"

namespace rbsf {
namespace {

// Visits all values of a layer's map in the order [crop][channel][y][x]. `visit` gets, for each
// digit, the bytes in the planes that hold a pixel's channels, and which of their bits the
// channel's is.
template <typename Visit>
void for_each_value(const Stage& stage, size_t index, Workspace& space, const Visit& visit) {
  const MapShape map = space.shapes[index].pooled;
  const size_t area = static_cast<size_t>(map.height) * map.width;
  const int digits = stage.layer.digits();
  for (int crop = 0; crop < space.count; ++crop)
    for (int channel = 0; channel < map.channels; ++channel) {
      const int group = channel / stage.plane_channels();
      const size_t plane_size = area * stage.plane_bytes();
      const size_t plane = (static_cast<size_t>(crop) * stage.next_groups + group) * digits;
      uint8_t* bytes[kLevelDigits] = {space.planes[index].data() + plane * plane_size};
      if (digits > 1) bytes[1] = bytes[0] + plane_size;
      for (size_t pixel = 0; pixel < area; ++pixel) {
        visit(bytes, channel % stage.plane_channels());
        for (int digit = 0; digit < digits; ++digit) bytes[digit] += stage.plane_bytes();
      }
    }
}

std::vector<uint8_t> unpack_map(const Stage& stage, size_t index, Workspace& space) {
  std::vector<uint8_t> values;
  for_each_value(stage, index, space, [&](uint8_t** bytes, int bit) {
    int value = bit_of(bytes[0], bit);
    if (stage.layer.digits() > 1) value += 2 * bit_of(bytes[1], bit);
    values.push_back(static_cast<uint8_t>(value));
  });
  return values;
}

}  // namespace

Network::Trace Network::trace(const uint8_t* crops, int count, int size) {
  auto space = borrow(count, size);
  std::memcpy(space->pixels.data(), crops, space->pixels.size());
  Trace trace = trace_from(0, *space);
  give_back(std::move(space));
  return trace;
}

Network::Trace Network::trace_bits(const uint8_t* first, int count, int size) {
  auto space = borrow(count, size);
  std::memset(space->planes[0].data(), 0, space->planes[0].size());
  const bool levels = stages_[0].layer.digits() > 1;
  for_each_value(stages_[0], 0, *space, [&](uint8_t** bytes, int bit) {
    const int value = *first++;
    put_bit(bytes[0], bit, levels ? value & 1 : value != 0);
    if (levels) put_bit(bytes[1], bit, value >> 1 & 1);
  });
  Trace trace = trace_from(1, *space);
  give_back(std::move(space));
  return trace;
}

Network::Trace Network::trace_from(size_t first, Workspace& space) const {
  Trace trace;
  const MapShape last = space.shapes.back().pooled;
  trace.features.resize(static_cast<size_t>(space.count) * last.channels * last.height *
                        last.width);
  for (size_t index = first; index < stages_.size(); ++index) {
    const auto start = std::chrono::steady_clock::now();
    run_layer(index, space, {trace.features.data()});
    const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - start;
    trace.seconds.push_back(passed.count());
    if (!stages_[index].layer.real) trace.maps.push_back(unpack_map(stages_[index], index, space));
  }
  return trace;
}

}  // namespace rbsf
