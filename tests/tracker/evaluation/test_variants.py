"""Variants: how changes and budget are merged, what is measured once, and what the table says."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
import torch
import yaml
from batches import CPU, batch
from tiny_data import write_got10k

from rbsf.config import CONFIGS
from rbsf.errors import InputError
from rbsf.files.networks import load_network
from rbsf.nn import SiamFC
from rbsf.train import student
from rbsf.train.settings import StudentSettings, TeacherSettings
from rbsf.train.student import StudentTask
from tracker.evaluation.single_step import SingleStep
from tracker.evaluation.variants import (
    Outcome,
    Variant,
    measure_variant,
    merged,
    read_variants,
    table,
)


def test_later_layers_win_and_keep_what_they_do_not_name() -> None:
    below = {"a": 1, "data": {"crop": {"size": 3}, "sources": [1, 2]}}
    assert merged(below, {"data": {"sources": [7], "crop": {"context": 0}}}, {"b": {"c": 1}}) == {
        "a": 1, "data": {"crop": {"size": 3, "context": 0}, "sources": [7]}, "b": {"c": 1}
    }  # fmt: skip
    assert below["data"] == {"crop": {"size": 3}, "sources": [1, 2]}


@pytest.mark.parametrize(
    "file", sorted((CONFIGS / "variants").glob("*.yaml")), ids=lambda f: f.stem
)
def test_the_shipped_variants_are_one_budget_and_differ_as_they_say(file: Path) -> None:
    variants = read_variants(file, pairs=1000, epochs=4, seed=3)
    kind = TeacherSettings if file.stem == "teacher" else StudentSettings
    assert variants[0].name == "base" and len({v.name for v in variants}) == len(variants)
    for name, settings in variants:
        assert isinstance(settings, kind), name
        assert (settings.seed, settings.epochs, settings.data.pairs_per_epoch) == (3, 4, 250)
        assert settings.data.hold_out == 8
    assert len({v.settings.model_dump_json() for v in variants}) == len(variants)


def write_variants(folder: Path, **variants: dict[str, object]) -> Path:
    base = {
        "batch": 2, "workers": 0, "precision": "fp32",
        "data": {
            "root": str(folder), "cache": str(folder / "cache"), "filter": {"min_side": 5},
            "sources": [{"kind": "got10k", "path": "got10k"}],
        },
    }  # fmt: skip
    (folder / "base.yaml").write_text(yaml.safe_dump(base))
    file = folder / "variants.yaml"
    file.write_text(yaml.safe_dump({"kind": "teacher", "base": "base.yaml", "variants": variants}))
    return file


def test_a_wrong_change_is_named_with_its_variant(tmp_path: Path) -> None:
    file = write_variants(tmp_path, good={}, bad={"labels": {"radios": 8}})
    with pytest.raises(InputError, match=r"variants\.yaml, bad: unknown key labels\.radios"):
        read_variants(file, pairs=4, epochs=1, seed=0)


def test_a_wrong_base_is_named_and_not_a_variant(tmp_path: Path) -> None:
    file = write_variants(tmp_path, good={})
    (tmp_path / "base.yaml").write_text("epochs: 0")
    with pytest.raises(InputError, match=r"base\.yaml: epochs: "):
        read_variants(file, pairs=4, epochs=1, seed=0)


def test_a_variant_is_trained_and_measured_once(tmp_path: Path) -> None:
    write_got10k(tmp_path, sequences=4, frames=7)
    file = write_variants(tmp_path, one={"data": {"hold_out": 2}})
    (variant,) = read_variants(file, pairs=2, epochs=1, seed=0)
    outcome = measure_variant(variant, tmp_path / "one")
    assert outcome is not None
    assert outcome.steps.keys() == {"got10k-seq0", "got10k-seq2"}
    assert 0 < outcome.iou <= 1
    kept = sorted(f.name for f in (tmp_path / "one").iterdir())
    assert kept == ["network.safetensors", "result.json"]  # the rest of the run is gone
    load_network(tmp_path / "one" / "network.safetensors")
    (tmp_path / "one" / "run").mkdir()  # as if it had been killed before it was cleared away
    (tmp_path / "one" / "network.safetensors").rename(tmp_path / "one/run/final.safetensors")
    assert measure_variant(variant, tmp_path / "one") == outcome
    assert sorted(f.name for f in (tmp_path / "one").iterdir()) == kept
    (other,) = read_variants(file, pairs=4, epochs=1, seed=0)
    with pytest.raises(InputError, match="measured with other settings"):
        measure_variant(other, tmp_path / "one")
    assert json.loads((tmp_path / "one" / "result.json").read_text())["config"]["seed"] == 0


def outcome(name: str, seed: int, *ious: float) -> Outcome:
    steps = {f"track{n}": SingleStep(0.5, 0.5, iou, iou) for n, iou in enumerate(ious)}
    return Outcome(name, seed, steps)


def test_the_table_compares_tracks_over_the_seeds_that_both_have() -> None:
    flat = (0.5,) * 8
    rows = table(
        [
            outcome("base", 0, *flat), outcome("base", 1, *(0.7,) * 8),
            outcome("up", 0, *(0.6,) * 8), outcome("up", 1, *(0.8,) * 8),
            outcome("half", 0, *(0.4, 0.6) * 4),
        ]
    ).splitlines()[2:]  # fmt: skip
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]
    assert cells[0] == ["base", "2", "0.600", "0.500 0.700", "0.600", "", ""]
    assert cells[1] == ["up", "2", "0.700", "0.600 0.800", "0.700", "+0.100", "+0.100 to +0.100"]
    assert cells[2][:6] == ["half", "1", "0.500", "0.500 0.500", "0.500", "+0.000"]
    low, high = (float(bound) for bound in cells[2][6].split(" to "))
    assert -0.1 <= low < 0 < high <= 0.1


STUDENTS = read_variants(CONFIGS / "variants/student.yaml", pairs=16, epochs=5, seed=0)


@pytest.mark.parametrize("variant", STUDENTS, ids=lambda variant: variant.name)
def test_every_student_variant_learns(variant: Variant, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(5)
    teacher = SiamFC().eval().requires_grad_(False)
    monkeypatch.setattr(student, "load_teacher", lambda settings: teacher)
    task = StudentTask(variant.settings, CPU)  # type: ignore[arg-type]
    task.start_epoch(0)
    before = {name: p.detach().clone() for name, p in task.model.named_parameters()}
    losses = task.step(batch())
    assert all(math.isfinite(loss) for loss in losses.values())
    still = {n for n, p in task.model.named_parameters() if torch.equal(p, before[n])}
    # while weights are real nothing depends on C, but for the kernel loss
    assert not {name for name in still if "weight_binarizer" not in name}
