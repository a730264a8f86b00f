"""Follows one or more targets through a video, from a box in its first frame."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Annotated, Any

import typer

from rbsf.config import load_settings
from rbsf.console import run_tool
from rbsf.embedder import Embedder, Engine, engine_in_words, load_embedder
from rbsf.errors import InputError
from rbsf.geometry import Box, check_box

from ..loop.config import TrackerConfig
from ..loop.group import TrackerGroup
from ..output.box_file import BOX_SUFFIXES, BoxWriter, box_files
from ..output.check import check_output
from ..output.progress import ProgressSink
from ..output.sinks import BoxSink, Sink, VideoSink
from ..output.video_file import VIDEO_SUFFIXES, VideoWriter, video_codec
from ..output.window import WindowSink, require_display, select_boxes
from ..session import run
from ..video.open import open_source
from ..video.source import Source

HOW = "give the target's box in the first frame with --bbox x,y,w,h"


def track(
    source: Annotated[
        str,
        typer.Option(
            "--video",
            "--source",
            help="A video, a folder of images, 0 (camera), a URL, or -.",
        ),
    ],
    bbox: Annotated[
        list[str] | None,
        typer.Option(help="The target in the first frame: x,y,w,h in pixels. Repeatable."),
    ] = None,
    select: Annotated[bool, typer.Option("--select", help="Draw the boxes by mouse.")] = False,
    show: Annotated[bool, typer.Option("--show", help="Open a window; q ends.")] = False,
    output: Annotated[Path | None, typer.Option(help="Annotated video, .mp4.")] = None,
    save_boxes: Annotated[Path | None, typer.Option(help="Boxes, .csv, .json or .txt.")] = None,
    weights: Annotated[
        Path | None,
        typer.Option(help="Weights of the network; without: the RB-SF we ship."),
    ] = None,
    engine: Annotated[Engine, typer.Option(help="What runs the network.")] = "auto",
    threads: Annotated[int | None, typer.Option(min=1, help="Of the network.")] = None,
    start_frame: Annotated[int, typer.Option(min=0, help="Where the boxes are given.")] = 0,
    config: Annotated[Path | None, typer.Option(help="Tracker settings, YAML.")] = None,
) -> None:
    """Follows one or more targets through a video, from a box in its first frame.

    Examples:

    `rbsf track --video clip.mp4 --bbox 612,290,72,72 --output out.mp4`

    `rbsf track --video clip.mp4 --bbox 612,290,72,72 --bbox 610,45,160,625
    --save-boxes out.csv`

    `rbsf track --source 0 --select --show`

    `rbsf track --source rtsp://host/stream --bbox 10,20,60,40 --save-boxes out.json`

    Frames keep the numbers of the source. Ctrl-C ends a run and keeps what was tracked. The speed
    told is that of tracking alone; reading and writing are told apart.
    """
    _check_outputs(source, output, save_boxes)
    if select:
        require_display("--select", HOW)
    if show:
        require_display("--show", "leave it out, and watch the video that --output writes")
    settings = load_settings(TrackerConfig, config) if config else TrackerConfig()
    opened = open_source(source, start_frame)
    boxes = _boxes(opened, bbox or [], select)

    embedder = load_embedder(weights, engine=engine, threads=threads)
    sinks: list[Sink] = [ProgressSink(opened.count and opened.count - start_frame)]
    if save_boxes:
        told = {"start_frame": start_frame, "boxes": boxes, **settings.model_dump()}
        sinks.append(
            BoxSink(BoxWriter(save_boxes, len(boxes), _header(opened.name, embedder, told)))
        )
    if output:
        sinks.append(VideoSink(VideoWriter(output)))
    if show:
        sinks.append(WindowSink())
    summary = run(opened, boxes, TrackerGroup(embedder, settings), sinks)
    ran_on = engine_in_words(embedder.engine, embedder.path)
    typer.echo(f"{summary}; {embedder.name} on engine {ran_on}")
    for file in (*box_files(save_boxes, len(boxes)), *([output] if output else [])):
        typer.echo(f"wrote {file}")
    if summary.stopped:
        raise InputError(f"{summary.stopped}; the {summary.frames} frames before it are kept")
    if summary.interrupted:
        raise KeyboardInterrupt


def _check_outputs(source: str, output: Path | None, save_boxes: Path | None) -> None:
    if output:
        check_output(output, VIDEO_SUFFIXES, source)
        if video_codec() != "libx264":
            typer.echo("av has no libx264 here: browsers will not play the video", err=True)
    if save_boxes:
        check_output(save_boxes, BOX_SUFFIXES, source)


def _header(source: str, embedder: Embedder, settings: dict[str, Any]) -> dict[str, Any]:
    """What a json file of boxes says besides the boxes."""
    return {
        "source": source,
        "weights": embedder.name,
        "weights_sha256": embedder.weights_sha256,
        "engine": embedder.engine,
        "kernels": embedder.path,
        "settings": settings,
    }


def _boxes(opened: Source, given: list[str], select: bool) -> list[Box]:
    if given and select:
        raise InputError("give --bbox or --select, not both")
    if select:
        return select_boxes(opened.first_image)
    if not given:
        width, height = opened.size
        raise InputError(f"no target: {HOW} (the frame is {width}x{height}), or draw it: --select")
    return [_box(text, opened.size) for text in given]


def _box(text: str, frame_size: tuple[int, int]) -> Box:
    parts = text.split(",")
    try:
        return check_box([float(part) for part in parts], frame_size)
    except ValueError as error:
        if isinstance(error, InputError):
            raise
        width, height = frame_size
        told = f"--bbox {text!r} is not four numbers x,y,w,h (the frame is {width}x{height})"
        raise InputError(told) from None


def main() -> None:
    """Runs the command with the words of the command line."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends as Ctrl-C does
    run_tool("rbsf track", track)
