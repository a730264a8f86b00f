"""Puts things into views that make it hard to find the target, as `rbsf.data.paste` does.

Everything here works in place.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from rbsf.data.on_device.draws import Draws
from rbsf.data.on_device.store import Store
from rbsf.data.on_device.views import Views, pixel_grid
from rbsf.data.paste import ELLIPSE, TRIES


def ellipses(middles: Tensor, sizes: Tensor, side: int) -> Tensor:
    """Masks (N, 1, side, side) of the ellipses that are cut out of boxes."""
    x, y = pixel_grid(side, middles.device)
    cx, cy = (c[:, None, None] for c in middles.unbind(dim=1))
    rx, ry = (ELLIPSE * c[:, None, None] for c in sizes.unbind(dim=1))
    return (((x - cx) / rx).square() + ((y - cy) / ry).square() <= 1)[:, None]


def change_background(views: Views, chosen: Tensor) -> None:
    """Puts the targets of some views, cut out as ellipses, before the view of another pair.

    Args:
        views: The views.
        chosen: Which of them, (N,) bool.
    """
    pixels, boxes = views.pixels, views.boxes
    own = ellipses(boxes[:, :2], boxes[:, 2:], pixels.shape[-1])
    keep = own | ~chosen[:, None, None, None]
    pixels.copy_(torch.where(keep, pixels, pixels.roll(1, dims=0)))


def paste_beside(views: Views, store: Store, others: Tensor, share: float, draw: Draws) -> None:
    """Pastes other targets, cut out as ellipses, beside the true ones into a share of the views.

    Args:
        views: The views.
        store: The crops.
        others: The row of the other target for each view, (N,).
        share: The share of the views.
        draw: The source of random numbers.
    """
    some = draw.some(len(others), share)
    k, side = len(some), views.pixels.shape[-1]
    if not k:
        return
    box, rows = views.boxes[some], others[some]
    size = box[:, 2:]
    area = size.prod(dim=1) / store.sizes[rows].prod(dim=1)
    scale = area.sqrt() * draw.between(0.7, 1.4, k)
    pasted = (store.sizes[rows] * scale[:, None]).clamp(min=4)
    places = draw.between(-side / 2, side / 2, k, TRIES, 2)
    apart = (places - box[:, None, :2]).abs() > ((size + pasted) / 2)[:, None]
    free = apart.any(dim=-1)
    tried = free.float().argmax(dim=1)
    middle = places[torch.arange(k, device=some.device), tried]
    sign = torch.where(draw(k) < 0.5, -1.0, 1.0)
    x, y = pixel_grid(side, some.device)
    half = (store.crops.shape[-1] - 1) / 2
    sx = (x - middle[:, :1, None]) / (scale * sign)[:, None, None]
    sy = (y - middle[:, 1:, None]) / scale[:, None, None]
    grid = torch.stack([sx.expand(-1, side, -1), sy.expand(-1, -1, side)], dim=-1) / half
    seen = F.grid_sample(store.crops[rows].float(), grid, align_corners=True)
    mask = ellipses(middle, pasted, side) & free.any(dim=1)[:, None, None, None]
    views.pixels[some] = torch.where(mask, seen, views.pixels[some])


def occlude(views: Views, share: float, draw: Draws) -> None:
    """Covers a part of the target with a piece of the same picture, in a share of the views."""
    some = draw.some(len(views.boxes), share)
    k, side = len(some), views.pixels.shape[-1]
    if not k:
        return
    box = views.boxes[some]
    part = draw.between(0.3, 0.9, k, 2)
    short = draw.below(torch.full((k,), 2, device=some.device))[:, None]
    part = part.scatter(1, short, draw.between(0.2, 0.45, k, 1))
    size = (part * box[:, 2:]).clamp(2, side - 2).round()
    corner = box[:, :2] + draw.between(-0.5, 0.5, k, 2) * (box[:, 2:] - size) - size / 2
    corner = (corner + side / 2).round()
    start = (draw(k, 2) * (side - size)).floor()
    at = torch.arange(side, device=some.device)
    x, y = at[None, None, :] - corner[:, :1, None], at[None, :, None] - corner[:, 1:, None]
    inside = (x >= 0) & (x < size[:, :1, None]) & (y >= 0) & (y < size[:, 1:, None])
    from_x = (start[:, :1, None] + x).clamp(0, side - 1)
    from_y = (start[:, 1:, None] + y).clamp(0, side - 1)
    index = (from_y * side + from_x).long().reshape(k, 1, -1).expand(-1, 3, -1)
    own = views.pixels[some]
    piece = own.flatten(2).gather(2, index).reshape_as(own)
    views.pixels[some] = torch.where(inside[:, None], piece, own)
