"""load_embedder: what it gives for crops, and what it says when it cannot."""

import copy
import hashlib
import importlib.util
import logging
import multiprocessing
import pickle
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from rbsf import InputError, embedder, load_embedder, load_siamfc
from rbsf.embedder import SHIPPED, SHIPPED_RBSF, engine_in_words
from rbsf.engine import packed
from rbsf.engine.format import read_packed, write_packed
from rbsf.engine.integer import IntegerEmbedder
from rbsf.engine.packed import PackedEmbedder, kernel_paths
from rbsf.engine.torch_embedder import TorchEmbedder
from rbsf.files.checkpoint import save_checkpoint
from rbsf.nn import SLIM_LAYERS, BinaryAlexNetV1, SiamFC, make_student
from rbsf.nn.box_head import BoxNet

ROOT = Path(__file__).parents[2]

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
    with pytest.raises(InputError, match=r"is a folder: give a file in it") as error:
        load_embedder(tmp_path)
    assert "--" not in str(error.value)  # a library has arguments, not flags


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ({"threads": 0}, "threads must be 1 or more, or None, not 0"),
        ({"threads": "2"}, "threads must be 1 or more, or None, not '2'"),
        ({"threads": 1.5}, "threads must be 1 or more"),
        ({"engine": "gpu"}, "engine must be one of auto, packed, torch, not 'gpu'"),
        ({"engine": None}, "engine must be one of auto, packed, torch"),
        ({"weights": 7}, "weights must be a path or None, not int"),
        ({"weights": b"rbsf.rbsf"}, "weights must be a path or None, not bytes"),
    ],
)
def test_arguments_of_a_wrong_type_or_range_are_refused(arguments, why):
    with pytest.raises(InputError, match=why):
        load_embedder(**arguments)


@pytest.mark.parametrize("engine", ["auto", "torch"])
@pytest.mark.parametrize(
    "crops",
    [
        None,
        np.zeros((1, 127, 127, 3)),
        np.zeros((127, 127, 3), np.uint8),
        np.zeros((1, 127, 120, 3), np.uint8),
        np.zeros((1, 3, 127, 127), np.uint8),
    ],
)
def test_what_are_no_crops_is_refused(engine, crops):
    with pytest.raises(InputError, match="crops are a uint8 array of RGB squares"):
        load_siamfc(engine=engine)(crops)


@needs_kernels
def test_a_full_precision_network_is_not_packed(file):
    with pytest.raises(InputError, match=r"mine\.safetensors cannot be packed: .*full-precision"):
        load_embedder(file, engine="packed")


# without torch

NO_TORCH = """
import sys
import rbsf
sys.modules["torch"] = None  # importing it fails, as if it were not installed
if {no_kernels}:
    from rbsf.engine import packed
    packed._kernels = sys.modules["openvino"] = None
    sys.modules["importlib.util"].find_spec = lambda name: None
try:
    rbsf.load_embedder({arguments})
except rbsf.InputError as error:
    print(error)
"""


def line_without_torch(arguments: str, *, no_kernels: bool = False) -> str:
    """What load_embedder says in a process that has no torch, and no kernels if so asked."""
    code = NO_TORCH.format(arguments=arguments, no_kernels=no_kernels)
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    (line,) = done.stdout.splitlines()
    return line


def test_a_checkpoint_without_torch_names_the_extra(file):
    line = line_without_torch(repr(str(file)))
    assert line.startswith(f"{file} needs torch") and "pip install 'rbsf[train]'" in line


@needs_kernels
def test_packing_a_checkpoint_without_torch_names_the_extra(file):
    line = line_without_torch(f"{str(file)!r}, engine='packed'")
    assert line.startswith(f"{file} needs torch") and "pip install 'rbsf[train]'" in line


def test_engine_torch_without_torch_names_the_extra():
    line = line_without_torch("engine='torch'")
    assert line.startswith("engine torch needs torch") and "pip install 'rbsf[train]'" in line


def test_where_nothing_can_run_the_network_both_remedies_are_named():
    line = line_without_torch("", no_kernels=True)
    assert "holds no compiled kernels" in line and "pip install 'rbsf[train]'" in line


# pickling


