"""The page opens without a network, and holds everything that it speaks of."""

import re
from html.parser import HTMLParser

import pytest
from result_folders import evaluate_into, made_entry

from rbsf.errors import InputError
from tracker.evaluation.report import gallery as gallery_module
from tracker.evaluation.report import write_report
from tracker.evaluation.report.page import write_page
from tracker.evaluation.report.study import make_study

SECTIONS = ("table", "better", "curves", "speed", "sources", "sequences", "frames", "origin")
VOID = {"meta", "input", "link", "br", "img", "hr"}


class Page(HTMLParser):
    """Every element with its attributes, the text, and whether all tags are closed in order."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.open, self.text = [], [], ""
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data

    def values(self, attribute):
        return [found[attribute] for _, found in self.elements if attribute in found]


@pytest.fixture(scope="module")
def written(folder, tmp_path_factory):
    output = tmp_path_factory.mktemp("report")
    assert write_report([folder], output, focus="leaping") == output / "report.html"
    return output


@pytest.fixture(scope="module")
def page(written):
    return Page((written / "report.html").read_text())


def test_all_sections_are_there(page):
    ids = page.values("id")
    assert len(ids) == len(set(ids)) and set(SECTIONS) <= set(ids)
    assert {f"#{section}" for section in SECTIONS} == {
        link for link in page.values("href") if link.startswith("#") and "-" not in link
    }


def test_nothing_is_fetched(page, written):
    """What is shown is in the page. Links lead to files beside it, and all of them are there."""
    assert {tag for tag, _ in page.elements} & {
        "script",
        "iframe",
        "img",
        "object",
        "link",
    } == set()
    for link in page.values("href") + page.values("src") + page.values("xlink:href"):
        if not link.startswith(("#", "data:image/jpeg;base64,")):
            assert (written / link).is_file(), link
    style = (written / "report.html").read_text()
    assert "@import" not in style and not re.search(r"url\((?!#)", style)
    assert (written / "report.html").stat().st_size < 1_000_000


def test_every_picture_has_a_text(page):
    pictures = [found for _, found in page.elements if found.get("role") == "img"]
    assert len(pictures) > 20 and all(len(found["aria-label"]) > 20 for found in pictures)
    drawn = [found for tag, found in page.elements if tag == "svg"]
    assert all("aria-label" in found or found.get("aria-hidden") == "true" for found in drawn)
    lost = next(found["aria-label"] for found in pictures if "Frame 10:" in found["aria-label"])
    assert "leaping overlaps the true box by 0.00" in lost


def test_light_and_dark_pages_and_phones_are_thought_of(written):
    text = (written / "report.html").read_text()
    assert "prefers-color-scheme: dark" in text and "width=device-width" in text
    used = set(re.findall(r"var\(--([a-z]+)\)", text))
    light, dark = re.findall(r":root \{ (--ink.*?) \}", text)
    for shades in (light, dark):
        assert used - {"radius"} <= set(re.findall(r"--([a-z]+):", shades))
    assert "&#34;" not in text[: text.index("</style>")]


def test_the_page_says_what_to_improve_and_who_is_better(page):
    assert "leaping on OTB" in page.text and "3 of 3 sequences" in page.text
    assert "in frames where the box does not touch the target" in page.text
    assert "The next improvement is staying on the target" in page.text
    assert "over too few sequences to say more" in page.text
    assert "rbsf evaluate --dataset otb" in page.text and "l" * 64 in page.text


def test_boxes_of_every_tracker_can_be_switched(page):
    switches = [found for tag, found in page.elements if tag == "input"]
    assert [found["id"] for found in switches] == ["show-0", "show-1", "show-2"]
    assert ["checked" in found for found in switches].count(True) == 2


def test_the_text_says_the_same(written):
    text = (written / "report.md").read_text()
    assert text.startswith("# leaping on otb, every sequence found (3 of 3 sequences)")
    assert "## Compared with leaping" in text and "| Ant | 30 |" in text


def test_figures_of_all_kinds_are_beside_it(written):
    names = {"success", "precision", "speed", "sources", "sequences", "attributes"}
    for kind in ("png", "pdf"):
        assert {path.stem for path in (written / "figures").glob(f"*.{kind}")} == names
        strips = (written / "figures" / "strips").glob(f"*.{kind}")
        assert {path.stem for path in strips} == {"Ant", "Bee", "Cat"}


def test_without_the_data_set_the_figures_remain(tmp_path):
    entries = [made_entry("a<b>", {"A": 0.3, "B": 0.6}), made_entry("kcf", {"A": 0.1, "B": 0.5})]
    page = Page(write_page(make_study(entries), tmp_path).read_text())
    assert "give its folder with --root" in page.text and "a<b> on OTB" in page.text
    assert not {"curves", "sources", "frames"} & set(page.values("id"))
    assert {"table", "speed", "sequences"} <= set(page.values("id"))


def test_chosen_sequences_are_shown_alone(study, tmp_path):
    page = Page(write_page(study, tmp_path, strips=["Cat"]).read_text())
    assert [found.get("class") for tag, found in page.elements if tag == "article"] == ["strip"]
    assert "1 of 3 sequences are shown" in page.text
    with pytest.raises(InputError, match="no sequence Dog"):
        write_page(study, tmp_path, strips=["Dog"])


def test_pictures_stop_at_the_budget_with_the_worst_sequence_shown(study, tmp_path, monkeypatch):
    monkeypatch.setattr(gallery_module, "BUDGET", 10)
    page = Page(write_page(study, tmp_path).read_text())
    worst = min(study.names, key=lambda name: study.focus.results.sequences[name].ao)
    assert f"Frames of {worst}" in page.values("aria-label")
    assert "1 of 3 sequences are shown" in page.text


@pytest.mark.parametrize("protocol", ["sre", "tre"])
def test_protocols_with_several_starts_have_a_page(data, tmp_path, protocol):
    folder = evaluate_into(tmp_path, data, ["standing", "drifting"], protocol=protocol)
    page = Page(write_report([folder], folder).read_text())
    assert protocol.upper() in page.text and "AO by start" in page.text
    assert "from the worst start" in page.text
