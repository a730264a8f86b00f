"""Optimisers from settings, their rates, and autocast."""

from __future__ import annotations

from typing import Any

import torch

from rbsf.train.settings import OptimiserSettings


def make_optimiser(
    settings: OptimiserSettings, groups: list[dict[str, Any]]
) -> torch.optim.Optimizer:
    """SGD or Adam over parameter groups.

    A group may set its own `weight_decay`, and `rate`, by which its learning rate is multiplied.
    """
    for group in groups:
        group.setdefault("rate", 1.0)
        group.setdefault("weight_decay", settings.weight_decay)
    if settings.name == "adam":
        return torch.optim.Adam(groups, lr=settings.lr)
    return torch.optim.SGD(groups, lr=settings.lr, momentum=settings.momentum)


def set_rates(optimiser: torch.optim.Optimizer, rate: float) -> None:
    """Sets every group's learning rate to `rate` times its own factor."""
    for group in optimiser.param_groups:
        group["lr"] = rate * group["rate"]


def autocast(precision: str, device: torch.device) -> torch.autocast:
    """bf16 autocast where asked for; `auto`: on CUDA, and on CPUs with AMX or AVX-512 BF16.

    A step with AVX-512 BF16 alone (Zen 4) is twice as fast as in fp32.
    """
    native = torch.cpu._is_amx_tile_supported() or torch.cpu._is_avx512_bf16_supported()
    fast = device.type == "cuda" or native
    enabled = precision == "bf16" or (precision == "auto" and fast)
    return torch.autocast(device.type, torch.bfloat16, enabled=enabled)
