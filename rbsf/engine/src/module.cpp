// The Python module rbsf.engine._kernels. It checks what Python passes, runs a Network without the
// interpreter lock, and returns numpy arrays. rbsf/engine/_kernels.pyi has its types.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "classifier.h"
#include "dispatch.h"
#include "max_sizes.h"
#include "model.h"
#include "network.h"

namespace nb = nanobind;

namespace {

using Crops = nb::ndarray<const uint8_t, nb::ndim<4>, nb::c_contig, nb::device::cpu>;
using Feature = nb::ndarray<const uint8_t, nb::ndim<3>, nb::c_contig, nb::device::cpu>;
using Bits = nb::ndarray<const uint8_t, nb::ndim<4>, nb::c_contig, nb::device::cpu>;

// Makes a numpy array that owns its memory.
template <typename T>
auto make_array(std::vector<size_t> shape) {
  size_t size = 1;
  for (size_t side : shape) size *= side;
  T* data = new T[size];
  nb::capsule owner(data, [](void* p) noexcept { delete[] static_cast<T*>(p); });
  return nb::ndarray<nb::numpy, T>(data, shape.size(), shape.data(), owner);
}

template <typename T>
auto to_array(const std::vector<T>& values, std::vector<size_t> shape) {
  auto array = make_array<T>(std::move(shape));
  if (!values.empty()) std::memcpy(array.data(), values.data(), values.size() * sizeof(T));
  return array;
}

std::vector<size_t> sizes(size_t count, const rbsf::MapShape& map) {
  return {count, size_t(map.channels), size_t(map.height), size_t(map.width)};
}

int crop_side(const Crops& crops) {
  if (crops.shape(1) != crops.shape(2) || crops.shape(3) != 3)
    throw std::invalid_argument("crops must be square RGB, N x S x S x 3");
  if (crops.shape(1) > rbsf::kMaxCropSide)
    throw std::invalid_argument("crops must have at most " + std::to_string(rbsf::kMaxCropSide) +
                                " rows");
  if (crops.shape(0) > rbsf::kMaxCrops)
    throw std::invalid_argument("a call takes at most " + std::to_string(rbsf::kMaxCrops) +
                                " crops");
  return int(crops.shape(1));
}

nb::list to_list(const rbsf::Network::Trace& trace, size_t count,
                 const std::vector<rbsf::MapShape>& shapes) {
  nb::list maps;
  // trace_bits() leaves out the first layer, and the last layer has features instead of a map.
  const size_t skipped = shapes.size() - 1 - trace.maps.size();
  for (size_t i = 0; i < trace.maps.size(); ++i)
    maps.append(to_array(trace.maps[i], sizes(count, shapes[i + skipped])));
  maps.append(to_array(trace.features, sizes(count, shapes.back())));
  return maps;
}

int checked(int threads) {
  if (threads < 1 || threads > rbsf::kMaxThreads)
    throw std::invalid_argument("threads must be 1 to " + std::to_string(rbsf::kMaxThreads));
  return threads;
}

// An exemplar, and the network that made it. Its kernels are in that network's order.
struct PyExemplar {
  rbsf::ExemplarKernels kernels;
  const uint64_t network;
};

class PyNetwork {
 public:
  PyNetwork(const nb::bytes& data, const std::string& path, int threads)
      : network_(rbsf::read_model(static_cast<const uint8_t*>(data.data()), data.size()), path,
                 checked(threads)) {}

  std::string path() const { return network_.path().name; }
  int threads() const { return network_.threads(); }

  auto embed(const Crops& crops) {
    const int size = crop_side(crops), count = int(crops.shape(0));
    auto features = make_array<float>(sizes(count, network_.shapes(size).back()));
    nb::gil_scoped_release release;
    network_.embed(crops.data(), count, size, features.data());
    return features;
  }

  nb::list layers(const Crops& crops) {
    const int size = crop_side(crops), count = int(crops.shape(0));
    return to_list(traced([&] { return network_.trace(crops.data(), count, size); }), count,
                   network_.shapes(size));
  }

  nb::list layers_from_bits(const Bits& bits, int size) {
    const auto shapes = network_.shapes(size);
    const auto& first = shapes[0];
    if (bits.shape(1) != size_t(first.channels) || bits.shape(2) != size_t(first.height) ||
        bits.shape(3) != size_t(first.width))
      throw std::invalid_argument("the bits are not the first layer's for crops of that size");
    const int count = int(bits.shape(0));
    return to_list(traced([&] { return network_.trace_bits(bits.data(), count, size); }), count,
                   shapes);
  }

