// Reads the bytes of a packed file from front to back.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <string>
#include <vector>

namespace rbsf {

// A reader refuses a file by this exception, whose text is one line that says why.
[[noreturn]] inline void refuse(const std::string& why) { throw std::invalid_argument(why); }

// A cursor that refuses to move past the end.
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
    // A damaged size must not make the vector ask for memory that the file cannot fill.
    if (count > left_ / sizeof(T)) refuse("it ends too early");
    std::vector<T> values(count);
    const uint8_t* from = take(count * sizeof(T));
    if (count) std::memcpy(values.data(), from, count * sizeof(T));
    return values;
  }

 private:
  const uint8_t* data_;
  size_t left_;
};

}  // namespace rbsf
