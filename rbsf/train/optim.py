"""Makes optimisers from settings, sets their rates, and switches autocast on."""

from __future__ import annotations

import functools
import platform
from pathlib import Path
from typing import Any

import torch

from rbsf.train.settings import OptimiserSettings


def make_optimiser(
    settings: OptimiserSettings, groups: list[dict[str, Any]]
) -> torch.optim.Optimizer:
    """Makes the SGD or Adam that the settings name.

    Args:
        settings: The settings of the optimiser.
        groups: The parameter groups. A group may have its own `weight_decay`, and a `rate`, by
            which its learning rate is multiplied.
    """
    for group in groups:
        group.setdefault("rate", 1.0)
        group.setdefault("weight_decay", settings.weight_decay)
    if settings.name == "adam":
        return torch.optim.Adam(groups, lr=settings.lr)
    return torch.optim.SGD(groups, lr=settings.lr, momentum=settings.momentum)


def set_rates(optimiser: torch.optim.Optimizer, rate: float) -> None:
    """Sets the learning rate of every group to `rate` times the group's own factor."""
    for group in optimiser.param_groups:
        group["lr"] = rate * group["rate"]


def autocast(precision: str, device: torch.device) -> torch.autocast:
    """Gives the autocast context of a precision.

    Args:
        precision: "bf16" computes in bfloat16 and "fp32" in float32. "auto" means bf16 on CUDA and
            on CPUs that are faster with it, and fp32 elsewhere.
        device: The device that computes.
    """
    fast = device.type == "cuda" or _cpu_gains_from_bf16()
    enabled = precision == "bf16" or (precision == "auto" and fast)
    return torch.autocast(device.type, torch.bfloat16, enabled=enabled)


def _cpu_gains_from_bf16() -> bool:
    """Whether this CPU has AMX, or is an AMD with AVX-512 BF16.

    On Zen 4, which has the latter, bf16 makes a step twice as fast. On an Intel, AVX-512 BF16 alone
    makes it slower: SiamFC's convolutions reach 85 GFLOPS in bf16 and 155 in fp32 (one core of an
    Emerald Rapids whose AMX is hidden, torch 2.14).
    """
    if torch.cpu._is_amx_tile_supported():
        return True
    return torch.cpu._is_avx512_bf16_supported() and "AMD" in _cpu_description()


@functools.cache
def _cpu_description() -> str:
    """What the system says about this CPU, which names its maker, as in "AuthenticAMD"."""
    listed = Path("/proc/cpuinfo")
    return listed.read_text() if listed.is_file() else platform.processor()
