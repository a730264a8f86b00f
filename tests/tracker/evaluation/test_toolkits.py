"""The tracker as the got10k and VOT toolkits see it."""

from __future__ import annotations

import sys
from collections import namedtuple
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from tracking_scene import ColourEmbedder, background, moving_boxes, paint_target

from rbsf.errors import InputError
from rbsf.geometry import iou
from tracker.evaluation.toolkits import Rectangle, VotTracker, got10k_tracker, run_vot
from tracker.loop.siamfc_tracker import SiamFCTracker

ONE = np.array([1.0, 1.0, 0.0, 0.0])
BOXES = moving_boxes(8)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("frames")
    clouds = background((400, 260))
    paths = [str(folder / f"{t:08d}.png") for t in range(len(BOXES))]
    for path, box in zip(paths, BOXES, strict=True):
        cv2.imwrite(path, paint_target(clouds, box))
    return paths


@pytest.fixture(scope="module")
def expected(files):
    tracker = SiamFCTracker(ColourEmbedder())
    tracker.init(cv2.imread(files[0]), BOXES[0])
    return [tracker.update(cv2.imread(path)) for path in files[1:]]


def test_got10k_runs_the_tracker_on_its_files_and_boxes(files, expected):
    from got10k.trackers import Tracker

    tracker = got10k_tracker(ColourEmbedder())
    assert isinstance(tracker, Tracker)
    assert (tracker.name, tracker.is_deterministic) == ("colour", True)
    boxes, times = tracker.track(files, np.array(BOXES[0]) + ONE)
    np.testing.assert_allclose(boxes[1:] - ONE, [t.box for t in expected])
    assert iou(boxes - ONE, BOXES).mean() > 0.7  # colours and corners are where they belong
    assert len(times) == len(files)


def test_got10k_images_may_be_grey(files):
    from PIL import Image

    tracker = got10k_tracker(ColourEmbedder())
    with Image.open(files[0]) as image:
        grey = image.convert("L")
    tracker.init(grey, np.array(BOXES[0]) + ONE)
    np.testing.assert_allclose(tracker.update(grey) - ONE, BOXES[0], atol=3)


def test_a_vot_object_takes_paths_and_frames(files, expected):
    for read in (str, cv2.imread):
        tracker = VotTracker(ColourEmbedder())
        tracker.initialize(read(files[0]), Rectangle(*BOXES[0]))
        for path, track in zip(files[1:], expected, strict=True):
            region, confidence = tracker.track(read(path))
            assert (region.x, region.y, region.width, region.height) == track.box
            assert confidence == track.score


def test_vot_names_an_image_it_cannot_read(tmp_path):
    with pytest.raises(InputError, match=r"cannot read image .*missing"):
        VotTracker(ColourEmbedder()).initialize(str(tmp_path / "missing.png"), Rectangle(*BOXES[0]))


class FakeVot:
    """The part of the toolkit's Python integration that runs trackers, for two objects."""

    Rectangle = namedtuple("Rectangle", ["x", "y", "width", "height"])

    def __init__(self, files):
        self.files, self.reports = files, []

    def VOTManager(self, factory, region_format):
        assert region_format == "rectangle"

        def run():
            trackers = [factory(self.files[0], self.Rectangle(*BOXES[0])) for _ in range(2)]
            self.reports += [[track(path) for track in trackers] for path in self.files[1:]]

        return SimpleNamespace(run=run)


def test_vot_manager_gets_a_rectangle_per_object_and_frame(files, expected, monkeypatch):
    vot = FakeVot(files)
    monkeypatch.setitem(sys.modules, "vot", vot)
    run_vot(ColourEmbedder())
    for regions, track in zip(vot.reports, expected, strict=True):
        assert all(isinstance(region, vot.Rectangle) for region in regions)
        assert regions == [track.box, track.box]


@pytest.mark.parametrize("module", [None, SimpleNamespace()])
def test_vot_without_its_toolkit_says_what_to_do(module, monkeypatch):
    monkeypatch.setitem(sys.modules, "vot", module)
    with pytest.raises(InputError, match="pip install vot-toolkit"):
        run_vot(ColourEmbedder())
