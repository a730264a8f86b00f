"""The classifiers' commands on a tiny set: trained, measured, compared, and refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image
from tiny_pictures import write_pictures
from tool_runs import ROOT, tool_runs

from rbsf.config import load_settings
from rbsf.engine.classifier_format import read_classifier
from rbsf.engine.packed import open_classifier
from rbsf.train.classifier_settings import BinaryClassifierSettings, ClassifierSettings
from tracker.commands.classify import classifier_settings

CONFIGS = sorted((ROOT / "configs" / "classify").glob("*.yaml"))
COMMON = {
    "epochs": 2,
    "batch": 4,
    "precision": "fp32",
    "optimiser": {"name": "adam", "lr": 1e-3, "final_lr": 1e-4, "weight_decay": 0},
    "network": {"architecture": "wrn22", "stages": [8, 8, 8, 8], "classes": 3},
    "data": {"side": 16},
}
BINARY = {
    **COMMON,
    "weights": "rbcn",
    "feature_distillation": 1.0,
    "discriminator_layers": ["layer3_2_conv2"],
    "discriminator_entry": "average",
    "norm_pass": 0.5,
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("classify")
    write_pictures(folder / "data")
    for name, values in (("teacher", COMMON), ("student", BINARY)):
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(values))
    return folder


@pytest.fixture(scope="module")
def run(folder: Path):
    with tool_runs(folder) as runs:
        yield runs


def test_from_the_teacher_to_the_table(run, folder):
    ended = run("train_classifier", "--config", "teacher.yaml", "--root", "data")
    assert ended.status == 0, ended.err
    teacher = folder / "runs/teacher/final.safetensors"
    assert teacher.exists() and (folder / "runs/teacher/best.safetensors").exists()
    student = ("--config", "student.yaml", "--root", "data", "--teacher", teacher)
    assert run("train_classifier", *student).status == 0
    weights = "runs/student/final.safetensors"
    ended = run("evaluate_classifier", "--weights", weights, "--root", "data", "--side", "16")
    assert ended.status == 0, ended.err
    assert "top-1" in ended.out and "of 6 pictures" in ended.out
    assert run("export", weights, "--output", "packed.rbsf").status == 0
    packed = run(
        "evaluate_classifier", "--weights", "packed.rbsf", "--root", "data", "--side", "16"
    )
    assert packed.status == 0, packed.err
    assert packed.out == f"packed.rbsf: {share_right(folder)} of 6 pictures\n"
    words = (*student, "--seeds", "2", "--pictures", "8", "--output", "ladder")
    first = run("ablate_classifier", *words, "--jobs", "2")
    assert first.status == 0, first.err
    table = (folder / "ladder/ladder.md").read_text()
    assert all(f"| {name} " in table for name in ("Bi", "R", "R+G", "R+G+B", "R+MSE"))
    trained = {f: f.stat().st_mtime_ns for f in folder.glob("ladder/*/*/final.safetensors")}
    assert len(trained) == 10
    assert run("ablate_classifier", *words).status == 0  # trains nothing again
    assert trained == {f: f.stat().st_mtime_ns for f in trained}
    ended = run("ablate_classifier", *words[:-1], "one", "--binarizer", "xnor+clipped")
    assert ended.status == 0 and "| xnor+clipped " in (folder / "one/ladder.md").read_text()


def share_right(folder: Path) -> str:
    """The accuracy of the packed student, found picture by picture."""
    engine = open_classifier(read_classifier(folder / "packed.rbsf"), threads=1)
    ranks = []
    for label, kind in enumerate(sorted((folder / "data/test").iterdir())):
        for file in kind.iterdir():
            logits = engine.classify(np.asarray(Image.open(file))[None])[0]
            ranks.append((-logits).argsort().tolist().index(label))
    top1, top5 = (np.mean(np.array(ranks) < best) for best in (1, 5))
    return f"top-1 {top1:.2%}, top-5 {top5:.2%}"


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("train_classifier", "--config", "no.yaml"), "there is no such file"),
        (("train_classifier", "--root", "no"), "there is no such folder"),
        (
            ("train_classifier", "--config", "student.yaml", "--root", "data", "--output", "new"),
            "need a teacher",
        ),
        (("evaluate_classifier", "--weights", "teacher.yaml", "--root", "data"), "teacher.yaml"),
        (("ablate_classifier", "--config", "teacher.yaml", "--output", "x"), "full precision"),
    ],
)
def test_mistakes_are_one_line(run, words, reason):
    ended = run(*words)
    assert ended.status == 2 and "Traceback" not in ended.err
    assert reason in " ".join(ended.err.split())


@pytest.mark.parametrize("file", CONFIGS, ids=lambda file: file.stem)
def test_every_config_is_read_as_what_it_names(file):
    binary = "rbcn" in file.stem
    settings = classifier_settings(file, Path("elsewhere"), Path("teacher.safetensors"))
    assert isinstance(settings, BinaryClassifierSettings) == binary
    assert settings.data.root == "elsewhere"
    load_settings(BinaryClassifierSettings if binary else ClassifierSettings, file)


def test_imagenets_recipe_is_the_papers():
    s = classifier_settings(ROOT / "configs/classify/resnet18_rbcn_imagenet.yaml")
    assert isinstance(s, BinaryClassifierSettings)
    assert (s.epochs, s.optimiser.name, s.optimiser.momentum) == (70, "sgd", 0.9)
    assert s.optimiser.weight_decay == s.latent_weight_decay == 1e-4
    for weight in (s.kernel_loss, s.adversarial_loss):
        assert (weight.value, weight.gamma, weight.every) == (0.1, 0.9, 20)
    assert s.network.widths == (64, 64, 128, 256, 512) and s.norm_pass > 0
