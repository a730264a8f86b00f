"""The tracker loop: SiamFC's own numbers under `parity`, and its traps mended by default."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from pydantic import ValidationError
from tracking_scene import ColourEmbedder, background, moving_boxes, paint_target

from rbsf.config import parse_settings
from rbsf.errors import InputError
from rbsf.geometry import Box, iou
from tracker.loop.config import TrackerConfig
from tracker.loop.place import Place
from tracker.loop.siamfc_tracker import SiamFCTracker
from tracker.loop.target import Start

SIZE = (400, 260)
ONE = np.array([1.0, 1.0, 0.0, 0.0])
ROOT = Path(__file__).parents[3]


class PublishedLoop:
    """The published tracker, transcribed from its description: (row, column) order, 1-indexed."""

    def __init__(self, embedder, image, box):
        x, y, w, h = box
        self.embedder, self.fill = embedder, image.mean(axis=(0, 1))
        self.center = np.array([y - 1 + (h - 1) / 2, x - 1 + (w - 1) / 2])
        self.size = np.array([h, w], dtype=float)
        self.z_side = np.sqrt(np.prod(self.size + 0.5 * self.size.sum()))
        self.x_side = self.z_side * 255 / 127
        self.z = self.embed(image, [self.z_side], 127)

    def embed(self, image, sides, out):
        return torch.from_numpy(self.embedder(np.stack([self.crop(image, s, out) for s in sides])))

    def crop(self, image, side, out):
        side = round(float(side))
        first = np.round(self.center - (side - 1) / 2).astype(int)
        pad = side + max(image.shape)  # more than enough everywhere
        wide = cv2.copyMakeBorder(image, *[pad] * 4, cv2.BORDER_CONSTANT, value=self.fill.tolist())
        row, column = first + pad
        patch = wide[row : row + side, column : column + side]
        return cv2.resize(patch, (out, out), interpolation=cv2.INTER_LINEAR)[:, :, ::-1]

    def update(self, image):
        factors = np.array([1.0375**-1, 1.0, 1.0375])
        x = self.embed(image, self.x_side * factors, 255)
        responses = F.conv2d(x, self.z)[:, 0] * self.embedder.response_gain
        responses = (responses + self.embedder.response_bias).numpy()
        maps = [cv2.resize(r, (272, 272), interpolation=cv2.INTER_CUBIC) for r in responses]
        maps = [maps[0] * 0.9745, maps[1], maps[2] * 0.9745]
        best = int(np.argmax([m.max() for m in maps]))
        chosen = maps[best] - maps[best].min()
        chosen = chosen / (chosen.sum() + 1e-16)
        hann = np.outer(np.hanning(272), np.hanning(272))
        mixed = (1 - 0.176) * chosen + 0.176 * hann / hann.sum()
        peak = np.array(np.unravel_index(mixed.argmax(), mixed.shape))
        self.center = self.center + (peak - 135.5) / 16 * 8 * self.x_side * factors[best] / 255
        growth = (1 - 0.59) + 0.59 * factors[best]
        self.size, self.x_side = self.size * growth, self.x_side * growth
        top_left = self.center + 1 - (self.size - 1) / 2
        return np.array([top_left[1], top_left[0], self.size[1], self.size[0]])


def scene(boxes):
    clouds = background(SIZE)
    return [paint_target(clouds, box) for box in boxes]


def started(frame, box, **settings):
    tracker = SiamFCTracker(ColourEmbedder(), TrackerConfig(**settings))
    tracker.init(frame, box)
    return tracker


@pytest.mark.parametrize("growth", [1.0, 1.01, 0.99])
def test_parity_gives_the_published_numbers(growth):
    boxes = moving_boxes(30, growth)
    frames = scene(boxes)
    tracker = started(frames[0], boxes[0], parity=True)
    published = PublishedLoop(ColourEmbedder(), frames[0], np.array(boxes[0]) + ONE)
    for frame in frames[1:]:
        ours = np.array(tracker.update(frame).box) + ONE
        np.testing.assert_allclose(ours, published.update(frame), atol=1e-3)


def test_parity_takes_the_published_settings_that_are_not_given():
    searched = ("scale_step", "scale_lr", "scale_penalty", "window_influence", "template_rate")
    published = TrackerConfig(parity=True)
    assert [getattr(published, name) for name in searched] == [1.0375, 0.59, 0.9745, 0.176, 0]
    assert TrackerConfig(parity=True, scale_lr=0.3).scale_lr == 0.3
    with pytest.raises(ValidationError):  # a word that means no must not bring them
        TrackerConfig(parity="false")


def test_parity_leaves_the_frame_as_the_published_tracker_does():
    boxes = [Box(20 - 4 * t, 100, 40, 30) for t in range(20)]
    frames = scene(boxes)
    tracker = started(frames[0], boxes[0], parity=True)
    published = PublishedLoop(ColourEmbedder(), frames[0], np.array(boxes[0]) + ONE)
    tracks = []
    for frame in frames[1:]:
        tracks.append(np.array(tracker.update(frame).box) + ONE)
        np.testing.assert_allclose(tracks[-1], published.update(frame), atol=1e-3)
    assert min(box[0] for box in tracks) < 1  # unclipped


@pytest.mark.parametrize("growth", [1.0, 1.008, 0.994])
def test_follows_a_target_that_moves_and_changes_its_size(growth):
    boxes = moving_boxes(60, growth)
    frames = scene(boxes)
    tracker = started(frames[0], boxes[0])
    tracks = [tracker.update(frame) for frame in frames[1:]]
    assert iou([t.box for t in tracks], boxes[1:]).mean() > 0.7
    assert not any(t.lost for t in tracks)
    assert all(0 <= t.score <= 1 for t in tracks)
    assert {type(v) for t in tracks for v in (*t.box, t.score)} == {float}  # fit for json


# traps of the published code, mended


def flat_embedder(value: float) -> ColourEmbedder:
    """Features alike everywhere: every response is flat."""
    embedder = ColourEmbedder()
    embedder._embed = lambda crop: np.full(  # type: ignore[method-assign]
        (4, (crop.shape[0] - 79) // 8, (crop.shape[1] - 79) // 8), value, np.float32
    )
    return embedder


@pytest.mark.parametrize("value", [0.0, 0.3])
def test_a_flat_response_moves_and_resizes_nothing(value):
    frame = background(SIZE)
    tracker = SiamFCTracker(flat_embedder(value))
    box = Box(150.25, 90.5, 41, 33)
    tracker.init(frame, box)
    for _ in range(20):
        track = tracker.update(frame)
    np.testing.assert_allclose(track.box, box, atol=1e-6)
    assert track.score == 0.0


def test_a_still_target_stays():
    box = Box(150, 90, 40, 32)
    frame = paint_target(background(SIZE), box)
    tracker = started(frame, box)
    for _ in range(30):
        track = tracker.update(frame)
    np.testing.assert_allclose(track.box, box, atol=2)


def test_center_stays_in_the_frame_and_the_box_within_it():
    boxes = [Box(20 - 6 * t, 100, 40, 30) for t in range(30)]
    frames = scene(boxes)
    tracker = started(frames[0], boxes[0])
    for frame in frames[1:]:
        box = tracker.update(frame).box
        assert 0 <= tracker.target.place.center[0] <= SIZE[0] - 1
        assert box.x >= 0 and box.y >= 0 and box.w > 0 and box.h > 0
        assert box.x + box.w <= SIZE[0] and box.y + box.h <= SIZE[1]


def test_a_center_is_brought_back_into_the_frame():
    place = Place(Box(100, 100, 40, 30), SIZE, TrackerConfig())
    place.move_to(-30.0, 900.0)
    assert place.center == (0.0, SIZE[1] - 1.0)
    free = Place(Box(100, 100, 40, 30), SIZE, TrackerConfig(parity=True))
    free.move_to(-30.0, 900.0)
    assert free.center == (-30.0, 900.0)


@pytest.mark.parametrize("parity", [False, True])
def test_the_network_sees_rgb(parity):
    blue = np.full((SIZE[1], SIZE[0], 3), (250, 20, 10), np.uint8)
    start = Start(blue, Box(100, 100, 40, 30), TrackerConfig(parity=parity))
    for crops, shape in (
        (start.exemplar, (1, 127, 127, 3)),
        (start.view.crops, (3, 255, 255, 3)),
    ):
        assert crops.shape == shape
        assert np.all(crops == (10, 20, 250))


def test_size_stays_near_the_first():
    place = Place(Box(100, 100, 40, 30), (4000, 3000), TrackerConfig())
    for _ in range(200):
        place.grow(1.05)
    assert place.zoom == pytest.approx(5.0)
    for _ in range(200):
        place.grow(0.9)
    assert place.zoom == pytest.approx(0.2)


def test_size_stays_between_pixel_and_frame():
    wide = Place(Box(0, 0, 300, 50), SIZE, TrackerConfig())
    small = Place(Box(50, 50, 5, 8), SIZE, TrackerConfig())
    for _ in range(100):
        wide.grow(1.1)
        small.grow(0.9)
    assert 300 * wide.zoom == pytest.approx(1.5 * 400)
    assert 5 * small.zoom == pytest.approx(2)


@pytest.mark.parametrize("box", [Box(0, 0, 1, 1), Box(-500, -500, 2000, 2000)])
def test_the_first_size_is_allowed_whatever_it_is(box):
    place = Place(box, SIZE, TrackerConfig())
    place.grow(1.0)
    assert place.zoom == 1.0


def test_boxes_at_the_rim_and_large_ones_are_tracked():
    frame = background(SIZE)
    for box in (Box(-10, -10, 30, 30), Box(390, 250, 40, 40), Box(-50, -50, 600, 400)):
        track = started(frame, box).update(frame)
        assert np.isfinite(track.box).all()


def test_grey_frames_are_tracked_as_their_colour_copies():
    boxes = moving_boxes(8)
    grey = [cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY) for frame in scene(boxes)]
    plain = started(grey[0], boxes[0])
    copied = started(cv2.cvtColor(grey[0], cv2.COLOR_GRAY2BGR), boxes[0])
    for frame in grey[1:]:
        track = plain.update(frame[:, :, None])
        assert track == copied.update(cv2.cvtColor(frame, cv2.COLOR_GRAY2BGR))


@pytest.mark.parametrize(
    "frame",
    [
        background(SIZE).astype(np.float32),
        np.zeros((4, 5, 7), np.uint8),
        np.zeros((0, 5, 3), np.uint8),
        "frame.jpg",
    ],
)
def test_what_is_no_frame_is_refused(frame):
    tracker = started(background(SIZE), Box(50, 50, 40, 40))
    with pytest.raises(InputError, match="a frame is a uint8 array"):
        tracker.update(frame)
    with pytest.raises(InputError, match="a frame is a uint8 array"):
        tracker.init(frame, Box(50, 50, 40, 40))


@pytest.mark.parametrize(
    "box", [(1, 2, 3), (50, 50, 0, 40), (50, 50, 40, -1), (500, 50, 9, 9), (float("nan"), 1, 9, 9)]
)
def test_what_is_no_box_is_refused_with_the_frames_size(box):
    with pytest.raises(InputError, match="400x260"):
        started(background(SIZE), box)


def attributes(thing: object) -> set[str]:
    """The names of an object's attributes and of those of its parts, with their owners."""
    mine = {f"{type(thing).__name__}.{name}" for name in vars(thing)}
    parts = (part for part in vars(thing).values() if type(part).__module__ in LOOP)
    return mine.union(*map(attributes, parts))


