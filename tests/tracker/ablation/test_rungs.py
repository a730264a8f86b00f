"""The rungs: what two of them have in common, and what a ladder refuses."""

from __future__ import annotations

import pytest

from rbsf.config import CONFIGS, load_settings
from rbsf.errors import InputError
from rbsf.train.settings import StudentSettings
from tracker.ablation.rungs import check_common, first_rungs, last_rungs

COMMON = load_settings(StudentSettings, CONFIGS / "rbsf_ladder.yaml")


def of(name: str, best: str = "R+MSE", seed: int = 3) -> StudentSettings:
    (rung,) = (r for r in (*first_rungs(), *last_rungs(best, COMMON)) if r.name == name)
    return rung.settings(COMMON, seed)


def differing(one: str, other: str, best: str = "R+MSE") -> set[str]:
    a, b = (of(name, best).model_dump() for name in (one, other))
    return {key for key in a if a[key] != b[key]}


@pytest.mark.parametrize(
    ("one", "other", "keys"),
    [
        ("Bi", "R", {"weights", "kernel_loss"}),
        ("R", "R+G", {"adversarial_loss"}),
        ("R", "R+MSE", {"feature_distillation"}),
        ("R+G", "R+G+MSE", {"feature_distillation"}),
        ("R+MSE", "R+MSE+B", {"norm_pass"}),
        ("R+MSE", "XNOR+MSE", {"weights", "activations", "kernel_loss"}),
        (
            "XNOR+MSE",
            "XNOR-SF",
            {"init", "response_distillation", "feature_distillation"},
        ),
    ],
)
def test_two_rungs_differ_in_what_they_are_about_alone(one: str, other: str, keys: set[str]):
    assert differing(one, other) == keys


@pytest.mark.parametrize("best", ["Bi", "R", "R+G", "R+MSE", "R+G+MSE"])
def test_what_builds_on_the_best_has_its_guidance(best: str):
    with_pass, xnor = last_rungs(best, COMMON)
    assert with_pass.name == f"{best}+B"
    assert differing(best, with_pass.name, best) == {"norm_pass"}
    assert differing(best, xnor.name, best) <= {"weights", "activations", "kernel_loss"}


def test_only_the_papers_xnor_needs_no_teacher():
    for rung in first_rungs():
        settings = rung.settings(COMMON, 0)
        assert settings.guided == (settings.init == "teacher") == (rung.name != "XNOR-SF")


def test_all_rungs_see_the_same_pairs_and_each_seed_others():
    for rung in (*first_rungs(), *last_rungs("R", COMMON)):
        settings = rung.settings(COMMON, 7)
        assert (settings.seed, settings.epochs, settings.data) == (7, COMMON.epochs, COMMON.data)


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"adversarial_loss": {"value": 0.0}}, "adversarial_loss.value"),
        ({"feature_distillation": 0.0}, "feature_distillation"),
        ({"norm_pass": 0.0}, "norm_pass"),
        ({"kernel_loss": {"value": 0.0}}, "kernel_loss.value"),
        ({"weights": "xnor"}, "weights is xnor"),
    ],
)
def test_a_part_that_is_off_cannot_be_shown(changes: dict[str, object], name: str):
    common = StudentSettings.model_validate({**COMMON.model_dump(), **changes})
    with pytest.raises(InputError, match=rf"mine\.yaml: {name}"):
        check_common(common, "mine.yaml")
