// Memory on cache-line boundaries, of a size fixed at construction and zero at first.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>

namespace rbsf {

class Bytes {
 public:
  Bytes() = default;
  explicit Bytes(size_t size) : size_(size) {
    const size_t whole = (size + 127) / 64 * 64;  // at least one line behind the end is readable
    data_.reset(static_cast<uint8_t*>(std::aligned_alloc(64, whole)));
    if (!data_) throw std::bad_alloc();
    std::memset(data_.get(), 0, whole);
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
