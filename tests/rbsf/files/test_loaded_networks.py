"""Loading networks: from siamfc-pytorch's state dict, from checkpoints and from shipped files."""

import pickle

import numpy as np
import pytest
import torch
from reference_file import reference_state

from rbsf import InputError, load_embedder
from rbsf.engine.pack import pack_file
from rbsf.files import networks
from rbsf.files.checkpoint import load_checkpoint, save_checkpoint
from rbsf.files.networks import load_network, save_compact
from rbsf.files.shipped import freeze
from rbsf.nn import BinaryAlexNetV1, SiamFC, make_student
from rbsf.train import student
from rbsf.train.settings import StudentSettings, TeacherSettings
from rbsf.train.student import load_teacher


def stirred(model):
    """Gives a network batch norms that are not at their initial values."""
    torch.manual_seed(1)
    for norm in model.modules():
        if isinstance(norm, torch.nn.BatchNorm2d):
            norm.weight.data.uniform_(0.5, 2)
            norm.bias.data.normal_(0, 0.3)
            norm.running_mean.normal_(0, 0.5)
            norm.running_var.uniform_(0.5, 2)
    return model.eval()


def save(model, file, settings=None):
    kind = "student" if isinstance(model.backbone, BinaryAlexNetV1) else "teacher"
    settings = settings or (StudentSettings() if kind == "student" else TeacherSettings())
    header = {"kind": kind, "config": settings.model_dump(mode="json"), "metrics": {"ao": 0.4}}
    save_checkpoint(file, header, {"model": model.state_dict()})
    return file


@pytest.fixture(scope="module")
def crop():
    return np.random.default_rng(0).integers(0, 256, (2, 127, 127, 3), dtype=np.uint8)


def pixels(crop):
    return torch.from_numpy(crop).permute(0, 3, 1, 2).float()


@pytest.fixture(scope="module")
def teacher_file(tmp_path_factory):
    return save(stirred(SiamFC()), tmp_path_factory.mktemp("teacher") / "siamfc.safetensors")


@pytest.fixture(scope="module")
def student_file(tmp_path_factory):
    model = stirred(make_student())
    model.log_gain.data.fill_(-5.0)
    model.bias.data.fill_(-1.5)
    return save(model, tmp_path_factory.mktemp("student") / "rbsf.safetensors")


def test_the_references_file_loads_as_it_is(tmp_path, crop):
    state = reference_state()
    torch.save(state, tmp_path / "siamfc_alexnet_e50.pth")
    model = load_network(tmp_path / "siamfc_alexnet_e50.pth")
    assert not model.training
    assert all(torch.equal(model.state_dict()[name], tensor) for name, tensor in state.items())
    embedder = load_embedder(tmp_path / "siamfc_alexnet_e50.pth")
    assert embedder.name == "siamfc_alexnet_e50"
    assert embedder.response_gain == pytest.approx(0.001) and embedder.response_bias == 0
    expected = model.embed(pixels(crop)).numpy()
    assert embedder(crop) == pytest.approx(expected, rel=1e-3, abs=1e-2)


