// How the head runs:
//
//   1. exemplar() passes the exemplar's feature through a 1x1 layer, and makes kernels of both: for
//      the response, and for the pixel-wise and the depth-wise correlation. The gate goes into the
//      scales of the layer that comes next.
//   2. search() takes four turns, and in each all rows of a map can be computed at once. The turns
//      are: correlate_row, mix_row, and the two halves of the towers.
#include "head.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace rbsf {
namespace {

constexpr int kCentre = 128;  // The byte that stands for 0 where values can be negative.
constexpr int kCellCount = kCells * kCells;
constexpr int kBorder = kTowerKernel / 2;
constexpr int kMostRow = 127;  // What the largest number of a row is rounded to.

// Rounds rows of numbers that are not negative to 0..127, and appends each row's unit to `units`.
std::vector<int8_t> round_rows(const std::vector<float>& rows, int count,
                               std::vector<float>& units) {
  const size_t length = rows.size() / count;
  std::vector<int8_t> rounded(rows.size());
  for (int row = 0; row < count; ++row) {
    const float* from = &rows[row * length];
    const float largest = *std::max_element(from, from + length);
    const float unit = (largest > 0 ? largest : 1.0f) / kMostRow;
    for (size_t i = 0; i < length; ++i)
      rounded[row * length + i] = static_cast<int8_t>(std::lrint(from[i] / unit));
    units.push_back(unit);
  }
  return rounded;
}

float positive(int32_t sum, float scale, float bias) {
  const float value = static_cast<float>(sum) * scale + bias;
  return value > 0 ? value : 0.0f;
}

}  // namespace

ByteMap::ByteMap(int map_side, int map_channels, int map_border)
    : side(map_side),
      channels(map_channels),
      border(map_border),
      bytes(static_cast<size_t>(side + 2 * border) * (side + 2 * border) * channels) {}

ByteRows ByteMap::rows(int y, int x, int channel) const {
  return {bytes.data() + offset(y + border, x + border) + channel, static_cast<size_t>(channels),
          static_cast<size_t>(channels) * (side + 2 * border)};
}

HeadSpace::HeadSpace(const HeadModel& model, int features, int size, int threads)
    : grid(size - kCells + 1),
      feature(size, features),
      products(sizeof(int32_t) * size * size *
               PointwiseShape{features, kCellCount}.padded_outputs()),
      correlated(size, kCellCount + model.channels),
      joined(grid, kCellCount + 2 * model.channels),
      mixed(grid, model.channels, kBorder),
      halves{{grid, model.channels, kBorder}, {grid, model.channels, kBorder}} {
  const int most = std::max(features, joined.channels);
  for (int worker = 0; worker < threads; ++worker) {
    const size_t padded = DepthwiseShape{joined.channels, kCells}.padded_channels();
    sums.emplace_back(sizeof(int32_t) * size * padded);
    scratch.emplace_back(
        std::max(pointwise_scratch({most, 1}, size), depthwise_scratch({most, kCells}, size)));
    rows.emplace_back(static_cast<size_t>(grid) * model.channels);
    reals.emplace_back(sizeof(float) * model.channels);
  }
}

Head::Head(const Model& model, const Kernels& kernels)
    : kernels_(kernels),
      model_(*model.head),
      gain_(static_cast<float>(double{model.response_gain} * model_.feature_step *
                               model_.feature_step)),
      bias_(model.response_bias),
      of_exemplar_(pointwise(model.layers.back().outputs, model_.of_exemplar)),
      of_search_(pointwise(model.layers.back().outputs, model_.of_search)),
      mix_(pointwise(kCellCount + 2 * model_.channels, model_.mix)),
      to_grid_(depthwise(kCells, model_.to_grid)),
      place_(tower(model_.place, kPlaceMaps)),
      size_(tower(model_.size, kSizeMaps)) {
  const Layer& last = model.layers.back();
  for (int f = 0; f < last.outputs; ++f) {
    feature_scale_.push_back(last.scale[f] / model_.feature_step);
    feature_bias_.push_back(last.bias[f] / model_.feature_step + kCentre);
  }
}

Pointwise Head::pointwise(int inputs, int outputs, const int8_t* weights) const {
  const PointwiseShape shape{inputs, outputs};
  return {shape, kernels_.pack_pointwise(shape, weights), {}, {}};
}

Depthwise Head::depthwise(int channels, int kernel, const int8_t* weights) const {
  const DepthwiseShape shape{channels, kernel};
  return {shape, kernels_.pack_depthwise(shape, weights), {}, {}};
}

Pointwise Head::pointwise(int inputs, const HeadLayer& layer) const {
  Pointwise made = pointwise(inputs, static_cast<int>(layer.scale.size()), layer.weights.data());
  made.scale = layer.scale, made.bias = layer.bias;
  return made;
}

Depthwise Head::depthwise(int kernel, const HeadLayer& layer) const {
  Depthwise made = depthwise(static_cast<int>(layer.scale.size()), kernel, layer.weights.data());
  made.scale = layer.scale, made.bias = layer.bias;
  return made;
}

