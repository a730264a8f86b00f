// Reads a packed classifier in the order of its bytes: the frame, the metadata, the stem, each
// unit, and the last layer. The sizes in a record are checked before anything of these sizes is
// read.
#include "classifier_model.h"

#include <cmath>
#include <string>
#include <utility>

#include "frame.h"
#include "max_sizes.h"

namespace rbsf {
namespace {

// Reads a number from 1 to `most`.
int read_size(Reader& reader, const std::string& name, const char* what, int most) {
  const auto value = reader.one<uint32_t>();
  if (value < 1 || value > static_cast<uint32_t>(most))
    refuse(name + ": its " + what + " must be 1 to " + std::to_string(most) + ", but it is " +
           std::to_string(value));
  return static_cast<int>(value);
}

Window read_window(Reader& reader, const std::string& name) {
  const int kernel = read_size(reader, name, "kernel size", kMaxKernel);
  if (kernel % 2 == 0) refuse(name + ": its kernel size must be odd");
  return {kernel, read_size(reader, name, "stride", kMaxStride)};
}

std::vector<float> read_finite(Reader& reader, const std::string& name, size_t count) {
  auto values = reader.many<float>(count);
  for (float value : values)
    if (!std::isfinite(value)) refuse(name + ": a number is not finite");
  return values;
}

StemModel read_stem(Reader& reader) {
  const std::string name = "the stem";
  StemModel stem{};
  const auto pool = reader.one<uint8_t>();
  if (pool > 1) refuse(name + ": its kind is unknown");
  stem.pool = pool == 1;
  for (uint8_t& colour : stem.border) colour = reader.one<uint8_t>();
  stem.outputs = read_size(reader, name, "number of outputs", kMaxChannels);
  stem.window = read_window(reader, name);
  const size_t outputs = static_cast<size_t>(stem.outputs);
  stem.weights = reader.many<int8_t>(outputs * stem.window.kernel * stem.window.kernel * 3);
  for (int8_t weight : stem.weights)
    if (weight == -128) refuse(name + ": a weight is below -127");
  stem.scale = read_finite(reader, name, outputs);
  stem.bias = read_finite(reader, name, outputs);
  return stem;
}

void read_kind(Reader& reader, const std::string& name, UnitModel& unit) {
  uint8_t kinds[4];
  for (uint8_t& kind : kinds) kind = reader.one<uint8_t>();
  const auto [border, source, change, zero] = kinds;
  if (border > 2 || source > 2 || change > 2 || zero != 0 || (source == 0 && change != 0))
    refuse(name + ": its kind is unknown");
  unit.border = static_cast<Border>(border);
  unit.source = static_cast<Source>(source), unit.change = static_cast<Change>(change);
}

// Checks where the shortcut of a unit starts, and whether it ends in the unit's own shape. `before`
// is null for the first unit.
void check_shortcut(const std::string& name, UnitModel& unit, const UnitModel* before) {
  if (unit.source == Source::kNone) return;
  if (unit.source == Source::kBefore && !before) refuse(name + ": there is no unit before it");
  const bool two = unit.source == Source::kBefore;
  unit.shortcut_inputs = two ? before->inputs : unit.inputs;
  unit.shortcut_stride = unit.window.stride * (two ? before->window.stride : 1);
  if (unit.change != Change::kNone) return;
  if (unit.shortcut_inputs != unit.outputs || unit.shortcut_stride != 1)
    refuse(name + ": its shortcut has another shape than its output");
}

void read_filters(Reader& reader, const std::string& name, UnitModel& unit) {
  const size_t inputs = static_cast<size_t>(unit.inputs);
  const size_t outputs = static_cast<size_t>(unit.outputs);
  unit.thresholds = reader.many<float>(inputs);
  for (float threshold : unit.thresholds)
    if (std::isnan(threshold)) refuse(name + ": a threshold is no number");
  unit.flips = reader.many<uint8_t>((inputs + 7) / 8);
  if (!padded_with_zeros(unit.flips.data(), inputs))
    refuse(name + ": the padding of its flips is not zero");
  unit.bits = reader.many<uint8_t>(outputs * unit.filter_bytes());
  for (size_t filter = 0; filter < outputs; ++filter)
    if (!padded_with_zeros(&unit.bits[filter * unit.filter_bytes()],
                           static_cast<size_t>(unit.taps())))
      refuse(name + ": the padding of its weights is not zero");
}

UnitModel read_unit(Reader& reader, size_t index, int inputs, const UnitModel* before) {
  const std::string name = "unit " + std::to_string(index);
  UnitModel unit{};
  read_kind(reader, name, unit);
  unit.inputs = read_size(reader, name, "number of inputs", kMaxChannels);
  if (unit.inputs != inputs)
    refuse(name + ": it has " + std::to_string(unit.inputs) + " inputs, but must have " +
           std::to_string(inputs));
  unit.outputs = read_size(reader, name, "number of outputs", kMaxChannels);
  unit.window = read_window(reader, name);
  if (unit.taps() > kMaxTaps)
    refuse(name + ": a filter must have at most " + std::to_string(kMaxTaps) + " weights");
  check_shortcut(name, unit, before);
  read_filters(reader, name, unit);
  const size_t outputs = static_cast<size_t>(unit.outputs);
  unit.scale = read_finite(reader, name, outputs);
  unit.bias = read_finite(reader, name, outputs);
  if (unit.change != Change::kNone) {
    unit.shortcut = read_finite(reader, name, outputs * unit.shortcut_inputs);
    unit.shortcut_bias = read_finite(reader, name, outputs);
  }
  return unit;
}

void read_last(Reader& reader, ClassifierModel& model) {
  const std::string name = "the last layer";
  const auto rectified = reader.one<uint32_t>();
  if (rectified > 1) refuse(name + ": its kind is unknown");
  model.rectified = rectified == 1;
  const size_t channels = static_cast<size_t>(model.channels());
  if (model.rectified) {
    model.last_scale = read_finite(reader, name, channels);
    model.last_bias = read_finite(reader, name, channels);
  }
  model.weights = read_finite(reader, name, channels * model.classes);
  model.bias = read_finite(reader, name, static_cast<size_t>(model.classes));
}

}  // namespace

ClassifierModel read_classifier(const uint8_t* data, size_t size) {
  auto [version, reader] = open_frame(data, size);
  if (version != kClassifierVersion) refuse("it holds no classifier");
  const auto metadata = reader.one<uint32_t>();
  ClassifierModel model{};
  const int units = read_size(reader, "the network", "number of units", kMaxUnits);
  model.classes = read_size(reader, "the network", "number of classes", kMaxClasses);
  if (metadata > kMaxMetadata)
    refuse("its metadata is longer than " + std::to_string(kMaxMetadata) + " bytes");
  reader.take(metadata);
  model.stem = read_stem(reader);
  model.units.reserve(units);  // `before` points into it.
  for (int index = 0; index < units; ++index) {
    const UnitModel* before = index ? &model.units.back() : nullptr;
    const int inputs = before ? before->outputs : model.stem.outputs;
    model.units.push_back(read_unit(reader, index, inputs, before));
  }
  read_last(reader, model);
  if (reader.left()) refuse("it has bytes after its last layer");
  return model;
}

}  // namespace rbsf
