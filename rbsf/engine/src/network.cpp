#include "network.h"

#include <algorithm>
#include <chrono>
#include <stdexcept>

namespace rbsf {
namespace {

constexpr int kRowsAnItem = 4;  // output rows that a thread takes at a time

int bytes_for(int bits) { return (bits + 7) / 8; }
int words_for(int bytes) { return (bytes + 7) / 8; }
bool bit_of(const uint8_t* bytes, int index) { return bytes[index / 8] >> (index % 8) & 1; }

int conv_side(int side, const Layer& layer) {
  return side < layer.kernel ? 0 : (side - layer.kernel) / layer.stride + 1;
}
int pool_side(int side) { return side < 3 ? 0 : (side - 3) / 2 + 1; }

// [kernel][kernel][inputs] bits -> [kernel][row_words] words, each pixel on whole bytes.
void spread_filter(const Layer& layer, const BinaryShape& shape, const uint8_t* from,
                   uint64_t* words) {
  const int inputs = layer.inputs / layer.groups;
  uint8_t* bytes = reinterpret_cast<uint8_t*>(words);
  for (int row = 0, bit = 0; row < shape.kernel; ++row)
    for (int column = 0; column < shape.kernel; ++column)
      for (int channel = 0; channel < inputs; ++channel, ++bit) {
        const int at = 64 * row * shape.row_words() + 8 * column * shape.channel_bytes + channel;
        bytes[at / 8] |= static_cast<uint8_t>(bit_of(from, bit) << (at % 8));
      }
}

// A binary layer's bit S >= t as a bound on the count c of differing bits. With K taps,
//   S = K - 2c >= t   <=>   c <= (K - t) / 2   <=>   c < floor((K - t) / 2) + 1,
// and 0 <= c <= K, so any t beyond +-K is a constant: the bound 0 or K + 1.
uint16_t count_limit(int taps, int32_t threshold) {
  const int64_t room = int64_t{taps} - threshold;  // floor for negative room: no count is below 0
  return static_cast<uint16_t>(room < 0 ? 0 : std::min<int64_t>(room / 2 + 1, taps + 1));
}

}  // namespace

// A layer's bits are computed into a *raw* map, [y][x][raw_bytes]: each group's filters on whole
// bytes, a pixel on whole words. Pooling, flipping and regrouping then make it the next layer's
// input: planes [group][y][x][channel_bytes].
struct Network::Stage {
  Layer layer;
  PixelShape pixels{};
  BinaryShape binary{};
  std::vector<Bytes> filters;                 // one a group
  std::vector<std::vector<uint16_t>> limits;  // one a group
  std::vector<uint64_t> flips;                // of a raw pixel
  int next_groups = 1;                        // of the layer behind; 1 for the last

