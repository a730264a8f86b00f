"""The packed engine and its rivals, all as embedders: they turn uint8 crops into features.

The rivals run the full-precision SiamFC, each as its makers advise for one batch at a time:

- `torch-eager-fp32` runs `rbsf.nn` as it is, in channels_last, which is faster than contiguous.
- `torch-frozen-fp32` is traced, frozen, optimised for inference, and in channels_last.
- `onnxruntime-fp32` and `openvino-fp32` run the graph of `tracker.benchmark.graph`. OpenVINO is
  held to float32; otherwise it would use bfloat16 where the processor has it.
- `onnxruntime-int8` and `openvino-int8` run the same graph, quantised here by ONNX Runtime: 8-bit
  weights per channel and symmetric 8-bit activations. In OpenVINO it is as fast as NNCF's graph.
- `openvino-u1` runs our network, not the full-precision one, with the same bits
  (`rbsf.engine.openvino_u1`).

`packed-<path>` is our engine on one of its kernel paths, and `packed` is the fastest of them.
"""

from __future__ import annotations

import logging
import tempfile
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from rbsf.embedder import SHIPPED_RBSF, SHIPPED_TEACHER, Embedder
from rbsf.engine.format import read_packed, to_bytes
from rbsf.engine.installation import missing_kernels
from rbsf.engine.packed import PackedEmbedder, kernel_paths, require_kernels
from rbsf.engine.torch_embedder import TorchEmbedder
from rbsf.files.hashing import file_sha256

from .timing import OURS

Crops = NDArray[np.uint8]
Run = Callable[[Crops], NDArray[np.float32]]


@dataclass
class RunEmbedder:
    """Makes a function from crops to features an Embedder (see `rbsf.embedder.Embedder`)."""

    name: str
    engine: str
    run: Run
    weights_sha256: str
    response_gain: float
    response_bias: float
    path: str = ""

    def __call__(self, crops: Crops) -> NDArray[np.float32]:
        return self.run(crops)


class Setup:
    """What the contestants are made from.

    Args:
        threads: The number of threads that each of them may use.
        calibration: Crops (N, S, S, 3) from which the 8-bit rivals learn their ranges.
        weights: The packed file.
        teacher: The weights of the full-precision network.
    """

    def __init__(
        self,
        threads: int,
        calibration: list[Crops],
        weights: Path = SHIPPED_RBSF,
        teacher: Path = SHIPPED_TEACHER,
    ) -> None:
        self.threads, self.calibration = threads, calibration
        self.weights, self.teacher = weights, teacher

    @cached_property
    def eager(self) -> TorchEmbedder:
        """The full-precision network on PyTorch."""
        return TorchEmbedder.from_file(self.teacher, self.threads)

    @cached_property
    def graph(self) -> bytes:
        """The full-precision network as ONNX."""
        from rbsf.files.networks import load_network

        from .graph import to_onnx

        return to_onnx(load_network(self.teacher))

    @cached_property
    def quantised(self) -> bytes:
        """The graph in 8 bits."""
        return quantise(self.graph, self.calibration, "crops")

    def float_embedder(self, name: str, engine: str, run: Run) -> RunEmbedder:
        """Returns the full-precision network as another runtime runs it."""
        gain, bias = self.eager.response_gain, self.eager.response_bias
        return RunEmbedder(name, engine, run, self.eager.weights_sha256, gain, bias)


class Rival(NamedTuple):
    """A rival that may be installed: the packages it needs, and the function that makes it."""

    packages: tuple[str, ...]
    make: Callable[[Setup], Embedder]


def contestants(setup: Setup) -> tuple[dict[str, Embedder], list[str]]:
    """Returns every contestant that this machine can run, and a line for each that it cannot."""
    found: dict[str, Embedder] = {}
    left_out: list[str] = []
    if kernel_paths():
        found |= _packed(setup)
    else:
        left_out.append(f"{OURS} is left out: {missing_kernels()}")
    for name, rival in RIVALS.items():
        missing = [package for package in rival.packages if find_spec(package) is None]
        if missing:
            left_out.append(f"{name} is left out: it needs pip install {' '.join(missing)}")
        else:
            found[name] = rival.make(setup)
    return found, left_out


def _packed(setup: Setup) -> dict[str, Embedder]:
    """Makes our engine on its fastest path, and on each of its paths."""
    network, sha256 = read_packed(setup.weights), file_sha256(setup.weights)
    gain, bias = network.response_gain, network.response_bias
    found: dict[str, Embedder] = {
        OURS: PackedEmbedder(network, OURS, sha256, setup.threads),
    }
    for path in kernel_paths():
        name = f"{OURS}-{path}"
        run = require_kernels().Network(to_bytes(network), path, setup.threads).embed
        found[name] = RunEmbedder(name, "packed", run, sha256, gain, bias, path)
    return found


