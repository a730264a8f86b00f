"""Box files hold the exact text, also for several targets, and are never half-written."""

from __future__ import annotations

import json
from pathlib import Path

from rbsf.geometry import Box
from tracker.output.box_file import BoxWriter
from tracker.output.box_lines import BoxLines

FIRST, SECOND = Box(1.0, 2.0, 30.25, 40.5), Box(0.1234567, -2.0, 3.0, 4.0)


def test_csv(tmp_path: Path) -> None:
    writer = BoxWriter(tmp_path / "out.csv")
    writer.write(5, 0.2, 0, FIRST, 1.0, False)
    writer.write(6, 1 / 3, 0, SECOND, 0.12345, True)
    writer.close()
    assert (tmp_path / "out.csv").read_text() == (
        "frame,time_s,x,y,w,h,score,lost\n"
        "5,0.200000,1.000,2.000,30.250,40.500,1.0000,0\n"
        "6,0.333333,0.123,-2.000,3.000,4.000,0.1235,1\n"
    )


def test_csv_of_several_targets(tmp_path: Path) -> None:
    writer = BoxWriter(tmp_path / "out.csv", targets=2)
    writer.write(0, 0.0, 0, FIRST, 1.0, False)
    writer.write(0, 0.0, 1, SECOND, 1.0, False)
    writer.close()
    lines = (tmp_path / "out.csv").read_text().splitlines()
    assert lines[0] == "target,frame,time_s,x,y,w,h,score,lost"
    assert [line.split(",")[:2] for line in lines[1:]] == [["1", "0"], ["2", "0"]]


def test_json(tmp_path: Path) -> None:
    header = {"source": "clip.mp4", "weights_sha256": "ab", "settings": {"scales": 3}}
    writer = BoxWriter(tmp_path / "out.json", header=header)
    writer.write(0, 0.0, 0, FIRST, 1.0, False)
    writer.write(1, 0.04, 0, SECOND, 0.5, True)
    writer.close()
    written = json.loads((tmp_path / "out.json").read_text())
    records = written.pop("records")
    assert written == header
    assert records == [
        {"frame": 0, "time_s": 0.0, "x": 1.0, "y": 2.0, "w": 30.25, "h": 40.5}
        | {"score": 1.0, "lost": 0},
        {"frame": 1, "time_s": 0.04, "x": 0.123, "y": -2.0, "w": 3.0, "h": 4.0}
        | {"score": 0.5, "lost": 1},
    ]


def test_json_without_a_header(tmp_path: Path) -> None:
    writer = BoxWriter(tmp_path / "out.json", targets=2)
    writer.write(0, 0.0, 1, FIRST, 1.0, False)
    writer.close()
    written = json.loads((tmp_path / "out.json").read_text())
    assert list(written) == ["records"] and written["records"][0]["target"] == 2


def test_txt_is_boxes_alone(tmp_path: Path) -> None:
    writer = BoxWriter(tmp_path / "out.txt")
    writer.write(3, 0.1, 0, FIRST, 1.0, False)
    writer.close()
    assert (tmp_path / "out.txt").read_text() == "1.000,2.000,30.250,40.500\n"


def test_txt_has_a_file_per_target(tmp_path: Path) -> None:
    writer = BoxWriter(tmp_path / "out.txt", targets=2)
    for target, box in enumerate((FIRST, SECOND)):
        writer.write(0, 0.0, target, box, 1.0, False)
    writer.close()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out_1.txt", "out_2.txt"]
    assert (tmp_path / "out_2.txt").read_text() == "0.123,-2.000,3.000,4.000\n"


def test_a_file_appears_when_it_is_complete(tmp_path: Path) -> None:
    target = tmp_path / "out.csv"
    target.write_text("from before")
    writer = BoxWriter(target)
    writer.write(0, 0.0, 0, FIRST, 1.0, False)
    assert target.read_text() == "from before"
    writer.close()
    assert target.read_text().startswith("frame,")
    assert list(tmp_path.iterdir()) == [target]


def test_a_score_that_is_no_number_is_written_as_0(tmp_path: Path) -> None:
    for name in ("out.csv", "out.json"):
        writer = BoxWriter(tmp_path / name)
        writer.write(0, 0.0, 0, FIRST, float("nan"), True)
        writer.close()
        assert "nan" not in (tmp_path / name).read_text().lower()
    assert json.loads((tmp_path / "out.json").read_text())["records"][0]["score"] == 0


def test_lines_can_be_read_while_they_are_made(tmp_path: Path) -> None:
    writer = BoxLines(tmp_path / "out.jsonl", targets=2)
    assert not (tmp_path / "out.jsonl").exists()
    for count, (target, box) in enumerate([(0, FIRST), (1, SECOND)], 1):
        writer.write(7, 0.28, target, box, 0.5, False)
        lines = (tmp_path / "out.jsonl").read_text().splitlines()
        assert len(lines) == count and json.loads(lines[-1])["target"] == target + 1
    writer.close()
    assert json.loads(lines[0]) == {
        "target": 1, "frame": 7, "time_s": 0.28, "x": 1.0, "y": 2.0, "w": 30.25, "h": 40.5,
        "score": 0.5, "lost": 0,
    }  # fmt: skip


def test_nothing_written_leaves_no_file(tmp_path: Path) -> None:
    BoxWriter(tmp_path / "out.json").close()
    assert list(tmp_path.iterdir()) == []
