"""Draws the pictures of the documentation from the project's own code."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, NamedTuple, cast

import cv2
import matplotlib
import numpy as np
import torch
import typer
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image

from rbsf.binarize.sign import approx_sign, clipped_sign, hard_sign
from rbsf.binarize.weights import RBCN
from rbsf.console import run_tool
from rbsf.embedder import SHIPPED_RBSF, SHIPPED_TEACHER, load_embedder, load_siamfc
from rbsf.engine.box_answer import BoxNetwork
from rbsf.engine.pack import pack
from rbsf.files.networks import load_network
from rbsf.geometry import Box, Frame, Square, context_side, crop_squares, mean_color
from rbsf.nn import SiamFC
from tracker.loop.box_config import BoxTrackerConfig
from tracker.loop.box_tracker import BoxTracker
from tracker.loop.config import TrackerConfig
from tracker.loop.response import correlate, find_peak, upsample
from tracker.loop.siamfc_tracker import SiamFCTracker
from tracker.loop.target import Track
from tracker.output.annotate import annotate
from tracker.video.synthetic import render

PICTURES = Path(__file__).parents[1] / "docs" / "pictures"

INKED = ("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color")
TEAL, ORANGE, GREY = "#12a594", "#f5702a", "#8b8b8b"


class Scheme(NamedTuple):
    """A page's colours."""

    name: str
    ink: str
    paper: str


SCHEMES = (Scheme("light", "#333333", "#ffffff"), Scheme("dark", "#cfd2dc", "#1e2129"))


def draw_pictures(
    output: Annotated[Path, typer.Option(help="Folder for the pictures.")] = PICTURES,
    only: Annotated[
        list[str] | None, typer.Option(help="The name of a picture. Repeatable; all if none.")
    ] = None,
) -> None:
    """Draws the pictures of the documentation from the project's own code.

    Each is drawn twice, for the light and for the dark colours of the pages.

    Examples:

    `python tools/draw_pictures.py`

    `python tools/draw_pictures.py --only sign --output elsewhere`
    """
    output.mkdir(parents=True, exist_ok=True)
    for name, draw in DRAWINGS.items():
        if only and name not in only:
            continue
        for scheme in SCHEMES:
            typer.echo(_save(output, name, scheme, draw))
    if not only or "demo" in only:
        typer.echo(draw_demo(output / "demo.webp"))


def _save(folder: Path, name: str, scheme: Scheme, draw: Callable[[], Figure]) -> Path:
    file = folder / f"{name}-{scheme.name}.{'webp' if name in PHOTOGRAPHIC else 'svg'}"
    with matplotlib.rc_context({"svg.hashsalt": name}):
        for part in (
            "text.color",
            "axes.labelcolor",
            "axes.edgecolor",
            "xtick.color",
            "ytick.color",
        ):
            matplotlib.rcParams[part] = scheme.ink
        matplotlib.rcParams["axes.spines.top"] = matplotlib.rcParams["axes.spines.right"] = False
        matplotlib.rcParams["axes.titlesize"] = "medium"
        figure = draw()
        if file.suffix == ".svg":
            figure.savefig(file, transparent=True, metadata={"Date": None})
        else:
            quality = {"quality": 82, "method": 6}
            figure.savefig(file, facecolor=scheme.paper, dpi=150, pil_kwargs=quality)
    return file


# ---------------------------------------------------------------------------- sign