Head::Tower Head::tower(const TowerModel& model, int maps) const {
  const auto& [first, second, third, fourth] = model.layers;
  Tower made{{depthwise(kTowerKernel, first), depthwise(kTowerKernel, third)},
             {pointwise(model_.channels, second), pointwise(model_.channels, fourth)},
             {},
             model.answer_bias,
             maps};
  for (int channel = 0; channel < model_.channels; ++channel)  // [channels][maps]
    for (int map = 0; map < maps; ++map)
      made.answer.push_back(model.answer[map * model_.channels + channel]);
  return made;
}

ExemplarKernels Head::exemplar(const uint8_t* feature) const {
  const int channels = model_.channels, inputs = features();
  // the features, centred, as filters; the search's are not, so the filters' sum corrects that
  std::vector<int8_t> cells(static_cast<size_t>(kCellCount) * inputs);
  int32_t total = 0;
  for (size_t i = 0; i < cells.size(); ++i) {
    cells[i] = static_cast<int8_t>(std::max(feature[i] - kCentre, -127));
    total += cells[i];
  }
  // the 1x1 layer on every cell
  HeadSpace space(model_, inputs, kCells, 1);
  Bytes input(cells.size());
  std::memcpy(input.data(), feature, cells.size());
  std::vector<float> z;  // [cell][channel]
  for (int y = 0; y < kCells; ++y) {
    const ByteRows row{input.data() + static_cast<size_t>(y) * kCells * inputs, size_t(inputs), 0};
    const int32_t* sums = sum(of_exemplar_, row, kCells, space, 0);
    for (int x = 0; x < kCells; ++x, sums += of_exemplar_.shape.padded_outputs())
      for (int c = 0; c < channels; ++c)
        z.push_back(positive(sums[c], of_exemplar_.scale[c], of_exemplar_.bias[c]));
  }
  // kernels of the pixel-wise correlation, one for each cell, and of the depth-wise one
  std::vector<float> by_channel(z.size()), cell_units, channel_units;
  for (int cell = 0; cell < kCellCount; ++cell)
    for (int c = 0; c < channels; ++c) by_channel[c * kCellCount + cell] = z[cell * channels + c];
  const auto pixel = round_rows(z, kCellCount, cell_units);
  const auto deep = round_rows(by_channel, channels, channel_units);
  ExemplarKernels made{pointwise(inputs, kCellCount, cells.data()), -kCentre * total,
                       pointwise(channels, kCellCount, pixel.data()),
                       depthwise(channels, kCells, deep.data()), to_grid_.scale};
  for (float unit : cell_units) made.pixel.scale.push_back(unit * model_.pixel_scale);
  made.pixel.bias.assign(kCellCount, 0.0f);
  for (int c = 0; c < channels; ++c)
    made.depthwise.scale.push_back(channel_units[c] * model_.correlated_scale[c]);
  made.depthwise.bias = model_.correlated_bias;
  // the gate
  std::vector<double> means(channels);
  for (size_t i = 0; i < z.size(); ++i) means[i % channels] += z[i];
  for (int c = 0; c < channels; ++c) {
    double logit = model_.gate_bias[c];
    for (int i = 0; i < channels; ++i)
      logit += model_.gate[static_cast<size_t>(c) * channels + i] * (means[i] / kCellCount);
    made.gated[kCellCount + c] *= static_cast<float>(1 / (1 + std::exp(-logit)));
  }
  return made;
}

void Head::search(const ExemplarKernels& exemplar, const float (&sizes)[2], HeadSpace& space,
                  Pool& pool, float* maps) const {
  pool.run(space.feature.side,
           [&](int y, int worker) { correlate_row(exemplar, space, y, worker); });
  std::vector<float> bias = mix_.bias;
  for (int c = 0; c < model_.channels; ++c)
    for (int i = 0; i < 2; ++i) bias[c] += model_.beside[3 * c + 1 + i] * sizes[i];
  pool.run(space.grid, [&](int y, int worker) { mix_row(exemplar, bias, space, y, worker, maps); });
  const Tower* const towers[] = {&place_, &size_};
  pool.run(2 * space.grid, [&](int item, int worker) {
    const int which = item / space.grid;
    first_half_row(*towers[which], space.halves[which], space, item % space.grid, worker);
  });
  const size_t area = static_cast<size_t>(space.grid) * space.grid;
  pool.run(2 * space.grid, [&](int item, int worker) {
    const int which = item / space.grid;
    second_half_row(*towers[which], space.halves[which], space, item % space.grid, worker,
                    maps + area * (which ? 1 + kPlaceMaps : 1));
  });
}

// A row of the search's map, of the pixel-wise correlation, and of the products of which the
// response is made.
void Head::correlate_row(const ExemplarKernels& exemplar, HeadSpace& space, int y,
                         int worker) const {
  const int side = space.feature.side, channels = space.correlated.channels;
  const ByteRows feature = space.feature.rows(y, 0);
  const int padded = exemplar.correlation.shape.padded_outputs();
  kernels_.pointwise_row(exemplar.correlation.shape, exemplar.correlation.weights, feature, side,
                         space.products.as<int32_t>() + static_cast<size_t>(y) * side * padded,
                         space.scratch[worker].data());
  uint8_t* to = space.correlated.at(y, 0);
  run(of_search_, of_search_.scale, feature, side, space, worker, to + kCellCount, channels);
  run(exemplar.pixel, exemplar.pixel.scale, space.correlated.rows(y, 0, kCellCount), side, space,
      worker, to, channels);
}

