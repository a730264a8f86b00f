"""Cuts exemplars and search crops on a device, as `rbsf.data.box_augment` does."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from rbsf.data.box_augment import BoxAugmentSettings
from rbsf.data.on_device.draws import Draws
from rbsf.data.on_device.store import Store
from rbsf.nn.siamfc import EXEMPLAR_SIZE, SEARCH_SIZE


class Views(NamedTuple):
    """N search crops."""

    pixels: Tensor
    """The crops, (N, 3, 255, 255), from 0 to 255."""
    boxes: Tensor
    """The targets' boxes in them, (N, 4), as `BoxPair.box`."""
    believed: Tensor
    """The widths and heights that the crops were cut for, (N, 2), in pixels of the crop."""


def context_sides(sizes: Tensor) -> Tensor:
    """SiamFC's context of boxes of sizes (N, 2): sqrt((w + p)(h + p)), p = (w + h) / 2."""
    return (sizes + sizes.mean(dim=1, keepdim=True)).prod(dim=1).sqrt()


def exemplar_views(store: Store, rows: Tensor, mirror: Tensor, draw: Draws) -> Tensor:
    """Cuts exemplars as `box_augment.exemplar_view` does, (N, 3, 127, 127), from 0 to 255.

    Args:
        store: The crops.
        rows: The row of each exemplar, (N,).
        mirror: -1 for those that are mirrored, else 1, (N,).
        draw: The source of random numbers.
    """
    n = len(rows)
    zoom = EXEMPLAR_SIZE / context_sides(store.sizes[rows]) * (0.03 * draw.normal(n)).exp()
    linear = zoom[:, None, None] * torch.eye(2, device=rows.device)
    linear = linear * torch.stack([mirror, torch.ones_like(mirror)], dim=1)[:, None]
    return _warp(store, rows, linear, draw.between(-3, 3, n, 2), EXEMPLAR_SIZE, draw)


def search_views(
    store: Store, rows: Tensor, mirror: Tensor, still: Tensor, s: BoxAugmentSettings, draw: Draws
) -> Views:
    """Cuts search crops as `box_augment.search_view` does, off centre and for a wrong size.

    Args:
        store: The crops.
        rows: The row of each search crop, (N,).
        mirror: -1 for those that are mirrored, else 1, (N,).
        still: Which are also stretched and rotated, (N,) bool.
        s: The spreads.
        draw: The source of random numbers.
    """
    n = len(rows)
    moved = still.float()
    stretch = (s.stretch * moved[:, None] * draw.normal(n, 2)).exp()
    angle = s.rotation * moved * draw.normal(n)
    cos, sin = angle.cos(), angle.sin()
    w, h = (store.sizes[rows] * stretch).unbind(dim=1)
    sizes = torch.stack([torch.hypot(w * cos, h * sin), torch.hypot(w * sin, h * cos)], dim=1)
    size_error, aspect_error = s.size_error * draw.normal(n), s.aspect_error * draw.normal(n) / 2
    errors = torch.stack([size_error + aspect_error, size_error - aspect_error], dim=1)
    wrong = sizes * errors.exp()
    zoom = EXEMPLAR_SIZE / context_sides(wrong)
    reach = torch.where(draw(n) < 0.2, s.far_reach, s.reach)
    offset = reach[:, None] * draw.between(-1, 1, n, 2)
    rotation = torch.stack([torch.stack([cos, -sin], 1), torch.stack([sin, cos], 1)], dim=1)
    columns = stretch * torch.stack([mirror, torch.ones_like(mirror)], dim=1)
    linear = zoom[:, None, None] * rotation * columns[:, None]
    pixels = _warp(store, rows, linear, offset, SEARCH_SIZE, draw)
    boxes = torch.cat([offset, sizes * zoom[:, None]], dim=1)
    return Views(pixels, boxes, wrong * zoom[:, None])


def _warp(
    store: Store, rows: Tensor, linear: Tensor, offset: Tensor, size: int, draw: Draws
) -> Tensor:
    """Resamples crops as `box_augment._warp` does: mirrored beyond the rim, or a strip lost."""
    n, side = len(rows), store.crops.shape[-1]
    middle = (side - 1) / 2
    at = torch.arange(size, device=rows.device) - (size - 1) / 2
    there = torch.stack(torch.meshgrid(at, at, indexing="xy"), dim=-1).reshape(1, -1, 2)
    back = torch.linalg.inv_ex(linear).inverse  # unlike inv, it does not wait for the device
    places = (there - offset[:, None]) @ back.transpose(1, 2) + middle
    mirrored = (draw(n) < 0.25)[:, None, None]
    whole = store.valid[rows]
    edges = torch.where(mirrored[:, 0], whole, _trimmed(whole, store.sizes[rows], side, draw))
    low, high = edges[:, None, :2], edges[:, None, 2:] - 1
    span = (high - low).clamp(min=1)
    reflected = low + span - ((places - low).remainder(2 * span) - span).abs()
    inside = ((places > low - 0.5) & (places < high + 0.5)).all(dim=-1) | mirrored[..., 0]
    grid = torch.where(mirrored, reflected, places) / middle - 1
    crops = store.crops[rows].float()
    seen = F.grid_sample(
        crops, grid.reshape(n, size, size, 2), padding_mode="border", align_corners=True
    )
    inside = inside.reshape(n, 1, size, size)
    count = inside.sum(dim=(2, 3), keepdim=True).clamp(min=1)
    mean = (seen * inside).sum(dim=(2, 3), keepdim=True) / count
    return torch.where(inside, seen, mean)


def _trimmed(edges: Tensor, sizes: Tensor, side: int, draw: Draws) -> Tensor:
    """The edges without a strip at one side, which ends at least 10 pixels from the target."""
    n = len(edges)
    which = draw.below(torch.full((n,), 4, device=edges.device))
    half = sizes.gather(1, (which % 2)[:, None])[:, 0] / 2 + 10
    first = which < 2
    near = side / 2 + torch.where(first, -half, half)
    edge = edges.gather(1, which[:, None])[:, 0]
    cut = (edge + draw(n) * (near - edge)).round()
    changed = torch.where(first == (edge < near), cut, edge)
    return edges.scatter(1, which[:, None], changed[:, None])


def pixel_grid(size: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """The x (1, 1, size) and y (1, size, 1) of pixels, from the crop's middle."""
    at = torch.arange(size, device=device) - (size - 1) / 2
    return at[None, None, :], at[None, :, None]
