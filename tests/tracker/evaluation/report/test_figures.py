"""Figures show what they say, as PNG, PDF and as SVG that fits into the page."""

import re
import xml.etree.ElementTree as ElementTree

import cv2
import numpy as np
import pytest
from result_folders import made_entry

from tracker.evaluation.report.colors import INK, style_of
from tracker.evaluation.report.errors import ErrorSources
from tracker.evaluation.report.figures.bars import attribute_rows, plot_bars, sequence_rows
from tracker.evaluation.report.figures.canvas import drawing, for_page
from tracker.evaluation.report.figures.curves import (
    PRECISION,
    SUCCESS,
    mean_curve,
    plot_curves,
)
from tracker.evaluation.report.figures.sources import plot_sources
from tracker.evaluation.report.figures.speed import plot_speed
from tracker.evaluation.report.figures.strip import write_strip
from tracker.evaluation.report.strips import make_strips
from tracker.evaluation.report.study import make_study

AOS = {"A": 0.6, "B": 0.2, "C": 0.4}


def texts(picture):
    root = ElementTree.fromstring(picture.svg)
    return ["".join(each.itertext()).strip() for each in root.iter() if each.tag.endswith("text")]


def pixels(path, color):
    """How many pixels of a PNG have a colour, given as #rrggbb."""
    bgr = [int(color[place : place + 2], 16) for place in (5, 3, 1)]
    return int((np.abs(cv2.imread(str(path)).astype(int) - bgr).max(axis=2) < 12).sum())


def test_a_figure_for_the_page_has_its_own_ids_and_the_pages_colours(tmp_path):
    with drawing(2) as canvas:
        canvas.axes.plot([0, 1], [0, 1], "o", color=style_of(0).shade.light)
        picture = canvas.write(tmp_path, "some", "Title", "Text")
    assert picture.svg.startswith('<svg aria-hidden="true"')
    ids = re.findall(r'\bid="([^"]+)"', picture.svg)
    assert ids and all(each.startswith("some-") for each in ids)
    assert set(re.findall(r'(?:href="#|url\(#)([^")]+)', picture.svg)) <= set(ids)
    assert "var(--vermilion)" in picture.svg and "var(--ink)" in picture.svg
    assert style_of(0).shade.light not in picture.svg and INK.light not in picture.svg
    assert "<metadata>" not in picture.svg and not re.search(r'<svg[^>]* width="', picture.svg)


def test_a_figure_is_the_same_in_every_run(tmp_path):
    written = []
    for _ in range(2):
        with drawing(2) as canvas:
            canvas.axes.plot([0, 1], [0, 1])
            picture = canvas.write(tmp_path, "some", "Title", "Text")
        written.append(
            (picture.svg, *((tmp_path / f"some.{k}").read_bytes() for k in ("png", "pdf")))
        )
    assert written[0] == written[1]


def test_two_figures_of_a_page_share_no_id():
    svg = '<?xml?><svg width="3pt" height="4pt"><g id="a"/><use xlink:href="#a"/></svg>'
    assert for_page(svg, "x").endswith('<g id="x-a"/><use xlink:href="#x-a"/></svg>')


def test_the_success_curves_mean_is_the_score_and_precision_is_read_at_20(study):
    for entry in study.entries:
        auc = np.mean(study.values(entry, "success_auc"))
        assert mean_curve(study, entry, SUCCESS).mean() == pytest.approx(auc)
        within_20 = mean_curve(study, entry, PRECISION)[20]
        assert within_20 == pytest.approx(np.mean(study.values(entry, "precision_20px")))


@pytest.mark.parametrize("curve", [SUCCESS, PRECISION])
def test_curves_of_all_trackers_are_drawn_and_named(study, tmp_path, curve):
    picture = plot_curves(study, curve, tmp_path)
    for index, entry in enumerate(study.entries):
        score = np.mean(study.values(entry, curve.figure))
        assert f"{entry.name} [{score:.3f}]" in texts(picture)
        assert f"{entry.name} {score:.3f}" in picture.text
        assert pixels(tmp_path / f"{curve.name}.png", style_of(index).shade.light) > 100
    assert (tmp_path / f"{curve.name}.pdf").read_bytes().startswith(b"%PDF")


def test_speed_marks_the_tracker_in_focus_with_a_ring(tmp_path):
    entries = [made_entry("rbsf", AOS), made_entry("kcf", AOS)]
    picture = plot_speed(make_study(entries), tmp_path)
    assert {"rbsf", "kcf", "50"} <= set(texts(picture))
    assert "rbsf AO 0.400 at 50.0 fps; kcf AO 0.400 at 50.0 fps" in picture.text


