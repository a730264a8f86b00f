"""The export command, from its words to its files. ONNX is tested where it is installed."""

from __future__ import annotations

from importlib.util import find_spec

import cv2
import numpy as np
import pytest
import torch
from tool_runs import tool_runs

from rbsf.embedder import SHIPPED_RBSF
from rbsf.engine import onnx_export
from rbsf.engine.classifier_format import read_classifier
from rbsf.engine.format import read_packed
from rbsf.engine.pack import pack_file
from rbsf.engine.packed_head import head_bytes
from rbsf.errors import InputError
from rbsf.files.checkpoint import load_checkpoint, save_checkpoint
from rbsf.files.networks import load_network
from rbsf.nn import NetworkSettings, make_classifier, make_student
from tracker.benchmark.speed import scene_clip

LATENT = SHIPPED_RBSF.with_name("rbsf_box_latent.safetensors")
STUDENT = SHIPPED_RBSF.with_name("rbsf.safetensors")
TEACHER = SHIPPED_RBSF.with_name("siamfc.safetensors")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    with tool_runs(tmp_path_factory.mktemp("elsewhere")) as runs:
        yield runs


@pytest.fixture(scope="module")
def packed(run, tmp_path_factory):
    file = tmp_path_factory.mktemp("packed") / "mine.rbsf"
    ended = run("export", STUDENT, "--output", file)
    assert (ended.status, ended.out) == (0, "")
    assert ended.err == f"wrote {file}: {file.stat().st_size:,} bytes\n"
    return file


def test_a_checkpoint_is_packed(packed):
    network = read_packed(packed)
    assert [layer.outputs for layer in network.layers] == [96, 256, 384, 384, 256]
    assert network.metadata["kind"] == "student" and network.metadata["name"] == "rbsf"
    assert packed.stat().st_size <= 400_000
    assert [file.name for file in packed.parent.iterdir()] == ["mine.rbsf"]


@pytest.fixture(scope="module")
def packed_box(run, tmp_path_factory):
    """Its head learns its steps from two pairs, because rendering more takes long."""
    file = tmp_path_factory.mktemp("packed") / "box.rbsf"
    few = "import tracker.evaluation.calibration as c; c.calibration_pairs = lambda data: "
    ended = run("export", LATENT, "--output", file, first=few + "c.rendered_pairs(2)")
    assert (ended.status, ended.out) == (0, "")
    steps, wrote = ended.err.splitlines()
    assert steps == "the head learns its 8-bit steps from 2 pairs of crops"
    assert wrote == f"wrote {file}: {file.stat().st_size:,} bytes"
    return file


def test_a_box_network_is_packed_with_its_head(run, packed_box, tmp_path):
    network = read_packed(packed_box)
    assert [layer.outputs for layer in network.layers] == [64, 128, 256, 256, 256, 256]
    assert network.head is not None and network.head.channels == 96
    assert network.metadata["kind"] == "box" and network.metadata["name"] == "rbsf_box_latent"
    assert packed_box.stat().st_size <= 600_000
    shown = run("export", packed_box, "--inspect")
    size = len(head_bytes(network.head))
    assert f"box head of 96 channels in 8 bits, {size:,} bytes" in shown.out
    assert run("export", packed_box, "--unpack", tmp_path / "box.npz").status == 0
    arrays = np.load(tmp_path / "box.npz")
    weights = network.head.place.layers[2].weights
    assert np.array_equal(arrays["head_place_layers_2_weights"], weights)
    stored = sum(a.nbytes for name, a in arrays.items() if name.startswith("head_"))
    assert stored == size - 4 + 8  # not the number of channels; two numbers are doubles


