"""Draws whole batches of box pairs, and makes them."""

from __future__ import annotations

import torch
from torch import Tensor

from rbsf.data.box_augment import BoxAugmentSettings
from rbsf.data.box_pairs import BoxPair
from rbsf.data.on_device.camera import blur, grain, recolour, reduce_resolution
from rbsf.data.on_device.draws import Draws
from rbsf.data.on_device.paste import change_background, leave_behind, occlude, paste_beside
from rbsf.data.on_device.store import Store
from rbsf.data.on_device.views import exemplar_views, search_views


def draw_batch(store: Store, count: int, s: BoxAugmentSettings, draw: Draws) -> BoxPair:
    """Draws pairs and makes them.

    Args:
        store: The crops.
        count: The number N of pairs.
        s: How they are cut and changed.
        draw: The source of random numbers, on the device of the store.

    Returns:
        The pairs as one, with N before every shape.
    """
    source, target, first = _first_rows(store, count, draw)
    second = _second_rows(store, first, draw)
    still = first == second
    present = draw(count) >= s.negative
    found = torch.where(present, second, _other_rows(store, source, target, s.alike, draw))
    mirror = torch.where(draw(count) < s.flip, -1.0, 1.0)
    boxed = store.boxed[source]
    exemplars = exemplar_views(store, first, mirror, draw)
    views = search_views(store, found, mirror, still, s, draw)
    change_background(views, still & boxed & (draw(count) < s.background))
    if s.left_behind:
        others = _other_rows(store, source, target, 0, draw)
        leave_behind(exemplars, store.sizes[first], views, store, others, s.left_behind, draw)
    paste_beside(
        views, store, _other_rows(store, source, target, s.alike, draw), s.distractor, draw
    )
    occlude(views, s.occlusion, draw)
    grey = draw(count) < s.grey
    exemplars = recolour(exemplars, s.colour, grey, draw)
    searches = recolour(views.pixels, s.colour, grey, draw)
    reduce_resolution(searches, s.low_resolution, draw)
    blur(searches, s.blur, s.motion_blur, draw)
    searches = grain(searches, s.noise, draw)
    return BoxPair(_bytes(exemplars), _bytes(searches), views.boxes, views.believed, present, boxed)


def _bytes(pixels: Tensor) -> Tensor:
    return pixels.round().clamp(0, 255).to(torch.uint8)


def _first_rows(store: Store, count: int, draw: Draws) -> tuple[Tensor, Tensor, Tensor]:
    """Draws sources, targets of them, and rows of these, (N,) each."""
    source = torch.multinomial(store.weights, count, replacement=True, generator=draw.generator)
    low, high = store.sources[source].unbind(dim=1)
    target = low + draw.below(high - low)
    low, high = store.targets[target].unbind(dim=1)
    return source, target, low + draw.below(high - low)


def _second_rows(store: Store, first: Tensor, draw: Draws) -> Tensor:
    """Draws another row of the same target near each row, or the row itself if there is none."""
    low, high = store.near[first].unbind(dim=1)
    others = high - low - 1
    second = low + draw.below(others)
    second = second + (second >= first).long()
    return torch.where(others > 0, second, first)


def _other_rows(store: Store, source: Tensor, target: Tensor, alike: float, draw: Draws) -> Tensor:
    """Draws a row of another target of each source, as `BoxPairs` does.

    Args:
        store: The crops.
        source: The sources, (N,).
        target: The targets, (N,).
        alike: The share of those that are of the same class, where there is a class.
        draw: The source of random numbers.
    """
    first, end = store.sources[source].unbind(dim=1)
    step = 1 + draw.below(end - first - 1)
    other = first + (target - first + step) % (end - first)
    if alike:
        low, high = store.alike[target].unbind(dim=1)
        kin = store.kin[low + draw.below(high - low)]
        elsewhere = store.pictures[kin] != store.pictures[target]
        chosen = (draw(len(target)) < alike) & (high > low) & elsewhere
        other = torch.where(chosen, kin, other)
    low, high = store.targets[other].unbind(dim=1)
    return low + draw.below(high - low)
