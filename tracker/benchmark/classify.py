"""Times a ResNet-18: 1 bit wide on the packed engine, and in full precision on other runtimes.

All of them classify one picture of 224 x 224 pixels. Their weights are random, which changes no
time. The rivals are those of `tracker.benchmark.rivals`, made in the same way. The layers of the
packed network are timed beside their multiplications, so that the ratio of the paper's FLOPs can be
compared with that of the clock.
"""

from __future__ import annotations

import io
import statistics
import warnings
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from rbsf.account import Account, LayerCost, account_classifier
from rbsf.engine.classifier_format import PackedClassifier
from rbsf.engine.installation import missing_kernels
from rbsf.engine.pack_classifier import pack_classifier
from rbsf.engine.packed import kernel_paths, open_classifier
from rbsf.nn import NetworkSettings, ResidualNet, make_classifier

from .machine import describe_machine
from .rivals import quantise
from .timing import OURS, Contestant, interleave, rows_of

Images = NDArray[np.uint8]
Run = Callable[[], object]

CLASSES = 1000
CALIBRATION = 4
"""The number of pictures from which the 8-bit rivals learn their ranges."""


class _Logits(nn.Module):
    """A classifier that gives its logits alone, which is what other runtimes can be given."""

    def __init__(self, network: ResidualNet) -> None:
        super().__init__()
        self.network = network

    def forward(self, pixels: Tensor) -> Tensor:
        logits: Tensor = self.network(pixels).logits
        return logits


def measure_classifier(
    side: int, threads: int, rounds: int, note: Callable[[str], object]
) -> dict[str, Any]:
    """Measures everything.

    Args:
        side: The rows and columns of a picture, in pixels.
        threads: The number of threads of everything that is timed. The caller has already limited
            this process to it.
        rounds: The number of turns that every contestant takes.
        note: A function that is called with a line about what is measured next.

    Returns:
        What `rbsf benchmark classify --json` writes, except for the command.
    """
    torch.manual_seed(0)
    settings = NetworkSettings(stem="large", downsample="pooled", classes=CLASSES)
    real, binary = make_classifier(settings).eval(), make_classifier(settings, "rbcn").eval()
    images = np.random.default_rng(0).integers(0, 256, (1, side, side, 3), dtype=np.uint8)
    note("getting the contestants ready")
    runs, left_out = _rivals(real, images, threads)
    packed = pack_classifier(binary, {})
    if kernel_paths():
        engine = open_classifier(packed, threads)
        runs = {OURS: partial(engine.classify, images), **runs}
    else:
        left_out.append(f"{OURS} is left out: {missing_kernels()}")
    note("timing the networks")
    taken = interleave({name: Contestant(run) for name, run in runs.items()}, rounds)
    figures: dict[str, Any] = {
        "threads": threads,
        "repeats": rounds,
        "frame": [side, side],
        "machine": describe_machine(),
        "rows": rows_of(taken, "ResNet-18"),
        "left_out": left_out,
    }
    if kernel_paths():
        note("timing the layers")
        found = account_classifier(binary, side)
        figures["flops_ratio"] = account_classifier(real, side).flops / found.flops
        figures["layers"] = _layers(engine, packed, images, found, rounds)
    return figures


def _layers(
    engine: Any, packed: PackedClassifier, images: Images, found: Account, rounds: int
) -> list[dict[str, Any]]:
    """Each layer's median milliseconds, billions of multiplications and share of the FLOPs."""
    taken = [engine.profile(images) for _ in range(rounds + 1)][1:]
    costs = {layer.name: layer for layer in found.layers}
    convs = [layer for layer in found.layers if layer.kind == "binary"]
    shortcuts = iter(layer for name, layer in costs.items() if "downsample" in name and layer.macs)

    def row(name: str, kind: str, seconds: list[float], cost: LayerCost) -> dict[str, Any]:
        ms, share = statistics.median(seconds) * 1e3, cost.flops / found.flops
        return {
            "name": name,
            "kind": kind,
            "ms_median": ms,
            "gmac": cost.macs / 1e9,
            "flops": share,
        }

    rows = [row("stem", "8-bit", [t[0] for t in taken], costs["conv1"])]
    for index, (unit, conv) in enumerate(zip(packed.units, convs, strict=True)):
        signs, around, sums = ([t[1][index][part] for t in taken] for part in range(3))
        if unit.shortcut is None:  # it is copied, which belongs to the layer that adds to it
            signs = [a + b for a, b in zip(signs, around, strict=True)]
        own = [a + b for a, b in zip(signs, sums, strict=True)]
        rows.append(row(conv.name, "binary", own, conv))
        if unit.shortcut is not None:
            rows.append(row(f"{conv.name} around", "real", around, next(shortcuts)))
    rows.append(row("fc", "real", [t[2] for t in taken], costs["fc"]))
    return rows


