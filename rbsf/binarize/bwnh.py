"""BWNH, which finds the signs of a kernel that keep its products with real inputs."""

from __future__ import annotations

from torch import Tensor

from rbsf.binarize.sign import hard_sign
from rbsf.binarize.weights import SMALLEST_SCALE

ROUNDS = 3
"""How often every bit is looked at. Few change after that."""


def hash_kernel(inputs: Tensor, kernel: Tensor, rounds: int = ROUNDS) -> Tensor:
    """Binarizes filters so that their products with the inputs change least: BWNH's hashing.

        min over B of +1 and -1, and A = diag(alpha):  ||X^T W - X^T B A||^2    (BWNH)

    It starts from sign(W), and takes alpha and the bits in turns. alpha has a closed form. A bit,
    all others held fixed, is

        b_k = sign((R w)_k - alpha sum over l /= k of R_kl b_l),  R = X X^T

    so no round makes the error larger. It is an initialiser: the signs and alpha of the result are
    those that `BiReal` finds in it, and training goes on from there.

    Args:
        inputs: Inputs X of the filters, one in each row, (M, n).
        kernel: The filters W, (C, n).
        rounds: How often every bit is looked at.

    Returns:
        B A as filters, (C, n).

    References:
        [BWNH](https://arxiv.org/abs/1802.02733), Hu, Wang and Cheng, AAAI 2018.
    """
    moments = inputs.T @ inputs / len(inputs)
    target = kernel @ moments
    signs = hard_sign(kernel)
    products = signs @ moments
    alpha = _best_scale(signs, products, target)
    for _ in range(rounds):
        for k, row in enumerate(moments):
            others = products[:, k] - signs[:, k] * row[k]
            bit = hard_sign(target[:, k] - alpha * others)
            products += (bit - signs[:, k])[:, None] * row
            signs[:, k] = bit
        alpha = _best_scale(signs, products, target)
    return alpha[:, None] * signs


def _best_scale(signs: Tensor, products: Tensor, target: Tensor) -> Tensor:
    """The alpha of each filter with the least error, (b R w) / (b R b), kept positive."""
    size = (signs * products).sum(dim=1).clamp(min=SMALLEST_SCALE)
    return ((signs * target).sum(dim=1) / size).clamp(min=SMALLEST_SCALE)