  bool has_head() const { return network_.has_head(); }

  auto exemplar_feature(const Crops& crops) {
    const int size = one_crop_side(crops);
    std::vector<uint8_t> feature;
    {
      nb::gil_scoped_release release;
      feature = network_.exemplar_feature(crops.data(), size);
    }
    const size_t cells = rbsf::kCells;
    return to_array(feature, {cells, cells, feature.size() / (cells * cells)});
  }

  PyExemplar exemplar(const Feature& feature) {
    const std::vector<uint8_t> bytes(feature.data(), feature.data() + feature.size());
    nb::gil_scoped_release release;
    return {network_.exemplar(bytes), number_};
  }

  auto search(const PyExemplar& exemplar, const Crops& crops, float width, float height) {
    const int size = one_crop_side(crops);
    if (exemplar.network != number_)
      throw std::invalid_argument("the exemplar was made by another network");
    if (!std::isfinite(width) || !std::isfinite(height))
      throw std::invalid_argument("the logarithms of the believed size must be finite");
    const size_t grid = network_.grid(size);
    auto maps = make_array<float>({rbsf::Head::kMaps, grid, grid});
    nb::gil_scoped_release release;
    network_.search(exemplar.kernels, crops.data(), size, {width, height}, maps.data());
    return maps;
  }

  std::vector<double> profile(const Crops& crops) {
    const int size = crop_side(crops), count = int(crops.shape(0));
    return traced([&] { return network_.trace(crops.data(), count, size); }).seconds;
  }

 private:
  template <typename Run>
  static rbsf::Network::Trace traced(const Run& run) {
    nb::gil_scoped_release release;
    return run();
  }

  static int one_crop_side(const Crops& crops) {
    if (crops.shape(0) != 1) throw std::invalid_argument("the box head takes one crop at a time");
    return crop_side(crops);
  }

  static uint64_t next_number() {
    static std::atomic<uint64_t> last{0};
    return ++last;
  }

  rbsf::Network network_;
  const uint64_t number_ = next_number();  // No other network of this process has it.
};

class PyClassifier {
 public:
  PyClassifier(const nb::bytes& data, const std::string& path, int threads)
      : classifier_(rbsf::read_classifier(static_cast<const uint8_t*>(data.data()), data.size()),
                    path, checked(threads)) {}

  std::string path() const { return classifier_.path().name; }
  int threads() const { return classifier_.threads(); }

  auto classify(const Crops& images) {
    const auto [count, height, width] = image_sizes(images);
    auto logits = make_array<float>({size_t(count), size_t(classifier_.classes())});
    nb::gil_scoped_release release;
    classifier_.classify(images.data(), count, height, width, logits.data());
    return logits;
  }

  // The stem's map, and the bits, sums and map of each unit.
  nb::tuple trace(const Crops& images) {
    const rbsf::Classifier::Trace trace = traced(images);
    nb::list units;
    for (const auto& unit : trace.units)
      units.append(nb::make_tuple(to_array(unit.bits, sizes(unit.in)),
                                  to_array(unit.sums, sizes(unit.out)),
                                  to_array(unit.values, sizes(unit.out))));
    return nb::make_tuple(to_array(trace.stem, sizes(trace.shape)), units);
  }

  nb::tuple profile(const Crops& images) {
    const rbsf::Classifier::Trace trace = traced(images);
    nb::list units;
    for (const auto& unit : trace.units)
      units.append(nb::make_tuple(unit.sign_seconds, unit.shortcut_seconds, unit.sum_seconds));
    return nb::make_tuple(trace.stem_seconds, units, trace.last_seconds);
  }

 private:
  struct ImageSizes {
    int count, height, width;
  };

  static ImageSizes image_sizes(const Crops& images) {
    if (images.shape(3) != 3) throw std::invalid_argument("images must be RGB, N x H x W x 3");
    const size_t least = std::min(images.shape(1), images.shape(2));
    const size_t most = std::max(images.shape(1), images.shape(2));
    if (least < 1 || most > rbsf::kMaxCropSide)
      throw std::invalid_argument("images must have 1 to " + std::to_string(rbsf::kMaxCropSide) +
                                  " rows and columns");
    if (images.shape(0) > rbsf::kMaxCrops)
      throw std::invalid_argument("a call takes at most " + std::to_string(rbsf::kMaxCrops) +
                                  " images");
    return {int(images.shape(0)), int(images.shape(1)), int(images.shape(2))};
  }

