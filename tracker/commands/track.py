"""Follows one or more targets through a video, from a box in its first frame."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Annotated, Any

import typer

from rbsf.console import remark, run_tool
from rbsf.embedder import Engine, Network, engine_in_words, load_embedder
from rbsf.errors import InputError
from rbsf.geometry import Box
from rbsf.signals import heeded_signals

from ..loop.check import read_config
from ..loop.group import TrackerGroup
from ..output.box_file import BOX_SUFFIXES, BoxWriter, box_files
from ..output.box_lines import LINE_SUFFIX, STANDARD_OUTPUT, BoxLines
from ..output.check import check_output
from ..output.progress import ProgressSink
from ..output.sinks import BoxSink, Records, Sink, VideoSink
from ..output.video_file import VIDEO_SUFFIXES, VideoWriter, video_codec
from ..output.window import WindowSink, require_display, select_boxes
from ..session import run
from ..video.address import shown
from ..video.open import open_source
from ..video.source import Source
from .options import BBOX_FORM, Weights, check_file, check_weights, parse_bbox

GIVE_BOX = f"give the target's box in the first frame with {BBOX_FORM}"


def track(
    videos: Annotated[
        list[str] | None,
        typer.Argument(metavar="VIDEO", help="The video to track in; the same as --video."),
    ] = None,
    source: Annotated[
        str | None,
        typer.Option(
            "--video",
            "--source",
            help="The video: a file, a folder of images, a camera's number (0), an RTSP or HTTP "
            "address, or - for standard input.",
        ),
    ] = None,
    bbox: Annotated[
        list[str] | None,
        typer.Option(
            metavar="X,Y,W,H",
            help="The target's box in the first frame: left, top, width and height in pixels, "
            "joined by commas. Repeat the option to follow several targets.",
        ),
    ] = None,
    select: Annotated[
        bool, typer.Option("--select", help="Draw the boxes with the mouse instead of --bbox.")
    ] = False,
    show: Annotated[
        bool, typer.Option("--show", help="Show the result in a window; the key q ends the run.")
    ] = False,
    output: Annotated[
        Path | None, typer.Option(help="Write the video with the boxes drawn in it to this .mp4.")
    ] = None,
    save_boxes: Annotated[
        Path | None,
        typer.Option(
            help="Write the boxes to this .csv, .json or .txt file when the run ends, or to this "
            ".jsonl file or - (standard output) line by line while it goes on."
        ),
    ] = None,
    weights: Weights = None,
    engine: Annotated[
        Engine, typer.Option(help="What runs the network; auto takes the fastest that is here.")
    ] = "auto",
    threads: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="The number of threads that run the network. Without this option, the packed "
            "engine takes one for each core, but at most eight.",
        ),
    ] = None,
    start_frame: Annotated[
        int, typer.Option(min=0, help="The number of the frame that the boxes are given for.")
    ] = 0,
    live: Annotated[
        bool | None,
        typer.Option(
            "--live/--no-live",
            help="Whether frames that come while the last one is tracked are skipped. Without this "
            "option, they are where the source is a camera or a live stream.",
        ),
    ] = None,
    config: Annotated[
        Path | None, typer.Option(help="A YAML file with settings of the tracker.")
    ] = None,
) -> None:
    """Follows one or more targets through a video, from a box in its first frame.

    Examples:

    `rbsf track clip.mp4 --bbox 612,290,72,72 --output out.mp4`

    `rbsf track --video clip.mp4 --bbox 612,290,72,72 --bbox 610,45,160,625
    --save-boxes out.csv`

    `rbsf track --source 0 --select --show`

    `rbsf track --source rtsp://host/stream --bbox 10,20,60,40 --save-boxes out.json`

    `rbsf track --source 0 --bbox 10,20,60,40 --save-boxes -`

    Frames keep the numbers that they have in the source. Ctrl-C ends a run and keeps what was
    tracked so far. The speed that is printed is that of tracking alone; the times for reading and
    writing are printed beside it. The exit status is 1 if some frames are missing
    or cannot be decoded.
    """
    name = _source_name(videos or [], source, bbox or [])
    _check_outputs(name, output, save_boxes)
    check_weights(weights)
    check_file(config, "--config")
    if bbox and select:
        raise InputError("give --bbox or --select, not both")
    if select:
        require_display("--select", GIVE_BOX)
    if show:
        require_display("--show", "leave it out, and watch the video that --output writes")
    opened = open_source(name, start_frame, live=live)
    boxes = select_boxes(opened.first_image) if select else _boxes(opened, bbox or [])

    network = load_embedder(weights, engine=engine, threads=threads)
    settings = read_config(network, config)
    if not (output or save_boxes or show):
        remark("no boxes will be kept: ask for them with --output, --save-boxes or --show")
    sinks: list[Sink] = [ProgressSink(opened.count and opened.count - start_frame)]
    if save_boxes:
        given = {"start_frame": start_frame, "boxes": boxes, **settings.model_dump()}
        header = _header(opened.name, network, given)
        sinks.append(BoxSink(_records(save_boxes, len(boxes), header)))
    if output:
        sinks.append(VideoSink(VideoWriter(output)))
    if show:
        sinks.append(WindowSink())
    summary = run(opened, boxes, TrackerGroup(network, settings), sinks)
    ran_on = engine_in_words(network.engine, network.path)
    aside = save_boxes == STANDARD_OUTPUT
    typer.echo(f"{summary}; {network.name} on engine {ran_on}", err=aside)
    for file in (*_files(save_boxes, len(boxes)), *([output] if output else [])):
        if summary.frames:
            typer.echo(f"wrote {file}", err=aside)
    if summary.stopped:
        raise InputError(f"{summary.stopped}; the {summary.frames} frames before it are kept")
    if summary.interrupted:
        raise KeyboardInterrupt
    if summary.missing:
        remark(f"something is missing: {summary.missing_text}")
        raise typer.Exit(1)


def _source_name(videos: list[str], source: str | None, bbox: list[str]) -> str:
    """Returns the one video that the command line names."""
    names = [*videos, *([source] if source is not None else [])]
    if len(names) == 1:
        return names[0]
    apart = [text for text in bbox if "," not in text]
    if names and apart:  # as in --bbox 612 290 72 72
        raise InputError(
            f"--bbox {apart[0]} is not a box: join its four numbers with commas, without spaces, "
            "as in --bbox 612,290,72,72"
        )
    if names:
        raise InputError(f"give one video, not {len(names)}: {' '.join(map(shown, names))}")
    raise InputError(f"no video: give one, as in rbsf track clip.mp4 {BBOX_FORM}. See --help.")


def _check_outputs(source: str, output: Path | None, save_boxes: Path | None) -> None:
    if output:
        check_output(output, VIDEO_SUFFIXES, source)
        if video_codec() != "libx264":
            typer.echo(
                "the installed av has no libx264: browsers will not play the video", err=True
            )
    if save_boxes and save_boxes != STANDARD_OUTPUT:
        check_output(save_boxes, (*BOX_SUFFIXES, LINE_SUFFIX), source)


def _records(path: Path, targets: int, header: dict[str, Any]) -> Records:
    """What writes the boxes: to a file that appears when it is complete, or line by line."""
    if path == STANDARD_OUTPUT or path.suffix.lower() == LINE_SUFFIX:
        return BoxLines(path, targets)
    return BoxWriter(path, targets, header)


def _files(path: Path | None, targets: int) -> list[Path]:
    return [] if path == STANDARD_OUTPUT else box_files(path, targets)


def _header(source: str, network: Network, settings: dict[str, Any]) -> dict[str, Any]:
    """What a JSON file of boxes says besides the boxes."""
    return {
        "source": source,
        "weights": network.name,
        "weights_sha256": network.weights_sha256,
        "engine": network.engine,
        "kernels": network.path,
        "settings": settings,
    }


def _boxes(opened: Source, given: list[str]) -> list[Box]:
    """Reads the boxes from the command line, checked against the first frame."""
    if not given:
        width, height = opened.size
        raise InputError(
            f"no target: {GIVE_BOX} (the frame is {width}x{height}), or draw it with --select"
        )
    return [parse_bbox(text, opened.size) for text in given]


def main() -> None:
    """Runs the command with the words of the command line."""
    for number in heeded_signals():  # each ends the command as Ctrl-C does, also before tracking
        signal.signal(number, signal.default_int_handler)
    run_tool("rbsf track", track)
