#include "image_space.h"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <utility>

#include "bits.h"

namespace rbsf {
namespace {

struct Taps {
  int first, end;  // The rows, or columns, of a kernel that lie on the map.
  bool operator==(const Taps& other) const { return first == other.first && end == other.end; }
};

// The class of each of `outputs` windows over `side` pixels, and the taps of each class.
std::vector<int> classify_windows(const Window& window, int side, std::vector<Taps>& classes) {
  std::vector<int> found;
  for (int i = 0; i < window.strided(side); ++i) {
    const int start = window.padding() - i * window.stride;
    const Taps taps{std::max(0, start), std::min(window.kernel, side + start)};
    const auto known = std::find(classes.begin(), classes.end(), taps);
    found.push_back(static_cast<int>(known - classes.begin()));
    if (known == classes.end()) classes.push_back(taps);
  }
  return found;
}

// With K taps, of which c differ, the bits give S = K - 2c. If the border is a real zero, its bits
// are 0, which stands for -1, so that S holds -w for each tap w beyond the map. Adding their sum to
// K makes S the sum of the other taps.
Offsets make_offsets(const Unit& unit, const RealShape& in) {
  const UnitModel& model = unit.model;
  std::vector<Taps> rows{{0, model.window.kernel}}, columns = rows;
  Offsets made;
  if (model.border == Border::kZero) {
    made.rows = classify_windows(model.window, in.height, rows);
    made.columns = classify_windows(model.window, in.width, columns);
  } else {
    made.rows.resize(model.window.strided(in.height));
    made.columns.resize(model.window.strided(in.width));
  }
  made.column_classes = static_cast<int>(columns.size());
  for (const Taps& row : rows)
    for (const Taps& column : columns) {
      made.values.resize(made.values.size() + model.outputs, model.taps());
      int32_t* const offsets = &made.values[made.values.size() - model.outputs];
      for (int ky = 0, tap = 0; ky < model.window.kernel; ++ky)
        for (int kx = 0; kx < model.window.kernel; ++kx, ++tap) {
          if (ky >= row.first && ky < row.end && kx >= column.first && kx < column.end) continue;
          const int32_t* sums = &unit.tap_sums[static_cast<size_t>(tap) * model.outputs];
          for (int f = 0; f < model.outputs; ++f) offsets[f] += sums[f];
        }
    }
  return made;
}

// A plane whose pixels are all border; the signs are then written into its middle.
Bytes make_plane(const Unit& unit, const RealShape& in) {
  const int around = 2 * unit.model.window.padding();
  const size_t pixels = static_cast<size_t>(in.height + around) * (in.width + around);
  Bytes plane(pixels * unit.shape.channel_bytes);
  if (unit.model.border != Border::kPlus) return plane;
  std::vector<uint8_t> pixel(unit.shape.channel_bytes);
  for (int c = 0; c < in.channels; ++c) put_bit(pixel.data(), c, true);
  for (size_t i = 0; i < pixels; ++i)
    std::memcpy(plane.data() + i * pixel.size(), pixel.data(), pixel.size());
  return plane;
}

// A map of one border colour, into which the image is then written.
Bytes make_pixels(const StemModel& stem, int height, int width) {
  const int around = 2 * stem.window.padding();
  const size_t count = static_cast<size_t>(height + around) * (width + around);
  Bytes pixels(3 * count);
  for (size_t i = 0; i < count; ++i) std::memcpy(pixels.data() + 3 * i, stem.border, 3);
  return pixels;
}

}  // namespace

ImageSpace::ImageSpace(const ClassifierModel& model, const std::vector<Unit>& units,
                       const Kernels& kernels, int threads, int image_height, int image_width)
    : height(image_height), width(image_width), pixels(make_pixels(model.stem, height, width)) {
  const StemModel& stem = model.stem;
  const int inputs = 3 * stem.window.kernel * stem.window.kernel;
  wide = {stem.window.strided(height), stem.window.strided(width), stem.outputs};
  const Window pool{kStemPool, kStemPoolStride};
  shapes.push_back(
      stem.pool ? RealShape{pool.strided(wide.height), pool.strided(wide.width), wide.channels}
                : wide);
  if (stem.pool) unpooled = Bytes(sizeof(float) * wide.size());
  size_t most_map = shapes[0].size(), most_row = 0;
  const PointwiseShape shape{inputs, stem.outputs};
  size_t most_counts = sizeof(int32_t) * wide.width * shape.padded_outputs();
  size_t most_scratch = static_cast<size_t>(wide.width) * inputs + kReadAfterBytes +
                        pointwise_scratch(shape, wide.width) + kCacheLine;
  for (const Unit& unit : units) {
    const RealShape in = shapes.back();
    const Window& window = unit.model.window;
    const RealShape out{window.strided(in.height), window.strided(in.width), unit.model.outputs};
    planes.push_back(make_plane(unit, in));
    offsets.push_back(make_offsets(unit, in));
    shapes.push_back(out);
    most_map = std::max(most_map, out.size());
    most_row = std::max(most_row, static_cast<size_t>(out.width) * unit.mix.inputs);
    most_counts = std::max(most_counts, sizeof(uint16_t) * out.width * unit.shape.padded_filters());
    most_scratch = std::max(most_scratch, kernels.bits.scratch_bytes(unit.shape, out.width));
  }
  for (Bytes& map : maps) map = Bytes(sizeof(float) * most_map);
  for (int worker = 0; worker < threads; ++worker) {
    counts.emplace_back(most_counts);
    scratch.emplace_back(most_scratch);
    reals.emplace_back(sizeof(float) * most_row);
  }
}

}  // namespace rbsf