def draw_sign() -> Figure:
    """The sign function, and the two slopes that stand in for its derivative."""
    figure = Figure(figsize=(7.2, 2.7), layout="constrained")
    values, slopes = figure.subplots(1, 2)
    x = torch.linspace(-1.6, 1.6, 641)
    eq8 = _slope(approx_sign, x)
    parabola = np.cumsum(eq8) * float(x[1] - x[0]) - 1
    values.plot(x, hard_sign(x), color=TEAL, lw=2.2, label="sign(x)")
    values.plot(x, parabola, color=ORANGE, ls="--", label="the curve whose slope is eq. 8")
    slopes.plot(x, eq8, color=ORANGE, lw=2.2, label="eq. 8 (RB-SF)")
    slopes.plot(x, _slope(clipped_sign, x), color=GREY, ls="--", label="straight through (XNOR-SF)")
    for axes, title in ((values, "forward: the value"), (slopes, "backward: the slope")):
        axes.set_title(title)
        axes.set_xlabel("x")
        axes.legend(frameon=False, fontsize="small", loc="upper left")
    values.set_ylim(-1.15, 2.3)
    slopes.set_ylim(-0.1, 3.4)
    return figure


def _slope(sign: Callable[[torch.Tensor], torch.Tensor], x: torch.Tensor) -> NDArray[np.float32]:
    """The derivative of a binarizer, as automatic differentiation sees it."""
    leaf = x.clone().requires_grad_()
    sign(leaf).sum().backward()  # type: ignore[no-untyped-call]
    assert leaf.grad is not None
    return np.asarray(leaf.grad.numpy())


# ---------------------------------------------------------------------------- rectified kernels


def draw_rectified() -> Figure:
    """One kernel of the teacher's conv3, its signs, the C that fits it, and their product."""
    weight = load_network(SHIPPED_TEACHER).state_dict()["backbone.conv3.0.weight"].float()
    binarizer = RBCN(weight.shape)
    binarizer.fit(weight)
    kernel = weight[0, 26]
    signs, c = hard_sign(kernel), binarizer.c.detach()[0, 0]
    panels = {
        r"$W$: the latent kernel" "\n(one of 98,304 in conv3)": kernel,
        r"$\hat{W}$: its signs," "\nthe 9 bits that are kept": signs,
        r"$C$: one matrix for" "\nthe whole layer": c,
        r"$C^* \hat{W}$: what" "\nthe network computes": binarizer.c_star * signs,
    }
    figure = Figure(figsize=(7.2, 2.4), layout="constrained")
    for axes, (title, values) in zip(figure.subplots(1, 4), panels.items(), strict=True):
        _show_kernel(axes, values.numpy())
        axes.set_title(title, fontsize="small")
    return figure


def _show_kernel(axes: Axes, values: NDArray[np.float32]) -> None:
    """A 3x3 kernel as coloured cells with their numbers."""
    whole = bool((np.abs(values) == 1).all())
    limit = 1.6 if whole else 0.04
    axes.imshow(values, cmap="PuOr_r", vmin=-limit, vmax=limit)
    for (row, column), value in np.ndenumerate(values):
        text = f"{value:+.0f}" if whole else f"{value:+.4f}"
        ink = "#ffffff" if abs(value) > 0.6 * limit else "#111111"
        axes.text(column, row, text, ha="center", va="center", fontsize=7.5, color=ink)
    axes.set_axis_off()


# ---------------------------------------------------------------------------- threshold


def draw_threshold() -> Figure:
    """Batch norm over all the sums that a channel can give, its sign, and the packed threshold."""
    figure = Figure(figsize=(7.2, 2.9), layout="constrained")
    rising, falling = figure.subplots(1, 2, sharey=True)
    student, channel = load_network(SHIPPED_RBSF.with_name("rbsf.safetensors")), 68
    _show_step(rising, student, channel)
    rising.set_title(r"a channel of conv2: $\gamma > 0$")
    rising.set_ylabel("after batch norm")
    with torch.no_grad():
        student.get_parameter("backbone.norms.conv2.weight")[channel] *= -1
    _show_step(falling, student, channel)
    falling.set_title(r"the same channel with $\gamma$ negated")
    return figure


