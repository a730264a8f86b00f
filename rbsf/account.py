"""What a network costs: its 1-bit and 32-bit parameters, its memory and its multiplications.

    memory = bits + 32 reals                                        (RBCN, section 3.5)
    FLOPs  = real multiplications + binary multiplications / 64

How Table 6 of the RBCN paper counts
------------------------------------
The paper gives this rule, but not what it counts. Its row is XNOR-Net's row in Bi-Real Net's paper,
for a ResNet-18 on 224 x 224 pixels. `table6` gives all of its figures, and Bi-Real Net's own (33.6
Mbits, 11.14x), with these readings:

1. The multiplications are those of convolutions and of the linear layer, and none of batch norms.
   But XNOR-Net multiplies each output of a binary convolution twice, by alpha and by K.
2. The parameters are weights, biases, and the gamma and beta of batch norms. XNOR-Net has an alpha
   for each binary filter besides. The batch norms of the stem and of the shortcuts, which stay
   real, also keep their mean and variance. This last reading is a guess: without it the figures
   would be 33.6 Mbits and 11.12x.

RBCN has one C* for a layer instead of alpha and K, "which can be negligible": by the plain rule its
ResNet-18 takes 33.5 Mbits and 1.64e8 FLOPs, 11.16x and 11.06x less than the real one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from rbsf.binarize import Levels
from rbsf.nn import BinaryConv2d, ResidualNet, SiamFC
from rbsf.nn.box_head import TYPICAL_SIDE, BoxNet
from rbsf.nn.siamfc import EXEMPLAR_SIZE, SEARCH_SIZE

Kind = Literal["binary", "real", "norm", "other"]

LAYERS = (BinaryConv2d, nn.Conv2d, nn.Linear, nn.BatchNorm2d)
"""What counts as a layer. All else lies between layers."""
BITS_A_REAL = 32
BINARY_A_FLOP = 64
"""How many binary multiplications count as one FLOP."""


@dataclass(frozen=True)
class LayerCost:
    """One layer.

    Attributes:
        name: Its name in the network.
        kind: "binary" is a binary convolution, "real" a convolution or a linear layer, "norm" a
            batch norm, "other" all else that has parameters or multiplies.
        bits: Its 1-bit parameters.
        reals: Its 32-bit parameters, as far as inference needs them.
        macs: Its multiplications for one input: 1-bit in a binary convolution, else real. Where its
            input has levels, which are several bits, each bit is multiplied.
        outputs: The numbers that it gives for one input.
    """

    name: str
    kind: Kind
    bits: int
    reals: int
    macs: int
    outputs: int

    @property
    def memory(self) -> int:
        """Its memory in bits."""
        return self.bits + BITS_A_REAL * self.reals

    @property
    def flops(self) -> float:
        """Its FLOPs by the paper's rule."""
        return self.macs / BINARY_A_FLOP if self.kind == "binary" else self.macs


@dataclass(frozen=True)
class Account:
    """All layers of a network, in the order in which they run."""

    layers: tuple[LayerCost, ...]

    @property
    def bits(self) -> int:
        """The 1-bit parameters."""
        return sum(layer.bits for layer in self.layers)

    @property
    def reals(self) -> int:
        """The 32-bit parameters."""
        return sum(layer.reals for layer in self.layers)

    @property
    def memory(self) -> int:
        """The memory in bits."""
        return sum(layer.memory for layer in self.layers)

    @property
    def binary_macs(self) -> int:
        """The 1-bit multiplications."""
        return sum(layer.macs for layer in self.layers if layer.kind == "binary")

    @property
    def real_macs(self) -> int:
        """The multiplications of real numbers."""
        return sum(layer.macs for layer in self.layers if layer.kind != "binary")

    @property
    def flops(self) -> float:
        """The FLOPs by the paper's rule."""
        return sum(layer.flops for layer in self.layers)


class Table6(NamedTuple):
    """Memory in bits and FLOPs as Table 6 counts them."""

    memory: float
    flops: float


