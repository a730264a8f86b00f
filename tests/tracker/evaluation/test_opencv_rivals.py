"""OpenCV's trackers as contenders: what they are given, what they say, and what is missing."""

import pickle
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from benchmark_folders import walk, write_otb

from rbsf.errors import InputError
from rbsf.geometry import Box
from tracker.evaluation.datasets import load_dataset
from tracker.evaluation.rivals import OpenCvTracker, is_rival, rival_contender
from tracker.evaluation.runner import evaluate_tracker

FRAME = np.zeros((48, 64, 3), np.uint8)


class Scripted:
    """Says what it is told to, as OpenCV does; the box is four whole numbers."""

    def __init__(self, answers):
        self.answers, self.given = iter(answers), None

    def init(self, frame, box):
        assert all(type(value) is int for value in box)
        self.given = box

    def update(self, frame):
        return next(self.answers)


@pytest.mark.parametrize(
    ("box", "given"),
    [
        (Box(1.4, 2.6, 10.2, 10.2), (1, 3, 11, 10)),
        (Box(-5, -5, 20, 20), (0, 0, 15, 15)),
        (Box(60, 40, 20, 20), (60, 40, 4, 8)),
        (Box(10, 10, 0.2, 0.2), (10, 10, 1, 1)),
        (Box(70, 50, 5, 5), (63, 47, 1, 1)),
    ],
)
def test_the_first_box_is_whole_pixels_within_the_frame(box, given):
    scripted = Scripted([])
    OpenCvTracker(lambda: scripted).init(FRAME, box)
    assert scripted.given == given


def test_a_lost_target_stays_where_it_was_seen():
    answers = [(True, (3, 4, 5, 6)), (False, (0, 0, 0, 0)), (True, (7, 8, 5, 6))]
    tracker = OpenCvTracker(lambda: Scripted(answers))
    tracker.init(FRAME, Box(1, 2, 5, 6))
    found = [tracker.update(FRAME).box for _ in answers]
    assert found == [Box(3, 4, 5, 6), Box(3, 4, 5, 6), Box(7, 8, 5, 6)]


def test_mil_runs_and_can_be_sent_to_other_processes(tmp_path):
    contender = rival_contender("mil")
    assert (contender.name, contender.engine, contender.weights_sha256) == ("mil", "opencv", None)
    assert contender.config["opencv"] == cv2.__version__
    write_otb(tmp_path, "A", [walk(4)], 4)
    make = pickle.loads(pickle.dumps(contender.make))
    results = evaluate_tracker(make, load_dataset("otb", tmp_path), threads=1)
    assert results.frames == 4 and results.fps > 0
    assert cv2.getNumThreads() == 1


def test_a_run_of_mil_does_not_depend_on_those_before_it(tmp_path):
    write_otb(tmp_path, "A", [walk(5)], 5)
    dataset, make = load_dataset("otb", tmp_path), rival_contender("mil").make
    first, second = (evaluate_tracker(make, dataset, threads=1) for _ in range(2))
    assert first.overall == second.overall


@pytest.mark.parametrize("name", ["csrt", "kcf"])
def test_contrib_trackers_run_or_say_what_to_install(name):
    if hasattr(cv2, f"Tracker{name.upper()}"):
        tracker = rival_contender(name).make()
        tracker.init(
            np.random.default_rng(0).integers(0, 255, (48, 64, 3), np.uint8), Box(9, 9, 20, 20)
        )
        assert len(tracker.update(FRAME).box) == 4
        return
    with pytest.raises(InputError, match=rf"{name} is not in this OpenCV.*pip install") as error:
        rival_contender(name)
    assert "opencv-contrib-python-headless" in str(error.value) and "\n" not in str(error.value)


def test_a_rivals_identity_is_of_its_files(tmp_path, monkeypatch):
    made = []

    def create(parameters):
        made.append(vars(parameters))
        return Scripted([])

    monkeypatch.setattr(cv2, "TrackerNano_Params", SimpleNamespace)
    monkeypatch.setattr(cv2, "TrackerNano_create", create)
    backbone, head = tmp_path / "small_v2_backbone.onnx", tmp_path / "small_v2_head.onnx"
    backbone.write_bytes(b"one")
    head.write_bytes(b"two")
    contender = rival_contender(f"nano:{backbone},{head}")
    assert contender.name == "small_v2"
    assert made == [{"backbone": str(backbone), "neckhead": str(head)}]
    files = contender.config["files"]
    assert set(files) == {"backbone", "neckhead"} and len(set(files.values())) == 2
    before = contender.identity
    head.write_bytes(b"three")
    assert rival_contender(f"nano:{backbone},{head}").identity != before


def test_what_is_wrong_is_one_line(tmp_path):
    for word, message in [
        ("goturn", "unknown rival goturn; known: csrt, kcf, mil, nano:BACKBONE,HEAD, vit:FILE"),
        ("nano:one.onnx", "is to be given as nano:BACKBONE,HEAD"),
        ("nano", "is to be given as nano:BACKBONE,HEAD"),
        (f"vit:{tmp_path}/none.onnx", "has no file"),
    ]:
        with pytest.raises(InputError, match=message):
            rival_contender(word)
    (tmp_path / "bad.onnx").write_bytes(b"not a network")
    with pytest.raises(InputError, match="OpenCV cannot make vit:") as error:
        rival_contender(f"vit:{tmp_path}/bad.onnx")
    assert "\n" not in str(error.value)


def test_words_of_the_command_line_are_told_apart():
    assert all(map(is_rival, ["csrt", "kcf", "mil", "nano:a,b", "vit:c"]))
    assert not any(map(is_rival, ["rbsf.rbsf", "nano", "kcf:a", "runs/kcf", "siamfc"]))
