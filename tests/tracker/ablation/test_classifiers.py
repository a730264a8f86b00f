"""The classifiers' ladder: what each rung leaves out, and its table."""

from __future__ import annotations

import pytest

from rbsf.config import CONFIGS, load_settings
from rbsf.errors import InputError
from rbsf.train.classifier_settings import BinaryClassifierSettings
from rbsf.train.settings import StudentSettings
from tracker.ablation.classifiers import (
    LADDER,
    Outcome,
    binarizer_rung,
    cells_of,
    with_budget,
    write_table,
)
from tracker.ablation.rungs import check_common
from tracker.evaluation.report.table import percent

COMMON = BinaryClassifierSettings(feature_distillation=1.0, teacher="teacher.safetensors")


def settings_of(name):
    (rung,) = (rung for rung in LADDER if rung.name == name)
    return rung.settings(COMMON, 0).model_dump()


def differing(first, second):
    a, b = settings_of(first), settings_of(second)
    return {key for key in a if a[key] != b[key]}


@pytest.mark.parametrize(
    ("first", "second", "parts"),
    [
        ("Bi", "R", {"weights", "kernel_loss"}),
        ("R", "R+G", {"adversarial_loss"}),
        ("R+G", "R+G+B", {"norm_pass"}),
        ("R", "R+MSE", {"feature_distillation"}),
    ],
)
def test_a_rung_differs_by_the_part_that_it_is_about(first, second, parts):
    assert differing(first, second) == parts


def test_a_binarizer_has_no_guidance():
    rung = binarizer_rung("xnor+clipped")
    made = rung.settings(COMMON, 1)
    assert (made.weights, made.activations, made.seed) == ("xnor", "clipped", 1)
    assert not made.guided and not made.norm_pass and not made.kernel_loss.value
    assert binarizer_rung("rbcn").settings(COMMON, 0) == LADDER[1].settings(COMMON, 0)
    with pytest.raises(InputError, match="there is no xnorr; choose from rbcn"):
        binarizer_rung("xnorr")


def test_a_part_that_is_off_cannot_show_its_worth():
    with pytest.raises(InputError, match=r"config\.yaml: norm_pass is off"):
        check_common(COMMON.model_copy(update={"norm_pass": 0.0}), "config.yaml")


def test_seeds_come_one_after_the_other_with_the_budget_that_was_asked_for(tmp_path):
    common = with_budget(COMMON.model_copy(update={"epochs": 5}), 2000)
    cells = cells_of(LADDER[:2], common, range(2), tmp_path)
    assert [(c.rung.name, c.seed) for c in cells] == [("Bi", 0), ("R", 0), ("Bi", 1), ("R", 1)]
    assert {c.settings.data.pictures_per_epoch for c in cells} == {400}
    assert cells[3].folder == tmp_path / "R" / "seed-1"


def test_the_table_has_mean_and_spread(tmp_path):
    tested = [Outcome(LADDER[0], seed, top1, 0.9) for seed, top1 in enumerate((0.5, 0.52, 0.54))]
    text = write_table(LADDER, tested, ["Command: x"], tmp_path)
    (row,) = (line for line in text.splitlines() if line.startswith("| Bi"))
    assert "52.00 ±2.00" in row and "| 3" in row and "| R" not in text
    assert (tmp_path / "ladder.md").read_text() == text and (tmp_path / "ladder.tex").exists()
    assert percent([0.5]) == "50.00"


@pytest.mark.parametrize("name", ["admm", "mcn", "pcnn", "pcnn_4"])
def test_a_loss_on_kernels_that_belongs_to_a_method_is_that_of_its_config(name):
    config = load_settings(StudentSettings, CONFIGS / f"{name}_sf.yaml")
    loss = binarizer_rung(name).changes["kernel_loss"]
    assert (loss["value"], loss["gamma"]) == (config.kernel_loss.value, config.kernel_loss.gamma)
