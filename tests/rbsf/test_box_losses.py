"""Labels and losses of the box head at values known in closed form."""

from __future__ import annotations

import math

import pytest
import torch

from rbsf.box_losses import (
    Labels,
    box_losses,
    ellipse_distance,
    make_labels,
    overlaps,
    target_loss,
    taught_losses,
    weighted_mean,
)

CENTRED = torch.tensor([[0.0, 0.0, 64.0, 32.0]])
THERE = torch.tensor([True])


def test_the_distance_is_one_on_the_inscribed_ellipse() -> None:
    distance = ellipse_distance(CENTRED, 17)[0]
    assert distance[8, 8] == 0
    assert distance[8, 12] == 1  # 32 pixels to the right: the end of the long half axis
    assert distance[10, 8] == 1  # 16 pixels below: the end of the short one
    assert distance[9, 9] == pytest.approx(math.hypot(8 / 32, 8 / 16))


def test_labels_are_positive_within_half_and_negative_beyond_the_ellipse() -> None:
    labels = make_labels(CENTRED, THERE, 17)
    assert labels.positive[0, 8].nonzero().flatten().tolist() == [6, 7, 8, 9, 10]
    assert labels.positive[0, :, 8].nonzero().flatten().tolist() == [7, 8, 9]
    assert not labels.negative[0, 8, 12]  # on the ellipse: neither
    assert labels.negative[0, 8, 13]
    assert labels.near[0, 8, 12]
    assert not (labels.positive & labels.negative).any()


def test_a_tiny_target_between_cells_has_its_nearest_cell() -> None:
    labels = make_labels(torch.tensor([[3.0, -5.0, 2.0, 2.0]]), THERE, 17)
    assert labels.positive[0].nonzero().tolist() == [[7, 8]]
    assert labels.near[0].nonzero().tolist() == [[7, 8]]
    assert labels.negative[0].sum() == 17 * 17 - 1


def test_an_absent_target_is_negative_everywhere() -> None:
    labels = make_labels(CENTRED, torch.tensor([False]), 17)
    assert labels.negative.all()
    assert not labels.positive.any()
    assert not labels.near.any()


def test_a_target_map_of_zeros_costs_log_2() -> None:
    labels = make_labels(CENTRED, THERE, 17)
    assert target_loss(torch.zeros(1, 17, 17), labels).item() == pytest.approx(math.log(2))


def test_positives_and_negatives_count_half_each() -> None:
    labels = make_labels(CENTRED, THERE, 17)
    logits = torch.zeros(1, 17, 17)
    logits[labels.positive] = 50.0
    assert target_loss(logits, labels).item() == pytest.approx(math.log(2) / 2)


def test_ignored_cells_cost_nothing() -> None:
    labels = make_labels(CENTRED, THERE, 17)
    logits = torch.zeros(1, 17, 17)
    logits[~(labels.positive | labels.negative)] = 50.0
    assert target_loss(logits, labels).item() == pytest.approx(math.log(2))


def test_sixteen_mistaken_negatives_count_again() -> None:
    labels = make_labels(CENTRED, THERE, 17)
    logits = torch.full((1, 17, 17), -50.0)
    logits[labels.positive] = 50.0
    logits[0, 0, :16] = 10.0
    share = 16 / labels.negative.sum().item()
    mistake = math.log1p(math.exp(10.0))
    expected = 0.5 * mistake * share + 0.15 * mistake
    assert target_loss(logits, labels, hard=0.15).item() == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize(
    ("box", "iou", "giou"),
    [
        ((0, 0, 10, 10), 1, 1),
        ((5, 0, 10, 10), 1 / 3, 1 / 3),  # the hull is the union
        ((0, 0, 5, 20), 1 / 3, 1 / 3 - 50 / 200),  # a cross: hull 200, union 150
        ((20, 0, 10, 10), 0, -1 / 3),  # a gap of one box between two
    ],
)
def test_overlaps_of_two_boxes(box: tuple[int, ...], iou: float, giou: float) -> None:
    one = torch.tensor([box], dtype=torch.float32)
    found = overlaps(one, torch.tensor([[0.0, 0.0, 10.0, 10.0]]))
    assert found[0].item() == pytest.approx(iou)
    assert found[1].item() == pytest.approx(giou, abs=1e-6)


