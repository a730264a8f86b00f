"""Pack a student into a `.rbsf` file; look into one; give its numbers to others."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rbsf.console import console, run_tool
from rbsf.engine.format import (
    PackedLayer,
    PackedNetwork,
    layer_bytes,
    read_packed,
    to_bytes,
    write_packed,
)
from rbsf.errors import InputError
from rbsf.files.image import IMAGE_SUFFIXES, read_image

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MOST_IMAGES = 24


def export(
    source: Annotated[
        Path, typer.Argument(help="A checkpoint, a shipped file, or a packed .rbsf file.")
    ],
    output: Annotated[Path | None, typer.Option(help="Packed file to write, F.rbsf.")] = None,
    inspect: Annotated[
        bool, typer.Option("--inspect", help="Show layers, bits and sizes of the packed network.")
    ] = False,
    unpack: Annotated[
        Path | None, typer.Option(help="npz for the +-1 weights, thresholds, flips and scales.")
    ] = None,
    compare: Annotated[
        Path | None,
        typer.Option(help="Folder of images: on them, the share of bits that packing changes."),
    ] = None,
    onnx: Annotated[
        Path | None, typer.Option(help="Folder for template.onnx and search.onnx, in float.")
    ] = None,
) -> None:
    """Pack a student into a `.rbsf` file; look into one; give its numbers to others.

    Examples:

    - `rbsf export runs/rbsf/last.safetensors --output rbsf.rbsf`

    - `rbsf export --inspect rbsf.rbsf`

    - `rbsf export rbsf.rbsf --unpack rbsf.npz`

    - `rbsf export runs/rbsf/last.safetensors --compare data/otb/Girl/img`

    - `rbsf export runs/rbsf/last.safetensors --onnx graphs`
    """
    packed = source.suffix == ".rbsf"
    if not (output or inspect or unpack or compare or onnx):
        raise InputError("nothing to do: give --output, --inspect, --unpack, --compare or --onnx")
    if packed and (output or compare or onnx):
        raise InputError(f"{source} is packed: --output, --compare and --onnx take a checkpoint")
    if output is not None and output.suffix != ".rbsf":
        raise InputError(f"--output {output}: a packed file is named *.rbsf")
    if output or inspect or unpack or compare:
        network = _network(source)
        if inspect:
            _show(network)
        if output is not None:
            write_packed(output, network)
            _tell(f"{output}: {output.stat().st_size:,} bytes")
        if unpack is not None:
            from rbsf.engine.unpack import save_npz

            save_npz(unpack, network)
            _tell(f"{unpack}: {unpack.stat().st_size:,} bytes")
        if compare is not None:
            _compare(source, network, compare)
    if onnx is not None:
        from rbsf.engine.onnx_export import export_onnx

        error = export_onnx(source, onnx)
        _tell(f"{onnx}: template.onnx, search.onnx")
        if error is None:
            _tell("not verified: pip install onnxruntime")
        else:
            _tell(f"onnxruntime's responses are torch's to {error:.1e} of their spread")


def _network(source: Path) -> PackedNetwork:
    if source.suffix == ".rbsf":
        return read_packed(source)
    from rbsf.engine.pack import pack_file  # torch starts only where it is needed

    return pack_file(source)


def _tell(line: str) -> None:
    console.print(line, markup=False, highlight=False, soft_wrap=True)


WIDTH = 160
"""Columns a table may take, however narrow the terminal: lines may break, figures are not cut."""


def _show(network: PackedNetwork) -> None:
    """Prints a table on standard output."""
    from rich.console import Console
    from rich.table import Table

    names = ("channels", "kernel", "weights", "bits a weight", "pool", "output", "thresholds")
    table = Table("layer", *names, "flipped", "bytes", box=None)
    for number, layer in enumerate(network.layers, 1):
        table.add_row(f"conv{number}", *_row(layer), f"{len(layer_bytes(layer)):,}")
    out = Console(highlight=False, soft_wrap=True, width=WIDTH)
    out.print(table)
    gain, bias = network.response_gain, network.response_bias
    out.print(f"{len(to_bytes(network)):,} bytes; response = {gain:.6g} correlation {bias:+.6g}")
    out.print(json.dumps(network.metadata, sort_keys=True), markup=False)


def _row(layer: PackedLayer) -> list[str]:
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
    return [*shape, "bits", f"{low:,} to {high:,}", f"{layer.flips.sum()}"]


def _compare(source: Path, network: PackedNetwork, folder: Path) -> None:
    """Prints a line a layer."""
    from rbsf.engine.integer import differing_bits
    from rbsf.files.networks import load_network

    crops = _crops(folder)
    shares = differing_bits(load_network(source), network, crops)
    typer.echo(f"share of bits that differ from the float network's, {len(crops)} images:")
    for number, share in enumerate(shares, 1):
        typer.echo(f"conv{number}  {share:.4%}")


def _crops(folder: Path) -> NDArray[np.uint8]:
    """The middle of up to MOST_IMAGES images, evenly over the folder: RGB (N, 255, 255, 3)."""
    import numpy as np

    from rbsf.geometry import crop_square, mean_color

    files = sorted(file for file in folder.rglob("*") if file.suffix.lower() in IMAGE_SUFFIXES)
    if not files:
        raise InputError(f"no images in {folder}: --compare takes a folder of frames")
    crops = []
    for file in files[:: -(-len(files) // MOST_IMAGES)]:
        frame = read_image(file)
        if frame is None:
            raise InputError(f"{file} is no image that can be read")
        height, width = frame.shape[:2]
        center = ((width - 1) / 2, (height - 1) / 2)
        crop = crop_square(frame, center, min(height, width), 255, mean_color(frame))
        crops.append(crop[..., ::-1])
    return np.ascontiguousarray(np.stack(crops))


def main() -> None:
    """Runs the command with the words of the command line."""
    run_tool("rbsf export", export)