@pytest.mark.parametrize("columns", [40, 80, 300])
def test_a_packed_file_is_shown_whole_however_narrow_the_terminal(run, packed, columns):
    narrow = f"import os; os.environ['COLUMNS'] = '{columns}'"
    ended = run("export", "--inspect", packed, first=narrow)
    assert (ended.status, ended.err) == (0, "")
    rows = [line for line in ended.out.splitlines() if "->" in line]
    assert len(rows) == 5
    assert "3 -> 96" in rows[0] and "11x11, stride 2" in rows[0] and "35,268" in rows[0]
    assert "96 -> 256 in 2 groups" in rows[1] and "307,200" in rows[1]
    assert "real" in rows[4]
    assert f"{packed.stat().st_size:,} bytes" in ended.out
    assert '"kind": "student"' in ended.out


def test_its_numbers_are_given_as_arrays(run, packed, tmp_path):
    ended = run("export", packed, "--unpack", tmp_path / "mine.npz")
    assert ended.status == 0, ended.err
    arrays, network = np.load(tmp_path / "mine.npz"), read_packed(packed)
    for number, layer in enumerate(network.layers, 1):
        for key in ("weights", "thresholds", "flips", "scale", "bias", "stride", "groups", "pool"):
            value, name = getattr(layer, key), f"conv{number}_{key}"
            assert (name in arrays) == (value is not None)
            assert value is None or np.array_equal(arrays[name], value)
    signs = load_network(STUDENT).backbone.conv3.weight.numpy()
    assert np.array_equal(arrays["conv3_weights"], signs)


def test_a_checkpoint_is_made_compact(run, tmp_path):
    """Its signs are kept as bits, and its features stay the same to the bit."""
    checkpoint, small = tmp_path / "run.safetensors", tmp_path / "small.safetensors"
    header = {"kind": "student", "config": load_checkpoint(STUDENT).header["config"], "step": 7}
    save_checkpoint(checkpoint, header, {"model": make_student().state_dict()})
    ended = run("export", checkpoint, "--compact", small)
    assert ended.status == 0, ended.err
    size = (small).stat().st_size
    assert ended.err == f"wrote {small}: {size:,} bytes\n"
    assert size < checkpoint.stat().st_size / 8
    assert load_checkpoint(small).header["step"] == 7
    crops = torch.randint(256, (1, 3, 127, 127)).float()
    with torch.no_grad():
        before, after = (load_network(file).embed(crops) for file in (checkpoint, small))
    assert torch.equal(before, after)


def test_a_comparison_has_a_share_for_each_layer(run, tmp_path):
    rng = np.random.default_rng(0)
    for name in ("a.png", "b.png"):
        coarse = rng.integers(0, 256, (12, 16, 3), dtype=np.uint8)
        cv2.imwrite(str(tmp_path / name), cv2.resize(coarse, (320, 240)))
    ended = run("export", STUDENT, "--compare", tmp_path)
    assert (ended.status, ended.err) == (0, "")
    title, *lines = ended.out.splitlines()
    assert "2 images" in title
    assert [line.split()[0] for line in lines] == ["conv1", "conv2", "conv3", "conv4"]
    assert all(0 <= float(line.split()[1].rstrip("%")) < 20 for line in lines)


def test_bad_input_is_one_line_and_status_2(run, packed, tmp_path):
    broken = tmp_path / "broken.rbsf"
    broken.write_bytes(packed.read_bytes()[:-1])
    (tmp_path / "empty").mkdir()
    for words, reason in [
        ([STUDENT], "nothing to do: give --output"),
        (["no.safetensors", "--inspect"], "no.safetensors: there is no such file"),
        (["no.rbsf", "--inspect"], "no.rbsf: there is no such file"),
        ([broken, "--inspect"], f"{broken} is truncated"),
        ([TEACHER, "--output", tmp_path / "a.rbsf"], "it is a full-precision network"),
        ([STUDENT, "--output", tmp_path / "a.bin"], "must end in .rbsf"),
        ([STUDENT, "--output", tmp_path / "no" / "a.rbsf"], "cannot write"),
        ([packed, "--onnx", tmp_path], "is packed: --output, --compact, --compare and --onnx take"),
        ([packed, "--unpack", tmp_path / "no" / "a.npz"], "cannot write"),
        ([packed, "--compact", tmp_path / "a.safetensors"], "is packed: --output, --compact"),
        ([broken, "--compact", tmp_path / "a.safetensors"], "is packed"),
        ([STUDENT, "--compare", tmp_path / "empty"], "no images in"),
    ]:
        ended = run("export", *words)
        assert (ended.status, ended.out) == (2, ""), words
        assert ended.err.count("\n") == 1 and reason in ended.err
    assert {file.name for file in tmp_path.iterdir()} == {"broken.rbsf", "empty"}


