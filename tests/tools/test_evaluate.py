"""The command, from its options to the files it leaves."""

import json
import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import typer
from typer.testing import CliRunner

import rbsf
from rbsf.errors import InputError
from tracker.evaluation.contenders import _network

REPOSITORY = Path(__file__).resolve().parents[2]
TOOL = REPOSITORY / "tools" / "evaluate.py"


class ColorEmbedder:
    """Mean colours of a grid's cells: enough to follow a red square on grey."""

    engine, path, response_gain, response_bias = "torch", "plain", 1.0, -5.0

    def __init__(self, weights):
        self.name, self.weights_sha256 = weights.stem, weights.read_text()

    def __call__(self, crops):
        side = {127: 6, 255: 22}[crops.shape[1]]
        cells = [cv2.resize(crop, (side, side), interpolation=cv2.INTER_AREA) for crop in crops]
        return (np.stack(cells).transpose(0, 3, 1, 2).astype(np.float32) - 128) / 128


@pytest.fixture
def root(tmp_path):
    """Three frames each of two sequences."""
    for name, step in (("Slow", 1), ("Fast", 2)):
        folder = tmp_path / "otb" / name / "img"
        folder.mkdir(parents=True)
        boxes = [(40 + step * number, 30, 20, 20) for number in range(3)]
        for number, (x, y, w, h) in enumerate(boxes):
            frame = np.full((90, 120, 3), 128, np.uint8)
            frame[y - 1 : y - 1 + h, x - 1 : x - 1 + w] = (0, 0, 255)
            cv2.imwrite(str(folder / f"{number + 1:04d}.jpg"), frame)
        rows = [",".join(map(str, box)) for box in boxes]
        (folder.parent / "groundtruth_rect.txt").write_text("\n".join(rows))
    return tmp_path / "otb"


@pytest.fixture
def run(root, tmp_path, monkeypatch):
    """Runs the command in this process with a stand-in for the network."""
    monkeypatch.setattr(
        rbsf, "load_embedder", lambda path, engine, threads: ColorEmbedder(path), raising=False
    )
    from tracker.commands.evaluate import evaluate

    app = typer.Typer()
    app.command()(evaluate)

    def invoke(*options, status=0):
        arguments = ["--dataset", "otb", "--root", root, "--output", tmp_path / "out", *options]
        result = CliRunner().invoke(app, [str(argument) for argument in arguments])
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == status, result.output
        return result.stdout

    return invoke


def weights(folder, name, sha):
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(sha)
    return path


def test_results_of_several_weights(run, tmp_path):
    first, second = weights(tmp_path, "one.st", "1" * 64), weights(tmp_path, "two.st", "2" * 64)
    shown = run("--weights", first, second)
    assert "one" in shown and "1" * 12 in shown and "2" * 12 in shown
    out = tmp_path / "out"
    for name in ("one", "two"):
        results = json.loads((out / name / "results.json").read_text())
        assert results["tracker"] == name
        assert results["overall"]["ao"] > 0.5 and results["overall"]["fps"] > 0
        assert len((out / name / "boxes" / "Slow.txt").read_text().splitlines()) == 3
    for name in ("report.html", "report.md", "figures/success.png", "figures/precision.pdf"):
        assert (out / name).stat().st_size > 0


def test_options_reach_the_run(run, tmp_path):
    settings = tmp_path / "tracker.yaml"
    settings.write_text("scales: 1\n")
    path = weights(tmp_path, "net.st", "3" * 64)
    run("--weights", path, "--sequences", "Fast", "--max-frames", 2, "--config", settings)
    results = json.loads((tmp_path / "out" / "net" / "results.json").read_text())
    assert list(results["sequences"]) == ["Fast"]
    assert (results["engine"], results["kernels"]) == ("torch", "plain")
    assert results["max_frames"] == 2 and results["config"]["scales"] == 1
    assert len((tmp_path / "out" / "net" / "boxes" / "Fast.txt").read_text().splitlines()) == 2


def test_what_is_known_of_losses_is_in_the_table_the_results_and_the_report(run, tmp_path):
    out = tmp_path / "out"
    words = ("--weights", weights(tmp_path, "net.st", "8" * 64))
    assert "Knowing when" not in run(*words)
    assert "lost" not in json.loads((out / "net" / "results.json").read_text())
    assert "Knowing when" not in (out / "report.html").read_text()
    shown = run(*words, "--lost")  # every frame is held: two sequences of two frames
    assert "Knowing when the target is lost" in shown and "0 of 0" in shown
    lost = json.loads((out / "net" / "results.json").read_text())["lost"]
    assert lost["long_term"]["f"] > 0.5 and lost["found_again"]["losses"] == 0
    assert sum(part["frames"] for part in lost["reliability"]) == 4
    for name in ("report.html", "report.md"):
        assert "Knowing when the target is lost" in (out / name).read_text()
    assert (out / "figures" / "reliability.png").stat().st_size > 0


