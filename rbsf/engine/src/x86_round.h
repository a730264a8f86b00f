// Rounds sums to bytes, for all paths on x86 with AVX2. Everything is in an anonymous namespace,
// because each path compiles it for its own instructions.
#pragma once

#include <immintrin.h>

#include <algorithm>
#include <cstdint>
#include <cstring>

namespace rbsf {
namespace {

void round_row(const int32_t* sums, const float* scale, const float* bias, int count,
               uint8_t* bytes) {
  constexpr int kLanes = 8;
  const __m256 most = _mm256_set1_ps(255.0f);
  for (int i = 0; i < count; i += kLanes) {
    const __m256 sum =
        _mm256_cvtepi32_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(sums + i)));
    // Past the end of `scale` and `bias` nothing may be read.
    __m256i mine = _mm256_set1_epi32(-1);
    if (count - i < kLanes)
      mine = _mm256_cmpgt_epi32(_mm256_set1_epi32(count - i),
                                _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
    const __m256 value = _mm256_add_ps(_mm256_mul_ps(sum, _mm256_maskload_ps(scale + i, mine)),
                                       _mm256_maskload_ps(bias + i, mine));
    // Of a number and what is none, max takes its second operand.
    const __m256 clamped = _mm256_min_ps(_mm256_max_ps(value, _mm256_setzero_ps()), most);
    const __m256i words = _mm256_cvtps_epi32(clamped);
    const __m128i pairs =
        _mm_packs_epi32(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));
    const __m128i packed = _mm_packus_epi16(pairs, pairs);
    if (count - i >= kLanes)
      _mm_storel_epi64(reinterpret_cast<__m128i*>(bytes + i), packed);
    else
      std::memcpy(bytes + i, &packed, count - i);
  }
}

}  // namespace
}  // namespace rbsf
