// The layers of the box head on the dot products of VNNI, and what residual networks need, for both
// AVX-512 paths.
//
// vpdpbusd multiplies four bytes with four weights of each of 16 outputs, or channels, and adds the
// products to their 32-bit sums. This is a step of product_tile.h.
//
// Everything is in an anonymous namespace, because each path compiles it for its own instructions.
#pragma once

#include <immintrin.h>

#include <cstdint>
#include <cstring>

#include "head_sums.h"
#include "real_rows.h"

namespace rbsf {
namespace {

struct HeadProducts {
  typedef int32_t Sums __attribute__((vector_size(64)));
  using Weights = __m512i;
  using Weight = int8_t;
  using Pixel = uint8_t;
  static constexpr int kStep = 4, kLanes = 16, kCentre = 0;
  // Of 32 registers a tile takes 18 for sums, 3 for weights and 1 for a window.
  static constexpr int kRegisters = 3, kWindows = 6;

  static int slot(int lane, int byte) { return kStep * lane + byte; }

  static void widen(const uint8_t* from, Pixel* to) { std::memcpy(to, from, 16); }

  static void interleave(const uint8_t* const (&rows)[kStep], Pixel* to) {
    __m128i row[kStep];
    for (int i = 0; i < kStep; ++i)
      row[i] = _mm_loadu_si128(reinterpret_cast<const __m128i*>(rows[i]));
    const __m128i low[] = {_mm_unpacklo_epi8(row[0], row[1]), _mm_unpacklo_epi8(row[2], row[3])};
    const __m128i high[] = {_mm_unpackhi_epi8(row[0], row[1]), _mm_unpackhi_epi8(row[2], row[3])};
    auto* const quarters = reinterpret_cast<__m128i*>(to);
    _mm_store_si128(quarters, _mm_unpacklo_epi16(low[0], low[1]));
    _mm_store_si128(quarters + 1, _mm_unpackhi_epi16(low[0], low[1]));
    _mm_store_si128(quarters + 2, _mm_unpacklo_epi16(high[0], high[1]));
    _mm_store_si128(quarters + 3, _mm_unpackhi_epi16(high[0], high[1]));
  }

  static Sums load_sums(const int32_t* from) { return *reinterpret_cast<const Sums*>(from); }
  static Weights load(const Weight* from) { return _mm512_load_si512(from); }

  static __m512i window(const Pixel* from) {
    int word;
    std::memcpy(&word, from, sizeof word);
    return _mm512_set1_epi32(word);
  }

  static void add(Sums& sums, Weights weights, __m512i window) {
    sums = (Sums)_mm512_dpbusd_epi32((__m512i)sums, window, weights);
  }
};

struct Lanes {
  typedef float Reals __attribute__((vector_size(64)));
  typedef int32_t Ints __attribute__((vector_size(64)));
  typedef uint16_t Counts __attribute__((vector_size(32)));
  // Of 32 registers a tile takes 16 for sums, 2 for weights and 1 for an input.
  static constexpr int kRegisters = 2, kPixels = 8;

  static uint32_t at_least(Reals reals, Reals bounds) {
    return _mm512_cmp_ps_mask((__m512)reals, (__m512)bounds, _CMP_GE_OQ);
  }
};

using Layers = HeadSums<HeadProducts>;
using Reals = RealRows<Lanes>;

}  // namespace
}  // namespace rbsf