def _show_step(axes: Axes, student: SiamFC, channel: int) -> None:
    """What becomes of each sum S of a channel of conv2."""
    conv: Any = student.get_submodule("backbone.conv2")
    layer = pack(student, {}).layers[1]
    assert layer.thresholds is not None and layer.flips is not None
    threshold, flip = int(layer.thresholds[channel]), bool(layer.flips[channel])
    sums = torch.arange(-400, 401, 2.0)
    maps = torch.zeros(1, layer.outputs, 1, len(sums))
    with torch.no_grad():
        maps[0, channel, 0] = sums * conv.weight_binarizer(conv.weight)[1] + conv.bias[channel]
        after = student.get_submodule("backbone.norms.conv2")(maps)[0, channel, 0]
    axes.plot(sums, after, color=GREY, label="batch norm")
    axes.plot(sums, hard_sign(after), color=TEAL, lw=2.2, label="its sign, the bit")
    packed = f"packed: S ≥ {threshold}" + (", flipped" if flip else "")
    axes.axvline(threshold, ymax=0.62, color=ORANGE, ls="--", label=packed)
    axes.axhline(0, color=GREY, lw=0.6)
    axes.set_xlabel("S, the integer that the convolution gives")
    axes.set_ylim(-2.6, 4.2)
    axes.legend(frameon=False, fontsize="small", loc="upper right" if flip else "upper left")


# ---------------------------------------------------------------------------- response


def draw_response() -> Figure:
    """What the network looks at in a frame of the synthetic clip, and what it answers."""
    frames = list(render(46))
    (first, box), (frame, _), (_, before) = frames[0], frames[45], frames[39]
    embedder = load_siamfc()
    side = context_side(before.w, before.h)
    exemplar = _crop(first, Square(box.center, context_side(box.w, box.h)), 127)
    search = _crop(frame, Square(before.center, side * 255 / 127), 255)
    responses = correlate(embedder(exemplar[None])[0], embedder(search[None]))
    responses = responses * np.float32(embedder.response_gain) + np.float32(embedder.response_bias)
    figure = Figure(figsize=(7.2, 2.3), layout="constrained")
    panels = figure.subplots(1, 4, width_ratios=(127, 255, 255, 255))
    titles = ("exemplar z", "search x, 255x255", "response, 17x17", "response over the search")
    for axes, title in zip(panels, titles, strict=True):
        axes.set_title(title, fontsize="small")
        axes.set_axis_off()
    panels[0].imshow(exemplar)
    panels[1].imshow(search)
    panels[2].imshow(responses[0], cmap="magma")
    _show_over(panels[3], search, responses)
    return figure


def _crop(frame: Frame, square: Square, size: int) -> NDArray[np.uint8]:
    return crop_squares(frame, [square], size, mean_color(frame))[0]


def _show_over(axes: Axes, search: NDArray[np.uint8], responses: NDArray[np.float32]) -> None:
    """The upsampled response over the part of the search crop that it speaks of."""
    config = TrackerConfig()
    points = upsample(responses, config.upsampling)[0]
    reach = responses.shape[1] * config.stride / 2
    middle = (config.search_size - 1) / 2
    low, high = middle - reach, middle + reach
    axes.imshow(search, alpha=0.75)
    axes.imshow(points, cmap="magma", alpha=0.6, extent=(low, high, high, low))
    peak = find_peak(responses, config)
    x, y = middle + peak.dx * config.stride, middle + peak.dy * config.stride
    axes.plot(x, y, "+", color="white", ms=12, mew=1.6)
    axes.set_xlim(-0.5, 254.5)
    axes.set_ylim(254.5, -0.5)


# ---------------------------------------------------------------------------- score


def draw_score() -> Figure:
    """A target that walks behind a board: its score, and the frames in which it counts as lost."""
    config = BoxTrackerConfig()
    tracker = BoxTracker(cast(BoxNetwork, load_embedder()), config)
    return _behind_board(tracker, config)


def draw_failure() -> Figure:
    """RB-SF on the same clip: it says that it has lost the target, and does not find it again."""
    config = TrackerConfig()
    tracker = SiamFCTracker(load_siamfc(), config)
    return _behind_board(tracker, config)


