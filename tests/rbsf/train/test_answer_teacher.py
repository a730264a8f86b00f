"""The teacher of answers: where its cells are, its boxes, and which pairs it is trusted on."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from test_box_training import CPU, batch
from tiny_teacher import SIDES, tiny_backbone, tiny_head
from torch import Tensor

from rbsf.errors import InputError
from rbsf.nn.box_head import BoxMaps
from rbsf.train.answer_teacher import Answers, AnswerTeacher
from rbsf.train.box import BoxTask
from rbsf.train.box_settings import BoxSettings
from rbsf.train.feature_teacher import FeatureTeacher

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")


def teacher(folder: Path, cells: int = 16) -> AnswerTeacher:
    backbone = FeatureTeacher(str(tiny_backbone(folder / "backbone.onnx")), CPU.device)
    return AnswerTeacher(str(tiny_head(folder / "head.onnx", cells)), backbone)


@pytest.mark.parametrize("cells", [16, 15])
def test_its_cells_are_every_other_one_of_ours(tmp_path: Path, cells: int) -> None:
    answers = teacher(tmp_path, cells)
    search = torch.zeros(1, 3, 255, 255)
    # The middle of the teacher's cell (6, 9) is 32 pixels above and 16 right of the crop's.
    search[0, 2, 96:111, 144:159] = 9.0
    found = answers(torch.zeros(1, 3, 127, 127), answers.backbone(search))
    assert found.target.shape == (1, 9, 9)
    assert found.target[0, 2, 5].item() == pytest.approx(1 / (1 + torch.tensor(-9.0).exp().item()))
    assert (found.target == 0.5).sum() == 80
    left, top, right, bottom = SIDES
    box = [16 + (right - left) / 2, -32 + (bottom - top) / 2, left + right, top + bottom]
    assert found.boxes[0, :, 2, 5].tolist() == box
    assert found.best().tolist() == [box]


def test_it_sees_the_colours_of_exemplars_in_the_order_of_the_search(tmp_path: Path) -> None:
    backbone = teacher(tmp_path).backbone
    red = torch.zeros(1, 3, 255, 255)
    red[:, 0] = 7.0
    exemplar = backbone(red[:, :, :127, :127])
    assert exemplar.shape == (1, 3, 8, 8)
    torch.testing.assert_close(exemplar, backbone(red)[:, :, :8, :8])


def test_it_agrees_where_its_best_box_overlaps_the_true_one_by_half() -> None:
    boxes = torch.tensor([0.0, 0.0, 60.0, 60.0])[None, :, None, None].repeat(2, 1, 9, 9)
    boxes[:, :, 0, 0] = 500.0  # not of the likeliest cell
    target = torch.zeros(2, 9, 9)
    target[:, 4, 4] = 0.9
    truth = torch.tensor([[15.0, 0.0, 60.0, 60.0], [25.0, 0.0, 60.0, 60.0]])  # IoU .6 and .41
    assert Answers(target, boxes).agree(truth).tolist() == [True, False]


def taught(present: bool, boxed: bool, box: list[float]) -> tuple[float, float]:
    """The two losses of a batch whose target has a box, by a teacher that sees it in the middle."""
    task, pairs = BoxTask(BoxSettings(), CPU), batch(present, boxed)
    pairs.boxes[:] = torch.tensor(box)  # type: ignore[attr-defined]
    there = torch.tensor([0.0, 0.0, 60.0, 60.0])[None, :, None, None]
    target = torch.zeros(2, 9, 9)
    target[:, 4, 4] = 1.0
    maps = BoxMaps(torch.zeros(2, 17, 17), torch.zeros(2, 17, 17), there.repeat(2, 1, 17, 17) / 2)
    answers = Answers(target, there.repeat(2, 1, 9, 9))
    losses: dict[str, Tensor] = task._taught_losses(pairs, maps, answers)  # type: ignore[arg-type]
    return losses["taught_target"].item(), losses["taught_box"].item()


def test_it_is_trusted_where_it_agrees_and_where_nothing_is_known() -> None:
    middle, beside = [0.0, 0.0, 60.0, 60.0], [70.0, 0.0, 60.0, 60.0]
    # all logits are 0, and our boxes have a quarter of the area of the teacher's
    known = pytest.approx(0.6931, abs=1e-4), pytest.approx(0.75)
    assert taught(True, True, middle) == known
    assert taught(True, False, beside) == known
    assert taught(True, True, beside) == (0, 0)
    assert taught(False, True, middle) == (0, 0)


def test_each_of_its_cells_teaches_ours_at_the_same_place() -> None:
    task, pairs = BoxTask(BoxSettings(), CPU), batch(boxed=False)
    sure = torch.full((2, 17, 17), -50.0)
    sure[:, 4, 10] = 50.0  # (-32, 16) pixels from the middle: the teacher's cell (2, 5)
    target = torch.zeros(2, 9, 9)
    target[:, 2, 5] = 1.0
    theirs = torch.full((2, 4, 9, 9), 500.0)
    ours = torch.full((2, 4, 17, 17), 900.0)
    theirs[:, :, 2, 5] = ours[:, :, 4, 10] = 40.0
    maps, answers = BoxMaps(sure, sure, ours), Answers(target, theirs)
    losses: dict[str, Tensor] = task._taught_losses(pairs, maps, answers)  # type: ignore[arg-type]
    assert losses["taught_target"].item() == pytest.approx(0, abs=1e-6)
    assert losses["taught_box"].item() == pytest.approx(0, abs=1e-6)


def test_answers_are_learned_from_pictures_without_boxes(tmp_path: Path) -> None:
    tiny = {
        "feature_teacher": str(tiny_backbone(tmp_path / "backbone.onnx")),
        "head_teacher": str(tiny_head(tmp_path / "head.onnx")),
        "optimiser": {"name": "adam", "lr": 2e-3},
    }
    task = BoxTask(BoxSettings.model_validate(tiny), CPU)
    task.start_epoch(0)
    losses = [task.step(batch(boxed=False)) for _ in range(8)]
    assert losses[0]["target"] == losses[0]["box"] == 0
    assert losses[-1]["taught_box"] < losses[0]["taught_box"]
    assert losses[-1]["taught_target"] < losses[0]["taught_target"]


def test_a_head_without_its_backbone_is_refused(tmp_path: Path) -> None:
    head = str(tiny_head(tmp_path / "head.onnx"))
    with pytest.raises(InputError, match="head teacher needs the backbone"):
        BoxTask(BoxSettings(head_teacher=head), CPU)
    backbone = teacher(tmp_path).backbone
    with pytest.raises(InputError, match=r"no head of a teacher at .*missing\.onnx"):
        AnswerTeacher(str(tmp_path / "missing.onnx"), backbone)
    other = tiny_head(tmp_path / "other.onnx", channels=5)
    with pytest.raises(InputError, match=r"other\.onnx is not the head of the feature teacher"):
        AnswerTeacher(str(other), backbone)
