"""Tracks a clip rendered by the project itself, and says how well."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from rbsf.console import run_tool
from rbsf.embedder import engine_in_words, load_embedder
from rbsf.geometry import Box, iou

from ..loop.group import TrackerGroup
from ..output.check import check_output
from ..output.progress import ProgressSink
from ..output.sinks import Keep, Sink, VideoSink
from ..output.video_file import VIDEO_SUFFIXES, VideoWriter
from ..session import run
from ..video.open import open_source
from ..video.synthetic import RATE, render


def demo(
    output: Annotated[Path, typer.Option(help="Annotated video, .mp4.")] = Path("demo.mp4"),
    weights: Annotated[
        Path | None, typer.Option(help="Weights of the network; without: the RB-SF we ship.")
    ] = None,
    frames: Annotated[int, typer.Option(min=2, help="Length of the clip.")] = 150,
) -> None:
    """Tracks a clip rendered by the project itself, and says how well.

    A spotted beetle walks over mottled ground under a moving camera. Its true boxes are known, so
    that the average overlap (AO, the mean IoU over all frames but the first) can be told. The video
    shows the tracked box with its score, and the true one thin and white.

    Examples:

    `rbsf demo`

    `rbsf demo --weights rbsf/weights/siamfc.safetensors --output teacher.mp4`
    """
    check_output(output, VIDEO_SUFFIXES)

    embedder = load_embedder(weights)
    with tempfile.TemporaryDirectory() as folder:
        clip = Path(folder) / "clip.mp4"
        truth = _write_clip(clip, frames)
        source = open_source(clip)
        kept = Keep()
        sinks: list[Sink] = [
            ProgressSink(source.count),
            VideoSink(VideoWriter(output), truth),
            kept,
        ]
        summary = run(source, truth[:1], TrackerGroup(embedder), sinks)
    overlap = iou([tracks[0].box for tracks in kept.tracks], truth[: summary.frames])[1:]
    ran_on = engine_in_words(embedder.engine, embedder.path)
    typer.echo(f"{summary}; {embedder.name} on engine {ran_on}")
    typer.echo(f"AO {np.mean(overlap):.3f} against the true boxes (1 is perfect)")
    typer.echo(f"wrote {output}")
    if summary.interrupted:
        raise KeyboardInterrupt


def _write_clip(path: Path, frames: int) -> list[Box]:
    """Renders the scene into a video; its true boxes."""
    boxes, writer = [], VideoWriter(path)
    for index, (image, box) in enumerate(render(frames)):
        writer.write(image, index / RATE)
        boxes.append(box)
    writer.close()
    return boxes


def main() -> None:
    """Runs the command with the words of the command line."""
    run_tool("rbsf demo", demo)
