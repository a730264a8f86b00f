// The path for AVX-512 with VPOPCNTDQ and VNNI.
//
//   1. On maps of bits, vpopcntq counts the bits of 64-bit words, so a register holds one word of
//   each of eight
//      filters. A window's word is broadcast, xored with the filters' words, and what differs is
//      counted and added to the eight filters' 64-bit sums.
//   2. count_tile does so for a tile: up to kPixels windows against kTileFilters filters.
//   3. count_row covers an output row with tiles.
//   4. Maps of levels are looked up by nibbles, see avx512_lookup.h. Comparison and layers on
//   pixels
//      are in avx512_pixels.h.
//   5. The layers of the box head are in avx512_head.h and x86_round.h.
#if defined(__x86_64__)

#include <immintrin.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <utility>

#include "avx512_head.h"
#include "avx512_lookup.h"
#include "avx512_pixels.h"
#include "byte_sums.h"
#include "kernels.h"
#include "memory.h"
#include "x86_round.h"

namespace rbsf {
namespace {

// The largest tile. Of 32 registers it takes 24 for sums, 4 for filters and 1 for a window.
constexpr int kVectors = 4;  // The registers of filters that share a broadcast.
constexpr int kPixels = 6;   // The windows that share a load of filters.

constexpr int kTileFilters = 8 * kVectors;
static_assert(kFilterBlock % kTileFilters == 0, "the padded filters fill whole tiles");

// Packs filters as [tile][word][kTileFilters], so that what a step of the inner loop reads lies
// together.
Bytes pack_binary(const BinaryShape& shape, const uint64_t* filters) {
  Bytes packed(sizeof(uint64_t) * shape.padded_filters() * shape.words());
  uint64_t* to = packed.as<uint64_t>();
  for (int first = 0; first < shape.padded_filters(); first += kTileFilters)
    for (int word = 0; word < shape.words(); ++word)
      for (int f = 0; f < kTileFilters; ++f)
        *to++ = filters[size_t(first + f) * shape.words() + word];
  return packed;
}

size_t scratch_bytes(const BinaryShape&, int) { return 0; }

inline __m512i broadcast(const uint8_t* from) {
  long long word;
  std::memcpy(&word, from, sizeof word);
  return _mm512_set1_epi64(word);
}

template <int pixels>
inline void add_word(__m512i (&sums)[pixels][kVectors], const uint64_t*& filters,
                     const uint8_t* run, int step_bytes, __m512i mask, bool masked) {
  __m512i weights[kVectors];
  for (int v = 0; v < kVectors; ++v) weights[v] = _mm512_load_si512(filters + 8 * v);
  for (int p = 0; p < pixels; ++p) {
    __m512i window = broadcast(run + p * step_bytes);
    if (masked) window = _mm512_and_si512(window, mask);
    for (int v = 0; v < kVectors; ++v)
      sums[p][v] =
          _mm512_add_epi64(sums[p][v], _mm512_popcnt_epi64(_mm512_xor_si512(window, weights[v])));
  }
  filters += kTileFilters;
}

// Counts `pixels` windows against kTileFilters filters.
template <int pixels>
void count_tile(const BinaryShape& shape, const uint64_t* filters, const uint8_t* input,
                size_t stride, uint16_t* counts) {
  __m512i sums[pixels][kVectors];
  for (auto& row : sums)
    for (__m512i& sum : row) sum = _mm512_setzero_si512();
  const __m512i mask = _mm512_set1_epi64(static_cast<long long>(shape.tail()));
  const int whole = shape.row_bytes() / 8;
  const bool tail = shape.row_bytes() % 8;
  for (int row = 0; row < shape.kernel; ++row, input += stride) {
    for (int j = 0; j < whole; ++j)
      add_word<pixels>(sums, filters, input + 8 * j, shape.step_bytes(), mask, false);
    if (tail) add_word<pixels>(sums, filters, input + 8 * whole, shape.step_bytes(), mask, true);
  }
  for (int p = 0; p < pixels; ++p)
    for (int v = 0; v < kVectors; ++v)
      _mm_storeu_si128(
          reinterpret_cast<__m128i*>(counts + size_t(p) * shape.padded_filters() + 8 * v),
          _mm512_maskz_cvtepi64_epi16(0xFF, sums[p][v]));
}

using Tile = void (*)(const BinaryShape&, const uint64_t*, const uint8_t*, size_t, uint16_t*);

template <int... pixels>
constexpr std::array<Tile, sizeof...(pixels)> tiles(std::integer_sequence<int, pixels...>) {
  return {count_tile<pixels + 1>...};
}

// The tiles for 1 to kPixels windows.
constexpr auto kTiles = tiles(std::make_integer_sequence<int, kPixels>{});
static_assert(kTiles.size() == kPixels, "every number of windows up to kPixels has its tile");

void count_row(const BinaryShape& shape, const Bytes& filters, const InputRows& input, int width,
               uint16_t* counts, uint8_t*) {
  for (int first = 0; first < shape.padded_filters(); first += kTileFilters) {
    const uint64_t* tile = filters.as<uint64_t>() + size_t(first) * shape.words();
    for (int x = 0, pixels; x < width; x += pixels) {
      pixels = std::min(width - x, kPixels);
      kTiles[pixels - 1](shape, tile, input.data + size_t(x) * shape.step_bytes(), input.stride,
                         counts + size_t(x) * shape.padded_filters() + first);
    }
  }
}

const Kernels kPath = {"avx512-vpopcnt",
                       {pack_binary, scratch_bytes, count_row},
                       ByteSums<Lookup<2>>::counting(),
                       compare_row,
                       pack_pixels,
                       pixel_row,
                       Layers::pack_pointwise,
                       Layers::pointwise_row,
                       Layers::pack_depthwise,
                       Layers::depthwise_row,
                       round_row,
                       Reals::sign_row,
                       Reals::add_row,
                       Reals::mix_row};

}  // namespace

const Kernels* const kVpopcnt = &kPath;

}  // namespace rbsf

#else
#include "kernels.h"
const rbsf::Kernels* const rbsf::kVpopcnt = nullptr;
#endif
