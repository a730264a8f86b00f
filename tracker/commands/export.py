"""Packs a trained network into a `.rbsf` file, looks into one, or converts it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rbsf.console import console, run_tool
from rbsf.embedder import is_box_checkpoint
from rbsf.engine.format import (
    PackedLayer,
    PackedNetwork,
    layer_bytes,
    read_packed,
    to_bytes,
    write_packed,
)
from rbsf.engine.packed_head import head_bytes
from rbsf.errors import InputError
from rbsf.files.image import IMAGE_SUFFIXES, read_image

from ..output.check import check_output
from .export_classifier import export_classifier, is_classifier
from .options import check_folder, check_weights

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MOST_IMAGES = 24
"""The most images that `--compare` looks at."""


def export(
    source: Annotated[
        Path,
        typer.Argument(
            metavar="NETWORK",
            help="The network: a checkpoint, a compact file, or a packed .rbsf file.",
        ),
    ],
    output: Annotated[
        Path | None,
        typer.Option(help="Pack the network into this .rbsf file, which the packed engine runs."),
    ] = None,
    compact: Annotated[
        Path | None,
        typer.Option(
            help="Write the network to this .safetensors file without what only training needs: "
            "1-bit kernels as bits, the teacher's as float16. torch runs it."
        ),
    ] = None,
    inspect: Annotated[
        bool, typer.Option("--inspect", help="Show the layers, bits and sizes of the network.")
    ] = False,
    unpack: Annotated[
        Path | None,
        typer.Option(help="Write the +-1 weights, thresholds, flips and scales to this .npz file."),
    ] = None,
    compare: Annotated[
        Path | None,
        typer.Option(help="Show the share of bits that packing changes on this folder of images."),
    ] = None,
    onnx: Annotated[
        Path | None,
        typer.Option(help="Write template.onnx and search.onnx, in float, to this folder."),
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(
            help="The folder of the training's data. From its tracks the 8-bit head of a box "
            "network learns its steps; without it, from clips that are rendered."
        ),
    ] = None,
) -> None:
    """Packs a trained network into a `.rbsf` file, looks into one, or converts it.

    Examples:

    - `rbsf export runs/rbsf/final.safetensors --output mine.rbsf`

    - `rbsf export mine.rbsf --inspect`

    - `rbsf export mine.rbsf --unpack mine.npz`

    - `rbsf export runs/rbsf/final.safetensors --compact mine.safetensors`

    - `rbsf export runs/rbsf/final.safetensors --compare data/otb/Girl/img`

    - `rbsf export runs/rbsf/final.safetensors --onnx graphs`

    - `rbsf export runs/rbsf_box/final.safetensors --output box.rbsf --data data`
    """
    if not (output or compact or inspect or unpack or compare or onnx):
        raise InputError(
            "nothing to do: give --output, --compact, --inspect, --unpack, --compare or --onnx"
        )
    _check_words(source, output, compact, unpack, compare, onnx, data)
    if is_classifier(source):
        if compact or unpack or compare or onnx:
            raise InputError(f"{source} is a classifier: it takes --output and --inspect alone")
        return export_classifier(source, output, inspect)
    if output or inspect or unpack or compare:
        network = _network(source, data)
        if inspect:
            _show(network)
        if output is not None:
            write_packed(output, network)
            _report_size(output)
        if unpack is not None:
            from rbsf.engine.unpack import save_npz

            save_npz(unpack, network)
            _report_size(unpack)
        if compare is not None:
            _compare(source, network, compare)
    if compact is not None:
        from rbsf.files.networks import save_compact

        save_compact(source, compact)
        _report_size(compact)
    if onnx is not None:
        _export_onnx(source, onnx)


def _check_words(
    source: Path,
    output: Path | None,
    compact: Path | None,
    unpack: Path | None,
    compare: Path | None,
    onnx: Path | None,
    data: Path | None,
) -> None:
    """Checks all files and folders, before torch is imported."""
    check_weights(source, "the network")
    if source.suffix == ".rbsf" and (output or compact or compare or onnx):
        raise InputError(
            f"{source} is packed: --output, --compact, --compare and --onnx take a checkpoint"
        )
    for file, suffix in ((output, ".rbsf"), (compact, ".safetensors"), (unpack, ".npz")):
        if file is not None:
            check_output(file, (suffix,), source)
    check_folder(compare, "--compare", "a folder of images")
    check_folder(data, "--data", "the folder that holds the data sources")
    if onnx is not None and onnx.exists() and not onnx.is_dir():
        raise InputError(f"--onnx {onnx} is a file: give a folder")


def _network(source: Path, data: Path | None) -> PackedNetwork:
    if source.suffix == ".rbsf":
        return read_packed(source)
    from rbsf.engine.pack import pack_file  # this imports torch

    if not is_box_checkpoint(source):
        return pack_file(source)
    from rbsf.engine.pack_head import pack_box_file

    from ..evaluation.calibration import calibration_pairs

    pairs = calibration_pairs(data)
    _report(f"the head learns its 8-bit steps from {len(pairs)} pairs of crops")
    return pack_box_file(source, pairs)


def _export_onnx(source: Path, folder: Path) -> None:
    from rbsf.engine.onnx_export import export_onnx

    error = export_onnx(source, folder)
    _report(f"wrote {folder / 'template.onnx'} and {folder / 'search.onnx'}")
    if error is None:
        _report("the graphs are not verified: that needs pip install onnxruntime")
    else:
        _report(
            f"verified: onnxruntime's responses differ from torch's by {error:.1e} of their spread"
        )


def _report_size(file: Path) -> None:
    _report(f"wrote {file}: {file.stat().st_size:,} bytes")


def _report(line: str) -> None:
    console.print(line, markup=False, highlight=False, soft_wrap=True)


WIDTH = 160
"""The columns that a table may take. In a narrow terminal lines break, but no figure is cut."""


def _show(network: PackedNetwork) -> None:
    """Prints a table of the layers on standard output."""
    from rich.console import Console
    from rich.table import Table

    names = ("channels", "kernel", "weights", "bits per weight", "pool", "output", "thresholds")
    table = Table("layer", *names, "flipped", "bytes", box=None)
    for number, layer in enumerate(network.layers, 1):
        table.add_row(f"conv{number}", *_row(layer), f"{len(layer_bytes(layer)):,}")
    out = Console(highlight=False, soft_wrap=True, width=WIDTH)
    out.print(table)
    if network.head is not None:
        size = len(head_bytes(network.head))
        out.print(f"box head of {network.head.channels} channels in 8 bits, {size:,} bytes")
    gain, bias = network.response_gain, network.response_bias
    out.print(f"{len(to_bytes(network)):,} bytes; response = {gain:.6g} correlation {bias:+.6g}")
    out.print(json.dumps(network.metadata, sort_keys=True), markup=False)


def _row(layer: PackedLayer) -> list[str]:
    """Describes a layer in the words of the table."""
    groups = f" in {layer.groups} groups" if layer.groups > 1 else ""
    stride = f", stride {layer.stride}" if layer.stride > 1 else ""
    shape = [
        f"{layer.inputs} -> {layer.outputs}{groups}",
        f"{layer.kernel}x{layer.kernel}{stride}",
        f"{layer.weights.size:,}",
        "8" if layer.kind == "pixels" else "1",
        "3x3, stride 2" if layer.pool else "-",
    ]
    if layer.thresholds is None or layer.flips is None:
        return [*shape, "real", "-", "-"]
    low, high = layer.thresholds.min(), layer.thresholds.max()
    return [*shape, layer.output, f"{low:,} to {high:,}", f"{layer.flips.sum()}"]


def _compare(source: Path, network: PackedNetwork, folder: Path) -> None:
    """Prints one line for each layer."""
    from rbsf.engine.integer import differing_bits
    from rbsf.files.networks import load_network

    crops = _crops(folder)
    shares = differing_bits(load_network(source), network, crops)
    typer.echo(
        f"share of bits that differ from those of the float network, on {len(crops)} images:"
    )
    for number, share in enumerate(shares, 1):
        typer.echo(f"conv{number}  {share:.4%}")


def _crops(folder: Path) -> NDArray[np.uint8]:
    """Cuts the middle from up to MOST_IMAGES images, spread evenly over the folder.

    Returns:
        RGB uint8 crops (N, 255, 255, 3).
    """
    import numpy as np

    from rbsf.geometry import crop_square, mean_color

    files = sorted(file for file in folder.rglob("*") if file.suffix.lower() in IMAGE_SUFFIXES)
    if not files:
        raise InputError(f"there are no images in {folder}: --compare takes a folder of frames")
    crops = []
    for file in files[:: -(-len(files) // MOST_IMAGES)]:
        frame = read_image(file)
        if frame is None:
            raise InputError(f"{file} is not a readable image")
        height, width = frame.shape[:2]
        center = ((width - 1) / 2, (height - 1) / 2)
        crop = crop_square(frame, center, min(height, width), 255, mean_color(frame))
        crops.append(crop[..., ::-1])
    return np.ascontiguousarray(np.stack(crops))


def main() -> None:
    """Runs the command with the words of the command line."""
    run_tool("rbsf export", export)