  int group_outputs() const { return layer.outputs / layer.groups; }
  int group_bytes() const { return bytes_for(group_outputs()); }
  int raw_words() const { return words_for(layer.groups * group_bytes()); }
  int plane_channels() const { return layer.outputs / next_groups; }
  int plane_bytes() const { return bytes_for(plane_channels()); }
  // Whether a plane's bytes lie in a raw pixel as they are.
  bool aligned() const {
    return next_groups == 1 ? layer.groups == 1 || group_outputs() % 8 == 0
                            : group_outputs() % 8 == 0 && plane_channels() % 8 == 0;
  }
  int raw_bit(int channel) const {
    return channel / group_outputs() * 8 * group_bytes() + channel % group_outputs();
  }
};

std::vector<uint64_t> Network::raw_flips(const Stage& stage) {
  std::vector<uint64_t> flips(stage.raw_words());
  for (int channel = 0; channel < stage.layer.outputs; ++channel) {
    const int at = stage.raw_bit(channel);
    flips[at / 64] |= uint64_t{bit_of(stage.layer.flips.data(), channel)} << (at % 64);
  }
  return flips;
}

struct Network::Workspace {
  int count, size;
  std::vector<MapShape> conv;  // before the pool
  std::vector<MapShape> maps;  // after it
  Bytes pixels;
  std::vector<Bytes> raw, planes;      // one a layer, all crops
  std::vector<Bytes> counts, scratch;  // one a thread
};

Network::Network(const Model& model, const std::string& path, int threads)
    : kernels_(find_path(path)), pool_(std::make_unique<Pool>(threads)) {
  for (size_t index = 0; index < model.layers.size(); ++index) {
    Stage stage;
    stage.layer = model.layers[index];
    const Layer& layer = stage.layer;
    if (index + 1 < model.layers.size()) stage.next_groups = model.layers[index + 1].groups;
    if (!layer.binary) {
      stage.pixels = {layer.outputs, layer.kernel, layer.stride};
      stage.filters.push_back(kernels_.pack_pixels(stage.pixels, layer.weights.data()));
    } else {
      const int filters = stage.group_outputs();
      stage.binary = {filters, layer.kernel, bytes_for(layer.inputs / layer.groups)};
      for (int group = 0; group < layer.groups; ++group) {
        const BinaryShape& shape = stage.binary;
        std::vector<uint64_t> words(static_cast<size_t>(shape.padded_filters()) * shape.words());
        std::vector<uint16_t> limits(shape.padded_filters());
        for (int f = 0; f < filters; ++f) {
          const int filter = group * filters + f;
          spread_filter(layer, shape, &layer.bits[filter * layer.filter_bytes()],
                        &words[static_cast<size_t>(f) * shape.words()]);
          if (!layer.real) limits[f] = count_limit(layer.taps(), layer.thresholds[filter]);
        }
        stage.filters.push_back(kernels_.pack_binary(shape, words.data()));
        stage.limits.push_back(std::move(limits));
      }
    }
    if (!layer.real) stage.flips = raw_flips(stage);
    stages_.push_back(std::move(stage));
  }
}

Network::~Network() = default;

std::vector<MapShape> Network::shapes(int size) const {
  std::vector<MapShape> shapes;
  int side = size;
  for (const Stage& stage : stages_) {
    side = conv_side(side, stage.layer);
    if (stage.layer.pool) side = pool_side(side);
    if (side < 1)
      throw std::invalid_argument("crops of " + std::to_string(size) + "x" + std::to_string(size) +
                                  " are too small for this network");
    shapes.push_back({stage.layer.outputs, side, side});
  }
  return shapes;
}

std::unique_ptr<Network::Workspace> Network::borrow(int count, int size) {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    for (auto& workspace : idle_)
      if (workspace->count == count && workspace->size == size) {
        std::swap(workspace, idle_.back());
        auto taken = std::move(idle_.back());
        idle_.pop_back();
        return taken;
      }
  }
  auto space = std::make_unique<Workspace>();
  space->count = count, space->size = size;
  space->maps = shapes(size);
  space->pixels = Bytes(size_t(count) * size * size * 3);
  size_t counts = 0, scratch = 0;
  for (size_t index = 0; index < stages_.size(); ++index) {
    const Stage& stage = stages_[index];
    const int side = conv_side(index ? space->maps[index - 1].height : size, stage.layer);
    const MapShape map = space->maps[index];
    space->conv.push_back({stage.layer.outputs, side, side});
    const size_t raw_row = size_t(side) * stage.raw_words() * 8;
    space->raw.emplace_back(stage.layer.real ? 0 : count * raw_row * side);
    space->planes.emplace_back(stage.layer.real ? 0
                                                : size_t(count) * map.height * map.width *
                                                      stage.next_groups * stage.plane_bytes());
    if (stage.layer.binary) {
      counts = std::max(counts, size_t(side) * stage.binary.padded_filters() * sizeof(uint16_t));
      scratch = std::max(scratch, kernels_.scratch_bytes(stage.binary, side));
    } else {
      scratch = std::max(scratch, pixel_scratch(side));
    }
    scratch = std::max(scratch, 2 * raw_row);  // of pooling: a row, and what it becomes
  }
  for (int worker = 0; worker < pool_->threads(); ++worker) {
    space->counts.emplace_back(counts);
    space->scratch.emplace_back(scratch);
  }
  return space;
}

