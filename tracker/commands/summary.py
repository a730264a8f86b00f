"""Shows what networks cost: parameters, memory and multiplications, layer by layer."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rbsf.console import run_tool
from rbsf.embedder import is_box_checkpoint
from rbsf.errors import InputError

from .export_classifier import is_classifier
from .options import check_weights

if TYPE_CHECKING:
    from torch import nn

    from rbsf.account import Account


class Known(str, Enum):
    """The networks that have a name."""

    siamfc = "siamfc"
    rbsf = "rbsf"
    box = "rbsf-box"
    resnet18 = "resnet18"
    wrn22 = "wrn22"
    wrn40 = "wrn40"


def summary(
    network: Annotated[
        str,
        typer.Argument(
            help=f"The network: {', '.join(known.value for known in Known)}, or a checkpoint."
        ),
    ],
    full: Annotated[
        bool, typer.Option("--full", help="Count the classifier in full precision instead.")
    ] = False,
    side: Annotated[
        int | None,
        typer.Option(
            min=8,
            help="The side of a classifier's picture in pixels.",
            show_default="224 for resnet18, 32 for others",
        ),
    ] = None,
) -> None:
    """Shows what a network costs: 1-bit and 32-bit parameters, memory, multiplications and FLOPs.

    FLOPs follow the paper's rule: a real multiplication counts 1, a binary one 1/64. A tracker's
    network is counted on an exemplar of 127 pixels and one search crop of 255.

    Examples:

    - `rbsf summary resnet18`

    - `rbsf summary rbsf-box`

    - `rbsf summary runs/wrn22_rbcn_cifar10/best.safetensors`
    """
    from rbsf.account import account_classifier, account_tracker
    from rbsf.nn import ResidualNet, SiamFC

    made = _named(Known(network), full) if network in set(Known) else _loaded(Path(network))
    if isinstance(made, ResidualNet):
        small = made.settings.stem == "small"
        _show(account_classifier(made, side or (32 if small else 224)))
    else:
        assert isinstance(made, SiamFC)
        _show(account_tracker(made))


def _named(known: Known, full: bool) -> nn.Module:
    from rbsf.nn import BinaryAlexNetV1, NetworkSettings, SiamFC, make_classifier, make_student
    from rbsf.nn.backbone import WIDE_LAYERS
    from rbsf.nn.box_head import BoxNet

    weights = None if full else "rbcn"
    if known is Known.siamfc:
        return SiamFC()
    if known is Known.rbsf:
        return make_student()
    if known is Known.box:
        return BoxNet(BinaryAlexNetV1(activations="two_bit", layers=WIDE_LAYERS))
    large = known is Known.resnet18
    settings = NetworkSettings(
        architecture=known.value,
        stem="large" if large else "small",
        classes=1000 if large else 10,
    )
    return make_classifier(settings, weights)  # type: ignore[arg-type]


def _loaded(file: Path) -> nn.Module:
    check_weights(file, "the network")
    if file.suffix == ".rbsf":
        raise InputError(
            f"{file} is packed, and checkpoints are counted: `rbsf export {file} --inspect` shows "
            "its layers, bits and sizes"
        )
    from rbsf.engine.torch_box import load_box_net
    from rbsf.files.classifiers import load_classifier
    from rbsf.files.networks import load_network

    if is_box_checkpoint(file):
        return load_box_net(file)
    return load_classifier(file) if is_classifier(file) else load_network(file)


def _show(found: Account) -> None:
    """Prints a table of the layers, and the totals."""
    from rich.console import Console
    from rich.table import Table

    table = Table("layer", "kind", "1-bit", "32-bit", "kbit", "MMAC", box=None)
    for layer in found.layers:
        counts = (f"{layer.bits:,}", f"{layer.reals:,}")
        sizes = (f"{layer.memory / 1e3:,.1f}", f"{layer.macs / 1e6:,.2f}" if layer.macs else "-")
        table.add_row(layer.name, layer.kind, *counts, *sizes)
    out = Console(highlight=False, soft_wrap=True, width=160)
    out.print(table)
    out.print(
        f"{found.bits:,} 1-bit and {found.reals:,} 32-bit parameters: "
        f"{found.memory / 1e6:.2f} Mbit\n"
        f"{found.binary_macs / 1e6:,.1f} million binary and {found.real_macs / 1e6:,.1f} million "
        f"real multiplications: {found.flops:.3g} FLOPs"
    )


def main() -> None:
    """Runs the command with the words of the command line."""
    run_tool("rbsf summary", summary)
