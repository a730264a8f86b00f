"""The paper's tables from the headers of trainings."""

from __future__ import annotations

import pytest
import torch

from rbsf.errors import InputError
from rbsf.files.checkpoint import save_checkpoint
from tracker.evaluation.report.measured_tables import read_runs, run_of, write_tables
from tracker.evaluation.report.paper_tables import TABLE2, TABLE3, TABLE4

TABLE6 = [["33.7", "33.7", "374.1"], ["a", "b", "-"], ["c", "d", "e"], ["f", "g", "-"]]


def header(
    weights="rbcn", adversarial=0.0, norm_pass=0.0, mse=0.0, root="data/cifar100", **changes
):
    """The header of a training's last checkpoint."""
    config = {
        "network": {"architecture": "resnet18", "stages": [32, 32, 64, 128], "classes": 100},
        "data": {"kind": "folder", "root": root},
        "weights": weights,
        "adversarial_loss": {"value": adversarial},
        "norm_pass": norm_pass,
        "feature_distillation": mse,
    }
    metrics = {"top1": 0.5, "top5": 0.8}
    return {"kind": "binary_classifier", "config": config, "metrics": metrics, **changes}


@pytest.mark.parametrize(
    ("settings", "method"),
    [
        ({"weights": "bireal"}, "Bi"),
        ({}, "R"),
        ({"adversarial": 0.1}, "R+G"),
        ({"adversarial": 0.1, "norm_pass": 0.1}, "R+G+B"),
        ({"weights": "xnor"}, "XNOR"),
        ({"kind": "classifier"}, "real"),
    ],
)
def test_a_run_has_the_method_of_its_settings(settings, method):
    run = run_of(header(**settings))
    assert run is not None and run.method == method
    assert run[:3] == ("cifar100", "resnet18", (32, 32, 64, 128))


@pytest.mark.parametrize(
    "settings",
    [{"mse": 1.0}, {"weights": "xnor", "adversarial": 0.1}, {"root": "faces"}, {"metrics": {}}],
)
def test_a_run_that_no_table_has_is_left_out(settings):
    assert run_of(header(**settings)) is None


def save(folder, seed, top1, **settings):
    found = header(metrics={"top1": top1, "top5": 0.9}, **settings)
    path = folder / f"seed-{seed}"
    path.mkdir(parents=True)
    save_checkpoint(path / "last.safetensors", found, {"model": {"x": torch.zeros(1)}})


def test_tables_show_runs_beside_the_papers_figures_and_name_empty_cells(tmp_path):
    save(tmp_path / "runs/bi", 0, 0.50, weights="bireal")
    save(tmp_path / "runs/bi", 1, 0.52, weights="bireal")
    save(tmp_path / "runs/r", 0, 0.6)
    save(tmp_path / "runs/other", 0, 0.7, weights="xnor", root="data/imagenet")
    text = write_tables(read_runs([tmp_path / "runs"]), TABLE6, tmp_path / "out")
    row = next(line for line in text.splitlines() if line.startswith("| 32-32-64-128"))
    cells = [cell.strip() for cell in row.split("|")[1:-1]]
    measured = ["51.00 ±1.41", "60.00", "", ""]
    assert cells == ["32-32-64-128", "54.92", "56.54", "59.13", "61.64", *measured]
    missing = next(line for line in text.splitlines() if line.startswith("No run: "))
    assert "32-32-64-128, R+G;" in missing and "32-32-64-128, R;" not in missing
    assert "| imagenet | ResNet-18 | 32-32-64-128 | XNOR | 1 | 70.00 | 90.00 |" in text
    names = sorted(file.name for file in (tmp_path / "out").iterdir())
    assert names == [f"table{n}.{kind}" for n in (2, 3, 4, 6) for kind in ("md", "tex")]
    latex = (tmp_path / "out/table2.tex").read_text()
    assert r"51.00 {\scriptsize ±1.41} & 60.00 &  &  \\" in latex
    assert "| memory, Mbits | 33.7 | 33.7 | 374.1 | 33.7 | 33.7 | 374.1 |" in text


def test_a_folder_without_runs_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"has no last\.safetensors"):
        read_runs([tmp_path])


def test_the_tables_agree_with_the_papers_text():
    """The differences that the paper's text states."""
    first = [cell.value for cell in TABLE2.rows[0][1]]
    assert first[1] - first[0] == pytest.approx(1.62)
    assert first[3] - first[2] == pytest.approx(2.51)
    rows = {labels: [cell.value for cell in cells] for labels, cells in TABLE3.rows}
    ours = rows["RBCN", "ResNet-18", "32-32-64-128"]
    theirs = rows["Bi-Real", "ResNet-18", "32-32-64-128"]
    assert ours[1] - theirs[1] == pytest.approx(6.17)
    top1 = dict(zip(TABLE4.columns, (cell.value for cell in TABLE4.rows[0][1]), strict=True))
    assert top1["RBCN"] - top1["Bi-Real"] == pytest.approx(3.1)
    assert top1["RBCN"] - top1["PCNN"] == pytest.approx(2.2)
