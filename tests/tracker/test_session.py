"""A run over a source: one row per frame, and everything kept however it ends."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from rbsf.errors import InputError
from rbsf.geometry import Box, Frame
from tracker.loop.target import Track
from tracker.output.box_file import BoxWriter
from tracker.output.sinks import BoxSink, Keep, Stop, Tracked, VideoSink
from tracker.output.video_file import VideoWriter
from tracker.session import MOST_FAULTS, run, track
from tracker.video.open import open_source
from tracker.video.source import Source, SourceFault, VideoFrame

BOX = Box(4, 5, 20, 10)


class Shifting:
    """Moves every box a pixel to the right per update; lost in the updates named."""

    def __init__(self, lost: Sequence[int] = (), interrupt: int | None = None) -> None:
        self.lost, self.interrupt, self.updates = lost, interrupt, 0

    def init(self, frame: Frame, boxes: Sequence[Sequence[float]]) -> None:
        self.boxes = [Box(*box) for box in boxes]

    def update(self, frame: Frame) -> list[Track]:
        self.updates += 1
        if self.updates == self.interrupt:
            raise KeyboardInterrupt
        self.boxes = [box._replace(x=box.x + 1) for box in self.boxes]
        return [Track(box, 0.5, self.updates in self.lost) for box in self.boxes]


def source(
    count: int = 10, start: int = 0, bad: Sequence[int] = (), fault: str | None = None
) -> Source:
    def frames() -> Iterator[VideoFrame]:
        for index in range(start, count):
            image = np.full((48, 64, 3), index % 256, np.uint8)
            if index in bad:
                yield VideoFrame(index, index / 10, None, f"frame {index} cannot be decoded")
            else:
                yield VideoFrame(index, index / 10, image)
        if fault:
            raise SourceFault(fault)

    return Source("made", frames(), count)


def sinks(folder: Path) -> list[BoxSink | VideoSink]:
    boxes, video = BoxWriter(folder / "out.csv"), VideoWriter(folder / "out.mp4")
    return [BoxSink(boxes), VideoSink(video)]


def rows(folder: Path) -> list[list[str]]:
    return [line.split(",") for line in (folder / "out.csv").read_text().splitlines()[1:]]


def test_one_step_per_frame_the_first_as_given() -> None:
    steps = list(track(source(start=3), [BOX, Box(30, 5, 9, 9)], Shifting()))
    assert [step.frame.index for step in steps] == list(range(3, 10))
    assert steps[0].tracks == [Track(BOX, 1.0, False), Track(Box(30, 5, 9, 9), 1.0, False)]
    assert [step.tracks[0].box.x for step in steps] == [4, 5, 6, 7, 8, 9, 10]


def test_a_frame_that_cannot_be_decoded_repeats_the_box_as_lost() -> None:
    steps = list(track(source(bad=[4]), [BOX], Shifting()))
    assert len(steps) == 10
    assert steps[4].tracks == [Track(steps[3].tracks[0].box, 0.0, True)]
    assert [step.tracks[0].lost for step in steps].count(True) == 1


def test_summary_tells_lost_spans_and_bad_frames() -> None:
    summary = run(source(bad=[8]), [BOX], Shifting(lost=[2, 3, 6]), [])
    assert summary.frames == 10
    assert summary.lost == [[(2, 3), (6, 6), (8, 8)]]
    assert "lost in frames 2-3, 6, 8" in str(summary)
    assert summary.faults == ["frame 8 cannot be decoded"]
    assert summary.missing == [(8, 8)] and summary.skipped == 0
    assert "1 of 10 frames cannot be read: 8" in str(summary)
    assert summary.updates == 8  # neither the first frame nor the bad one
    assert summary.stopped is None and not summary.interrupted


def test_a_summary_of_many_bad_frames_counts_all_and_keeps_some_lines() -> None:
    count = MOST_FAULTS + 50
    summary = run(source(count + 1, bad=range(1, count + 1)), [BOX], Shifting(), [])
    assert len(summary.faults) == MOST_FAULTS and summary.missing == [(1, count)]


def test_summary_tells_how_many_frames_a_live_source_skipped() -> None:
    frames = (VideoFrame(i, i / 10, np.zeros((48, 64, 3), np.uint8)) for i in (4, 5, 9, 12))
    summary = run(Source("camera 0", frames, live=True), [BOX], Shifting(lost=[2]), [])
    assert (summary.frames, summary.skipped) == (4, 5)
    assert summary.lost == [[(9, 9)]]
    assert "5 frames skipped" in str(summary)


def test_a_fault_keeps_what_was_tracked(tmp_path: Path) -> None:
    summary = run(source(6, fault="broke at frame 6"), [BOX], Shifting(), sinks(tmp_path))
    assert summary.stopped == "broke at frame 6"
    assert [row[0] for row in rows(tmp_path)] == ["0", "1", "2", "3", "4", "5"]
    assert len(list(open_source(tmp_path / "out.mp4"))) == 6


def test_ctrl_c_keeps_what_was_tracked(tmp_path: Path) -> None:
    summary = run(source(), [BOX], Shifting(interrupt=4), sinks(tmp_path))
    assert summary.interrupted
    assert [row[0] for row in rows(tmp_path)] == ["0", "1", "2", "3"]
    assert len(list(open_source(tmp_path / "out.mp4"))) == 4


def test_an_error_of_ours_keeps_what_was_tracked_and_is_raised(tmp_path: Path) -> None:
    class Broken(Shifting):
        def update(self, frame: Frame) -> list[Track]:
            if self.updates == 2:
                raise RuntimeError("a bug")
            return super().update(frame)

    with pytest.raises(RuntimeError, match="a bug"):
        run(source(), [BOX], Broken(), sinks(tmp_path))
    assert len(rows(tmp_path)) == 3


def test_a_sink_may_stop_a_run() -> None:
    class Impatient(Keep):
        def write(self, tracked: Tracked) -> None:
            super().write(tracked)
            if tracked.frame.index == 2:
                raise Stop

    sink = Impatient()
    summary = run(source(), [BOX], Shifting(), [sink])
    assert len(sink.tracks) == summary.frames == 3


@pytest.mark.parametrize(
    "box", [(70, 5, 9, 9), (4, 5, 0, 9), (4, 5, 9, -1), (4, 5, 9, float("nan")), (1, 2, 3)]
)
def test_a_box_that_cannot_be_tracked_names_the_frames_size(
    tmp_path: Path, box: tuple[float, ...]
) -> None:
    with pytest.raises(InputError, match="64x48"):
        run(source(), [box], Shifting(), sinks(tmp_path))
    assert list(tmp_path.iterdir()) == []
