// Which kernel paths this machine can run.
#pragma once

#include <string>
#include <vector>

#include "kernels.h"

namespace rbsf {

// The usable paths, fastest first; `scalar` is always the last.
std::vector<const Kernels*> usable_paths();

// A usable path by name, or the fastest for an empty name; std::invalid_argument names those there
// are.
const Kernels& find_path(const std::string& name);

}  // namespace rbsf
