"""Every binarizer in a classifier's layers: strides, padding, shortcuts, and a gradient for all."""

import pytest
import torch

from rbsf.binarize import ACTIVATIONS, WEIGHTS
from rbsf.engine.pack_classifier import pack_classifier
from rbsf.errors import InputError
from rbsf.nn.residual import NetworkSettings, make_classifier

CASES = [(name, "approx") for name in WEIGHTS] + [("rbcn", name) for name in ACTIVATIONS]


@pytest.mark.parametrize(("weights", "activations"), CASES)
@pytest.mark.parametrize("padding", ["zero", "minus"])
def test_a_classifier_learns_with_any_binarizer(weights, activations, padding):
    torch.manual_seed(0)
    settings = NetworkSettings(architecture="wrn22", stages=(4, 4, 8, 8), padding=padding)
    network = make_classifier(settings, weights, activations).train()
    logits = network(torch.randint(256, (2, 3, 16, 16)).float()).logits
    logits.square().sum().backward()
    assert logits.shape == (2, 10) and logits.isfinite().all()
    still = [
        n for n, p in network.named_parameters() if p.grad is None or not p.grad.isfinite().all()
    ]
    assert still == []


@pytest.mark.parametrize("weights", ["mcn", "cibcnn"])
def test_a_classifier_of_a_method_that_does_not_pack_is_refused_by_name(weights):
    settings = NetworkSettings(architecture="wrn22", stages=(4, 4, 8, 8))
    with pytest.raises(InputError, match=r"layer1\.0\.conv1 has .*, which does not pack"):
        pack_classifier(make_classifier(settings, weights), {})
