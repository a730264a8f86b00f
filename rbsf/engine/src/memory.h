// Memory that starts on a cache line. Its size is fixed at construction, and it is zero at first.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>

namespace rbsf {

constexpr size_t kCacheLine = 64;

class Bytes {
 public:
  Bytes() = default;
  explicit Bytes(size_t size) : size_(size) {
    // Kernels load whole registers, so at least one cache line after the end stays readable.
    const size_t lines = (size + kCacheLine - 1) / kCacheLine + 1;
    data_.reset(static_cast<uint8_t*>(std::aligned_alloc(kCacheLine, lines * kCacheLine)));
    if (!data_) throw std::bad_alloc();
    std::memset(data_.get(), 0, lines * kCacheLine);
  }

  uint8_t* data() { return data_.get(); }
  const uint8_t* data() const { return data_.get(); }
  size_t size() const { return size_; }

  template <typename T>
  T* as() {
    return reinterpret_cast<T*>(data_.get());
  }
  template <typename T>
  const T* as() const {
    return reinterpret_cast<const T*>(data_.get());
  }

 private:
  struct Free {
    void operator()(uint8_t* p) const { std::free(p); }
  };
  std::unique_ptr<uint8_t[], Free> data_;
  size_t size_ = 0;
};

}  // namespace rbsf