  static std::vector<size_t> sizes(const rbsf::RealShape& shape) {
    return {size_t(shape.height), size_t(shape.width), size_t(shape.channels)};
  }

  rbsf::Classifier::Trace traced(const Crops& images) {
    const auto [count, height, width] = image_sizes(images);
    if (count != 1) throw std::invalid_argument("one image at a time can be traced");
    nb::gil_scoped_release release;
    return classifier_.trace(images.data(), height, width);
  }

  rbsf::Classifier classifier_;
};

std::vector<std::string> paths() {
  std::vector<std::string> names;
  for (const rbsf::Kernels* path : rbsf::usable_paths()) names.emplace_back(path->name);
  return names;
}

}  // namespace

NB_MODULE(_kernels, m) {
  m.doc() = "Runs packed 1-bit networks on the vector instructions of this machine.";
  m.def("paths", &paths,
        "Returns the names of the kernel paths that this machine can run, the fastest first.");
  nb::class_<PyExemplar>(m, "Exemplar",
                         "What a network's box head computes from an exemplar, once.")
      .def("__copy__", [](nb::object self) { return self; })
      .def("__deepcopy__", [](nb::object self, const nb::dict&) { return self; });
  nb::class_<PyNetwork>(m, "Network", "A packed network. Several threads may call it at once.")
      .def(
          nb::init<const nb::bytes&, const std::string&, int>(), nb::arg("data"),
          nb::arg("path") = "", nb::arg("threads") = 1,
          "Reads a packed file's content. Raises ValueError if the file is damaged or this machine "
          "has no such path.")
      .def_prop_ro("path", &PyNetwork::path)
      .def_prop_ro("threads", &PyNetwork::threads)
      .def("embed", &PyNetwork::embed, nb::arg("crops").noconvert(),
           "Turns RGB crops, uint8 (N, S, S, 3), into features, float32 (N, C, h, w).")
      .def("layers", &PyNetwork::layers, nb::arg("crops").noconvert(),
           "Returns every layer's map, uint8 (N, C, h, w) of 0 and 1 or of levels 0 to 3, and then "
           "the features.")
      .def("layers_from_bits", &PyNetwork::layers_from_bits, nb::arg("bits").noconvert(),
           nb::arg("size"),
           "Returns the same as `layers` for the layers after the first, whose map is given. It "
           "must have the shape that crops of size x size lead to.")
      .def_prop_ro("has_head", &PyNetwork::has_head)
      .def("exemplar_feature", &PyNetwork::exemplar_feature, nb::arg("crop").noconvert(),
           "Turns an exemplar, RGB uint8 (1, S, S, 3), into its feature, uint8 (6, 6, C).")
      .def("exemplar", &PyNetwork::exemplar, nb::arg("feature").noconvert(),
           "Prepares the feature of an exemplar, uint8 (6, 6, C), for `search`.")
      .def("search", &PyNetwork::search, nb::arg("exemplar"), nb::arg("crop").noconvert(),
           nb::arg("log_width"), nb::arg("log_height"),
           "Returns the head's maps for a search crop, RGB uint8 (1, S, S, 3): float32 (7, r, r).")
      .def("profile", &PyNetwork::profile, nb::arg("crops").noconvert(),
           "Runs the network once and returns the seconds that each layer took.");
  nb::class_<PyClassifier>(m, "Classifier",
                           "A packed classifier. Several threads may call it at once.")
      .def(
          nb::init<const nb::bytes&, const std::string&, int>(), nb::arg("data"),
          nb::arg("path") = "", nb::arg("threads") = 1,
          "Reads a packed file's content. Raises ValueError if the file is damaged or this machine "
          "has no such path.")
      .def_prop_ro("path", &PyClassifier::path)
      .def_prop_ro("threads", &PyClassifier::threads)
      .def("classify", &PyClassifier::classify, nb::arg("images").noconvert(),
           "Turns RGB images, uint8 (N, H, W, 3), into logits, float32 (N, classes).")
      .def("trace", &PyClassifier::trace, nb::arg("images").noconvert(),
           "Returns the stem's map of one image, and each unit's bits, sums and map.")
      .def("profile", &PyClassifier::profile, nb::arg("images").noconvert(),
           "Runs one image and returns the seconds of the stem, of each unit's signs, shortcut and "
           "sums, and of the last layer.");
}