void Network::give_back(std::unique_ptr<Workspace> workspace) {
  std::lock_guard<std::mutex> lock(mutex_);
  constexpr size_t kept = 4;  // exemplar and search crops, for two callers
  if (idle_.size() >= kept) idle_.erase(idle_.begin());
  idle_.push_back(std::move(workspace));
}

namespace {

// ORs three rows of words into one, then three neighbours of every second word group.
void pool_row(const uint64_t* raw, size_t row_words, int words, int width, uint64_t* wide,
              uint64_t* out) {
  for (size_t i = 0; i < row_words; ++i)
    wide[i] = raw[i] | raw[i + row_words] | raw[i + 2 * row_words];
  for (int x = 0; x < width; ++x, wide += 2 * words, out += words)
    for (int j = 0; j < words; ++j) out[j] = wide[j] | wide[j + words] | wide[j + 2 * words];
}

}  // namespace

void Network::run_layer(size_t index, Workspace& space, const uint8_t* crops,
                        float* features) const {
  const Stage& stage = stages_[index];
  const Layer& layer = stage.layer;
  const MapShape conv = space.conv[index], map = space.maps[index];
  const int words = stage.raw_words();
  const size_t raw_row = size_t(conv.width) * words * 8, raw_map = raw_row * conv.height;
  uint8_t* const raw = space.raw[index].data();

  // Convolution: rows of every crop, to raw bits or real features.
  const int items = (conv.height + kRowsAnItem - 1) / kRowsAnItem;
  pool_->run(space.count * items, [&](int item, int worker) {
    const int crop = item / items, first = item % items * kRowsAnItem;
    const int end = std::min(first + kRowsAnItem, conv.height);
    uint8_t* const scratch = space.scratch[worker].data();
    for (int y = first; y < end; ++y) {
      uint8_t* const out = raw + crop * raw_map + y * raw_row;
      if (!layer.binary) {
        const size_t stride = size_t(space.size) * 3;
        const uint8_t* in = crops + (size_t(crop) * space.size + size_t(y) * layer.stride) * stride;
        kernels_.pixel_row(stage.pixels, stage.filters[0], layer.thresholds.data(), in, stride,
                           conv.width, out, size_t(words) * 8, scratch);
        continue;
      }
      const MapShape before = space.maps[index - 1];
      const size_t stride = size_t(before.width) * stage.binary.channel_bytes;
      for (int group = 0; group < layer.groups; ++group) {
        const uint8_t* in = space.planes[index - 1].data() +
                            ((size_t(crop) * layer.groups + group) * before.height + y) * stride;
        uint16_t* const counts = space.counts[worker].as<uint16_t>();
        kernels_.count_row(stage.binary, stage.filters[group], in, stride, conv.width, counts,
                           scratch);
        if (!layer.real) {
          kernels_.compare_row(stage.binary, counts, conv.width, stage.limits[group].data(),
                               out + size_t(group) * stage.group_bytes(), size_t(words) * 8);
          continue;
        }
        const size_t padded = stage.binary.padded_filters(), plane = size_t(map.height) * map.width;
        const int filters = stage.group_outputs(), taps = layer.taps();
        float* to = features + ((size_t(crop) * layer.outputs + group * filters) * plane) +
                    size_t(y) * map.width;
        for (int f = 0; f < filters; ++f, to += plane) {
          const float scale = layer.scale[group * filters + f],
                      bias = layer.bias[group * filters + f];
          for (int x = 0; x < map.width; ++x)
            to[x] = static_cast<float>(taps - 2 * counts[x * padded + f]) * scale + bias;
        }
      }
    }
  });
  if (layer.real) return;

  // Pool, flip, and split into the planes that the next layer's groups read.
  const int plane_bytes = stage.plane_bytes();
  pool_->run(space.count * map.height, [&](int item, int worker) {
    const int crop = item / map.height, y = item % map.height;
    const auto* from = reinterpret_cast<const uint64_t*>(raw + crop * raw_map) +
                       size_t(layer.pool ? 2 * y : y) * (raw_row / 8);
    uint64_t* const wide = reinterpret_cast<uint64_t*>(space.scratch[worker].data());
    uint64_t* const row = wide + raw_row / 8;
    if (layer.pool) {
      pool_row(from, raw_row / 8, words, map.width, wide, row);
      from = row;
    }
    for (int x = 0; x < map.width; ++x)
      for (int j = 0; j < words; ++j) row[x * words + j] = from[x * words + j] ^ stage.flips[j];
    for (int group = 0; group < stage.next_groups; ++group) {
      uint8_t* to =
          space.planes[index].data() +
          ((size_t(crop) * stage.next_groups + group) * map.height + y) * map.width * plane_bytes;
      const auto* pixel = reinterpret_cast<const uint8_t*>(row);
      for (int x = 0; x < map.width; ++x, to += plane_bytes, pixel += size_t(words) * 8) {
        if (stage.aligned()) {
          std::memcpy(to, pixel + size_t(group) * plane_bytes, plane_bytes);
          continue;
        }
        std::memset(to, 0, plane_bytes);
        for (int c = 0; c < stage.plane_channels(); ++c)
          to[c / 8] |= static_cast<uint8_t>(
              bit_of(pixel, stage.raw_bit(group * stage.plane_channels() + c)) << (c % 8));
      }
    }
  });
}

