"""ONNX networks in torch answer a batch as ONNX Runtime answers each of its pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from rbsf.errors import InputError
from rbsf.train.onnx_graph import OnnxGraph

onnx = pytest.importorskip("onnx")
DRAW = np.random.default_rng(0)


def constant(name: str, *shape: int) -> Any:
    return onnx.numpy_helper.from_array(DRAW.normal(size=shape).astype(np.float32), name)


def whole(name: str, *values: int) -> Any:
    return onnx.numpy_helper.from_array(np.array(values, np.int64), name)


def tracker_graph(path: Path) -> Path:
    """A network of two inputs with every operation that is known, in the manner of a tracker."""
    node = onnx.helper.make_node
    limit = onnx.numpy_helper.from_array(np.array(6.0, np.float32))
    conv = {"kernel_shape": [3, 3], "dilations": [1, 1]}
    nodes = [
        node("Conv", ["search", "w", "b"], ["x0"], strides=[2, 2], pads=[1, 1, 1, 1], group=1,
             **conv),
        node("HardSwish", ["x0"], ["x1"]),
        node("GlobalAveragePool", ["x1"], ["g0"]),
        node("Reshape", ["g0", "flat"], ["g1"]),
        node("Gemm", ["g1", "m", "mb"], ["g2"], transB=1),
        node("HardSigmoid", ["g2"], ["g3"], alpha=1 / 6),
        node("Reshape", ["g3", "tall"], ["g4"]),
        node("Mul", ["x1", "g4"], ["x2"]),
        node("Slice", ["exemplar", "one", "three", "two_axis"], ["z0"]),
        node("Reshape", ["x2", "wide"], ["x3"]),
        node("Reshape", ["z0", "kernels"], ["z1"]),
        node("Conv", ["x3", "z1"], ["c0"], kernel_shape=[2, 4], dilations=[1, 1], strides=[1, 1],
             pads=[1, 1, 1, 1], group=4),
        node("Relu", ["c0"], ["c1"]),
        node("Constant", [], ["six"], value=limit),
        node("Clip", ["c1", "zero", "six"], ["c2"]),
        node("Reshape", ["exemplar", "rows"], ["p0"]),
        node("Transpose", ["p0"], ["p1"], perm=[0, 2, 1]),
        node("Reshape", ["x2", "rows"], ["p2"]),
        node("MatMul", ["p1", "p2"], ["p3"]),
        node("Reshape", ["p3", "map"], ["p4"]),
        node("Sigmoid", ["p4"], ["p5"]),
        node("Concat", ["x2", "p5"], ["j0"], axis=1),
        node("Exp", ["p5"], ["j1"]),
        node("Add", ["p5", "j1"], ["j2"]),
    ]  # fmt: skip
    zero = onnx.numpy_helper.from_array(np.array(0.0, np.float32), "zero")
    values = [
        constant("w", 4, 3, 3, 3), constant("b", 4), constant("m", 4, 4), constant("mb", 4), zero,
        whole("flat", 1, 4), whole("tall", 1, 4, 1, 1), whole("one", 1), whole("three", 3),
        whole("two_axis", 2), whole("wide", 1, 4, 8, 8), whole("kernels", 4, 1, 2, 4),
        whole("rows", 1, 4, -1), whole("map", 1, 16, 8, 8),
    ]  # fmt: skip
    info = onnx.helper.make_tensor_value_info
    given = [info("exemplar", 1, [1, 4, 4, 4]), info("search", 1, [1, 3, 16, 16])]
    wanted = [info("c2", 1, None), info("j0", 1, None), info("j2", 1, None)]
    graph = onnx.helper.make_graph(nodes, "tracker", given, wanted, values)
    model = onnx.helper.make_model(
        graph, opset_imports=[onnx.helper.make_opsetid("", 14)], ir_version=8
    )
    onnx.save(model, path)
    return path


def test_a_batch_is_answered_as_each_of_its_pictures(tmp_path: Path) -> None:
    runtime = pytest.importorskip("onnxruntime")
    path = tracker_graph(tmp_path / "tracker.onnx")
    graph, session = OnnxGraph(path), runtime.InferenceSession(str(path))
    assert graph.input_shapes == [[1, 4, 4, 4], [1, 3, 16, 16]]
    torch.manual_seed(0)
    exemplar, search = torch.randn(3, 4, 4, 4), torch.randn(3, 3, 16, 16)
    found = graph(exemplar, search)
    for row in range(3):
        feed = {"exemplar": exemplar[row : row + 1], "search": search[row : row + 1]}
        expected = session.run(None, {name: value.numpy() for name, value in feed.items()})
        for ours, theirs in zip(found, expected, strict=True):
            assert ours[row].numpy() == pytest.approx(theirs[0], abs=1e-4)


def test_what_is_no_known_network_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no ONNX network at"):
        OnnxGraph(tmp_path / "missing.onnx")
    (tmp_path / "text.onnx").write_text("hello")
    with pytest.raises(InputError, match=r"text\.onnx is not an ONNX network"):
        OnnxGraph(tmp_path / "text.onnx")
    info = onnx.helper.make_tensor_value_info
    node = onnx.helper.make_node("Softplus", ["a"], ["b"])
    graph = onnx.helper.make_graph([node], "one", [info("a", 1, [1])], [info("b", 1, [1])])
    onnx.save(onnx.helper.make_model(graph), tmp_path / "odd.onnx")
    with pytest.raises(InputError, match="operation Softplus"):
        OnnxGraph(tmp_path / "odd.onnx")
