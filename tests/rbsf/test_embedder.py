"""load_embedder: what it gives for crops, and what it says when it cannot."""

import hashlib
import importlib.util
import logging
import sys
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from rbsf import InputError, embedder, load_embedder
from rbsf.embedder import SHIPPED, engine_in_words
from rbsf.engine import packed
from rbsf.engine.format import read_packed, write_packed
from rbsf.engine.packed import kernel_paths
from rbsf.engine.torch_embedder import TorchEmbedder
from rbsf.files.checkpoint import save_checkpoint
from rbsf.nn import SiamFC, make_student

needs_kernels = pytest.mark.skipif(not kernel_paths(), reason="no kernels were compiled here")


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
    assert (embedder.name, embedder.engine, embedder.path) == ("mine", "torch", "")
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


@needs_kernels
def test_a_full_precision_network_is_not_packed(file):
    with pytest.raises(InputError, match=r"mine\.safetensors cannot be packed: .*full-precision"):
        load_embedder(file, engine="packed")


def test_threads_are_set(file):
    before = torch.get_num_threads()
    try:
        load_embedder(file, threads=1)
        assert torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(before)


# packed files


@pytest.fixture
def crops():
    return np.random.default_rng(0).integers(0, 256, (2, 127, 127, 3), dtype=np.uint8)


@pytest.fixture
def no_kernels(monkeypatch):
    """As where no compiler was; nothing has been told yet."""
    monkeypatch.setattr(packed, "_kernels", None)
    embedder._warn_of_missing_kernels.cache_clear()
    yield
    embedder._warn_of_missing_kernels.cache_clear()


def without_openvino(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)


@needs_kernels
def test_the_shipped_network_is_packed_and_says_what_runs_it():
    shipped = load_embedder()
    assert (shipped.name, shipped.engine) == (SHIPPED.stem, "packed")
    assert shipped.path == kernel_paths()[0]
    assert shipped.weights_sha256 == hashlib.sha256(SHIPPED.read_bytes()).hexdigest()
    assert engine_in_words(shipped.engine, shipped.path) == f"packed ({shipped.path})"
    network = read_packed(SHIPPED)
    assert shipped.response_gain == pytest.approx(network.response_gain)
    assert shipped.response_bias == pytest.approx(network.response_bias)


@needs_kernels
def test_torch_and_kernels_give_the_same_features_of_a_packed_file(crops):
    on_torch = load_embedder(engine="torch")
    assert (on_torch.engine, on_torch.path) == ("torch", "")
    assert np.array_equal(on_torch(crops), load_embedder()(crops))


@needs_kernels
def test_a_students_checkpoint_is_packed_in_memory(tmp_path, crops):
    torch.manual_seed(0)
    path, model = tmp_path / "student.safetensors", make_student()
    config = {"weights": "rbcn", "activations": "approx", "c_shape": "kernel"}
    save_checkpoint(path, {"kind": "student", "config": config}, {"model": model.state_dict()})
    assert load_embedder(path).engine == "torch"
    student = load_embedder(path, engine="packed")
    assert (student.name, student.engine) == ("student", "packed")
    assert student.weights_sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert student(crops).shape == (2, 256, 6, 6)


@pytest.mark.parametrize("engine", ["auto", "packed", "torch"])
def test_a_packed_file_of_another_architecture_is_refused(tmp_path, engine):
    network = read_packed(SHIPPED)
    layers = list(network.layers)
    layers[1] = replace(layers[1], pool=False)
    file = tmp_path / "other.rbsf"
    write_packed(file, replace(network, layers=tuple(layers)))
    with pytest.raises(InputError, match=r"other\.rbsf is of another architecture: .*127x127"):
        load_embedder(file, engine=engine)


def test_a_damaged_packed_file_is_refused(tmp_path):
    data = bytearray(SHIPPED.read_bytes())
    data[len(data) // 2] ^= 4
    (tmp_path / "bad.rbsf").write_bytes(data)
    with pytest.raises(InputError, match=r"bad\.rbsf is damaged"):
        load_embedder(tmp_path / "bad.rbsf")


def test_without_kernels_torch_runs_it_with_one_remark(no_kernels, monkeypatch, caplog, crops):
    without_openvino(monkeypatch)
    with caplog.at_level(logging.WARNING):
        first, _ = load_embedder(), load_embedder()
    assert first.engine == "torch" and first(crops).shape == (2, 256, 6, 6)
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "C++ compiler" in caplog.text and "pip install" in caplog.text


def test_without_kernels_openvino_runs_it_where_it_is_installed(no_kernels, monkeypatch, caplog):
    stand_in = SimpleNamespace(OpenVinoEmbedder=lambda *given: given)
    monkeypatch.setitem(sys.modules, "rbsf.engine.openvino_u1", stand_in)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: name == "openvino")
    _, name, sha256, threads = load_embedder(threads=3)
    assert (name, threads) == (SHIPPED.stem, 3)
    assert sha256 == hashlib.sha256(SHIPPED.read_bytes()).hexdigest()
    assert "OpenVINO runs the network" in caplog.text


def test_without_kernels_packed_is_refused_with_the_remedy(no_kernels, file):
    told = r"kernels are missing.*C\+\+ compiler.*--engine auto"
    for weights in (None, file):
        with pytest.raises(InputError, match=told):
            load_embedder(weights, engine="packed")


def test_torch_was_asked_for_and_nothing_is_remarked(no_kernels, caplog):
    assert load_embedder(engine="torch").engine == "torch"
    assert not caplog.records