def table6(network: ResidualNet, side: int = 224) -> Table6:
    """Counts a ResNet-18 as Table 6 does; see the top of this module.

    A binary network is counted as XNOR-Net, whichever its binarizers are.
    """
    found = account_classifier(network, side)
    convs = [m for m in network.modules() if isinstance(m, BinaryConv2d)]
    alphas = sum(len(conv.weight) - _parameters(conv)[1] for conv in convs)
    kept = 2 * sum(
        norm.num_features
        for name, norm in network.named_modules()
        if isinstance(norm, nn.BatchNorm2d) and (name == "bn1" or "downsample" in name)
    )
    outputs = sum(layer.outputs for layer in found.layers if layer.kind == "binary")
    memory = found.memory + BITS_A_REAL * (alphas + kept)
    return Table6(memory, found.flops + 2 * outputs)


def account(network: nn.Module, run: Callable[[], object]) -> Account:
    """Counts what a network has, and what it does in one run.

    Args:
        network: The network, in any state. It is not changed.
        run: Runs the network on one input.

    Returns:
        The layers that ran. Multiplications outside of layers, such as correlations, are the last.
    """
    layers: dict[str, LayerCost] = {}
    convolved = 0

    def count(name: str, module: nn.Module, _: object, output: Tensor) -> None:
        nonlocal convolved
        before = layers.get(name)
        macs = output.numel() * _terms(module)
        convolved += macs
        macs *= _input_bits(module)
        bits, reals = _parameters(module)
        layers[name] = LayerCost(
            name,
            _kind(module),
            bits,
            reals,
            macs + (before.macs if before else 0),
            output.numel() + (before.outputs if before else 0),
        )

    hooks = [
        module.register_forward_hook(partial(count, name))
        for name, module in network.named_modules()
        if isinstance(module, LAYERS)
    ]
    training = network.training
    try:
        with torch.no_grad(), FlopCounterMode(display=False) as counter:
            network.eval()
            run()
    finally:
        network.train(training)
        for hook in hooks:
            hook.remove()
    found = list(layers.values())
    between = counter.get_total_flops() // 2 - convolved
    rest = _other_parameters(network)
    if between or rest:
        found.append(LayerCost("between layers", "other", 0, rest, between, 0))
    return Account(tuple(found))


def account_classifier(network: ResidualNet, side: int) -> Account:
    """Counts a classifier on one picture of `side` x `side` pixels."""
    return account(network, lambda: network(torch.zeros(1, 3, side, side)))


def account_tracker(network: SiamFC) -> Account:
    """Counts a tracker's network on an exemplar and a search crop, with its head if it has one."""

    def run() -> None:
        z, x = (network.embed(torch.zeros(1, 3, s, s)) for s in (EXEMPLAR_SIZE, SEARCH_SIZE))
        responses = network.respond(z, x)
        if isinstance(network, BoxNet):
            network.head(z, x, responses, torch.full((1, 2), TYPICAL_SIDE))

    return account(network, run)


def _terms(module: nn.Module) -> int:
    """The multiplications for one output; those of all binary convolutions that a method takes."""
    if isinstance(module, BinaryConv2d):
        made = module.weight_binarizer
        return made.shape[1:].numel() * max(1, made.cost.passes)
    return module.weight[0].numel() if isinstance(module, nn.Conv2d | nn.Linear) else 0


def _kind(module: nn.Module) -> Kind:
    if isinstance(module, BinaryConv2d) and module.weight_binarizer.cost.passes:
        return "binary"
    return "norm" if isinstance(module, nn.BatchNorm2d) else "real"


def _input_bits(module: nn.Module) -> int:
    """The bits of an activation that a binary convolution reads; 1 for all other layers."""
    binarizer = getattr(module, "activation_binarizer", None)
    return binarizer.steps.bit_length() if isinstance(binarizer, Levels) else 1


def _parameters(module: nn.Module) -> tuple[int, int]:
    """The 1-bit and 32-bit parameters of a layer at inference."""
    if not isinstance(module, BinaryConv2d):
        return 0, sum(parameter.numel() for parameter in module.parameters())
    scale = module.weight_binarizer(module.weight)[1]
    learned = sum(p.numel() for p in module.activation_binarizer.parameters())
    bias = 0 if module.bias is None else module.bias.numel()
    cost = module.weight_binarizer.cost
    return cost.bits, cost.reals + scale.numel() + learned + bias


def _other_parameters(network: nn.Module) -> int:
    """The parameters that stand in no layer, such as a response's gain and bias."""
    in_layers = {
        id(parameter)
        for module in network.modules()
        if isinstance(module, LAYERS)
        for parameter in module.parameters()
    }
    return sum(p.numel() for p in network.parameters() if id(p) not in in_layers)