def test_a_box_apart_is_drawn_nearer() -> None:
    box = torch.tensor([[20.0, 0.0, 10.0, 10.0]], requires_grad=True)
    overlaps(box, torch.tensor([[0.0, 0.0, 10.0, 10.0]]))[1].sum().backward()
    assert box.grad is not None
    assert box.grad[0, 0] < 0


def test_true_boxes_near_the_target_cost_nothing() -> None:
    labels = make_labels(CENTRED, THERE, 17)
    boxes = CENTRED[:, :, None, None].expand(-1, -1, 17, 17).clone()
    boxes[0, 0, 0, 0] = 500.0  # far from the target any box will do
    box, quality, iou = box_losses(boxes, torch.full((1, 17, 17), 50.0), CENTRED, labels)
    assert box.item() == pytest.approx(0, abs=1e-6)
    assert quality.item() == pytest.approx(0, abs=1e-6)
    assert iou.item() == pytest.approx(1)


def test_the_quality_is_best_at_the_iou() -> None:
    labels = Labels(*(torch.ones(1, 1, 1, dtype=torch.bool),) * 3)
    boxes = torch.tensor([5.0, 0.0, 10.0, 10.0]).reshape(1, 4, 1, 1)
    quality = torch.logit(torch.tensor(1 / 3)).reshape(1, 1, 1).requires_grad_()
    truth = torch.tensor([[0.0, 0.0, 10.0, 10.0]])
    box_losses(boxes, quality, truth, labels)[1].sum().backward()
    assert quality.grad is not None
    assert quality.grad.item() == pytest.approx(0, abs=1e-6)


def test_a_weighted_mean_leaves_out_what_weighs_nothing() -> None:
    losses = torch.tensor([1.0, 100.0, 3.0])
    assert weighted_mean(losses, torch.tensor([True, False, True])) == 2
    assert weighted_mean(losses, torch.zeros(3)) == 0


def test_a_teacher_that_is_sure_teaches_as_labels_do() -> None:
    torch.manual_seed(0)
    logits = torch.randn(1, 17, 17)
    labels = make_labels(CENTRED, THERE, 17)
    sure = Labels(labels.positive, ~labels.positive, labels.near)
    boxes = CENTRED[:, :, None, None].expand(-1, -1, 17, 17)
    target, box = taught_losses(logits, boxes, labels.positive.float(), boxes)
    assert target.item() == pytest.approx(target_loss(logits, sure).item())
    assert box.item() == pytest.approx(0, abs=1e-6)


def test_a_doubt_of_the_teacher_is_the_best_answer_to_it() -> None:
    doubt = torch.full((1, 9, 9), 0.5)
    boxes = CENTRED[:, :, None, None].expand(-1, -1, 9, 9)

    def cost(logit: float) -> float:
        return taught_losses(torch.full((1, 9, 9), logit), boxes, doubt, boxes)[0].item()

    assert cost(0.0) == pytest.approx(math.log(2))
    assert cost(0.0) < min(cost(-0.5), cost(0.5))


def test_a_taught_box_counts_by_what_the_teacher_believes_in_its_cell() -> None:
    wanted = CENTRED[:, :, None, None].repeat(1, 1, 2, 2)
    ours = wanted.clone()
    ours[0, 0, 0, 0] = 64.0  # beside the teacher's box: IoU 0, and the hull is full, so GIoU is 0
    belief = torch.tensor([[[0.4, 0.6], [0.0, 0.0]]])
    assert taught_losses(torch.zeros(1, 2, 2), ours, belief, wanted)[1].item() == pytest.approx(0.4)
