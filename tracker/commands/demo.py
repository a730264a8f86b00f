"""Tracks a clip that the project renders itself, and says how well."""

from __future__ import annotations

import shlex
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
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
from .options import Weights, check_weights, rbsf_as_typed


def demo(
    output: Annotated[
        Path, typer.Option(help="Write the video with the boxes drawn in it to this .mp4.")
    ] = Path("demo.mp4"),
    keep: Annotated[
        bool,
        typer.Option(
            "--keep",
            help="Also keep the clip without the boxes (demo_clip.mp4), and print the command "
            "that tracks it.",
        ),
    ] = False,
    weights: Weights = None,
    frames: Annotated[int, typer.Option(min=2, help="The number of frames to render.")] = 150,
) -> None:
    """Tracks a clip that the project renders itself, and says how well.

    A spotted beetle walks over mottled ground under a moving camera. Its true boxes are known, so
    the command can print the average overlap (AO): the mean IoU over all frames but the first. The
    video shows the tracked box with its score, and the true box thin and white.

    Examples:

    `rbsf demo`

    `rbsf demo --keep`

    `rbsf demo --weights rbsf/weights/siamfc.safetensors --output teacher.mp4`
    """
    check_output(output, VIDEO_SUFFIXES)
    check_weights(weights)

    network = load_embedder(weights)
    with _clip_file(output, keep) as clip:
        truth = _write_clip(clip, frames)
        source = open_source(clip)
        kept = Keep()
        sinks: list[Sink] = [
            ProgressSink(source.count),
            VideoSink(VideoWriter(output), truth),
            kept,
        ]
        summary = run(source, truth[:1], TrackerGroup(network), sinks)
    overlap = iou([tracks[0].box for tracks in kept.tracks], truth[: summary.frames])[1:]
    ran_on = engine_in_words(network.engine, network.path)
    typer.echo(f"{summary}; {network.name} on engine {ran_on}")
    typer.echo(f"AO {np.mean(overlap):.3f} against the true boxes (1 is perfect)")
    typer.echo(f"wrote {output}")
    if keep:
        typer.echo(f"wrote {clip}; this command tracks it:\n{_track_command(clip, truth[0])}")
    if summary.interrupted:
        raise KeyboardInterrupt


@contextmanager
def _clip_file(output: Path, keep: bool) -> Iterator[Path]:
    """Names the file for the clip: one beside the output, or one that is removed at the end."""
    if keep:
        yield output.with_name(f"{output.stem}_clip{output.suffix}")
        return
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder) / "clip.mp4"


def _write_clip(path: Path, frames: int) -> list[Box]:
    """Renders the scene into a video, and returns its true boxes."""
    boxes, writer = [], VideoWriter(path)
    for index, (image, box) in enumerate(render(frames)):
        writer.write(image, index / RATE)
        boxes.append(box)
    writer.close()
    return boxes


def _track_command(clip: Path, box: Box) -> str:
    """The command line that tracks the clip from its first true box."""
    bbox = ",".join(f"{value:.0f}" for value in box)
    words = ["track", "--video", str(clip), "--bbox", bbox]
    words += ["--output", str(clip.with_name("tracked.mp4"))]
    return f"{rbsf_as_typed()} {shlex.join(words)}"


def main() -> None:
    """Runs the command with the words of the command line."""
    run_tool("rbsf demo", demo)
