// The content of a packed classifier, and its reader. rbsf/engine/classifier_format.py documents
// the format and what it means.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace rbsf {

// The max-pool that a stem may have. It is padded by one pixel.
constexpr int kStemPool = 3, kStemPoolStride = 2;

// A square kernel with an odd side. It is padded by half of it, so `side` rows become
// strided(side) rows.
struct Window {
  int kernel, stride;
  int padding() const { return kernel / 2; }
  int strided(int side) const { return (side - 1) / stride + 1; }
};

// The real map that the first convolution makes of pixels.
struct StemModel {
  Window window;
  int outputs;
  bool pool;
  uint8_t border[3];            // The red, green and blue around an image.
  std::vector<int8_t> weights;  // [outputs][kernel][kernel][3]
  std::vector<float> scale, bias;
};

enum class Border : uint8_t { kMinus, kPlus, kZero };      // What is around a binary map.
enum class Source : uint8_t { kNone, kOwn, kBefore };      // What a unit's shortcut starts from.
enum class Change : uint8_t { kNone, kStrided, kPooled };  // What happens to it.

// One binary convolution from reals to reals, and a shortcut around it or around the two.
struct UnitModel {
  Window window;
  int inputs, outputs;
  Border border;
  Source source;
  Change change;
  std::vector<float> thresholds;  // [inputs]
  std::vector<uint8_t> flips;     // [inputs], one bit each.
  std::vector<uint8_t> bits;      // [outputs][filter_bytes()], the bits [kernel][kernel][inputs].
  std::vector<float> scale, bias;
  // Of the 1x1 convolution of a shortcut that changes: its inputs, its stride, the weights
  // [shortcut_inputs][outputs] and the bias [outputs].
  int shortcut_inputs, shortcut_stride;
  std::vector<float> shortcut, shortcut_bias;

  int taps() const { return window.kernel * window.kernel * inputs; }
  size_t filter_bytes() const { return (static_cast<size_t>(taps()) + 7) / 8; }
};

struct ClassifierModel {
  int classes;
  StemModel stem;
  std::vector<UnitModel> units;
  bool rectified;  // Whether a batch norm and a ReLU come before the mean.
  std::vector<float> last_scale, last_bias;  // Of that batch norm.
  std::vector<float> weights, bias;          // [channels][classes], [classes]

  int channels() const { return units.back().outputs; }
};

// Reads a packed classifier. Anything but a whole, unaltered file of its version makes it throw
// std::invalid_argument with one line that says why. It never reads outside [data, data + size).
ClassifierModel read_classifier(const uint8_t* data, size_t size);

}  // namespace rbsf
