// The Python module rbsf.engine._kernels.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <stdexcept>

#include "network.h"

namespace nb = nanobind;

namespace {

using Crops = nb::ndarray<const uint8_t, nb::ndim<4>, nb::c_contig, nb::device::cpu>;
using Bits = nb::ndarray<const uint8_t, nb::ndim<4>, nb::c_contig, nb::device::cpu>;

// A numpy array that owns its memory.
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
  if (crops.shape(1) > 4096 || crops.shape(0) > 65536)
    throw std::invalid_argument("crops are too many or too large");
  return int(crops.shape(1));
}

nb::list to_list(const rbsf::Network::Trace& trace, size_t count,
                 const std::vector<rbsf::MapShape>& shapes) {
  nb::list maps;
  const size_t skipped = shapes.size() - 1 - trace.maps.size();
  for (size_t i = 0; i < trace.maps.size(); ++i)
    maps.append(to_array(trace.maps[i], sizes(count, shapes[i + skipped])));
  maps.append(to_array(trace.features, sizes(count, shapes.back())));
  return maps;
}

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
      throw std::invalid_argument("bits are not the first layer's for crops of that size");
    const int count = int(bits.shape(0));
    return to_list(traced([&] { return network_.trace_bits(bits.data(), count, size); }), count,
                   shapes);
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

  static int checked(int threads) {
    if (threads < 1 || threads > 256) throw std::invalid_argument("threads must be 1 to 256");
    return threads;
  }

  rbsf::Network network_;
};

std::vector<std::string> paths() {
  std::vector<std::string> names;
  for (const rbsf::Kernels* path : rbsf::usable_paths()) names.emplace_back(path->name);
  return names;
}

}  // namespace

NB_MODULE(_kernels, m) {
  m.doc() = "Packed 1-bit networks on this machine's vector instructions.";
  m.def("paths", &paths, "Names of the kernel paths this machine can run, fastest first.");
  nb::class_<PyNetwork>(m, "Network", "A packed network; calls from several threads are safe.")
      .def(nb::init<const nb::bytes&, const std::string&, int>(), nb::arg("data"),
           nb::arg("path") = "", nb::arg("threads") = 1,
           "From a packed file's content. ValueError: a damaged file, or no such path here.")
      .def_prop_ro("path", &PyNetwork::path)
      .def_prop_ro("threads", &PyNetwork::threads)
      .def("embed", &PyNetwork::embed, nb::arg("crops").noconvert(),
           "RGB uint8 (N, S, S, 3) -> features, float32 (N, C, h, w).")
      .def("layers", &PyNetwork::layers, nb::arg("crops").noconvert(),
           "Every layer's bits, uint8 0/1 (N, C, h, w), and the features.")
      .def("layers_from_bits", &PyNetwork::layers_from_bits, nb::arg("bits").noconvert(),
           nb::arg("size"),
           "`layers` from the first layer's bits on, as crops of size x size would give them.")
      .def("profile", &PyNetwork::profile, nb::arg("crops").noconvert(),
           "Seconds of each layer, one pass.");
}