def test_labels_of_equal_trackers_do_not_lie_on_one_another(tmp_path):
    entries = [made_entry(name, AOS) for name in ("rbsf", "kcf", "csrt")]
    picture = plot_speed(make_study(entries), tmp_path)
    places = re.findall(r"translate\([\d.]+ ([\d.]+)\)[^>]*>(?:rbsf|kcf|csrt)<", picture.svg)
    heights = sorted(map(float, places)) or sorted(
        float(y) for y in re.findall(r'y="([\d.]+)"[^>]*>(?:rbsf|kcf|csrt)<', picture.svg)
    )
    assert len(heights) == 3 and min(np.diff(heights)) > 8


def test_each_label_of_a_speed_lies_on_paper_so_that_no_line_crosses_it(tmp_path):
    entries = [made_entry(name, AOS) for name in ("rbsf", "kcf", "csrt")]
    picture = plot_speed(make_study(entries), tmp_path)
    on_paper = re.findall(r'fill: var\(--paper\)"/>\s*</g>\s*<text[^>]*>(\w+)<', picture.svg)
    assert on_paper == ["rbsf", "kcf", "csrt"]


def test_speed_needs_a_tracker_that_was_timed(tmp_path):
    overall = made_entry("rbsf", AOS).results.overall.model_dump() | {"fps": None}
    assert plot_speed(make_study([made_entry("rbsf", AOS, overall=overall)]), tmp_path) is None


def test_sequences_are_sorted_the_worst_first():
    study = make_study([made_entry("rbsf", AOS), made_entry("kcf", {**AOS, "A": 0.1})])
    assert [(row.label, row.values) for row in sequence_rows(study)] == [
        ("B", (0.2, 0.2)), ("C", (0.4, 0.4)), ("A", (0.6, 0.1))
    ]  # fmt: skip


def test_an_attribute_is_the_mean_of_its_sequences(study):
    by_label = {row.label: row for row in attribute_rows(study)}
    assert set(by_label) == {
        "scale variation (1)", "occlusion (2)", "illumination variation (1)"
    }  # fmt: skip
    aos = dict(zip(study.names, study.values(study.focus, "ao"), strict=True))
    found = by_label["occlusion (2)"]
    assert found.values[0] == pytest.approx((aos["Ant"] + aos["Bee"]) / 2)
    assert found.low <= found.values[0] <= found.high


def test_bars_name_every_row_and_tracker(study, tmp_path):
    picture = plot_bars(study, sequence_rows(study), tmp_path, "sequences", "AO")
    assert {"Ant", "Bee", "Cat", "leaping", "standing", "drifting"} <= set(texts(picture))
    legend = [text for text in texts(picture) if text in ("leaping", "standing", "drifting")]
    assert legend[0] == "leaping"


def test_sources_show_each_part_that_is_large_enough_to_read(tmp_path):
    found = ErrorSources(0.5, 0.6, 0.7, 0.2, 0.3, 0.3, 0.17, 0.03)
    picture = plot_sources([("rbsf", found)], tmp_path)
    assert {"0.50", "0.30", "0.17"} <= set(texts(picture)) and "0.03" not in texts(picture)
    assert "missing beside the target 0.17, by size 0.03, off the target 0.30" in picture.text


def test_the_share_off_the_target_is_written_in_the_pages_ink(tmp_path):
    """That part is light grey on a light page and dark grey on a dark one."""
    found = ErrorSources(0.5, 0.6, 0.7, 0.2, 0.3, 0.35, 0.15, 0.0)
    picture = plot_sources([("rbsf", found)], tmp_path)
    texts_found = re.findall(r'<text style="([^"]*)"[^>]*>(0\.\d\d)<', picture.svg)
    styles = {text: style for style, text in texts_found}
    assert "var(--ink)" in styles["0.35"] and "var(--ink)" not in styles["0.15"]


def test_a_strip_is_written_for_papers(study, tmp_path):
    (strip,) = make_strips(study, ["Ant"])
    write_strip(strip, [entry.name for entry in study.entries], tmp_path)
    assert cv2.imread(str(tmp_path / "Ant.png")).shape[1] > 800
    assert pixels(tmp_path / "Ant.png", style_of(0).shade.dark) > 100
    assert (tmp_path / "Ant.pdf").read_bytes().startswith(b"%PDF")