def test_a_missing_package_is_named(monkeypatch, tmp_path):
    monkeypatch.setattr(onnx_export, "find_spec", lambda name: None)
    with pytest.raises(InputError, match="needs onnx and onnxscript: pip install onnx onnxscript"):
        onnx_export.export_onnx(STUDENT, tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(
    not all(find_spec(name) for name in ("onnx", "onnxscript", "onnxruntime")),
    reason="onnx, onnxscript and onnxruntime are not installed",
)
def test_onnx_graphs_respond_as_torch_does(tmp_path):
    import onnxruntime

    error = onnx_export.export_onnx(STUDENT, tmp_path)
    assert error is not None and error < 0.05
    assert {f.name for f in tmp_path.iterdir()} == {"template.onnx", "search.onnx"}
    template, search = (
        onnxruntime.InferenceSession(tmp_path / f"{name}.onnx", providers=["CPUExecutionProvider"])
        for name in ("template", "search")
    )
    x = scene_clip(2).crops(1)[0][1:2].transpose(0, 3, 1, 2).astype(np.float32)  # at scale 1
    z = np.ascontiguousarray(x[:, :, 64:191, 64:191])  # the target, 127 pixels of it
    (exemplar,) = template.run(None, {"pixels": z})
    (response,) = search.run(None, {"pixels": x, "exemplar": exemplar})
    model = load_network(STUDENT)
    with torch.no_grad():
        expected = model.respond(*(model.embed(torch.from_numpy(t)) for t in (z, x))).numpy()
    assert response.shape == expected.shape == (1, 17, 17)
    assert np.sqrt(np.mean((response - expected) ** 2)) < 0.05 * expected.std()


def test_packing_is_deterministic(packed):
    ours, theirs = pack_file(STUDENT), read_packed(packed)
    for a, b in zip(ours.layers, theirs.layers, strict=True):
        assert np.array_equal(a.weights, b.weights)


def test_a_classifier_is_packed_and_shown(run, tmp_path):
    config = {"network": {"architecture": "wrn22", "classes": 5}, "weights": "rbcn"}
    config |= {"activations": "approx", "c_shape": "kernel"}
    network = make_classifier(NetworkSettings(**config["network"]), "rbcn").eval()
    source, packed = tmp_path / "wrn.safetensors", tmp_path / "wrn.rbsf"
    header = {"kind": "binary_classifier", "config": config, "seed": 1, "step": 2}
    save_checkpoint(source, header, {"model": network.state_dict()})
    ended = run("export", source, "--output", packed)
    assert (ended.status, ended.out) == (0, ""), ended.err
    assert ended.err == f"wrote {packed}: {packed.stat().st_size:,} bytes\n"
    assert read_classifier(packed).metadata["name"] == "wrn"
    ended = run("export", packed, "--inspect")
    assert ended.status == 0 and "16 -> 32" in ended.out and "own, strided" in ended.out
    ended = run("export", packed, "--unpack", tmp_path / "a.npz")
    assert ended.status == 2
    assert (
        ended.err.strip()
        == f"error: {packed} is a classifier: it takes --output and --inspect alone"
    )
    ended = run("track", "--weights", packed, "clip.mp4")
    assert ended.status == 2 and len(ended.err.splitlines()) == 1
    with pytest.raises(InputError, match="holds a classifier, not a tracker's network"):
        read_packed(packed)
