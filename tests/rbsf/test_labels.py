"""The labels of responses, and the weights that balance them."""

import math

import pytest
import torch

from rbsf.labels import LabelSettings, balance, response_labels

GAUSSIAN = LabelSettings(shape="gaussian", radius=8)


def test_labels_are_siamfcs_thirteen_of_225():
    labels = response_labels(torch.zeros(1, 2), 15)
    assert labels.shape == (1, 15, 15)
    assert labels.sum() == 13
    rows, columns = torch.nonzero(labels[0], as_tuple=True)
    assert ((rows - 7).abs() + (columns - 7).abs()).max() == 2


@pytest.mark.parametrize("jitter", [(4, 4), (-4, 3), (0, -4)])
def test_siamfcs_jitter_leaves_labels_centred(jitter):
    offset = torch.tensor([jitter], dtype=torch.float32)
    assert torch.equal(response_labels(offset, 15), response_labels(torch.zeros(1, 2), 15))


def test_labels_follow_larger_shifts():
    labels = response_labels(torch.tensor([[24.0, -8.0]]), 15)[0]
    assert labels[7 - 1, 7 + 3] == 1
    assert labels.sum() == 13
    assert labels[7, 7] == 0


def test_positives_and_negatives_count_half_each():
    labels = response_labels(torch.zeros(2, 2), 15)
    weights = balance(labels)
    torch.testing.assert_close((weights * labels).sum(dim=(1, 2)), torch.tensor([0.5, 0.5]))
    torch.testing.assert_close(weights.sum(dim=(1, 2)), torch.ones(2))


@pytest.mark.parametrize(("radius", "cells"), [(7, 1), (8, 5), (15, 5), (16, 13), (24, 25)])
def test_a_smaller_radius_has_fewer_positives(radius, cells):
    """A diamond of n cells has 1 + 2 n (n + 1) of them."""
    labels = response_labels(torch.zeros(1, 2), 15, LabelSettings(radius=radius))
    assert labels.sum() == cells


def test_a_gaussian_is_highest_where_the_target_is():
    """It is 1 at the target and exp(-1/2) a radius from it, between cells too."""
    labels = response_labels(torch.tensor([[16.0, -8.0], [4.0, 0.0]]), 15, GAUSSIAN)
    assert labels[0, 6, 9] == 1
    assert labels[0, 6, 10].item() == pytest.approx(math.exp(-0.5))
    assert labels[0, 5, 8].item() == pytest.approx(math.exp(-1))
    assert labels[1, 7, 7].item() == labels[1, 7, 8].item() == pytest.approx(math.exp(-0.125))
    y, x = (torch.arange(15.0) - 7 for _ in range(2))
    moments = torch.stack([labels[1].sum(dim=0) @ x, labels[1].sum(dim=1) @ y])
    assert (moments / labels[1].sum()).tolist() == pytest.approx([0.5, 0.0], abs=1e-4)


@pytest.mark.parametrize("settings", [LabelSettings(radius=8), GAUSSIAN, LabelSettings(radius=40)])
@pytest.mark.parametrize("offset", [(0.0, 0.0), (13.0, -31.0), (56.0, 56.0)])
def test_positive_and_negative_parts_count_half_each(settings, offset):
    labels = response_labels(torch.tensor([offset]), 15, settings)
    positive = labels / labels.sum() / 2
    negative = (1 - labels) / (1 - labels).sum() / 2
    torch.testing.assert_close(balance(labels), positive + negative)
    torch.testing.assert_close(balance(labels).sum(), torch.tensor(1.0))


def test_a_map_without_a_target_has_half_the_weight():
    assert balance(torch.zeros(1, 15, 15)).sum().item() == pytest.approx(0.5)
