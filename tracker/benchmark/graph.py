"""Writes the full-precision network as ONNX, the way a user would deploy it in other runtimes.

The graph turns crops (n, side, side, 3) uint8 into features (n, 256, s, s). Batch norm is folded
into the convolutions. ReLU comes before the pool as in SiamFC, because runtimes fuse it there; the
other order would give the same values. The nodes are those that torch.onnx.export writes, but
writing them here takes no time and no extra package.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper
from torch import nn

from rbsf.nn import SiamFC
from rbsf.nn.backbone import LAYERS

INPUT, OUTPUT = "crops", "features"
OPSET = 17


def to_onnx(model: SiamFC) -> bytes:
    """Returns the backbone of a SiamFC with real weights as the bytes of an ONNX file."""
    nodes: list[Any] = [
        helper.make_node("Cast", [INPUT], ["real"], to=onnx.TensorProto.FLOAT),
        helper.make_node("Transpose", ["real"], ["pixels"], perm=[0, 3, 1, 2]),
    ]
    constants: list[Any] = []
    value = "pixels"

    def add(kind: str, name: str, inputs: tuple[str, ...] = (), **settings: Any) -> None:
        nonlocal value
        nodes.append(helper.make_node(kind, [value, *inputs], [name], name, **settings))
        value = name

    for layer in LAYERS:
        last = layer is LAYERS[-1]
        names = (f"{layer.name}.weight", f"{layer.name}.bias")
        folded = _folded(model.backbone.get_submodule(layer.name))
        constants += [numpy_helper.from_array(v, n) for v, n in zip(folded, names, strict=True)]
        name = OUTPUT if last else layer.name
        add("Conv", name, names, strides=[layer.stride] * 2, group=layer.groups)
        if not last:
            add("Relu", f"{layer.name}.relu")
        if layer.pool:
            add("MaxPool", f"{layer.name}.pool", kernel_shape=[3, 3], strides=[2, 2])
    crops = helper.make_tensor_value_info(INPUT, onnx.TensorProto.UINT8, ["n", "h", "w", 3])
    shape: list[str | int | None] = ["n", LAYERS[-1].outputs, "rows", "columns"]
    features = helper.make_tensor_value_info(OUTPUT, onnx.TensorProto.FLOAT, shape)
    graph = helper.make_graph(nodes, "siamfc", [crops], [features], constants)
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8)
    onnx.checker.check_model(proto)
    data: bytes = proto.SerializeToString()
    return data


def _folded(block: nn.Module) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Returns the weight and bias of a convolution, with the batch norm after it folded in."""
    conv, *norms = block.children()
    assert isinstance(conv, nn.Conv2d)
    if norms:
        (norm,) = norms
        assert isinstance(norm, nn.BatchNorm2d)
        conv = nn.utils.fuse_conv_bn_eval(conv.eval(), norm.eval())
    assert conv.bias is not None
    return conv.weight.detach().numpy(), conv.bias.detach().numpy()
