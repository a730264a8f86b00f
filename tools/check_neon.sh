#!/bin/sh
# Checks the NEON kernels without an ARM machine: cross-compiles the engine for AArch64 and compares
# its paths with `scalar` under qemu, on a CPU without dot products and on one with them.
# Needs: apt-get install g++-aarch64-linux-gnu qemu-user. Usage: tools/check_neon.sh [trials [seed]]
set -eu
cd "$(dirname "$0")/.."
for program in cmake aarch64-linux-gnu-g++ qemu-aarch64; do
  if ! command -v "$program" > /dev/null; then
    echo "$program is missing: apt-get install cmake g++-aarch64-linux-gnu qemu-user" >&2
    exit 2
  fi
done
cmake -S . -B build/neon -DCMAKE_BUILD_TYPE=Release -DCMAKE_SYSTEM_NAME=Linux \
  -DCMAKE_SYSTEM_PROCESSOR=aarch64 -DCMAKE_CXX_COMPILER=aarch64-linux-gnu-g++ \
  -DCMAKE_EXE_LINKER_FLAGS=-static > /dev/null
cmake --build build/neon --target check_paths
for cpu in cortex-a53 max; do
  qemu-aarch64 -cpu "$cpu" build/neon/check_paths "$@"
done
