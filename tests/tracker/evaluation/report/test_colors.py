"""Colours that can be seen on both pages, and never carry a meaning alone."""

from itertools import combinations

import pytest

from tracker.evaluation.report.colors import INK, PAPER, SHADES, style_of


def luminance(color):
    parts = [int(color[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    ]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(first, second):
    low, high = sorted((luminance(first), luminance(second)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("page", ["light", "dark"])
def test_every_tracker_can_be_seen_and_text_can_be_read(page):
    paper = getattr(PAPER, page)
    assert contrast(getattr(INK, page), paper) > 12
    for index in range(7):
        assert contrast(getattr(style_of(index).shade, page), paper) > 2.1


def test_trackers_differ_by_more_than_their_colour():
    styles = [style_of(index) for index in range(9)]
    for first, second in combinations(styles, 2):
        assert first.marker != second.marker
    assert len({style.dashes for style in styles[:7]}) == 7


def test_more_trackers_than_colours_still_look_different():
    looks = {(style_of(i).shade, style_of(i).dashes) for i in range(28)}
    assert len(looks) == 28


def test_a_colour_of_the_light_page_stands_for_one_variable():
    assert len({shade.light for shade in SHADES}) == len({shade.name for shade in SHADES}) == 11
