"""Hard negatives: each search against every exemplar, and what they teach."""

import pytest
import torch
from batches import CPU, batch

from rbsf.nn import SiamFC
from rbsf.train.negatives import negative_loss
from rbsf.train.settings import TeacherSettings
from rbsf.train.teacher import TeacherTask


def three_pairs(scenes):
    pairs = batch(pairs=3)
    pairs.scenes = torch.tensor(scenes)
    return pairs


def test_every_search_meets_every_exemplar():
    torch.manual_seed(0)
    model = SiamFC(learn_response=True).eval()
    model.bias.data.fill_(-0.3)
    z, x = torch.randn(3, 8, 6, 6), torch.randn(2, 8, 9, 9)
    responses = model.respond_to_all(z, x)
    assert responses.shape == (2, 3, 4, 4)
    for i in range(2):
        for j in range(3):
            alone = model.respond(z[j : j + 1], x[i : i + 1])[0]
            torch.testing.assert_close(responses[i, j], alone)


def test_without_a_weight_or_another_scene_there_is_no_loss():
    model, pairs = SiamFC(), three_pairs([4, 4, 4])
    output = model(pairs.exemplars, pairs.searches)
    assert negative_loss(0, model, output, pairs) == {}
    assert negative_loss(2.0, model, output, pairs)["negatives"] == 0


def test_training_on_them_makes_other_exemplars_less_like_a_search():
    task = TeacherTask(
        TeacherSettings(batch_negatives=1.0, precision="fp32", optimiser={"lr": 1e-3}), CPU
    )
    task.start_epoch(0)
    pairs = three_pairs([1, 2, 3])
    losses = [task.step(pairs) for _ in range(12)]
    assert losses[0].keys() == {"response", "negatives"}
    assert losses[-1]["negatives"] < losses[0]["negatives"]
    plain = TeacherTask(TeacherSettings(precision="fp32", optimiser={"lr": 1e-3}), CPU)
    plain.start_epoch(0)
    assert plain.step(pairs)["response"] == pytest.approx(losses[0]["response"])
