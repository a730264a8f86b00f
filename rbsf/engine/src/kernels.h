// What a kernel path provides: one implementation of the network's three inner loops for one
// instruction set. Every path gives the same bits; `scalar` is the one to read first.
//
// Binary layers. A map lies in memory as one plane a group, [y][x][channel_bytes], channels packed
// LSB first and padded with zero bits to whole bytes. One row of a filter's window is therefore
// one run of kernel * channel_bytes bytes at any byte offset. The runs are compared 64 bits at a
// time: `row_words` words, of which the last is masked by `tail`. A filter's words are laid out the
// same way, padding 0, so that padding never counts as different.
#pragma once

#include <cstddef>
#include <cstdint>

#include "memory.h"

namespace rbsf {

// Filters are counted in blocks of so many; counts of filters that are only padding are garbage.
constexpr int kFilterBlock = 64;

struct BinaryShape {
  int filters;        // of one group
  int kernel;         // rows and columns
  int channel_bytes;  // of one pixel of one group
  int row_bytes() const { return kernel * channel_bytes; }
  int row_words() const { return (row_bytes() + 7) / 8; }
  int words() const { return kernel * row_words(); }
  uint64_t tail() const { return row_bytes() % 8 ? ~0ull >> (64 - 8 * (row_bytes() % 8)) : ~0ull; }
  int padded_filters() const { return (filters + kFilterBlock - 1) / kFilterBlock * kFilterBlock; }
};

struct PixelShape {
  int filters;
  int kernel;  // rows and columns
  int stride;
  int row_bytes() const { return 3 * kernel; }
};

struct Kernels {
  const char* name;

  // Filters of one group, [padded_filters][words()] (zero where only padding), as the path reads
  // them.
  Bytes (*pack_binary)(const BinaryShape&, const uint64_t* filters);

  // Bytes of scratch that count_row needs for an output row of `width`.
  size_t (*scratch_bytes)(const BinaryShape&, int width);

  // One output row: counts[x][filter] = bits of window x that differ from the filter's.
  //   input: the first row of the windows; stride: bytes from one input row to the next;
  //   counts: [width][padded_filters]. Up to 8 bytes behind a row's last window may be read.
  void (*count_row)(const BinaryShape&, const Bytes& filters, const uint8_t* input, size_t stride,
                    int width, uint16_t* counts, uint8_t* scratch);

  // bits[x][filter] = counts[x][filter] < limits[filter], packed LSB first, [width][out_stride];
  // whole bytes are written, (filters + 7) / 8 a pixel. limits: [padded_filters], 0 for padding.
  void (*compare_row)(const BinaryShape&, const uint16_t* counts, int width, const uint16_t* limits,
                      uint8_t* bits, size_t out_stride);

  // Filters on pixels, [filters][kernel][3 * kernel], as the path reads them.
  Bytes (*pack_pixels)(const PixelShape&, const int8_t* filters);

  // One output row on RGB pixels: bits[x][filter] = sum of weight * pixel >= thresholds[filter],
  // written as by compare_row. thresholds: [filters]. Up to 64 bytes behind the last pixel may be
  // read; scratch: kPixelScratch(width) bytes.
  void (*pixel_row)(const PixelShape&, const Bytes& filters, const int32_t* thresholds,
                    const uint8_t* input, size_t stride, int width, uint8_t* bits,
                    size_t out_stride, uint8_t* scratch);
};

constexpr size_t pixel_scratch(int width) { return 64 * (static_cast<size_t>(width) + 16); }

// The paths compiled in; null where the target has none.
extern const Kernels* const kVpopcnt;
extern const Kernels* const kAvx512;
extern const Kernels* const kAvx2;
extern const Kernels* const kNeonDot;
extern const Kernels* const kNeon;
extern const Kernels* const kScalar;

}  // namespace rbsf
