"""Exports a network as two ONNX graphs of float operations, for runtimes without 1-bit kernels.

- `template.onnx` runs once for each target. It maps `pixels` (1, 3, 127, 127), RGB, 0 to 255, to
  `exemplar` (1, 256, 6, 6).
- `search.onnx` runs in each frame. It maps `pixels` (n, 3, 255, 255), a crop for each of n scales,
  and `exemplar` to `response` (n, 17, 17), logits.
"""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from rbsf.errors import InputError
from rbsf.files.atomic import replacing
from rbsf.files.networks import load_network
from rbsf.files.shipped import freeze
from rbsf.nn import EXEMPLAR_SIZE, SEARCH_SIZE, SiamFC

OPSET = 18


class _Template(nn.Module):
    def __init__(self, model: SiamFC) -> None:
        super().__init__()
        self.model = model

    def forward(self, pixels: Tensor) -> Tensor:
        return self.model.embed(pixels)


class _Search(_Template):
    def forward(self, pixels: Tensor, exemplar: Tensor) -> Tensor:  # type: ignore[override]
        response = F.conv2d(self.model.embed(pixels), exemplar)[:, 0]
        return self.model.gain * response + self.model.bias


def export_onnx(checkpoint: str | Path, folder: str | Path) -> float | None:
    """Writes `template.onnx` and `search.onnx` for a student or a teacher.

    Args:
        checkpoint: A file that `rbsf.files.networks.load_network` reads.
        folder: The folder to write to; it is made if it does not exist.

    Returns:
        How far onnxruntime's responses are from torch's, as the root mean square relative to the
            standard deviation of torch's. None if onnxruntime is not installed. A student's value
            need not be 0: where a real sum of conv1 is within rounding error of its threshold,
            summing in another order changes the bit.

    Raises:
        InputError: A package is missing, the checkpoint cannot be loaded, or the folder cannot be
            written to.
    """
    missing = [name for name in ("onnx", "onnxscript") if find_spec(name) is None]
    if missing:
        raise InputError(f"ONNX export needs {' and '.join(missing)}: pip install onnx onnxscript")
    model, target = freeze(load_network(checkpoint)), Path(folder)
    noise = torch.Generator().manual_seed(0)
    z, x = (
        torch.randint(256, (n, 3, size, size), generator=noise).float()
        for n, size in ((1, EXEMPLAR_SIZE), (3, SEARCH_SIZE))
    )
    with torch.no_grad():
        exemplar = model.embed(z)
    try:
        target.mkdir(parents=True, exist_ok=True)
        _export(_Template(model), {"pixels": z}, "exemplar", target / "template.onnx")
        inputs = {"pixels": x, "exemplar": exemplar}
        _export(_Search(model), inputs, "response", target / "search.onnx")
    except OSError as error:
        raise InputError(f"cannot write to {target}: {error.strerror}") from None
    if find_spec("onnxruntime") is None:
        return None
    with torch.no_grad():
        expected = _Search(model)(x, exemplar).numpy()
    (found,) = _run(target / "template.onnx", {"pixels": z})
    (response,) = _run(target / "search.onnx", {"pixels": x, "exemplar": torch.from_numpy(found)})
    return float(np.sqrt(np.mean((response - expected) ** 2)) / expected.std())


def _export(module: nn.Module, inputs: dict[str, Tensor], output: str, file: Path) -> None:
    """Writes a module as ONNX, without the exporter's remarks, which concern only itself."""
    several = {"pixels": {0: torch.export.Dim("n")}, "exemplar": None}
    dynamic = {name: several[name] for name in inputs} if len(inputs) > 1 else None
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with (
        replacing(file) as partial,
        contextlib.redirect_stdout(io.StringIO()),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module.eval(),
            tuple(inputs.values()),
            partial,
            input_names=list(inputs),
            output_names=[output],
            dynamic_shapes=dynamic,
            opset_version=OPSET,
            dynamo=True,
            external_data=False,
            verbose=False,
        )


def _run(file: Path, inputs: dict[str, Tensor]) -> list[np.ndarray]:
    import onnxruntime

    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    return session.run(None, {name: tensor.numpy() for name, tensor in inputs.items()})
