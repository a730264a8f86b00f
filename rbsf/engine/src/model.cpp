#include "model.h"

#include <array>
#include <cmath>
#include <cstring>
#include <stdexcept>
#include <string>

namespace rbsf {
namespace {

constexpr uint8_t kMagic[8] = {0x89, 'R', 'B', 'S', 'F', 0x0D, 0x0A, 0x1A};
constexpr uint32_t kVersion = 1;
constexpr size_t kHeader = 40, kChecked = 16;  // bytes; the checksum covers all from kChecked on
constexpr uint32_t kMaxMetadata = 65536, kMaxLayers = 32, kMaxChannels = 4096, kMaxKernel = 15;
constexpr uint32_t kMaxTaps = 32768;  // counts of differing bits fit 16 bits

[[noreturn]] void refuse(const std::string& why) { throw std::invalid_argument(why); }

[[noreturn]] void refuse(size_t layer, const std::string& why) {
  refuse("layer " + std::to_string(layer) + ": " + why);
}

// CRC-32 as zlib's (reflected polynomial 0xEDB88320).
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

// A cursor that cannot pass the end.
class Reader {
 public:
  Reader(const uint8_t* data, size_t size) : data_(data), left_(size) {}

  size_t left() const { return left_; }

  const uint8_t* take(size_t size) {
    if (size > left_) refuse("it ends too early");
    const uint8_t* at = data_;
    data_ += size;
    left_ -= size;
    return at;
  }

  template <typename T>
  T one() {
    T value;
    std::memcpy(&value, take(sizeof(T)), sizeof(T));
    return value;
  }

  template <typename T>
  std::vector<T> many(size_t count) {
    if (count > left_ / sizeof(T)) refuse("it ends too early");  // before memory is asked for
    std::vector<T> values(count);
    const uint8_t* from = take(count * sizeof(T));
    if (count) std::memcpy(values.data(), from, count * sizeof(T));
    return values;
  }