LOOP = {f"tracker.loop.{name}" for name in ("target", "place", "template", "motion", "view")}


def test_no_attribute_is_born_after_its_object():
    """Found and lost, with a template that follows, an object has the attributes of its start."""
    frames, boxes = vanishing(Box(260, 150, 40, 32))
    fresh = SiamFCTracker(ColourEmbedder(), TrackerConfig(patience=2, template_rate=0.1))
    tracker = copy.deepcopy(fresh)
    assert vars(tracker).keys() == vars(fresh).keys()
    tracker.init(frames[0], boxes[0])
    first = attributes(tracker)
    for frame in frames[1:]:
        tracker.update(frame)
        assert attributes(tracker) == first
    assert vars(tracker).keys() == vars(fresh).keys()
    assert "Place.center" in first


def test_looking_changes_nothing_and_only_locating_does():
    frames, boxes = vanishing(Box(260, 150, 40, 32), after=0)
    tracker = started(frames[0], boxes[0], patience=2, scale_every=2, template_rate=0.1)
    for frame in frames[1:]:
        view, again = (tracker.target.look(frame) for _ in range(2))
        assert view.squares == again.squares
        assert np.array_equal(view.crops, again.crops)
        tracker.update(frame)


def test_a_start_that_fails_keeps_the_earlier_target():
    boxes = moving_boxes(4)
    frames = scene(boxes)
    tracker, other = (started(frames[0], boxes[0]) for _ in range(2))
    with pytest.raises(InputError):
        tracker.init(frames[1], Box(900, 0, 10, 10))
    assert tracker.update(frames[1]) == other.update(frames[1])


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda t: pickle.loads(pickle.dumps(t))])
def test_a_copy_goes_on_by_itself_with_the_same_numbers(copied):
    frames, boxes = vanishing(Box(260, 150, 40, 32))
    tracker = started(frames[0], boxes[0], patience=3, template_rate=0.1, scale_every=3)
    for frame in frames[1:15]:  # it is lost by then
        tracker.update(frame)
    other = copied(tracker)
    expected = [tracker.update(frame) for frame in frames[15:]]
    assert [other.update(frame) for frame in frames[15:]] == expected