def _frozen(setup: Setup) -> Embedder:
    model = setup.eager.model
    example = torch.zeros((3, 3, 255, 255)).contiguous(memory_format=torch.channels_last)
    with warnings.catch_warnings(), torch.inference_mode():
        warnings.simplefilter("ignore")  # TorchScript is deprecated, but it needs no compiler
        traced = torch.jit.trace(model.backbone, example)  # type: ignore[no-untyped-call]
        frozen = torch.jit.optimize_for_inference(torch.jit.freeze(traced))

    @torch.inference_mode()
    def run(crops: Crops) -> NDArray[np.float32]:
        features: NDArray[np.float32] = frozen(
            torch.from_numpy(crops).permute(0, 3, 1, 2).float()
        ).numpy()
        return features

    return setup.float_embedder("torch-frozen-fp32", "torch", run)


def _onnxruntime(name: str, quantised: bool) -> Callable[[Setup], Embedder]:
    def make(setup: Setup) -> Embedder:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = setup.threads, 1
        session = onnxruntime.InferenceSession(
            setup.quantised if quantised else setup.graph,
            options,
            providers=["CPUExecutionProvider"],
        )

        def run(crops: Crops) -> NDArray[np.float32]:
            features: NDArray[np.float32] = session.run(None, {"crops": crops})[0]
            return features

        return setup.float_embedder(name, "onnxruntime", run)

    return make


def _openvino(name: str, quantised: bool) -> Callable[[Setup], Embedder]:
    def make(setup: Setup) -> Embedder:
        import openvino as ov

        from rbsf.engine.openvino_u1 import latency_settings

        core, compiled = ov.Core(), {}
        graph = setup.quantised if quantised else setup.graph

        def run(crops: Crops) -> NDArray[np.float32]:
            if crops.shape not in compiled:
                model = core.read_model(graph)
                model.reshape(list(crops.shape))
                compiled[crops.shape] = core.compile_model(
                    model, "CPU", latency_settings(setup.threads)
                )
            features: NDArray[np.float32] = compiled[crops.shape](crops, share_inputs=True)[0]
            return features

        return setup.float_embedder(name, "openvino", run)

    return make


def _openvino_u1(setup: Setup) -> Embedder:
    from rbsf.engine.openvino_u1 import OpenVinoEmbedder

    sha256 = file_sha256(setup.weights)
    return OpenVinoEmbedder(read_packed(setup.weights), "openvino-u1", sha256, setup.threads)


RIVALS = {
    "torch-eager-fp32": Rival((), lambda setup: setup.eager),
    "torch-frozen-fp32": Rival((), _frozen),
    "onnxruntime-fp32": Rival(("onnxruntime", "onnx"), _onnxruntime("onnxruntime-fp32", False)),
    "onnxruntime-int8": Rival(("onnxruntime", "onnx"), _onnxruntime("onnxruntime-int8", True)),
    "openvino-fp32": Rival(("openvino", "onnx"), _openvino("openvino-fp32", False)),
    "openvino-int8": Rival(("openvino", "onnxruntime", "onnx"), _openvino("openvino-int8", True)),
    "openvino-u1": Rival(("openvino",), _openvino_u1),
}


def quantise(graph: bytes, calibration: Sequence[NDArray[Any]], name: str) -> bytes:
    """Quantises a trained graph: 8-bit weights per channel, symmetric signed 8-bit activations.

    Args:
        graph: The graph in full precision, as the bytes of an ONNX file.
        calibration: Inputs from which the ranges are learned.
        name: The name of the graph's input.
    """
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, quantize_static

    class Reader(CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            self.inputs: Iterator[NDArray[Any]] = iter(calibration)

        def get_next(self) -> dict[str, Any] | None:
            values = next(self.inputs, None)
            return None if values is None else {name: values}

    with tempfile.TemporaryDirectory() as folder, _quiet():
        source, target = Path(folder, "float.onnx"), Path(folder, "int8.onnx")
        source.write_bytes(graph)
        quantize_static(
            source,
            target,
            Reader(),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            extra_options={"ActivationSymmetric": True},
        )
        return target.read_bytes()


@contextmanager
def _quiet() -> Iterator[None]:
    """Silences the quantiser, which advises to prepare a graph that needs no preparation."""
    logger = logging.getLogger()
    before, logger.level = logger.level, logging.ERROR
    try:
        yield
    finally:
        logger.level = before
