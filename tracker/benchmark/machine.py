"""Describes the machine that is measured, and its peak rate of full-precision arithmetic."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from rbsf.engine.installation import PACKAGE

PACKAGES = ("rbsf", "numpy", "opencv-python-headless", "torch", "onnxruntime", "openvino", "onnx")

FLAGS = ("avx2", "fma", "avx_vnni", "avx512f", "avx512bw", "avx512_vnni", "avx512_bf16",
         "avx512_vpopcntdq", "avx512_bitalg", "amx_int8", "asimd", "asimddp", "sve")  # fmt: skip
"""The instruction sets that make a difference here, as /proc/cpuinfo spells them."""

LOADED_BY_ENVIRONMENT = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def restart_with_threads(threads: int) -> None:
    """Restarts this process unless its environment limits libraries to this number of threads.

    The linear algebra in numpy reads its number of threads once, when it is loaded.
    """
    wanted = dict.fromkeys(LOADED_BY_ENVIRONMENT, str(threads))
    if any(os.environ.get(name) != value for name, value in wanted.items()):
        # The command `rbsf` has put its own name into sys.argv.
        words = sys.argv if Path(sys.argv[0]).is_file() else sys.orig_argv[1:]
        os.execve(sys.executable, [sys.executable, *words], {**os.environ, **wanted})


def set_threads(threads: int) -> None:
    """Limits torch and OpenCV to this number of threads in this process."""
    import cv2
    import torch

    torch.set_num_threads(threads)
    cv2.setNumThreads(threads)


def describe_machine() -> dict[str, Any]:
    """Returns the processor, its cores and instruction sets, and what is installed."""
    cpu = _cpuinfo()
    there = cpu.get("flags", cpu.get("Features", "")).split()
    return {
        "cpu": cpu.get("model name") or platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "flags": [flag for flag in FLAGS if flag in there],
        "system": platform.platform(),
        "python": platform.python_version(),
        "versions": {name: found for name in PACKAGES if (found := _version(name))},
        "package": str(PACKAGE),
    }


def peak_product(size: int = 1024) -> tuple[Callable[[], object], float]:
    """Returns a full-precision matrix product, and its multiplications in billions (GMAC).

    No other software comes nearer to the processor's peak. The product is that of numpy, which ran
    a little faster than that of torch where both were tried (AMD, Zen 4).
    """
    left, right = (np.full((size, size), value, np.float32) for value in (1.5, 0.5))
    target = np.empty_like(left)
    return lambda: np.matmul(left, right, out=target), size**3 / 1e9


def _cpuinfo() -> dict[str, str]:
    """Reads what Linux says about the first core."""
    file = Path("/proc/cpuinfo")
    first = file.read_text().split("\n\n")[0] if file.exists() else ""
    pairs = (line.partition(":") for line in first.splitlines())
    return {name.strip(): value.strip() for name, _, value in pairs}


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
