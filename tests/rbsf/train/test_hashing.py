"""BWNH's start: layer by layer on the first batch, and never again."""

import torch
from batches import CPU, batch
from torch.nn import functional as F

from rbsf.binarize import ApproxSign, BiReal
from rbsf.binarize.bwnh import hash_kernel
from rbsf.nn import BinaryConv2d
from rbsf.nn.backbone import SLIM_LAYERS, BinaryAlexNetV1
from rbsf.nn.siamfc import SiamFC
from rbsf.train.hashing import Hashing, hashed


def conv(**options):
    torch.manual_seed(0)
    return BinaryConv2d(
        4, 6, 3, weight_binarizer=BiReal, activation_binarizer=ApproxSign(), **options
    )


def test_a_layer_is_hashed_for_the_patches_that_its_filters_see():
    layer, x = conv(groups=2, stride=2, padding=1, pad_value=-1.0), torch.randn(3, 4, 8, 8)
    bits = F.pad(torch.where(x >= 0, 1.0, -1.0), (1, 1, 1, 1), value=-1.0)
    found = hashed(layer, x)
    for group, (seen, filters) in enumerate(
        zip(bits.chunk(2, dim=1), layer.weight.detach().chunk(2), strict=True)
    ):
        patches = F.unfold(seen, 3, stride=2).transpose(1, 2).flatten(0, 1)
        expected = hash_kernel(patches, filters.flatten(1)).reshape(filters.shape)
        torch.testing.assert_close(found[3 * group : 3 * group + 3], expected)


@torch.no_grad()
def test_the_sums_of_a_hashed_layer_are_nearer_to_those_of_the_real_kernel():
    layer, x = conv(bias=False), torch.randn(3, 4, 8, 8).cumsum(dim=3)
    real = F.conv2d(torch.where(x >= 0, 1.0, -1.0), layer.weight)
    before = (layer(x) - real).square().mean()
    layer.set_weight(hashed(layer, x))
    assert (layer(x) - real).square().mean() < 0.7 * before


def test_it_is_done_once_and_a_checkpoint_remembers():
    torch.manual_seed(0)
    layers = tuple(
        s._replace(inputs=max(3, s.inputs // 8), outputs=s.outputs // 8) for s in SLIM_LAYERS
    )
    model = SiamFC(BinaryAlexNetV1("bireal", layers=layers)).train()
    start = {n: c.weight.detach().clone() for n, c in model.backbone.binary_layers().items()}
    hashing = Hashing()
    hashing.start(model, batch(), CPU)
    for name, layer in model.backbone.binary_layers().items():
        assert not torch.equal(layer.weight, start[name]), name
        magnitudes = layer.weight.detach().abs().flatten(1)
        torch.testing.assert_close(magnitudes, magnitudes[:, :1].expand_as(magnitudes))
    done = {n: c.weight.detach().clone() for n, c in model.backbone.binary_layers().items()}
    resumed = Hashing()
    resumed.load_state_dict(hashing.state_dict())
    resumed.start(model, batch(1), CPU)
    for name, layer in model.backbone.binary_layers().items():
        assert torch.equal(layer.weight, done[name])