void Network::run(const uint8_t* crops, const uint8_t* first, int count, int size, float* features,
                  Trace* trace) {
  auto space = borrow(count, size);
  const auto plane_of = [&](size_t index, int crop, int channel, size_t pixel) {
    const Stage& stage = stages_[index];
    const MapShape map = space->maps[index];
    const int group = channel / stage.plane_channels(), c = channel % stage.plane_channels();
    const size_t at =
        ((size_t(crop) * stage.next_groups + group) * map.height * map.width + pixel) *
            stage.plane_bytes() +
        c / 8;
    return std::pair<uint8_t*, int>(space->planes[index].data() + at, c % 8);
  };
  if (crops) {
    std::memcpy(space->pixels.data(), crops, space->pixels.size());
  } else {
    const MapShape map = space->maps[0];
    const size_t area = size_t(map.height) * map.width;
    std::memset(space->planes[0].data(), 0, space->planes[0].size());
    for (int crop = 0; crop < count; ++crop)
      for (int channel = 0; channel < map.channels; ++channel)
        for (size_t pixel = 0; pixel < area; ++pixel, ++first) {
          const auto [byte, bit] = plane_of(0, crop, channel, pixel);
          *byte |= static_cast<uint8_t>((*first != 0) << bit);
        }
  }
  for (size_t index = crops ? 0 : 1; index < stages_.size(); ++index) {
    const auto start = std::chrono::steady_clock::now();
    run_layer(index, *space, space->pixels.data(), features);
    if (!trace) continue;
    const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - start;
    trace->seconds.push_back(passed.count());
    if (stages_[index].layer.real) continue;
    const MapShape map = space->maps[index];
    const size_t area = size_t(map.height) * map.width;
    std::vector<uint8_t> bits;
    bits.reserve(area * count * map.channels);
    for (int crop = 0; crop < count; ++crop)
      for (int channel = 0; channel < map.channels; ++channel)
        for (size_t pixel = 0; pixel < area; ++pixel) {
          const auto [byte, bit] = plane_of(index, crop, channel, pixel);
          bits.push_back(*byte >> bit & 1);
        }
    trace->maps.push_back(std::move(bits));
  }
  give_back(std::move(space));
}

void Network::embed(const uint8_t* crops, int count, int size, float* features) {
  if (count) run(crops, nullptr, count, size, features, nullptr);
}

Network::Trace Network::trace(const uint8_t* crops, int count, int size) {
  Trace trace;
  const MapShape last = shapes(size).back();
  trace.features.resize(size_t(count) * last.channels * last.height * last.width);
  run(crops, nullptr, count, size, trace.features.data(), &trace);
  return trace;
}

Network::Trace Network::trace_bits(const uint8_t* first, int count, int size) {
  Trace trace;
  const MapShape last = shapes(size).back();
  trace.features.resize(size_t(count) * last.channels * last.height * last.width);
  run(nullptr, first, count, size, trace.features.data(), &trace);
  return trace;
}

}  // namespace rbsf
