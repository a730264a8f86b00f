// Says which kernel paths this machine can run, and finds one by its name.
#pragma once

#include <string>
#include <vector>

#include "kernels.h"

namespace rbsf {

// The paths that this machine can run, the fastest first. `scalar` is always the last.
std::vector<const Kernels*> usable_paths();

// The path of that name, or the fastest one if the name is empty. Throws std::invalid_argument with
// the names of the usable paths if it is none of them.
const Kernels& find_path(const std::string& name);

}  // namespace rbsf