def test_update_needs_a_start():
    with pytest.raises(InputError, match="init"):
        SiamFCTracker(ColourEmbedder()).update(background(SIZE))


# scales now and then


def test_scales_are_searched_in_every_kth_frame():
    boxes = moving_boxes(10)
    frames = scene(boxes)
    tracker = started(frames[0], boxes[0], scale_every=4)
    for frame in frames[1:]:
        tracker.update(frame)
    exemplar, first, *rest = tracker.embedder.batches
    assert (exemplar, first) == (1, 3)
    assert rest == [1, 1, 1, 3, 1, 1, 1, 3, 1]  # frames 4 and 8


def test_the_size_follows_though_scales_are_searched_now_and_then():
    boxes = moving_boxes(60, 0.994)
    frames = scene(boxes)
    tracker = started(frames[0], boxes[0], scale_every=3)
    zooms, tracks = [1.0], []
    for frame in frames[1:]:
        tracks.append(tracker.update(frame))
        zooms.append(tracker.target.place.zoom)
    changed = {index for index, (a, b) in enumerate(pairwise(zooms), 1) if a != b}
    assert changed and all(index % 3 == 0 for index in changed)
    assert zooms[-1] < 0.85
    assert iou([t.box for t in tracks], boxes[1:]).mean() > 0.7


