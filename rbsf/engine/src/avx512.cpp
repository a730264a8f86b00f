// The path for AVX-512 with BW and VNNI, but without VPOPCNTDQ.
//
//   1. Binary layers are in avx512_lookup.h.
//   2. Comparison and layers on pixels are in avx512_pixels.h.
//   3. The layers of the box head are in avx512_head.h and x86_round.h.
#if defined(__x86_64__)

#include "avx512_head.h"
#include "avx512_lookup.h"
#include "avx512_pixels.h"
#include "byte_sums.h"
#include "kernels.h"
#include "x86_round.h"

namespace rbsf {
namespace {

const Kernels kPath = {"avx512",
                       ByteSums<Lookup<1>>::counting(),
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

const Kernels* const kAvx512 = &kPath;

}  // namespace rbsf

#else
#include "kernels.h"
const rbsf::Kernels* const rbsf::kAvx512 = nullptr;
#endif
