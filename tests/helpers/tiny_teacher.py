"""A teacher of NanoTrack's shapes, whose answers follow from the pixels by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

SIDES = (8.0, 4.0, 24.0, 12.0)
"""The distances from every cell to the left, top, right and bottom of its box."""


def tiny_backbone(path: Path, size: int = 255) -> Path:
    """A backbone whose cell is the mean over 15x15 of its 16x16 pixels, BGR."""
    kernel = np.zeros((3, 3, 15, 15), np.float32)
    kernel[range(3), range(3)] = 1 / 225
    cells = (size - 15) // 16 + 1
    shapes = {"input": [1, 3, size, size]}, {"output": [1, 3, cells, cells]}
    return _save(path, shapes, {"mean": kernel}, [_conv("input", "mean", "output", stride=16)])


def tiny_head(path: Path, cells: int = 16, channels: int = 3) -> Path:
    """A head that takes blue for the target and green for the rest. Its boxes are all alike.

    With 15 cells in a row, as V3's head has them, they are the cells 1 to 15 of the feature.
    """
    k = 17 - cells
    colours = np.zeros((2, channels, k, k), np.float32)
    colours[[0, 1], [1, 0], -1, -1] = 1
    constants = {
        "colours": colours,
        "none": np.zeros((4, channels, k, k), np.float32),
        "sides": np.array(SIDES, np.float32),
    }
    inputs = {"exemplar": [1, channels, 8, 8], "search": [1, channels, 16, 16]}
    outputs = {"logits": [1, 2, cells, cells], "boxes": [1, 4, cells, cells]}
    nodes = [
        _conv("search", "colours", "logits"),
        _conv("search", "none", "boxes", "sides"),
    ]
    return _save(path, (inputs, outputs), constants, nodes)


def _conv(image: str, kernel: str, result: str, bias: str | None = None, stride: int = 1) -> Any:
    helper = pytest.importorskip("onnx").helper
    names = [image, kernel, bias] if bias else [image, kernel]
    return helper.make_node(
        "Conv", names, [result], strides=[stride] * 2, pads=[0] * 4, dilations=[1, 1], group=1
    )


def _save(
    path: Path,
    shapes: tuple[dict[str, list[int]], dict[str, list[int]]],
    constants: dict[str, np.ndarray],  # type: ignore[type-arg]
    nodes: list[Any],
) -> Path:
    onnx = pytest.importorskip("onnx")
    from onnx import TensorProto, helper, numpy_helper

    given, made = (
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, shape) for n, shape in side.items()]
        for side in shapes
    )
    tensors = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "tiny", given, made, initializer=tensors)
    opset = helper.make_opsetid("", 13)
    onnx.save(helper.make_model(graph, opset_imports=[opset], ir_version=8), path)
    return path