# losing and finding


def vanishing(back: Box, seen: int = 8, hidden: int = 12, after: int = 30):
    """Frames and boxes of a target that vanishes and comes back elsewhere; None while hidden."""
    boxes = [Box(150, 110, 40, 32)] * seen + [None] * hidden + [back] * after
    clouds = background(SIZE)
    frames = [clouds if box is None else paint_target(clouds, box) for box in boxes]
    return frames, boxes


def test_a_vanished_target_is_lost_and_found_where_it_comes_back():
    frames, boxes = vanishing(Box(260, 150, 40, 32))
    tracker = started(frames[0], boxes[0], patience=3)
    tracks = [tracker.update(frame) for frame in frames[1:]]
    seen, hidden = tracks[:7], tracks[7:19]
    assert not any(t.lost for t in seen)
    assert min(t.score for t in seen) > max(t.score for t in hidden)
    assert all(t.lost for t in hidden[3:])
    assert not tracks[-1].lost
    assert iou(tracks[-1].box, boxes[-1]) > 0.6


def test_a_place_elsewhere_must_convince():
    frames, boxes = vanishing(Box(300, 200, 40, 32))
    tracker = started(frames[0], boxes[0], elsewhere_above=1.0)
    tracks = [tracker.update(frame) for frame in frames[1:]]
    assert tracks[-1].lost