def _behind_board(
    tracker: BoxTracker | SiamFCTracker, config: BoxTrackerConfig | TrackerConfig
) -> Figure:
    """Four frames of the clip, of which the second is the first lost one, and the score in all."""
    frames = [(_with_board(image), box) for image, box in render(150, seed=5)]
    tracks = _follow(tracker, frames)
    figure = Figure(figsize=(7.2, 3.9), layout="constrained")
    grid = figure.add_gridspec(2, 4, height_ratios=(1, 1.5))
    first_lost = next(index for index, track in enumerate(tracks) if track.lost)
    for column, index in enumerate((10, first_lost, 115, 140)):
        axes = figure.add_subplot(grid[0, column])
        drawn = annotate(frames[index][0], index, [tracks[index]])
        axes.imshow(cv2.cvtColor(drawn[30:330, 80:520], cv2.COLOR_BGR2RGB))
        axes.set_title(f"frame {index}" + (", lost" if tracks[index].lost else ""))
        axes.set_axis_off()
    _show_score(figure.add_subplot(grid[1, :]), tracks, config)
    return figure


def _with_board(frame: Frame) -> Frame:
    """A frame with an upright board in it, behind which the target disappears."""
    frame[:, 180:290] = (92, 78, 66)
    return frame


def _follow(tracker: BoxTracker | SiamFCTracker, frames: list[tuple[Frame, Box]]) -> list[Track]:
    tracker.init(*frames[0])
    return [Track(frames[0][1], 1.0, False), *(tracker.update(image) for image, _ in frames[1:])]


def _show_score(axes: Axes, tracks: list[Track], config: BoxTrackerConfig | TrackerConfig) -> None:
    axes.set_facecolor("none")  # the page's colour shows through
    lost = [track.lost for track in tracks]
    axes.fill_between(
        range(len(tracks)), 1.05, where=lost, color=ORANGE, alpha=0.2, lw=0, label="lost"
    )
    axes.plot([track.score for track in tracks], color=TEAL, lw=2, label="score")
    for name in ("lost_below", "found_above"):
        axes.axhline(getattr(config, name), color=GREY, lw=0.9, ls="--")
        axes.text(len(tracks), getattr(config, name), name, va="center", fontsize="small")
    axes.set_xlabel("frame")
    axes.set_ylabel("score")
    axes.set_ylim(0, 1.05)
    axes.set_xlim(0, len(tracks) - 1)
    axes.legend(frameon=False, fontsize="small", loc="lower left")


# ---------------------------------------------------------------------------- the moving picture


def draw_demo(file: Path) -> Path:
    """The tracker on the synthetic clip, every third frame, in half its size, without an end."""
    tracker = BoxTracker(cast(BoxNetwork, load_embedder()))
    tracks = _follow(tracker, list(render(120)))
    images = [
        Image.fromarray(_small(annotate(frame, index, [tracks[index]])))
        for index, (frame, _) in enumerate(render(120))
        if index % 3 == 0
    ]
    first, *rest = images
    first.save(file, save_all=True, append_images=rest, duration=100, loop=0, quality=42, method=6)
    return file


def _small(frame: Frame) -> NDArray[np.uint8]:
    rgb = cv2.cvtColor(frame, cv2.COLOR_BGR2RGB)
    smooth = cv2.resize(rgb, (480, 270), interpolation=cv2.INTER_AREA)
    return np.asarray(smooth, np.uint8)


DRAWINGS: dict[str, Callable[[], Figure]] = {
    "sign": draw_sign,
    "rectified": draw_rectified,
    "threshold": draw_threshold,
    "response": draw_response,
    "score": draw_score,
    "failure": draw_failure,
}
PHOTOGRAPHIC = {"response", "score", "failure"}


if __name__ == "__main__":
    run_tool("python tools/draw_pictures.py", draw_pictures)
