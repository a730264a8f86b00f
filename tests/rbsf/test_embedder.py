"""load_embedder: what it gives for crops, and what it says when it cannot."""

import hashlib

import numpy as np
import pytest
import torch

from rbsf import InputError, load_embedder
from rbsf.checkpoint import save_checkpoint
from rbsf.nn import SiamFC
from rbsf.torch_embedder import TorchEmbedder


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("weights") / "mine.safetensors"
    save_checkpoint(path, {"kind": "teacher", "config": {}}, {"model": SiamFC().state_dict()})
    return path


@pytest.mark.parametrize(("size", "cells"), [(127, 6), (255, 22)])
def test_shapes(file, size, cells):
    features = load_embedder(file)(np.zeros((2, size, size, 3), np.uint8))
    assert features.shape == (2, 256, cells, cells)
    assert features.dtype == np.float32


def test_it_says_what_it_is(file):
    embedder = load_embedder(file)
    assert (embedder.name, embedder.engine) == ("mine", "torch")
    assert embedder.weights_sha256 == hashlib.sha256(file.read_bytes()).hexdigest()
    assert embedder.response_gain == pytest.approx(0.001)
    assert embedder.response_bias == 0


def test_channels_are_red_green_blue_from_0_to_255():
    """A network whose first filter passes red alone on answers to red alone."""
    model = SiamFC()
    embedder = TorchEmbedder(model)
    conv1 = model.backbone.conv1[0]
    with torch.no_grad():
        conv1.weight.zero_()
        conv1.weight[0, 0, 5, 5] = 1
        conv1.bias.zero_()
    seen = []
    model.backbone.conv1[0].register_forward_hook(lambda *a: seen.append(a[2]))
    crops = np.zeros((3, 127, 127, 3), np.uint8)
    for channel in range(3):
        crops[channel, ..., channel] = 200
    embedder(crops)
    assert [image[0].unique().tolist() for image in seen[0]] == [[200], [0], [0]]


def test_crops_do_not_depend_on_each_other(file):
    crops = np.random.default_rng(0).integers(0, 256, (3, 127, 127, 3), dtype=np.uint8)
    embedder = load_embedder(file)
    together = embedder(crops)
    for index in range(3):
        alone = embedder(crops[index : index + 1])[0]
        assert alone == pytest.approx(together[index], abs=1e-3)


def test_strided_crops_are_taken(file):
    crops = np.random.default_rng(0).integers(0, 256, (1, 254, 127, 3), dtype=np.uint8)[:, ::2]
    embedder = load_embedder(file)
    assert np.array_equal(embedder(crops), embedder(crops.copy()))


def test_what_is_refused(file, tmp_path):
    with pytest.raises(InputError, match=r"no weights at .*no\.safetensors"):
        load_embedder(tmp_path / "no.safetensors")
    with pytest.raises(InputError, match="threads must be 1 or more, not 0"):
        load_embedder(file, threads=0)
    with pytest.raises(InputError, match="engine packed is not in this version"):
        load_embedder(file, engine="packed")


def test_threads_are_set(file):
    before = torch.get_num_threads()
    try:
        load_embedder(file, threads=1)
        assert torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(before)