def test_without_a_wider_search_it_stays_lost():
    frames, boxes = vanishing(Box(300, 200, 40, 32))
    tracker = started(frames[0], boxes[0], research_crops=0)
    tracks = [tracker.update(frame) for frame in frames[1:]]
    assert tracks[-1].lost


def test_crops_while_tracking_and_while_lost():
    frames, boxes = vanishing(Box(260, 150, 40, 32), after=0)
    tracker = started(frames[0], boxes[0], research_crops=5, patience=2)
    counts = []
    for frame in frames[1:]:
        tracker.update(frame)
        counts.append(tracker.embedder.batches[-1])
    assert counts == [3] * 9 + [8] * 10


def test_the_size_holds_still_while_lost():
    box = Box(150, 110, 40, 32)
    tracker = started(paint_target(background(SIZE), box), box, patience=2)
    changing = [background(SIZE, seed) for seed in range(25)]  # each of another best scale
    sizes = [tracker.update(frame).box.w for frame in changing]
    assert tracker.update(changing[0]).lost
    assert sizes[0] != sizes[-1]
    assert len(set(np.round(sizes[2:], 6))) == 1


# template update


def test_the_template_follows_a_target_that_changes_its_looks():
    clouds, box = background(SIZE), Box(150, 110, 40, 32)
    old, new = paint_target(clouds, box), paint_target(clouds, box)[:, :, ::-1].copy()
    fades = [cv2.addWeighted(new, a, old, 1 - a, 0) for a in np.linspace(0, 0.6, 25)]
    scores = {}
    for rate in (0.0, 0.2):
        tracker = started(old, box, template_rate=rate)
        scores[rate] = [tracker.update(frame).score for frame in fades][-1]
    assert scores[0.2] > scores[0.0] + 0.02


def test_a_template_of_the_same_looks_changes_little():
    box = Box(150, 110, 40, 32)
    frame = paint_target(background(SIZE), box)
    tracker = started(frame, box, template_rate=0.3)
    for _ in range(10):
        track = tracker.update(frame)
    assert track.score > 0.9
    np.testing.assert_allclose(track.box, box, atol=2)


# house


@pytest.mark.parametrize(
    "module", ["tracker.loop.siamfc_tracker", "tracker.loop.group", "tracker.evaluation.toolkits"]
)
def test_tracking_starts_without_torch(module):
    heavy = "torch", "matplotlib", "got10k", "joblib"
    code = f"import sys, {module}; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"scales": 2}, "odd"),
        ({"scale_every": 0}, "scale_every"),
        ({"scale_every": 2, "parity": True}, "parity searches scales in every frame"),
        ({"lost_below": 0.7, "found_above": 0.5}, "found_above"),
        ({"window_influence": 1.5}, "window_influence"),
        ({"scale_pentalty": 0.9}, "did you mean scale_penalty"),
    ],
)
def test_wrong_settings_are_refused(settings, reason):
    with pytest.raises(InputError, match=reason):
        parse_settings(TrackerConfig, settings, "tracker.yaml")
