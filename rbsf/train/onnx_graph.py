"""Runs an ONNX network in torch, for batches of any size and on any device.

Networks are often exported for one picture at a time, on a CPU. As teachers they must look at whole
batches where the student is trained. A graph of convolutions and what stands around them is a list
of steps, so it is read as one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from rbsf.errors import InputError
from rbsf.extras import needs_extra

Attributes = dict[str, Any]


class OnnxGraph(nn.Module):
    """The network of an ONNX file whose inputs and outputs have a batch of 1 as first dimension.

    Shapes:
        Inputs and outputs: as in the file, with N in place of the batch of 1.

    Args:
        path: The file.

    Attributes:
        input_shapes: The shape of each input in the file, the batch of 1 included.
        output_shapes: The shape of each output.

    Raises:
        InputError: The onnx package is not installed, the file is missing or no ONNX network, or
            the network has an operation that is not known here.
    """

    def __init__(self, path: str | Path) -> None:
        super().__init__()
        with needs_extra("a network from an ONNX file"):
            import onnx
            from onnx import numpy_helper
        if not Path(path).is_file():
            raise InputError(f"there is no ONNX network at {path}")
        try:
            graph = onnx.load(str(path)).graph
        except Exception as error:  # protobuf's errors have no common type of their own
            reason = " ".join(str(error).split())
            raise InputError(f"{path} is not an ONNX network: {reason}") from None
        constants = {tensor.name: tensor for tensor in graph.initializer}
        self.steps = []
        for node in graph.node:
            attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
            if node.op_type == "Constant":
                constants[node.output[0]] = attributes["value"]
            elif node.op_type not in OPERATIONS:
                raise InputError(f"{path} has the operation {node.op_type}, which is not known")
            else:
                names = list(node.input), node.output[0]
                self.steps.append((OPERATIONS[node.op_type], attributes, *names))
        self.numbers: dict[str, str] = {}
        self.integers: dict[str, list[int]] = {}
        for number, (name, tensor) in enumerate(constants.items()):
            value = numpy_helper.to_array(tensor)
            if value.dtype.kind == "i":
                self.integers[name] = value.tolist()
                continue
            self.numbers[name] = f"constant{number}"
            self.register_buffer(self.numbers[name], torch.from_numpy(value.copy()))
        given = [value for value in graph.input if value.name not in constants]
        self.inputs, self.outputs = [v.name for v in given], [v.name for v in graph.output]
        self.input_shapes, self.output_shapes = _shapes(given), _shapes(graph.output)

    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        values: dict[str, Any] = dict(zip(self.inputs, inputs, strict=True))
        values |= self.integers
        values |= {name: self.get_buffer(number) for name, number in self.numbers.items()}
        for operation, attributes, names, result in self.steps:
            values[result] = operation([values[name] for name in names if name], attributes)
        return tuple(values[name] for name in self.outputs)


def _shapes(values: Any) -> list[list[int]]:
    return [[d.dim_value for d in value.type.tensor_type.shape.dim] for value in values]


def _conv(x: Sequence[Any], a: Attributes) -> Tensor:
    """A convolution. A kernel of five dimensions is an answer: each picture has its own."""
    image, kernel = x[:2]
    bias = x[2] if len(x) > 2 else None
    top, left, *_ = a["pads"]
    if kernel.dim() == 4:
        return F.conv2d(image, kernel, bias, a["strides"], (top, left), a["dilations"], a["group"])
    n, (height, width) = len(image), image.shape[-2:]
    kernels = kernel.reshape(-1, *kernel.shape[2:])
    maps = F.conv2d(
        image.reshape(1, -1, height, width),
        kernels,
        None,
        a["strides"],
        (top, left),
        groups=n * a["group"],
    )
    return maps.reshape(n, -1, *maps.shape[-2:])


def _reshape(x: Sequence[Any], a: Attributes) -> Tensor:
    """A reshape that leaves the batch alone. A shape without a batch of 1 is that of kernels."""
    image, shape = x
    return image.reshape(len(image), *(shape[1:] if shape[0] == 1 else shape))


def _clip(x: Sequence[Any], a: Attributes) -> Tensor:
    return x[0].clamp(x[1], x[2])


def _gemm(x: Sequence[Any], a: Attributes) -> Tensor:
    return F.linear(x[0], x[1] if a.get("transB") else x[1].t(), x[2] if len(x) > 2 else None)


def _slice(x: Sequence[Any], a: Attributes) -> Tensor:
    image, starts, ends, axes = x[:4]  # the fifth input is a step, which is 1
    for start, end, axis in zip(starts, ends, axes, strict=True):
        image = image.narrow(axis, start, min(end, image.shape[axis]) - start)
    return image


def _hard_sigmoid(x: Sequence[Any], a: Attributes) -> Tensor:
    return (a.get("alpha", 0.2) * x[0] + a.get("beta", 0.5)).clamp(0, 1)


OPERATIONS: dict[str, Callable[[Sequence[Any], Attributes], Tensor]] = {
    "Add": lambda x, a: x[0] + x[1],
    "Clip": _clip,
    "Concat": lambda x, a: torch.cat(list(x), dim=a["axis"]),
    "Conv": _conv,
    "Exp": lambda x, a: x[0].exp(),
    "Gemm": _gemm,
    "GlobalAveragePool": lambda x, a: x[0].mean(dim=(2, 3), keepdim=True),
    "HardSigmoid": _hard_sigmoid,
    "HardSwish": lambda x, a: F.hardswish(x[0]),
    "MatMul": lambda x, a: x[0] @ x[1],
    "Mul": lambda x, a: x[0] * x[1],
    "Relu": lambda x, a: x[0].relu(),
    "Reshape": _reshape,
    "Sigmoid": lambda x, a: x[0].sigmoid(),
    "Slice": _slice,
    "Transpose": lambda x, a: x[0].permute(a["perm"]),
}
"""What each known operation computes from its inputs and attributes."""