def lengthen(root, name, frames):
    """Makes a sequence longer by repeating its last frame."""
    folder = root / name
    images = sorted((folder / "img").iterdir())
    rows = (folder / "groundtruth_rect.txt").read_text().splitlines()
    for number in range(len(images), frames):
        (folder / "img" / f"{number + 1:04d}.jpg").write_bytes(images[-1].read_bytes())
    rows += rows[-1:] * (frames - len(rows))
    (folder / "groundtruth_rect.txt").write_text("\n".join(rows))


def test_single_steps_have_a_table_and_a_file_and_nothing_is_tracked(run, root, tmp_path):
    lengthen(root, "Slow", 31)  # Fast stays too short for a question
    words = ("--weights", weights(tmp_path, "net.st", "9" * 64), "--single-step")
    shown = run(*words)
    folder = tmp_path / "out" / "net"
    assert [file.name for file in folder.iterdir()] == ["single_step.json"]
    written = json.loads((folder / "single_step.json").read_text())
    assert list(written["sequences"]) == ["Slow"]
    assert written["overall"] == written["sequences"]["Slow"]
    assert written["weights_sha256"] == "9" * 64
    assert written["overall"]["iou"] > written["overall"]["stay"] > 0.5  # it goes to the square
    assert f"{written['overall']['iou']:.3f}" in shown and "the believed box itself" in shown


def test_single_steps_are_asked_of_our_trackers_alone(run, root, tmp_path):
    lengthen(root, "Slow", 31)
    words = ("--weights", weights(tmp_path, "net.st", "9" * 64), "--single-step")
    for wrong in (("--lost",), ("--protocol", "sre")):
        with pytest.raises(InputError, match="leave out --lost and --protocol"):
            run(*words, *wrong)
    with pytest.raises(InputError, match=r"mil cannot be asked .* leave out --rival"):
        run(*words, "--rival", "mil")


def test_other_kernels_give_the_same_boxes_and_beside_others_one_thread_each(
    run, tmp_path, monkeypatch
):
    asked = []

    class OtherKernels(ColorEmbedder):
        path = "other"

        def __call__(self, crops):
            raise AssertionError("what is done is done again")

    def load(path, engine, threads):
        asked.append(threads)
        return OtherKernels(path)

    words = ("--weights", weights(tmp_path, "net.st", "7" * 64))
    run(*words)
    _network.cache_clear()  # on a single core, both runs ask for the same
    monkeypatch.setattr(rbsf, "load_embedder", load)
    shown = run(*words, "--workers", "2")
    assert asked == [1]
    assert "Engine: net torch (other) with 777777777777." in shown
    assert json.loads((tmp_path / "out" / "net" / "results.json").read_text())["kernels"] == "other"


def test_weights_of_one_name_are_told_apart_by_folder(run, tmp_path):
    run("--weights", weights(tmp_path / "a", "net.st", "4"), weights(tmp_path / "b", "net.st", "5"))
    assert (tmp_path / "out" / "a-net").is_dir() and (tmp_path / "out" / "b-net").is_dir()
    same = weights(tmp_path / "a", "net.other", "6")
    run("--weights", tmp_path / "a" / "net.st", same, tmp_path / "a" / "net.st")
    assert (tmp_path / "out" / "net.st").is_dir() and (tmp_path / "out" / "net.other").is_dir()


def command(*options, cwd):
    paths = os.pathsep.join(filter(None, [str(REPOSITORY), os.environ.get("PYTHONPATH")]))
    return subprocess.run(
        [sys.executable, str(TOOL), *map(str, options)],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
    )


def test_help_from_another_directory(tmp_path):
    done = command("--help", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "Examples" in done.stdout and "--dataset otb" in done.stdout


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (["--dataset", "otb99", "--root", "."], "unknown dataset otb99; known: otb, otb2013"),
        (["--dataset", "otb", "--root", "nowhere"], "no otb sequence under nowhere: expected"),
    ],
)
def test_bad_input_is_one_line_and_status_2(tmp_path, options, line):
    done = command(*options, "--output", "out", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1 and line in done.stderr
    assert not (tmp_path / "out").exists()
