"""The list of what a benchmark's folder lacks."""

import pytest
from benchmark_folders import walk, write_got10k, write_otb
from tool_runs import tool_runs


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    with tool_runs(tmp_path_factory.mktemp("runs")) as runs:
        yield runs


@pytest.fixture
def otb(tmp_path):
    write_otb(tmp_path, "Girl", [walk(6)], 6)
    write_otb(tmp_path, "Toy", [walk(6)], 6)
    return tmp_path


def test_a_whole_set_is_said_to_be_whole(run, otb):
    ended = run("check_dataset", "--dataset", "otb", "--root", otb, "--decode")
    assert (ended.status, ended.err) == (0, "")
    assert ended.out.startswith("2 of 2 sequences of otb (every sequence found) are whole")
    assert "with 12 frames" in ended.out


def test_what_is_missing_short_or_damaged_is_named(run, otb):
    write_otb(otb, "Short", [walk(6)], 4)
    (otb / "Toy" / "img" / "0003.jpg").write_bytes(b"")
    whole = (otb / "Girl" / "img" / "0002.jpg").read_bytes()
    (otb / "Girl" / "img" / "0002.jpg").write_bytes(whole[: len(whole) // 2])
    ended = run("check_dataset", "--dataset", "otb", "--root", otb)
    first = otb / "Toy" / "img" / "0003.jpg"
    assert ended.status == 1
    assert ended.out.splitlines()[:2] == [
        "Short: 4 images for 6 boxes",
        f"Toy: 1 of 6 images are empty or damaged, the first is {first}",
    ]
    decoded = run("check_dataset", "--dataset", "otb", "--root", otb, "--decode")
    assert decoded.status == 1 and "Girl: 1 of 6 images" in decoded.out
    listed = run("check_dataset", "--dataset", "otb100", "--root", otb)
    assert listed.status == 1 and "Basketball: its folder is missing" in listed.out
    assert "1 of 100 sequences of otb100" in listed.out


def test_a_wrong_root_says_what_was_looked_for_and_what_was_found(run, otb):
    ended = run("check_dataset", "--dataset", "got10k-val", "--root", otb)
    assert ended.status == 2 and ended.err.count("\n") == 1
    assert "expected <root>/val/list.txt" in ended.err and "found Girl/, Toy/" in ended.err


def test_a_name_that_is_a_path_is_refused(run, tmp_path):
    write_got10k(tmp_path, "good", walk(4), [8] * 4)
    with (tmp_path / "val" / "list.txt").open("a") as file:
        file.write("../../somewhere\n")
    ended = run("check_dataset", "--dataset", "got10k-val", "--root", tmp_path)
    assert ended.status == 1
    assert "'../../somewhere' is refused as the name of a sequence" in ended.out