def in_another_process(embedder, crops):
    """The features that a copy of the embedder gives in a process that was spawned."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(embedder, crops).result()


@needs_kernels
@pytest.mark.parametrize("engine", ["packed", "torch"])
def test_an_embedder_works_in_a_spawned_process(engine, crops):
    embedder = load_siamfc(engine=engine)
    assert np.array_equal(in_another_process(embedder, crops), embedder(crops))


@needs_kernels
def test_a_pickled_embedder_keeps_its_engine_and_threads():
    stored = pickle.dumps(load_embedder(SHIPPED_RBSF, engine="packed", threads=3))
    assert len(stored) < 1000  # the path, not the weights
    again = pickle.loads(stored)
    assert again.network.threads == 3
    assert again.origin[1][:3] == ("rbsf", "packed", 3)


def test_a_float_network_is_pickled_by_its_file(file, crops, monkeypatch):
    monkeypatch.chdir(file.parent)
    embedder = load_embedder(file.name)
    stored = pickle.dumps(embedder)
    monkeypatch.chdir("/")
    again = pickle.loads(stored)
    assert (again.name, again.engine) == ("mine", "torch")
    assert np.array_equal(again(crops), embedder(crops))


def test_the_shipped_network_is_found_wherever_the_package_lies():
    assert b"rbsf.rbsf" not in pickle.dumps(load_siamfc())


def test_a_siamfc_is_not_a_network_with_a_box_head():
    with pytest.raises(InputError, match="rbsf_box has a box head, but a SiamFC is needed here"):
        load_siamfc("rbsf_box")


def test_a_file_that_has_changed_since_is_refused(file, tmp_path):
    copy_of = tmp_path / "mine.safetensors"
    copy_of.write_bytes(file.read_bytes())
    stored = pickle.dumps(load_embedder(copy_of))
    state = {"model": SiamFC().state_dict()}
    save_checkpoint(copy_of, {"kind": "teacher", "config": {}}, state)
    with pytest.raises(InputError, match=r"mine\.safetensors is not the file from which"):
        pickle.loads(stored)
    copy_of.unlink()
    with pytest.raises(InputError, match="no weights at"):
        pickle.loads(stored)


@pytest.mark.parametrize("kind", [PackedEmbedder, IntegerEmbedder])
def test_a_network_in_memory_says_what_to_do_instead(kind):
    if kind is PackedEmbedder and not kernel_paths():
        pytest.skip("no kernels were compiled here")
    for made in (kind(read_packed(SHIPPED_RBSF), "made"), TorchEmbedder(SiamFC(), "made")):
        with pytest.raises(InputError, match=r"'made' was made .* in memory .*load_embedder"):
            pickle.dumps(made)


def test_a_copy_shares_the_network():
    embedder = load_siamfc()
    assert copy.deepcopy([embedder])[0] is copy.copy(embedder) is embedder


def test_threads_are_set(file):
    before = torch.get_num_threads()
    try:
        load_embedder(file, threads=1)
        assert torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(before)


# networks with a box head


def looked(network, crops):
    """All numbers of an answer in one row."""
    exemplar = network.exemplar(network.exemplar_feature(crops["exemplar"]))
    answer = network.search(exemplar, crops["search"], (60.0, 45.0))
    return np.concatenate([np.ravel(part) for part in answer])


@pytest.fixture
def pair():
    draw = np.random.default_rng(0)
    return {
        name: draw.integers(0, 256, (1, side, side, 3), dtype=np.uint8)
        for name, side in (("exemplar", 127), ("search", 255))
    }


@needs_kernels
def test_by_default_the_network_has_a_box_head(pair):
    network = load_embedder()
    assert (network.name, network.engine) == ("rbsf_box", "packed")
    assert network.path == kernel_paths()[0]
    assert network.weights_sha256 == hashlib.sha256(SHIPPED.read_bytes()).hexdigest()
    assert looked(network, pair).shape == (7 * 17 * 17,)
    assert np.array_equal(looked(load_embedder("rbsf_box"), pair), looked(network, pair))


@needs_kernels
def test_torch_and_kernels_give_the_same_answers(pair):
    on_torch = load_embedder(engine="torch")
    assert (on_torch.engine, on_torch.path) == ("torch", "")
    assert np.array_equal(looked(on_torch, pair), looked(load_embedder(), pair))


def test_a_network_with_boxes_is_pickled_by_its_name(pair):
    stored = pickle.dumps(load_embedder(threads=1))
    assert len(stored) < 1000
    assert np.array_equal(looked(pickle.loads(stored), pair), looked(load_embedder(), pair))


def test_the_papers_network_has_its_name():
    assert load_embedder("rbsf").weights_sha256 == load_siamfc().weights_sha256
    assert load_embedder("rbsf").name == "rbsf"


def test_a_file_goes_before_a_name(file, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rbsf").write_bytes(b"mine")
    with pytest.raises(InputError):  # it is tried as a checkpoint
        load_embedder("rbsf")


def test_a_checkpoint_with_a_box_head_runs_on_torch_alone(tmp_path, pair):
    path, model = tmp_path / "box.safetensors", BoxNet(BinaryAlexNetV1(layers=SLIM_LAYERS))
    config = {"backbone": "slim", "activations": "approx"}
    save_checkpoint(path, {"kind": "box", "config": config}, {"model": model.state_dict()})
    network = load_embedder(path)
    assert (network.name, network.engine) == ("box", "torch")
    assert looked(network, pair).shape == (7 * 17 * 17,)
    with pytest.raises(InputError, match="pack it with rbsf export"):
        load_embedder(path, engine="packed")


# packed files


@pytest.fixture
def crops():
    return np.random.default_rng(0).integers(0, 256, (2, 127, 127, 3), dtype=np.uint8)


@pytest.fixture
def no_kernels(monkeypatch):
    """As on a machine without a compiler; no warning has been given yet."""
    monkeypatch.setattr(packed, "_kernels", None)
    embedder._warn_of_missing_kernels.cache_clear()
    yield
    embedder._warn_of_missing_kernels.cache_clear()


def without_openvino(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)


@needs_kernels
def test_the_shipped_network_is_packed_and_says_what_runs_it():
    shipped = load_siamfc()
    assert (shipped.name, shipped.engine) == (SHIPPED_RBSF.stem, "packed")
    assert shipped.path == kernel_paths()[0]
    assert shipped.weights_sha256 == hashlib.sha256(SHIPPED_RBSF.read_bytes()).hexdigest()
    assert engine_in_words(shipped.engine, shipped.path) == f"packed ({shipped.path})"
    network = read_packed(SHIPPED_RBSF)
    assert shipped.response_gain == pytest.approx(network.response_gain)
    assert shipped.response_bias == pytest.approx(network.response_bias)


@needs_kernels
def test_torch_and_kernels_give_the_same_features_of_a_packed_file(crops):
    on_torch = load_siamfc(engine="torch")
    assert (on_torch.engine, on_torch.path) == ("torch", "")
    assert np.array_equal(on_torch(crops), load_siamfc()(crops))


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
    network = read_packed(SHIPPED_RBSF)
    layers = list(network.layers)
    layers[1] = replace(layers[1], pool=False)
    file = tmp_path / "other.rbsf"
    write_packed(file, replace(network, layers=tuple(layers)))
    with pytest.raises(InputError, match=r"other\.rbsf is of another architecture: .*127x127"):
        load_embedder(file, engine=engine)


def test_a_damaged_packed_file_is_refused(tmp_path):
    data = bytearray(SHIPPED_RBSF.read_bytes())
    data[len(data) // 2] ^= 4
    (tmp_path / "bad.rbsf").write_bytes(data)
    with pytest.raises(InputError, match=r"bad\.rbsf is damaged"):
        load_embedder(tmp_path / "bad.rbsf")


def test_without_kernels_torch_runs_it_with_one_remark(no_kernels, monkeypatch, caplog, crops):
    without_openvino(monkeypatch)
    with caplog.at_level(logging.WARNING):
        first, _ = load_siamfc(), load_siamfc()
    assert first.engine == "torch" and first(crops).shape == (2, 256, 6, 6)
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "holds no compiled kernels" in caplog.text and "pip install" in caplog.text


def test_without_kernels_openvino_runs_it_where_it_is_installed(no_kernels, monkeypatch, caplog):
    made = []
    stand_in = SimpleNamespace(
        OpenVinoEmbedder=lambda *given: (
            made.append(given) or SimpleNamespace(weights_sha256=given[2])
        )
    )
    monkeypatch.setitem(sys.modules, "rbsf.engine.openvino_u1", stand_in)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: name == "openvino")
    load_siamfc(threads=3)
    ((_, name, sha256, threads),) = made
    assert (name, threads) == (SHIPPED_RBSF.stem, 3)
    assert sha256 == hashlib.sha256(SHIPPED_RBSF.read_bytes()).hexdigest()
    assert "OpenVINO runs the network" in caplog.text


def test_without_kernels_packed_is_refused_with_the_remedy(no_kernels, file):
    reason = r"holds no compiled kernels.*pip install.*or choose engine auto"
    for weights in (None, file):
        with pytest.raises(InputError, match=reason):
            load_embedder(weights, engine="packed")


def test_torch_was_asked_for_and_nothing_is_remarked(no_kernels, caplog):
    assert load_siamfc(engine="torch").engine == "torch"
    assert not caplog.records