// A row of the response, and of all maps mixed.
void Head::mix_row(const ExemplarKernels& exemplar, const std::vector<float>& bias,
                   HeadSpace& space, int y, int worker, float* maps) const {
  const int grid = space.grid, channels = model_.channels, side = space.feature.side;
  const int padded = exemplar.correlation.shape.padded_outputs();
  const size_t stride = space.joined.channels;
  float* const response = maps + static_cast<size_t>(y) * grid;
  for (int x = 0; x < grid; ++x) {
    int32_t total = exemplar.correction;
    for (int cell = 0; cell < kCellCount; ++cell) {
      const size_t at = static_cast<size_t>(y + cell / kCells) * side + x + cell % kCells;
      total += space.products.as<int32_t>()[at * padded + cell];
    }
    response[x] = static_cast<float>(total) * gain_ + bias_;
  }
  uint8_t* const to = space.joined.at(y, 0);
  run(to_grid_, exemplar.gated, space.correlated.rows(y, 0), grid, space, worker, to, stride);
  run(exemplar.depthwise, exemplar.depthwise.scale, space.correlated.rows(y, 0, kCellCount), grid,
      space, worker, to + kCellCount + channels, stride);
  const int32_t* sums = sum(mix_, space.joined.rows(y, 0), grid, space, worker);
  float* const shifted = space.reals[worker].as<float>();
  for (int x = 0; x < grid; ++x, sums += mix_.shape.padded_outputs()) {
    for (int c = 0; c < channels; ++c) shifted[c] = bias[c] + model_.beside[3 * c] * response[x];
    kernels_.round_row(sums, mix_.scale.data(), shifted, channels, space.mixed.at(y, x));
  }
}

void Head::first_half_row(const Tower& tower, ByteMap& to, HeadSpace& space, int y,
                          int worker) const {
  const int grid = space.grid;
  const size_t channels = model_.channels;
  uint8_t* const row = space.rows[worker].data();
  run(tower.deep[0], tower.deep[0].scale, space.mixed.rows(y - kBorder, -kBorder), grid, space,
      worker, row, channels);
  run(tower.wide[0], tower.wide[0].scale, {row, channels, 0}, grid, space, worker, to.at(y, 0),
      channels);
}

void Head::second_half_row(const Tower& tower, const ByteMap& from, HeadSpace& space, int y,
                           int worker, float* maps) const {
  const int grid = space.grid;
  const size_t channels = model_.channels, area = static_cast<size_t>(grid) * grid;
  uint8_t* const row = space.rows[worker].data();
  run(tower.deep[1], tower.deep[1].scale, from.rows(y - kBorder, -kBorder), grid, space, worker,
      row, channels);
  const Pointwise& last = tower.wide[1];
  const int32_t* sums = sum(last, {row, channels, 0}, grid, space, worker);
  for (int x = 0; x < grid; ++x, sums += last.shape.padded_outputs()) {
    float totals[kSizeMaps];
    std::copy(tower.bias.begin(), tower.bias.end(), totals);
    const float* weight = tower.answer.data();
    for (size_t c = 0; c < channels; ++c, weight += tower.maps) {
      const float value = positive(sums[c], last.scale[c], last.bias[c]);
      for (int map = 0; map < tower.maps; ++map) totals[map] += value * weight[map];
    }
    for (int map = 0; map < tower.maps; ++map)
      maps[map * area + static_cast<size_t>(y) * grid + x] = totals[map];
  }
}

const int32_t* Head::sum(const Pointwise& layer, const ByteRows& input, int width, HeadSpace& space,
                         int worker) const {
  int32_t* const sums = space.sums[worker].as<int32_t>();
  kernels_.pointwise_row(layer.shape, layer.weights, input, width, sums,
                         space.scratch[worker].data());
  return sums;
}

const int32_t* Head::sum(const Depthwise& layer, const ByteRows& input, int width, HeadSpace& space,
                         int worker) const {
  int32_t* const sums = space.sums[worker].as<int32_t>();
  kernels_.depthwise_row(layer.shape, layer.weights, input, width, sums,
                         space.scratch[worker].data());
  return sums;
}

template <typename Layer>
void Head::run(const Layer& layer, const std::vector<float>& scale, const ByteRows& input,
               int width, HeadSpace& space, int worker, uint8_t* to, size_t stride) const {
  const int outputs = static_cast<int>(layer.bias.size());
  const int32_t* sums = sum(layer, input, width, space, worker);
  const int padded = (outputs + kSumBlock - 1) / kSumBlock * kSumBlock;
  for (int x = 0; x < width; ++x, sums += padded, to += stride)
    kernels_.round_row(sums, scale.data(), layer.bias.data(), outputs, to);
}

}  // namespace rbsf
