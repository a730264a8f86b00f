"""Makes optimisers from settings, sets their rates, and switches autocast on."""

from __future__ import annotations

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
            on CPUs with AMX or AVX-512 BF16, and fp32 elsewhere. On a CPU that has only AVX-512
            BF16 (Zen 4), bf16 makes a step twice as fast.
        device: The device that computes.
    """
    native = torch.cpu._is_amx_tile_supported() or torch.cpu._is_avx512_bf16_supported()
    fast = device.type == "cuda" or native
    enabled = precision == "bf16" or (precision == "auto" and fast)
    return torch.autocast(device.type, torch.bfloat16, enabled=enabled)
