"""Rivals compute what they claim, on the threads they are given; missing ones are named."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from rbsf.embedder import SHIPPED_RBSF, SHIPPED_TEACHER, load_embedder
from rbsf.engine.packed import kernel_paths
from tracker.benchmark import rivals
from tracker.benchmark.machine import describe_machine
from tracker.benchmark.rivals import RIVALS, Rival, RunEmbedder, Setup, contestants
from tracker.benchmark.timing import OURS

FLAGS = describe_machine()["flags"]
SATURATES = "avx2" in FLAGS and not any("vnni" in flag for flag in FLAGS)
"""Without VNNI, a sum of two 8-bit products has 16 bits on x86, and large ones are cut off."""

needs_kernels = pytest.mark.skipif(not kernel_paths(), reason="no kernels were compiled here")


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def crops():
    """The crops are smooth as pictures are: no 8-bit network suits the range of noise."""
    noise = np.random.default_rng(0).integers(0, 256, (2, 9, 9, 3), dtype=np.uint8)
    grown = torch.from_numpy(noise).permute(0, 3, 1, 2).float()
    grown = torch.nn.functional.interpolate(grown, (127, 127), mode="bilinear")
    return np.ascontiguousarray(grown.permute(0, 2, 3, 1).to(torch.uint8).numpy())


@pytest.fixture(scope="module")
def setup(crops):
    return Setup(1, [crops])


@pytest.fixture(scope="module")
def expected(crops):
    return load_embedder(SHIPPED_TEACHER)(crops)


def made(name, setup):
    for package in RIVALS[name].packages:
        pytest.importorskip(package)
    return RIVALS[name].make(setup)


@pytest.mark.parametrize("name", [name for name in RIVALS if name.endswith("fp32")])
def test_full_precision_rivals_give_the_teachers_features(name, setup, crops, expected):
    rival = made(name, setup)
    features = rival(crops)
    assert features.dtype == np.float32
    assert np.abs(features - expected).max() < 1e-4 * np.abs(expected).max()
    assert (rival.response_gain, rival.response_bias) == (pytest.approx(0.001), 0)


@pytest.mark.parametrize("name", [name for name in RIVALS if name.endswith("int8")])
def test_8_bit_rivals_are_near_but_not_equal(name, setup, crops, expected):
    off = made(name, setup)(crops) - expected
    error = np.sqrt(np.mean(off**2) / np.mean(expected**2))
    assert 1e-4 < error < (0.5 if SATURATES else 0.15)


@pytest.mark.parametrize("name", RIVALS)
def test_rivals_take_exemplars_and_searches(name, setup):
    rival = made(name, setup)
    shapes = [rival(np.zeros((n, s, s, 3), np.uint8)).shape for n, s in ((1, 127), (3, 255))]
    assert shapes == [(1, 256, 6, 6), (3, 256, 22, 22)]


@needs_kernels
def test_every_kernel_path_gives_the_same_bits(setup, crops, monkeypatch):
    monkeypatch.setattr(rivals, "RIVALS", {})
    found, left_out = contestants(setup)
    assert list(found) == [OURS, *(f"{OURS}-{path}" for path in kernel_paths())]
    assert left_out == []
    assert found[OURS].path == kernel_paths()[0]
    features = found[OURS](crops)
    for path in kernel_paths():
        assert found[f"{OURS}-{path}"].path == path
        assert np.array_equal(found[f"{OURS}-{path}"](crops), features)


def test_what_is_not_installed_is_left_out_and_named(setup, monkeypatch):
    def never(setup):
        raise AssertionError("it is not installed")

    there = RunEmbedder("there", "stub", lambda crops: crops, "", 1.0, 0.0)
    stubs = {
        "there": Rival((), lambda setup: there),
        "absent": Rival(("numpy", "no_such_package", "nor_this"), never),
    }
    monkeypatch.setattr(rivals, "RIVALS", stubs)
    monkeypatch.setattr(rivals, "kernel_paths", list)
    monkeypatch.setattr(rivals, "missing_kernels", lambda: "why")
    found, left_out = contestants(setup)
    assert found == {"there": there}
    assert left_out == [
        "packed is left out: why",
        "absent is left out: it needs pip install no_such_package nor_this",
    ]


def test_threads_reach_every_runtime(crops, monkeypatch):
    ov = pytest.importorskip("openvino")
    ort = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnx")
    asked = []
    session, compile_model = ort.InferenceSession, ov.Core.compile_model

    def watch_session(graph, options, **settings):
        asked.append((options.intra_op_num_threads, options.inter_op_num_threads))
        return session(graph, options, **settings)

    def watch_compile(core, model, device, settings):
        asked.append((settings["INFERENCE_NUM_THREADS"], settings["NUM_STREAMS"]))
        return compile_model(core, model, device, settings)

    monkeypatch.setattr(ort, "InferenceSession", watch_session)
    monkeypatch.setattr(ov.Core, "compile_model", watch_compile)
    before = torch.get_num_threads()
    try:
        setup = Setup(2, [crops])
        for name in ("onnxruntime-fp32", "openvino-fp32", "openvino-u1"):
            RIVALS[name].make(setup)(crops)
        assert setup.eager.engine == "torch" and torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
    assert set(asked) == {(2, 1)} and len(asked) == 4


@needs_kernels
def test_our_threads_are_set(crops):
    found = rivals._packed(Setup(2, [crops], SHIPPED_RBSF))
    assert found[OURS].network.threads == 2
