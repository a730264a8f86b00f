#include "dispatch.h"

#include <stdexcept>
#include <string>
#include <vector>

#if defined(__x86_64__)
#include <cpuid.h>
#endif
#if defined(__aarch64__) && defined(__linux__)
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif

namespace rbsf {
namespace {

#if defined(__x86_64__)
// __builtin_cpu_supports also checks that the operating system saves the wide registers.
bool has_avx2() { return __builtin_cpu_supports("avx2"); }
// __builtin_cpu_supports does not know AVX-VNNI in every compiler.
bool has_avx_vnni() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  return has_avx2() && __get_cpuid_count(7, 1, &a, &b, &c, &d) && (a >> 4 & 1);
}
bool has_avx512() {
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
         __builtin_cpu_supports("avx512vnni");
}
bool has_vpopcnt() { return has_avx512() && __builtin_cpu_supports("avx512vpopcntdq"); }
#else
bool has_avx2() { return false; }
bool has_avx_vnni() { return false; }
bool has_avx512() { return false; }
bool has_vpopcnt() { return false; }
#endif

#if defined(__aarch64__) && defined(__linux__)
bool has_dot() { return getauxval(AT_HWCAP) & HWCAP_ASIMDDP; }
#elif defined(__aarch64__) && defined(__APPLE__)
bool has_dot() { return true; }  // Every Mac with an Apple processor has it.
#else
bool has_dot() { return false; }
#endif

}  // namespace

std::vector<const Kernels*> usable_paths() {
  std::vector<const Kernels*> paths;
  const auto add = [&](const Kernels* path, bool usable) {
    if (path && usable) paths.push_back(path);
  };
  add(kVpopcnt, has_vpopcnt());
  add(kAvx512, has_avx512());
  add(kAvxVnni, has_avx_vnni());
  add(kAvx2, has_avx2());
  add(kNeonDot, has_dot());
  add(kNeon, true);
  add(kScalar, true);
  return paths;
}

const Kernels& find_path(const std::string& name) {
  std::string known;
  for (const Kernels* path : usable_paths()) {
    if (name.empty() || name == path->name) return *path;
    known += (known.empty() ? "" : ", ") + std::string(path->name);
  }
  throw std::invalid_argument("this machine has no kernel path " + name + ", only " + known);
}

}  // namespace rbsf
