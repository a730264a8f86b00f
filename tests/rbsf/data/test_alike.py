"""Distractors: of the same picture or class where there is one, and never the target itself."""

from pathlib import Path

import numpy as np

from rbsf.data.alike import Alike
from rbsf.data.crops import CachedTarget


def target(name, frames=1):
    sizes = np.array([(100, 100)] * frames)
    return CachedTarget(
        name, Path(), np.ones((frames, 4), np.float32), sizes, np.full(frames, np.float32(8)),
        np.arange(frames), frames == 1,
    )  # fmt: skip


def drawn(targets, number, count=200):
    alike, draw = Alike(targets), np.random.default_rng(0)
    return {alike.draw(number, draw) for _ in range(count)}


PHOTOS = [
    target(name)
    for name in (
        "kitchen/0/cup", "kitchen/1/cup", "kitchen/2/pan", "garden/0/dog", "street/0/dog",
        "sea/0/boat",
    )
]  # fmt: skip


def test_of_the_same_picture_or_class_and_never_itself():
    assert drawn(PHOTOS, 0) == {1, 2}
    assert drawn(PHOTOS, 2) == {0, 1}  # no other pan
    assert drawn(PHOTOS, 3) == {4}
    assert drawn(PHOTOS, 5) == {0, 1, 2, 3, 4}  # nothing is like a boat


def test_picture_and_class_have_equal_chances():
    targets = [target("a/0/x"), target("a/1/y"), *(target(f"b{n}/0/x") for n in range(9))]
    alike, draw = Alike(targets), np.random.default_rng(0)
    of_picture = sum(alike.draw(0, draw) == 1 for _ in range(400))
    assert 160 < of_picture < 240


def test_videos_have_no_class_and_each_is_a_scene_of_its_own():
    videos = [target(name, frames=3) for name in ("car.1", "car.2", "ball")]
    assert drawn(videos, 0) == {1, 2}
    assert len(set(Alike(videos).pictures)) == 3


def test_photographs_without_annotations_have_no_class():
    assert drawn([target(name) for name in ("a.x.jpg", "b.x.jpg", "c.jpg")], 0) == {1, 2}


def test_the_objects_of_a_photograph_share_its_number():
    first, second, third, *rest = Alike(PHOTOS).pictures
    assert first == second == third
    assert len({first, *rest}) == 4


def test_a_source_of_one_target_has_no_distractor():
    assert drawn([target("only/0/cup")], 0, 5) == {None}
