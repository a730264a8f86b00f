"""What light, a lens and a sensor do to the pictures of a batch, as `rbsf.data.camera` does."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from rbsf.data.on_device.draws import Draws
from rbsf.data.on_device.views import pixel_grid


def recolour(pixels: Tensor, jitter: float, grey: Tensor, draw: Draws) -> Tensor:
    """Changes brightness, contrast and saturation as `camera.recolour` does."""
    n = len(pixels)
    contrast, bright, colourful = (1 + jitter * draw.between(-1, 1, 3, n, 1, 1, 1)).unbind(dim=0)
    mean = pixels.mean(dim=(1, 2, 3), keepdim=True)
    result = (pixels * contrast + mean * (bright - contrast)).clamp(0, 255)
    weights = torch.tensor([0.299, 0.587, 0.114], device=pixels.device)
    shades = (result * weights[:, None, None]).sum(dim=1, keepdim=True)
    keep = torch.where(grey[:, None, None, None], torch.zeros_like(colourful), colourful)
    return (shades + keep * (result - shades)).clamp(0, 255)


def reduce_resolution(pixels: Tensor, share: float, draw: Draws) -> None:
    """Makes a share of the pictures as unsharp as enlarged small ones, in place."""
    for some, factor in zip(draw.some(len(pixels), share).chunk(2), (2, 3), strict=False):
        if not len(some):
            return
        small = F.avg_pool2d(pixels[some], factor, ceil_mode=True)
        pixels[some] = F.interpolate(small, pixels.shape[-2:], mode="bilinear")


def blur(pixels: Tensor, focus: float, motion: float, draw: Draws) -> None:
    """Blurs shares of the pictures as if out of focus, or as if moved, in place.

    Args:
        pixels: The pictures, (N, 3, S, S).
        focus: The share of the first.
        motion: The share of the second.
        draw: The source of random numbers.
    """
    some = draw.some(len(pixels), focus + motion)
    k = len(some)
    if not k:
        return
    x, y = pixel_grid(13, pixels.device)
    sigma = draw.between(0.4, 2.5, k)[:, None, None]
    soft = (-(x.square() + y.square()) / (2 * sigma.square())).exp()
    half = draw.between(1, 6, k)[:, None, None]
    angle = draw.between(0, math.pi, k)[:, None, None]
    along, across = x * angle.cos() + y * angle.sin(), y * angle.cos() - x * angle.sin()
    streak = (1 - across.abs()).clamp(min=0) * (half + 0.5 - along.abs()).clamp(0, 1)
    first = (torch.arange(k, device=pixels.device) < round(focus * len(pixels)))[:, None, None]
    kernels = torch.where(first, soft, streak)
    kernels = kernels / kernels.sum(dim=(1, 2), keepdim=True)
    chosen = F.pad(pixels[some], (6,) * 4, mode="reflect")
    flat = chosen.reshape(1, -1, *chosen.shape[-2:])
    kernels = kernels[:, None].expand(-1, 3, -1, -1).reshape(-1, 1, 13, 13)
    pixels[some] = F.conv2d(flat, kernels, groups=3 * k).reshape(k, 3, *pixels.shape[-2:])


def grain(pixels: Tensor, largest: float, draw: Draws) -> Tensor:
    """Adds a sensor's noise, whose deviation is at most `largest` grey levels in each picture."""
    if not largest:
        return pixels
    deviation = largest * draw(len(pixels))[:, None, None, None]
    return pixels + deviation * draw.normal(*pixels.shape)
