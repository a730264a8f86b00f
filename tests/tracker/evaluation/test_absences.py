"""Generated tests of lost targets: the truth is what can be seen in the frames themselves."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from rbsf.geometry import Frame
from tracker.evaluation.absences import FAR, KINDS, LONGEST, SHORTEST
from tracker.evaluation.archive import Archive
from tracker.evaluation.datasets import load_dataset
from tracker.evaluation.protocols import runs_of
from tracker.evaluation.runner import evaluate_tracker, frame_of
from tracker.evaluation.sequence import Sequence

SIZE = (202, 151)  # no multiples of 8
FRAMES = 60


RED, BLUE = (0, 0, 255), (255, 0, 0)


def write(root: Path, name: str, boxes: NDArray[np.int64], color: tuple[int, int, int]) -> None:
    """A target of one colour on grey, in OTB's layout, as images without loss."""
    folder = root / name / "img"
    folder.mkdir(parents=True)
    for number, (x, y, w, h) in enumerate(boxes.tolist(), start=1):
        frame = np.full((SIZE[1], SIZE[0], 3), 90 + color[0] // 3, np.uint8)
        frame[y : y + h, x : x + w] = color
        cv2.imwrite(str(folder / f"{number:04d}.png"), frame)
    rows = [",".join(map(str, row)) for row in (boxes + np.array([1, 1, 0, 0])).tolist()]
    (folder.parent / "groundtruth_rect.txt").write_text("\n".join(rows))


def steps(count: int, start: tuple[int, int], move: tuple[float, float]) -> NDArray[np.int64]:
    corners = np.round(np.array(start) + np.arange(count)[:, None] * np.array(move)).astype(int)
    return np.hstack([corners, np.tile([20, 16], (count, 1))])


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A target that wanders to the right, another sequence that covers it, and one too short."""
    folder = tmp_path_factory.mktemp("data")
    write(folder, "Walk", steps(FRAMES, (30, 60), (0.7, 0.3)), RED)
    write(folder, "Wall", steps(LONGEST + 20, (5, 5), (0, 0)), BLUE)
    write(folder, "Short", steps(SHORTEST - 1, (30, 60), (1, 0)), BLUE)
    return folder


def red(frame: Frame) -> NDArray[np.bool_]:
    return np.asarray((frame == RED).all(axis=2))


def of_kind(root: Path, kind: str, name: str = "Walk") -> Sequence:
    (sequence,) = load_dataset("absent", root, [f"{name}.{kind}"]).sequences
    return sequence


def shown(sequence: Sequence) -> list[Frame]:
    return [frame_of(sequence, index) for index in range(len(sequence.frames))]


@pytest.mark.parametrize("kind", KINDS)
def test_frames_have_one_size_and_the_truth_is_where_the_target_is_seen(
    root: Path, kind: str
) -> None:
    sequence = of_kind(root, kind)
    frames = shown(sequence)
    assert len({frame.shape for frame in frames}) == 1
    for frame, box, present in zip(frames, sequence.boxes, sequence.present, strict=True):
        share = red(frame).sum() / (20 * 16)
        assert present == (share >= 0.25)
        if present:
            x, y, w, h = np.round(box).astype(int)
            assert red(frame)[y : y + h, x : x + w].sum() == red(frame).sum()
            if kind != "occlusion":
                assert w * h == red(frame).sum()


@pytest.mark.parametrize("kind", ["occlusion", "out-of-view"])
def test_the_target_is_away_once_for_a_fifth_of_the_frames_and_then_not_seen_at_all(
    root: Path, kind: str
) -> None:
    sequence = of_kind(root, kind)
    absent = np.flatnonzero(~sequence.present)
    assert (np.diff(absent) == 1).all()
    assert 0.2 * FRAMES <= len(absent) <= 0.3 * FRAMES
    middle = shown(sequence)[round(0.5 * FRAMES)]
    assert not red(middle).any()
    assert sequence.present[: absent[0]].all()
    assert sequence.present[absent[-1] + 1 :].all()


def test_an_occluder_is_of_another_picture(root: Path) -> None:
    frames = shown(of_kind(root, "occlusion"))
    plain = [(frame == 90).all(axis=2) | red(frame) for frame in frames]
    assert plain[0].all()
    assert plain[-1].all()
    assert (~plain[FRAMES // 2]).sum() == 26 * 21  # 1.3 sides of the target


def test_jumps_move_the_target_further_than_its_size_and_never_hide_it(root: Path) -> None:
    sequence = of_kind(root, "jump-cut")
    assert sequence.present.all()
    moves = np.abs(np.diff(sequence.boxes[:, :2], axis=0)).max(axis=1)
    assert np.flatnonzero(moves > 5).tolist() == [FRAMES // 3 - 1, 2 * FRAMES // 3 - 1]
    assert (moves[moves > 5] >= FAR * 16).all()


def test_a_long_sequence_is_cut_and_a_short_one_makes_no_test(root: Path) -> None:
    assert len(of_kind(root, "occlusion", "Wall").frames) == LONGEST
    names = [sequence.name for sequence in load_dataset("absent", root).sequences]
    assert "Walk.jump-cut" in names
    assert not [name for name in names if name.startswith("Short")]


def test_the_same_root_makes_the_same_tests(root: Path) -> None:
    first, second = (load_dataset("absent", root).sequences for _ in range(2))
    for one, other in zip(first, second, strict=True):
        assert repr(one.edit) == repr(other.edit)
        assert np.array_equal(one.boxes, other.boxes, equal_nan=True)
        assert str(root) not in repr(one.edit)


def test_what_is_stored_for_one_edit_is_not_taken_for_another(root: Path, tmp_path: Path) -> None:
    class Stays:
        def init(self, frame: Frame, box: object) -> None:
            self.box = box

        def update(self, frame: Frame) -> Stays:
            return self

    data = load_dataset("absent", root, ["Walk.occlusion"])
    evaluate_tracker(Stays, data, archive=Archive(tmp_path, {}, ""))
    run = runs_of(data.sequences[0], "ope")[0]
    assert Archive(tmp_path, {}, "").load(run) is not None
    plain = run._replace(sequence=Sequence("Walk.occlusion", *_frames_and_boxes(run.sequence)))
    assert Archive(tmp_path, {}, "").load(plain) is None


def _frames_and_boxes(sequence: Sequence) -> tuple[tuple[Path, ...], NDArray[np.float64]]:
    return sequence.frames, sequence.boxes
