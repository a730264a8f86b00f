"""The machine that figures were taken on, and its peak of full-precision arithmetic."""

from __future__ import annotations

import os
import platform
import shlex
import sys
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
import torch

PACKAGES = ("rbsf", "numpy", "opencv-python-headless", "torch", "onnxruntime", "openvino", "onnx")

FLAGS = ("avx2", "fma", "avx_vnni", "avx512f", "avx512bw", "avx512_vnni", "avx512_bf16",
         "avx512_vpopcntdq", "avx512_bitalg", "amx_int8", "asimd", "asimddp", "sve")  # fmt: skip
"""Instruction sets that make a difference here, as /proc/cpuinfo has them."""

LOADED_BY_ENVIRONMENT = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def restart_with_threads(threads: int) -> None:
    """Starts this process anew unless its environment holds libraries to so many threads.

    numpy's linear algebra reads its number of threads once, when it is loaded.
    """
    wanted = dict.fromkeys(LOADED_BY_ENVIRONMENT, str(threads))
    if any(os.environ.get(name) != value for name, value in wanted.items()):
        os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, **wanted})


def set_threads(threads: int) -> None:
    """Holds torch and OpenCV to so many threads in this process."""
    import cv2

    torch.set_num_threads(threads)
    cv2.setNumThreads(threads)


def describe_machine() -> dict[str, Any]:
    """Processor, cores, instruction sets and versions."""
    cpu = _cpuinfo()
    there = cpu.get("flags", cpu.get("Features", "")).split()
    return {
        "cpu": cpu.get("model name") or platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "flags": [flag for flag in FLAGS if flag in there],
        "system": platform.platform(),
        "python": platform.python_version(),
        "versions": {name: found for name in PACKAGES if (found := _version(name))},
    }


def command_line() -> str:
    """The command that this process was started with."""
    return shlex.join(["python", *sys.argv])


def peak_product(size: int = 1024) -> tuple[Callable[[], object], float]:
    """A full-precision matrix product, the nearest to peak that software comes, and its GMAC.

    It is numpy's, which ran a little faster than torch's where both were tried (AMD, Zen 4).
    """
    left, right = (np.full((size, size), value, np.float32) for value in (1.5, 0.5))
    target = np.empty_like(left)
    return lambda: np.matmul(left, right, out=target), size**3 / 1e9


def _cpuinfo() -> dict[str, str]:
    """What Linux says of the first core."""
    file = Path("/proc/cpuinfo")
    first = file.read_text().split("\n\n")[0] if file.exists() else ""
    pairs = (line.partition(":") for line in first.splitlines())
    return {name.strip(): value.strip() for name, _, value in pairs}


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