def _rivals(real: ResidualNet, images: Images, threads: int) -> tuple[dict[str, Run], list[str]]:
    """The full-precision network on every runtime that is installed, and lines about the others."""
    model = _Logits(real).eval()
    runs: dict[str, Run] = {
        "torch-eager-fp32": partial(_torch, _channels_last(model), images),
        "torch-frozen-fp32": partial(_torch, _frozen(model, images), images),
    }
    left_out = []
    graphs: dict[str, bytes] = {}
    for runtime, start in (("onnxruntime", _onnxruntime), ("openvino", _openvino)):
        needed = [p for p in (runtime, "onnxruntime", "onnx") if find_spec(p) is None]
        if needed:
            left_out.append(f"{runtime} is left out: it needs pip install {' '.join(needed)}")
            continue
        graphs = graphs or _graphs(model, images)
        for kind, graph in graphs.items():
            runs[f"{runtime}-{kind}"] = start(graph, images, threads)
    return runs, left_out


def _channels_last(model: nn.Module) -> nn.Module:
    return model.to(memory_format=torch.channels_last)


def _frozen(model: nn.Module, images: Images) -> nn.Module:
    with warnings.catch_warnings(), torch.inference_mode():
        warnings.simplefilter("ignore")  # TorchScript is deprecated, but it needs no compiler
        traced = torch.jit.trace(model, _pixels(images))  # type: ignore[no-untyped-call]
        frozen: nn.Module = torch.jit.optimize_for_inference(torch.jit.freeze(traced))
    return frozen


def _pixels(images: Images) -> Tensor:
    """Pictures (N, H, W, 3) as torch takes them: (N, 3, H, W), which is channels_last as it is."""
    return torch.from_numpy(images).permute(0, 3, 1, 2).float()


@torch.inference_mode()
def _torch(model: nn.Module, images: Images) -> Tensor:
    logits: Tensor = model(_pixels(images))
    return logits


def _graphs(model: nn.Module, images: Images) -> dict[str, bytes]:
    """The ONNX graph, in full precision and in 8 bits. It takes float pixels (1, 3, H, W)."""
    written = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter without a compiler is deprecated
        torch.onnx.export(
            model,
            (_pixels(images),),
            written,  # type: ignore[arg-type]
            input_names=["pixels"],
            output_names=["logits"],
            opset_version=17,
            dynamo=False,
        )
    rng = np.random.default_rng(1)
    shape = tuple(_pixels(images).shape)
    calibration = [rng.uniform(0, 255, shape).astype(np.float32) for _ in range(CALIBRATION)]
    graph = written.getvalue()
    return {"fp32": graph, "int8": quantise(graph, calibration, "pixels")}


def _onnxruntime(graph: bytes, images: Images, threads: int) -> Run:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    pixels = _pixels(images).contiguous().numpy()
    return lambda: session.run(None, {"pixels": pixels})[0]


def _openvino(graph: bytes, images: Images, threads: int) -> Run:
    import openvino as ov

    from rbsf.engine.openvino_u1 import latency_settings

    core = ov.Core()
    compiled = core.compile_model(core.read_model(graph), "CPU", latency_settings(threads))
    pixels = _pixels(images).contiguous().numpy()
    return lambda: compiled(pixels, share_inputs=True)[0]