class Evil:
    """Runs code when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


@pytest.mark.parametrize("how", ["torch", "pickle"])
def test_code_in_a_file_is_never_run(tmp_path, how):
    file, trace = tmp_path / "evil.pth", tmp_path / "trace"
    state = {**reference_state(), "x": Evil(trace)}
    if how == "torch":
        torch.save(state, file)
    else:
        file.write_bytes(pickle.dumps(state, protocol=2))
    with pytest.raises(InputError, match=r"evil\.pth is not a state dict"):
        load_network(file)
    assert not trace.exists()


@pytest.mark.parametrize("data", [b"", b"no weights", b"PK\x03\x04 half a zip", b"\x80\x02}q\x00."])
def test_a_pth_that_is_not_a_state_dict(tmp_path, data):
    file = tmp_path / "x.pth"
    file.write_bytes(data)
    with pytest.raises(InputError, match=r"x\.pth"):
        load_network(file)


@pytest.mark.parametrize(
    ("thing", "reason"),
    [
        ([1, 2], "not a state dict but a list"),
        ({"backbone": torch.ones(1)}, "of another architecture"),
        ({"state_dict": {}}, "not a state dict"),
        (dict.fromkeys(reference_state(), 3), "not a state dict"),
    ],
)
def test_a_pth_of_something_else(tmp_path, thing, reason):
    torch.save(thing, tmp_path / "x.pth")
    with pytest.raises(InputError, match=rf"x\.pth is {reason}"):
        load_network(tmp_path / "x.pth")


def test_a_missing_pth_is_named(tmp_path):
    with pytest.raises(InputError, match=r"cannot read .*no\.pth"):
        load_network(tmp_path / "no.pth")


@pytest.mark.parametrize("header", [{}, {"kind": "rival"}, {"kind": "student", "config": {}}])
def test_a_header_without_a_network_is_refused(tmp_path, header):
    save_checkpoint(tmp_path / "x.safetensors", header, {"model": {}})
    with pytest.raises(InputError, match=r"x\.safetensors"):
        load_network(tmp_path / "x.safetensors")


def test_another_architecture_is_refused(tmp_path):
    file = tmp_path / "x.safetensors"
    header = {"kind": "teacher", "config": {}}
    save_checkpoint(file, header, {"model": make_student().state_dict()})
    with pytest.raises(InputError, match=r"x\.safetensors is of another architecture"):
        load_network(file)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"c_shape": "channel"},
        {"c_shape": "layer"},
        {"weights": "xnor", "activations": "clipped"},
        {"weights": "cbcn", "activations": "react"},
    ],
)
def test_a_shipped_student_is_small_and_computes_the_same_bits(tmp_path, crop, changes):
    settings = StudentSettings(**changes)
    model = stirred(make_student(settings.weights, settings.activations, settings.c_shape))
    file = save(model, tmp_path / "big.safetensors", settings)
    save_compact(file, tmp_path / "small.safetensors")
    assert (tmp_path / "small.safetensors").stat().st_size < 500_000
    small = load_network(tmp_path / "small.safetensors")
    with torch.no_grad():
        assert torch.equal(small.embed(pixels(crop)), load_network(file).embed(pixels(crop)))


@pytest.mark.parametrize("weights", ["xnor_pp", "recu", "rbcn"])
def test_a_shipped_student_packs_although_its_scale_was_learned(tmp_path, weights):
    settings = StudentSettings(weights=weights)
    file = save(stirred(make_student(weights)), tmp_path / "big.safetensors", settings)
    save_compact(file, tmp_path / "small.safetensors")
    small, big = pack_file(tmp_path / "small.safetensors"), pack_file(file)
    for ours, theirs in zip(small.layers, big.layers, strict=True):
        assert np.array_equal(ours.weights, theirs.weights)


@pytest.mark.parametrize("weights", ["mcn", "cibcnn"])
def test_a_student_that_does_not_pack_is_not_shipped_but_embeds(tmp_path, crop, weights):
    settings = StudentSettings(weights=weights)
    model = stirred(make_student(settings.weights))
    file = save(model, tmp_path / "big.safetensors", settings)
    with pytest.raises(InputError, match=r"conv2 has .*, which does not pack"):
        save_compact(file, tmp_path / "small.safetensors")
    with torch.no_grad():
        expected = model.eval().embed(pixels(crop))
        assert torch.equal(freeze(load_network(file)).embed(pixels(crop)), expected)


def test_a_shipped_student_keeps_its_response_and_header(tmp_path, student_file):
    small = tmp_path / "small.safetensors"
    save_compact(student_file, small)
    embedder = load_embedder(small)
    assert embedder.response_gain == pytest.approx(np.exp(-5))
    assert embedder.response_bias == pytest.approx(-1.5)
    header = load_checkpoint(small).header
    assert header["compact"] and header["metrics"] == {"ao": 0.4}


def test_a_shipped_teacher_is_small_and_close(tmp_path, teacher_file, crop):
    small = tmp_path / "small.safetensors"
    save_compact(teacher_file, small)
    assert small.stat().st_size < 5_000_000
    with torch.no_grad():
        exact, close = (load_network(f).embed(pixels(crop)) for f in (teacher_file, small))
    assert not torch.equal(close, exact)
    assert (close - exact).abs().mean() < 0.01 * exact.abs().mean()


def test_a_damaged_shipped_file_is_refused(tmp_path, student_file):
    save_compact(student_file, tmp_path / "small.safetensors")
    header, tensors = load_checkpoint(tmp_path / "small.safetensors")
    bits = "model/backbone.conv3.weight_bits"
    for change in ({bits: tensors[bits][:-1]}, {bits: None}):
        kept = {
            k.removeprefix("model/"): t for k, t in {**tensors, **change}.items() if t is not None
        }
        save_checkpoint(tmp_path / "broken.safetensors", header, {"model": kept})
        with pytest.raises(InputError, match=r"broken\.safetensors is of another architecture"):
            load_network(tmp_path / "broken.safetensors")  # fmt: skip


@pytest.mark.parametrize("load", [lambda: load_teacher(StudentSettings()),
                                  lambda: load_network(networks.SHIPPED_TEACHER)])  # fmt: skip
def test_a_teacher_that_a_wheel_leaves_out_is_one_line_with_the_remedy(tmp_path, monkeypatch, load):
    missing = tmp_path / "weights" / "siamfc.safetensors"
    for module in (networks, student):
        monkeypatch.setattr(module, "SHIPPED_TEACHER", missing)
    with pytest.raises(InputError) as error:
        load()
    message = str(error.value)
    assert message.startswith(f"the teacher {missing} is not there") and "\n" not in message
    assert "a clone of the repository" in message and "a teacher of your own" in message


def test_only_a_full_precision_network_is_a_teacher(tmp_path, student_file, teacher_file):
    with pytest.raises(InputError, match=r"rbsf\.safetensors is a binary network"):
        load_teacher(StudentSettings(teacher=str(student_file)))
    small = tmp_path / "small.safetensors"
    save_compact(teacher_file, small)
    assert not load_teacher(StudentSettings(teacher=str(small))).training
