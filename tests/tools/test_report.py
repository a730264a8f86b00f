"""The commands that make reports and Table 5, from their options to the files they leave."""

import shutil

import cv2
import numpy as np
import pytest
import typer
from result_folders import evaluate_into, write_dataset
from typer.testing import CliRunner

import rbsf
from rbsf.errors import InputError
from tracker.commands.report import report
from tracker.commands.table5 import SHIPPED_FILES, table5


class Embedder:
    """A stand-in for any network: the mean colours of a grid's cells."""

    engine, path, response_gain, response_bias, weights_sha256 = "torch", "", 1.0, -5.0, "0" * 64

    def __init__(self, weights):
        self.name = weights.stem

    def __call__(self, crops):
        side = {127: 6, 255: 22}[crops.shape[1]]
        cells = [cv2.resize(crop, (side, side), interpolation=cv2.INTER_AREA) for crop in crops]
        return (np.stack(cells).transpose(0, 3, 1, 2).astype(np.float32) - 128) / 128


def run(command, *words, status=0):
    app = typer.Typer()
    app.command()(command)
    result = CliRunner().invoke(app, [str(word) for word in words])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == status, result.output
    return result


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """Two folders of results on the same data."""
    folder = tmp_path_factory.mktemp("results")
    data = write_dataset(folder / "data")
    evaluate_into(folder / "before", data, ["standing"], max_frames=12)
    shutil.copytree(folder / "before", folder / "after")
    evaluate_into(folder / "after", data, ["drifting"], max_frames=12)
    return folder


def test_every_folder_gets_its_own_report(results, tmp_path):
    for name in ("before", "after"):
        shutil.copytree(results / name, tmp_path / name)
    run(report, tmp_path / "before", tmp_path / "after", "--strips", "Bee")
    assert "standing on OTB" in (tmp_path / "before" / "report.html").read_text()
    page = (tmp_path / "after" / "report.html").read_text()
    assert "drifting on OTB" in page and "Frames of Bee" in page and "Frames of Ant" not in page


def test_folders_are_compared_in_one_report(results, tmp_path):
    out = tmp_path / "out"
    options = ("--compare", "--output", out, "--focus", "after/standing")
    run(report, results / "before", results / "after", *options)
    text = (out / "report.md").read_text()
    assert text.startswith("# after/standing on otb") and "## Compared with after/standing" in text
    assert "- before/standing: +0.000 AO, over too few sequences to say more." in text
    assert not (results / "before" / "report.html").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--compare"], "--compare needs --output"),
        (["--output", "out"], "--output takes the report of one folder"),
        (["--compare", "--output", "out", "--focus", "x"], "no results of a tracker called x"),
    ],
)
def test_options_that_do_not_fit_are_named(results, options, message):
    with pytest.raises(InputError, match=message):
        run(report, results / "before", results / "after", *options)


@pytest.fixture
def stand_in(monkeypatch):
    monkeypatch.setattr(rbsf, "load_embedder", lambda path, engine, threads: Embedder(path))


def test_table5_measures_the_papers_trackers_and_others(results, tmp_path, stand_in):
    """Bee is called Girl here, which is in the official lists; all others are missing."""
    shutil.copytree(results / "data" / "Bee", tmp_path / "otb" / "Girl")
    other = tmp_path / "mine.safetensors"
    other.touch()
    out = tmp_path / "out"
    options = ("--weights", other, "--rival", "mil", "--max-frames", 6, "--threads", 1)
    shown = run(table5, "--otb", tmp_path / "otb", "--output", out, *options, status=1).stdout
    head, _, *rows = shown.splitlines()
    columns = [cell.strip() for cell in head.strip("|").split("|")]
    assert columns[2:5] == ["SiamFC, paper", "XNOR, paper", "RB-SF, paper"]
    assert columns[5:] == ["SiamFC", "XNOR-SF", "RB-SF", "mil", "mine"]
    assert "OTB50 (here OTB-2013, 1 of 51 sequences, first 6 frames)" in rows[0]
    assert "OTB100 (here OTB-100, 1 of 100 sequences, first 6 frames)" in rows[2]
    assert (out / "table5.md").read_text() in shown + "\n" and (out / "table5.tex").is_file()
    assert (out / "otb100" / "report.html").is_file()


def test_table5_says_which_list_it_takes_for_otb50(results, tmp_path, stand_in):
    """BlurBody is in TB-50, but not in OTB-2013."""
    shutil.copytree(results / "data" / "Bee", tmp_path / "otb" / "BlurBody")
    options = ("--otb50", "otb50", "--max-frames", 4)
    words = ("--otb", tmp_path / "otb", "--output", tmp_path / "out", *options)
    assert "OTB50 (here TB-50, 1 of 50 sequences" in run(table5, *words, status=1).stdout


def test_table5_needs_a_data_set_and_comes_with_its_networks():
    assert len(SHIPPED_FILES) == 3 and all(file.is_file() for file in SHIPPED_FILES)
    with pytest.raises(InputError, match="at least one of --otb, --uav123 and --got10k"):
        run(table5, "--output", "out")
