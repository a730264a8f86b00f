"""Lists every binarizer, and draws what each does to a number and what gradient it gives."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated, NamedTuple

import matplotlib
import numpy as np
import torch
import typer
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from rich.table import Table
from torch import Tensor

from rbsf.binarize import (
    ACTIVATIONS,
    CIBCNN,
    DBF,
    WEIGHTS,
    ActivationBinarizerName,
    WeightBinarizerName,
    activation_binarizer,
    weight_binarizer,
)
from rbsf.binarize.bwnh import hash_kernel
from rbsf.binarize.sign import hard_sign
from rbsf.console import console, run_tool

PICTURE = Path(__file__).parents[1] / "docs" / "pictures" / "binarizers.png"
TEAL, ORANGE, GREY, INK, PAPER, CARD = (
    "#0f9384", "#ee6a24", "#8b8b93", "#2b2d36", "#ffffff", "#f6f7f9",
)  # fmt: skip
COLUMNS = 3
REACH = 1.6
"""Numbers from -REACH to REACH are binarized."""

Draw = Callable[[Axes], None]


class Card(NamedTuple):
    """One method: what it is called, what it computes, and how its curve is drawn."""

    title: str
    formulas: tuple[str, ...]
    draw: Draw
    packs: bool


def binarizers(
    plot: Annotated[bool, typer.Option("--plot", help="Draw the picture of all methods.")] = False,
    output: Annotated[Path, typer.Option(help="The picture's file.")] = PICTURE,
) -> None:
    """Lists every binarizer: what it keeps for each weight, and whether it packs.

    Examples:

    `python tools/binarizers.py`

    `python tools/binarizers.py --plot --output binarizers.png`
    """
    if plot:
        draw_gallery(cards()).savefig(output, dpi=120, facecolor=PAPER)
        typer.echo(output)
        return
    table = Table("name", "class", "bits a weight", "real numbers", "passes", "packs")
    shape = torch.Size((128, 64, 3, 3))
    for name in WEIGHTS:
        made = weight_binarizer(name, shape)
        bits, reals, passes = made.cost
        numbers = (f"{bits / shape.numel():g}", f"{reals:,}", str(passes or "real"))
        table.add_row(name, type(made).__name__, *numbers, made.obstacle or "yes")
    for kind in ACTIVATIONS:
        layer = activation_binarizer(kind, 64)
        packs = getattr(layer, "obstacle", "") or ("no" if kind == "one_bit" else "yes")
        table.add_row(kind, type(layer).__name__, "", "", "", packs)
    console.print(table)


# ---------------------------------------------------------------------------- curves


def weight_curve(name: WeightBinarizerName, share: float = 0.0) -> tuple[NDArray[np.float32], ...]:
    """What a filter of evenly spread weights becomes.

    Args:
        name: The binarizer's name.
        share: How much of the training is over.

    Returns:
        The weights, the kernel that stands for them, and its derivative, element by element.
        BinaryNet's kernel is drawn without its constant scale.
    """
    torch.manual_seed(0)
    weight = torch.linspace(-REACH, REACH, 161).reshape(1, -1, 1, 1)
    binarizer = weight_binarizer(name, weight.shape)
    binarizer.fit(weight)
    binarizer.set_progress(share)
    weight.requires_grad_(True)
    signs, scale = binarizer(weight)
    kernel = (signs if name == "binarynet" else signs * scale).flatten()
    slopes = [
        torch.autograd.grad(value, weight, retain_graph=True)[0].flatten()[at]
        for at, value in enumerate(kernel)
    ]
    return (
        np.asarray(weight.detach().flatten()),
        np.asarray(kernel.detach()),
        np.asarray(torch.stack(slopes)),
    )


def _weights(axes: Axes, name: WeightBinarizerName, *shares: float) -> None:
    """Draws the curves of a weight binarizer, fainter for earlier times of the training."""
    for number, share in enumerate(shares or (0.0,), 1):
        strength = number / max(1, len(shares))
        x, kernel, slope = weight_curve(name, share)
        axes.plot(x, kernel, color=TEAL, lw=2, alpha=strength)
        axes.plot(x, slope.clip(-2, 2.6), color=ORANGE, lw=1.5, alpha=strength)


def _activations(axes: Axes, name: ActivationBinarizerName) -> None:
    torch.manual_seed(0)
    binarizer = activation_binarizer(name, 1)
    with torch.no_grad():
        for label, value in (("alpha", 0.5), ("gamma", -0.5), ("zeta", 0.3)):
            for key, parameter in binarizer.named_parameters():
                if key.endswith(label):
                    parameter.fill_(value)
    x = torch.linspace(-REACH, REACH, 641).requires_grad_(True)
    out = binarizer(x.reshape(1, 1, 1, -1)).flatten()
    (slope,) = torch.autograd.grad(out.sum(), x)
    axes.plot(x.detach(), out.detach(), color=TEAL, lw=2)
    axes.plot(x.detach(), slope, color=ORANGE, lw=1.5)


def _admm(axes: Axes) -> None:
    x, real, slope = weight_curve("admm")
    axes.plot(x, real, color=TEAL, lw=1.5, alpha=0.45)
    axes.plot(x, weight_curve("bireal")[1], color=TEAL, lw=2)  # the same projection
    axes.plot(x, slope, color=ORANGE, lw=1.5)


def _map(axes: Axes) -> None:
    x, kernel, slope = weight_curve("xnor_map")
    for k in (0.4, 0.8, 1.2):
        axes.plot(x, k * kernel, color=TEAL, lw=2, alpha=k / 1.2)
        axes.plot(x, k * slope, color=ORANGE, lw=1.5, alpha=k / 1.2)


def _interaction(axes: Axes) -> None:
    binarizer = CIBCNN(torch.Size((1, 4, 2, 2)))
    sums = torch.linspace(-16, 16, 641)
    axes.plot(sums / 10, binarizer.influence(sums) / 4, color=TEAL, lw=2)
    axes.set_xlabel("the other channel's sum", fontsize=7, color=GREY, labelpad=-3)


# ---------------------------------------------------------------------------- kernels


def _kernels(axes: Axes, learned: Tensor, made: list[Tensor]) -> None:
    """Draws a 3x3 kernel that is learned, an arrow, and what it becomes: up to 2x2 kernels."""
    axes.clear()
    rows = 2 if len(made) > 2 else 1
    places = [(6.2 + 3.6 * (n % 2), 3.6 * (n // 2)) for n in range(len(made))]
    for kernel, (left, top) in zip(
        [learned, *made], [(0.0, 1.8 * (rows - 1)), *places], strict=True
    ):
        area = (left, left + 3, top + 3, top)
        axes.imshow(kernel, cmap="PuOr", vmin=-1.7, vmax=1.7, extent=area)
    middle = 1.5 + 1.8 * (rows - 1)
    axes.annotate(
        "", (5.7, middle), (3.5, middle), arrowprops={"arrowstyle": "->", "color": GREY, "lw": 1.4}
    )
    axes.set_xlim(-0.2, 13)
    axes.set_ylim(3.6 * rows - 0.3, -0.3)
    axes.set_axis_off()


def _latent(seed: int = 3) -> Tensor:
    return torch.randn(1, 1, 3, 3, generator=torch.Generator().manual_seed(seed))


def _planes(axes: Axes, name: WeightBinarizerName) -> None:
    torch.manual_seed(4)
    binarizer, latent = weight_binarizer(name, torch.Size((4, 1, 3, 3))), _latent()
    if name == "mcn":
        torch.nn.init.uniform_(binarizer.get_parameter("m"), 0.2, 1.6)
    with torch.no_grad():
        signs, _ = binarizer(latent)
    _kernels(axes, latent[0, 0], list(signs[:, 0]))


def _hashed(axes: Axes) -> None:
    """Patches of a smooth picture: the bits that keep products are not the signs."""
    ticks = torch.arange(9)
    rows, columns = ticks // 3, ticks % 3
    distance = torch.hypot((rows[:, None] - rows).float(), (columns[:, None] - columns).float())
    inputs = torch.linalg.cholesky(0.8**distance).T
    kernel = _latent(12)
    binary = hash_kernel(inputs, kernel.flatten(1)).reshape(3, 3)
    _kernels(axes, kernel[0, 0], [hard_sign(kernel)[0, 0], hard_sign(binary)])


def _codes(axes: Axes) -> None:
    axes.clear()
    codes = DBF(torch.Size((1, 16, 1, 1)), share=1.0).codes
    for number, code in enumerate(codes[1:5]):
        axes.step(range(16), 0.3 * code - number, where="post", color=TEAL, lw=1.6)
        axes.text(-0.6, -number, f"$b_{number + 1}$", ha="right", va="center", color=GREY, size=8)
    axes.set_ylim(-3.6, 0.6)
    axes.set_axis_off()


# ---------------------------------------------------------------------------- the gallery


def cards() -> list[Card]:
    """Every method, weights first."""
    w, a = _weights, _activations
    clip = r"$\partial\hat{W}/\partial W = 1\ [\,|W|\leq 1\,]$"
    mean = r"$\alpha_i = \mathrm{mean}\,|W_i|$"
    return [
        Card("RBCN", (
            r"$\hat{W} = C^*\,\mathrm{sign}(W)$", r"$C$ learned, $C^* = \mathrm{mean}\,C$",
            r"$\partial = \max(0,\ 2-2|W|)$",
        ), partial(w, name="rbcn"), True),
        Card("Bi-Real Net", (
            r"$\hat{W}_i = \alpha_i\,\mathrm{sign}(W_i)$", mean, clip,
        ), partial(w, name="bireal"), True),
        Card("BinaryNet", (
            r"$\hat{W} = \mathrm{sign}(W)$", r"$W$ clipped to $[-1, 1]$", clip,
        ), partial(w, name="binarynet"), True),
        Card("XNOR-Net", (
            r"$V = W - \mathrm{mean}\,W$", r"$\hat{W}_i = \mathrm{mean}|V_i|\ \mathrm{sign}(V_i)$",
            r"$\alpha$ differentiated too",
        ), partial(w, name="xnor"), True),
        Card("XNOR-Net with its map", (
            r"$F_{out} = K\,\alpha_i\,(\mathrm{sign}\,F * \hat{W}_i)$",
            r"$K = |F| *$ box, at each place",
        ), _map, False),
        Card("XNOR-Net++", (
            r"$\hat{W}_i = \Gamma_i\,\mathrm{sign}(W_i)$", r"$\Gamma_i$ learned", clip,
        ), partial(w, name="xnor_pp"), True),
        Card("PCNN", (
            r"$\hat{C} = a\,\mathrm{sign}(W \circ C)$", r"$W$: $k \times k$, learned",
            r"$\partial\hat{C}/\partial u = 1\ [\,|u|\leq 1\,]$",
        ), partial(w, name="pcnn"), True),
        Card("PCNN, J = 4", (
            r"$\hat{C}_{ij} = a\,\mathrm{sign}(W_j \circ C_i)$", "one filter, four projections",
        ), partial(_planes, name="pcnn_4"), True),
        Card("CBCN", (
            r"$\hat{W}_{ij} = \alpha_i\,\mathrm{sign}(R^{\,j} L_i)$", r"$R$: a quarter turn",
            "gradients turned back",
        ), partial(_planes, name="cbcn"), True),
        Card("MCN", (
            r"$Q_{ij} = \mathrm{sign}(C_i) \circ M_j$", r"$M_j$: $k \times k$, learned, real",
        ), partial(_planes, name="mcn"), False),
        Card("ABC-Net, M = 3", (
            r"$W \approx \sum_m \alpha_m B_m$", r"$B_m = \mathrm{sign}(W-\mu+u_m\sigma)$",
            r"$\alpha$ by least squares",
        ), partial(w, name="abcnet"), False),
        Card("DBF", (
            r"$W_i = \sum_j c_{ij}\,b_j$", r"$b_j$: orthogonal codes, fixed", r"$c$ learned, real",
        ), _codes, False),
        Card("BinaryRelax", (
            r"$x = \frac{W + \lambda\,\mathrm{proj}\,W}{1+\lambda}$",
            r"$\lambda$ grows, then $x = \mathrm{proj}\,W$", r"$\partial x/\partial W = 1$",
        ), lambda axes: w(axes, "binaryrelax", 0.0, 0.08, 0.9), True),
        Card("ADMM", (
            r"$\min f(W) + \frac{\rho}{2}\|W-G+\lambda\|^2$",
            r"$G = \mathrm{proj}(W+\lambda)$", r"$\lambda \leftarrow \lambda + W - G$",
        ), _admm, True),
        Card("BWNH, an initialiser", (
            r"$\min_{B,A}\|X^{\!\top} W - X^{\!\top} B A\|^2$", r"$W$, its signs, and $B$",
        ), _hashed, True),
        Card("IR-Net", (
            r"$V = (W-\mu)/\sigma$", r"$\hat{W}_i = 2^{s_i}\,\mathrm{sign}(V_i)$",
            r"$\partial = kt\,(1-\tanh^2 tV)$, $t$ grows",
        ), lambda axes: w(axes, "irnet", 0.0, 0.7, 0.8), True),
        Card("ReCU", (
            r"$\hat{W}_i = \alpha_i\,\mathrm{sign}(\mathrm{clamp}(V_i, \pm Q_\tau))$",
            r"$\alpha_i$ learned, $\tau$ grows", r"$\partial = 1\ [\,|V|\leq Q\,]$",
        ), lambda axes: w(axes, "recu", 0.0, 1.0), True),
        Card("CI-BCNN", (
            r"$S_y + s_y\,f(S_x)$", r"$x$: the parent of channel $y$", r"no gradient to $S_x$",
        ), _interaction, False),
        Card("activations: ApproxSign", (
            r"$q(x) = \mathrm{sign}(x)$", r"$q' = \max(0,\ 2-2|x|)$",
        ), partial(a, name="approx"), True),
        Card("activations: ClippedSign", (
            r"$q(x) = \mathrm{sign}(x)$", r"$q' = 1\ [\,|x|\leq 1\,]$",
        ), partial(a, name="clipped"), True),
        Card("activations: RSign", (
            r"$q(x) = \mathrm{sign}(x-\alpha_i)$", r"$\alpha_i$ learned",
        ), partial(a, name="rsign"), True),
        Card("activations: RPReLU, RSign", (
            r"$f(x) = x-\gamma+\zeta$ above $\gamma$",
            r"$f(x) = \beta(x-\gamma)+\zeta$ below", r"$q(x) = \mathrm{sign}(f(x)-\alpha)$",
        ), partial(a, name="react"), True),
        Card("activations: four levels", (
            r"$q(x) = \frac{1}{2}\,\mathrm{clip}(\lfloor 2x+\frac{1}{2}\rfloor, 0, 3)$",
            r"$q' = 1\ [\,0<x<\frac{3}{2}\,]$",
        ), partial(a, name="two_bit"), True),
        Card("activations: ABC-Net, N = 3", (
            r"$A = \sum_n \beta_n H(x+v_n)$", r"$\beta_n, v_n$ learned",
        ), partial(a, name="abcnet"), False),
    ]  # fmt: skip


def draw_gallery(all_cards: list[Card]) -> Figure:
    """Draws all cards in a grid: a title and formulas on the left, the curves on the right."""
    rows = -(-len(all_cards) // COLUMNS)
    with matplotlib.rc_context({"mathtext.fontset": "cm", "text.color": INK}):
        figure = Figure(figsize=(15, 1.85 * rows + 0.75))
        height, top = figure.get_figheight(), 0.7
        for number, card in enumerate(all_cards):
            left = (number % COLUMNS) / COLUMNS
            bottom = 1 - (top + 1.85 * (number // COLUMNS + 1)) / height
            _draw_card(figure, card, left, bottom, 1.85 / height)
        _draw_legend(figure, height)
    return figure


def _draw_card(figure: Figure, card: Card, left: float, bottom: float, high: float) -> None:
    wide = 1 / COLUMNS
    back = figure.add_axes((left + 0.006, bottom + 0.05 * high, wide - 0.012, 0.9 * high))
    back.set_facecolor(CARD)
    back.set(xticks=[], yticks=[], xlim=(0, 1), ylim=(0, 1))
    for spine in back.spines.values():
        spine.set_visible(False)
    back.text(0.035, 0.84, card.title, size=12, weight="bold", va="center")
    for number, formula in enumerate(card.formulas):
        back.text(0.035, 0.62 - 0.21 * number, formula, size=12, va="center")
    if not card.packs:
        back.text(
            0.975, 0.87, "does not pack", size=8, color=ORANGE, ha="right", va="center", zorder=5
        )
    area = (left + 0.53 * wide, bottom + 0.1 * high, 0.435 * wide, 0.69 * high)
    axes = figure.add_axes(area, facecolor="none")
    axes.axhline(0, color=GREY, lw=0.6, alpha=0.6)
    axes.axvline(0, color=GREY, lw=0.6, alpha=0.6)
    axes.set_xlim(-REACH, REACH)
    axes.set_ylim(-1.75, 2.75)
    axes.set(xticks=[], yticks=[])
    for spine in axes.spines.values():
        spine.set_visible(False)
    card.draw(axes)


def _draw_legend(figure: Figure, height: float) -> None:
    y = 1 - 0.38 / height
    figure.text(0.012, y, "What each binarizer does", size=17, weight="bold", va="center")
    figure.text(0.63, y, "━", color=TEAL, size=16, va="center")
    figure.text(0.652, y, "the value that a number becomes", size=11, va="center")
    figure.text(0.845, y, "━", color=ORANGE, size=16, va="center")
    figure.text(0.867, y, "the gradient it is given", size=11, va="center")


if __name__ == "__main__":
    run_tool("python tools/binarizers.py", binarizers)