 private:
  const uint8_t* data_;
  size_t left_;
};

// Bits behind the last of `count` in a row of bytes must be 0: one network, one file.
bool padded_with_zeros(const uint8_t* bytes, size_t count) {
  return count % 8 == 0 || (bytes[count / 8] >> (count % 8)) == 0;
}

Layer read_record(Reader& reader, size_t index) {
  const auto kind = reader.one<uint8_t>(), output = reader.one<uint8_t>();
  const auto pool = reader.one<uint8_t>(), zero = reader.one<uint8_t>();
  uint32_t sizes[5];
  for (uint32_t& size : sizes) size = reader.one<uint32_t>();
  const auto [inputs, outputs, kernel, stride, groups] = sizes;
  if (kind > 1 || output > 1 || pool > 1 || zero != 0) refuse(index, "its kind is unknown");
  if (inputs < 1 || inputs > kMaxChannels || outputs < 1 || outputs > kMaxChannels)
    refuse(index, "channels must be 1 to " + std::to_string(kMaxChannels));
  if (kernel < 1 || kernel > kMaxKernel) refuse(index, "its kernel size is out of range");
  if (stride < 1 || stride > 4) refuse(index, "its stride is out of range");
  if (groups < 1 || inputs % groups || outputs % groups)
    refuse(index, "its groups do not divide its channels");
  if (uint64_t{kernel} * kernel * (inputs / groups) > kMaxTaps)
    refuse(index, "its filters are too large");
  Layer layer{};
  layer.binary = kind == 1, layer.real = output == 1, layer.pool = pool == 1;
  layer.inputs = static_cast<int>(inputs), layer.outputs = static_cast<int>(outputs);
  layer.kernel = static_cast<int>(kernel), layer.stride = static_cast<int>(stride);
  layer.groups = static_cast<int>(groups);
  return layer;
}

void check_place(const Layer& layer, size_t index, size_t count, int inputs) {
  const bool first = index == 0, last = index + 1 == count;
  if (layer.binary == first) refuse(index, "the first layer alone reads pixels");
  if (first && layer.groups != 1) refuse(index, "a layer on pixels has one group");
  if (layer.binary && layer.stride != 1) refuse(index, "a binary layer has stride 1");
  if (layer.real != last) refuse(index, "the last layer alone has a real output");
  if (layer.real && layer.pool) refuse(index, "a real output is not pooled");
  if (layer.inputs != inputs)
    refuse(index, "it has " + std::to_string(layer.inputs) + " inputs, the layer before gives " +
                      std::to_string(inputs));
}

void read_weights(Reader& reader, Layer& layer, size_t index) {
  const size_t outputs = static_cast<size_t>(layer.outputs);
  if (!layer.binary) {
    layer.weights = reader.many<int8_t>(outputs * static_cast<size_t>(layer.taps()));
    for (int8_t weight : layer.weights)
      if (weight == -128) refuse(index, "a weight is out of range");
    return;
  }
  layer.bits = reader.many<uint8_t>(outputs * layer.filter_bytes());
  for (size_t filter = 0; filter < outputs; ++filter)
    if (!padded_with_zeros(&layer.bits[filter * layer.filter_bytes()],
                           static_cast<size_t>(layer.taps())))
      refuse(index, "padding is not zero");
}

void read_output(Reader& reader, Layer& layer, size_t index) {
  const size_t outputs = static_cast<size_t>(layer.outputs);
  if (layer.real) {
    layer.scale = reader.many<float>(outputs);
    layer.bias = reader.many<float>(outputs);
    for (size_t i = 0; i < outputs; ++i)
      if (!std::isfinite(layer.scale[i]) || !std::isfinite(layer.bias[i]))
        refuse(index, "a scale or bias is not finite");
    return;
  }
  layer.thresholds = reader.many<int32_t>(outputs);
  layer.flips = reader.many<uint8_t>((outputs + 7) / 8);
  if (!padded_with_zeros(layer.flips.data(), outputs)) refuse(index, "padding is not zero");
}

}  // namespace

Model read_model(const uint8_t* data, size_t size) {
  if (size < sizeof kMagic || std::memcmp(data, kMagic, sizeof kMagic) != 0)
    refuse("it is no packed network");
  if (size < kHeader) refuse("it ends too early");
  Reader reader(data + sizeof kMagic, size - sizeof kMagic);
  const auto version = reader.one<uint32_t>();
  if (version != kVersion)
    refuse("it has version " + std::to_string(version) + ", this package reads version " +
           std::to_string(kVersion));
  const auto checksum = reader.one<uint32_t>();
  const auto whole = reader.one<uint64_t>();
  if (whole != size)
    refuse("it is " + std::to_string(size) + " bytes long and should be " + std::to_string(whole));
  if (crc32(data + kChecked, size - kChecked) != checksum) refuse("its checksum does not match");
  Model model{};
  model.response_gain = reader.one<float>();
  model.response_bias = reader.one<float>();
  if (!std::isfinite(model.response_gain) || model.response_gain <= 0 ||
      !std::isfinite(model.response_bias))
    refuse("its response gain or bias is out of range");
  const auto metadata = reader.one<uint32_t>(), count = reader.one<uint32_t>();
  if (metadata > kMaxMetadata) refuse("its metadata is too long");
  if (count < 2 || count > kMaxLayers) refuse("its number of layers is out of range");
  reader.take(metadata);
  int inputs = 3;
  for (size_t index = 0; index < count; ++index) {
    Layer layer = read_record(reader, index);
    check_place(layer, index, count, inputs);
    read_weights(reader, layer, index);
    read_output(reader, layer, index);
    inputs = layer.outputs;
    model.layers.push_back(std::move(layer));
  }
  if (reader.left()) refuse("bytes are left behind its last layer");
  return model;
}

}  // namespace rbsf
