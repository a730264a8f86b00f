"""Packs a trained classifier into a `.rbsf` file, or looks into a packed one."""

from __future__ import annotations

from pathlib import Path

from rbsf.console import console
from rbsf.engine.classifier_format import (
    PackedClassifier,
    classifier_bytes,
    read_classifier,
    stem_bytes,
    unit_bytes,
    write_classifier,
)
from rbsf.engine.frame import is_packed_classifier
from rbsf.extras import needs_extra


def is_classifier(file: Path) -> bool:
    """Whether a file is a packed classifier, or the checkpoint of one."""
    if file.suffix == ".rbsf":
        return is_packed_classifier(file)
    if file.suffix != ".safetensors":
        return False
    with needs_extra(str(file)):
        from rbsf.files.classifiers import is_classifier_checkpoint
    return is_classifier_checkpoint(file)


def export_classifier(source: Path, output: Path | None, inspect: bool) -> None:
    """Packs a classifier, or shows its layers, as `rbsf export` was asked to.

    Raises:
        InputError: The file cannot be read, or the network cannot be packed.
    """
    network = _network(source)
    if inspect:
        _show(network)
    if output is not None:
        write_classifier(output, network)
        line = f"wrote {output}: {output.stat().st_size:,} bytes"
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def _network(source: Path) -> PackedClassifier:
    if source.suffix == ".rbsf":
        return read_classifier(source)
    from rbsf.engine.pack_classifier import pack_classifier_file  # this imports torch

    return pack_classifier_file(source)


def _show(network: PackedClassifier) -> None:
    """Prints a table of the layers on standard output."""
    from rich.console import Console
    from rich.table import Table

    table = Table(
        "layer", "channels", "kernel", "bits per weight", "around", "shortcut", "bytes", box=None
    )
    stem = network.stem
    channels = f"3 -> {len(stem.weights)}"
    size = f"{len(stem_bytes(stem)):,}"
    table.add_row(
        "stem", channels, _kernel(stem.weights.shape[2], stem.stride), "8", "-", "-", size
    )
    for number, unit in enumerate(network.units, 1):
        shortcut = unit.source if unit.change == "none" else f"{unit.source}, {unit.change}"
        channels, size = f"{unit.inputs} -> {unit.outputs}", f"{len(unit_bytes(unit)):,}"
        kernel = _kernel(unit.kernel, unit.stride)
        table.add_row(f"unit {number}", channels, kernel, "1", unit.border, shortcut, size)
    inputs, classes = network.weights.shape
    last = f"{network.weights.nbytes + network.bias.nbytes:,}"
    table.add_row("linear", f"{inputs} -> {classes}", "-", "32", "-", "-", last)
    out = Console(highlight=False, soft_wrap=True, width=160)
    out.print(table)
    out.print(f"{len(classifier_bytes(network)):,} bytes")


def _kernel(side: int, stride: int) -> str:
    return f"{side}x{side}" + (f", stride {stride}" if stride > 1 else "")
