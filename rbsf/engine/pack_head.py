"""Rounds a trained box head to 8 bits: a `BoxHead` becomes a `PackedHead`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from rbsf.engine.packed_head import CELLS, HeadLayer, PackedHead, Tower
from rbsf.nn.box_head import BoxHead, depthwise_correlation, pixelwise_correlation
OPT = {"per_channel": True, "mse": True}
CENTRE = 128


class Sample(NamedTuple):
    """One pair"""
    exemplar: Tensor
    search: Tensor
    response: Tensor
    believed: Tensor


def steps(values, half=False, per_channel=None):
    """values list of (N, C, h, w)"""
    v = torch.cat([t.transpose(0, 1).flatten(1) for t in values], dim=1)
    pc = OPT["per_channel"] if per_channel is None else per_channel
    c = len(v)
    if not pc:
        v = v.reshape(1, -1)
    most = 127 if half else 255
    largest = v.abs().amax(dim=1)
    p = OPT["p"]
    if p:
        best = torch.full_like(largest, float("inf")); step = largest / most
        k = {2: 12, 3: 32, 4: 80, 6: 448}[p]
        for share in (1, .9, .8, .7, .6, .5, .4, .3, .2):
            t = largest * share
            e = (t / most) ** p / k + (v.abs() - t[:, None]).clamp(min=0).pow(p).mean(dim=1)
            better = e < best
            best = torch.where(better, e, best); step = torch.where(better, t / most, step)
    else:
        step = largest / most
    step = step.clamp(min=1e-6)
    return step.expand(c).numpy().astype(np.float32).copy()


def norm_of(norm):
    g = (norm.weight / (norm.running_var + norm.eps).sqrt()).double()
    return g, (norm.bias - norm.running_mean * g).double()


def rounded(w, b, out):
    w = w.double().numpy()
    flat = w.reshape(len(w), -1)
    unit = np.abs(flat).max(1) / 127
    unit[unit == 0] = 1
    if OPT.get("wmse"):
        best = np.full(len(w), np.inf); bu = unit.copy()
        for share in np.linspace(1, .6, 30):
            u = unit * share
            q = np.rint(flat / u[:, None]).clip(-127, 127) * u[:, None]
            e = ((q - flat) ** 2).sum(1)
            bu = np.where(e < best, u, bu); best = np.minimum(e, best)
        unit = bu
    q = np.rint(flat / unit[:, None]).clip(-127, 127)
    return q.reshape(w.shape).astype(np.int8), unit


def layer(conv, norm, into, out, centred=None, beside=0):
    """conv 1x1 or dw"""
    g, b = norm_of(norm)
    w = conv.weight.double() * g[:, None, None, None]
    if conv.groups > 1:
        w = w[:, 0] * torch.from_numpy(into)[:, None, None]
    else:
        w = w[:, : len(into), 0, 0] * torch.from_numpy(into)[None]
    q, unit = rounded(w, b, out)
    b = b.numpy()
    if centred is not None:
        b = b - CENTRE * unit * q[:, centred].astype(int).sum(1)
    return HeadLayer(q, (unit / out).astype(np.float32), (b / out).astype(np.float32))


@torch.no_grad()
def pack_head(head: BoxHead, samples) -> PackedHead:
    seen: dict[str, list[Tensor]] = {}
    def note(name, t): seen.setdefault(name, []).append(t)
    for s in samples:
        z, x = head.of_exemplar(s.exemplar), head.of_search(s.search)
        note("feature", s.search); note("feature", s.exemplar)
        note("x", x)
        gated = x * head.gate(z.mean(dim=(2, 3))).sigmoid()[:, :, None, None]
        p = pixelwise_correlation(z, x); note("pixel", p)
        se = head.to_grid(torch.cat([p, gated], 1)); note("searched", se)
        co = head.correlated(depthwise_correlation(z, x)); note("correlated", co)
        sizes = (s.believed / 63.5).log()[:, :, None, None].expand(-1, -1, *s.response.shape[1:])
        m = head.mix(torch.cat([se, co, s.response[:, None], sizes], 1)); note("mixed", m)
        for name, tower in (("place", head.place), ("size", head.size)):
            t = m
            for i, sep in enumerate(tower):
                for j, part in enumerate((sep[:3], sep[3:])):
                    t = part(t); note(f"{name}{2*i+j}", t)
    c = len(head.gate.weight)
    fs = float(steps(seen["feature"], True, False)[0])
    f = np.full(head.of_search[0].in_channels, fs)
    xs, ps = steps(seen["x"]), float(steps(seen["pixel"], False, False)[0])
    ses, cs, ms = steps(seen["searched"]), steps(seen["correlated"], True), steps(seen["mixed"])
    one = np.ones(c)
    g, b = norm_of(head.correlated)
    mg, mb = norm_of(head.mix[1])
    def tower(name, mod, ans):
        st = [ms, *(steps(seen[f"{name}{i}"]) for i in range(3)), one]
        layers = tuple(layer(sep[o], sep[o + 1], st[2*i+j], st[2*i+j+1]) for i, sep in enumerate(mod) for j, o in enumerate((0, 3)))
        return Tower(layers, ans.weight[:, :, 0, 0].numpy().copy(), ans.bias.numpy().copy())
    return PackedHead(
        fs, ps,
        layer(head.of_exemplar[0], head.of_exemplar[1], f, one, slice(None)),
        layer(head.of_search[0], head.of_search[1], f, xs, slice(None)),
        xs, head.gate.weight.numpy().copy(), head.gate.bias.numpy().copy(),
        layer(head.to_grid[0], head.to_grid[1], np.concatenate([np.full(CELLS**2, ps), xs]), ses),
        (g.numpy() / cs).astype(np.float32), (b.numpy() / cs + CENTRE).astype(np.float32),
        layer(head.mix[0], head.mix[1], np.concatenate([ses, cs]), ms, slice(len(ses), None)),
        ((head.mix[0].weight[:, len(ses) + c:, 0, 0].double() * mg[:, None]).numpy() / ms[:, None]).astype(np.float32),
        tower("place", head.place, head.place_maps), tower("size", head.size, head.box_codes),
    )
