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
    middle, free = _place_beside(box, pasted, draw.between(-side / 2, side / 2, k, TRIES, 2))
    sign = torch.where(draw(k) < 0.5, -1.0, 1.0)
    seen = _put(store, rows, middle, torch.stack([scale * sign, scale], dim=1), side)
    mask = ellipses(middle, pasted, side) & free[:, None, None, None]
    views.pixels[some] = torch.where(mask, seen, views.pixels[some])


def leave_behind(
    exemplars: Tensor,
    sizes: Tensor,
    views: Views,
    store: Store,
    others: Tensor,
    share: float,
    draw: Draws,
) -> None:
    """Covers a part of the targets in a share of the exemplars with what stands beside them later.

    Args:
        exemplars: The exemplars, (N, 3, 127, 127).
        sizes: The targets' widths and heights in them, in pixels, (N, 2).
        views: The views of the search, N.
        store: The crops.
        others: The row of another thing for each pair, (N,). The piece is cut out of its middle.
        share: The share of the pairs.
        draw: The source of random numbers.
    """
    some = draw.some(len(others), share)
    k, side = len(some), views.pixels.shape[-1]
    if not k:
        return
    size, box, rows = sizes[some], views.boxes[some], others[some]
    piece = _piece_sizes(size, draw).clamp(min=2).round()
    at = draw.between(-0.5, 0.5, k, 2) * (size - piece)
    seen = _put(store, rows, at, torch.ones_like(at), exemplars.shape[-1])
    mask = _rectangles(at, piece, exemplars.shape[-1])
    exemplars[some] = torch.where(mask, seen, exemplars[some])
    # the same piece in the view, as much larger as the target is
    scale = (box[:, 2:].prod(dim=1) / size.prod(dim=1)).sqrt()[:, None]
    larger = (piece * scale).clamp(2, side - 2)
    places = draw.between(-0.5, 0.5, k, TRIES, 2) * (side - larger)[:, None]
    at, free = _place_beside(box, larger, places)
    seen = _put(store, rows, at, scale.expand(-1, 2), side)
    mask = _rectangles(at, larger, side) & free[:, None, None, None]
    views.pixels[some] = torch.where(mask, seen, views.pixels[some])


def _place_beside(boxes: Tensor, sizes: Tensor, places: Tensor) -> tuple[Tensor, Tensor]:
    """The first of some places (k, TRIES, 2) where a thing is beside the target, (k, 2).

    The second answer says whether there is one, (k,) bool.
    """
    apart = (places - boxes[:, None, :2]).abs() > ((boxes[:, 2:] + sizes) / 2)[:, None]
    free = apart.any(dim=-1)
    tried = free.float().argmax(dim=1)
    return places[torch.arange(len(places), device=places.device), tried], free.any(dim=1)


def _put(store: Store, rows: Tensor, middles: Tensor, scale: Tensor, side: int) -> Tensor:
    """Scaled crops (k, 3, side, side) whose middles are at some places.

    Args:
        store: The crops.
        rows: Those to scale, (k,).
        middles: The places, from the middle of the outcome, (k, 2).
        scale: The factors along x and y, (k, 2). A negative one mirrors.
        side: The side of the outcome.
    """
    x, y = pixel_grid(side, rows.device)
    half = (store.crops.shape[-1] - 1) / 2
    sx = (x - middles[:, :1, None]) / scale[:, :1, None]
    sy = (y - middles[:, 1:, None]) / scale[:, 1:, None]
    grid = torch.stack([sx.expand(-1, side, -1), sy.expand(-1, -1, side)], dim=-1) / half
    return F.grid_sample(store.crops[rows].float(), grid, align_corners=True)


def _rectangles(middles: Tensor, sizes: Tensor, side: int) -> Tensor:
    """Masks (k, 1, side, side) of rectangles, whose middles (k, 2) count from the picture's."""
    x, y = pixel_grid(side, middles.device)
    cx, cy = (c[:, None, None] for c in middles.unbind(dim=1))
    rx, ry = (c[:, None, None] / 2 for c in sizes.unbind(dim=1))
    return (((x - cx).abs() < rx) & ((y - cy).abs() < ry))[:, None]


def _piece_sizes(sizes: Tensor, draw: Draws) -> Tensor:
    """The sizes (k, 2) of pieces that cover a part of targets of given sizes (k, 2)."""
    k = len(sizes)
    part = draw.between(0.3, 0.9, k, 2)
    short = draw.below(torch.full((k,), 2, device=sizes.device))[:, None]
    return part.scatter(1, short, draw.between(0.2, 0.45, k, 1)) * sizes


def occlude(views: Views, share: float, draw: Draws) -> None:
    """Covers a part of the target with a piece of the same picture, in a share of the views."""
    some = draw.some(len(views.boxes), share)
    k, side = len(some), views.pixels.shape[-1]
    if not k:
        return
    box = views.boxes[some]
    size = _piece_sizes(box[:, 2:], draw).clamp(2, side - 2).round()
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
