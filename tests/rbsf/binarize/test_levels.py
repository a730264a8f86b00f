"""The staircase of a few levels: its closed form at every step, and its gradient."""

import math
from fractions import Fraction

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from rbsf.binarize import activation_binarizer
from rbsf.binarize.activations import ApproxSign
from rbsf.binarize.levels import Levels, unit_of
from rbsf.errors import InputError

TWO_BIT = activation_binarizer("two_bit", 1)


def closed_form(x: float, steps: int, height: float) -> float:
    """h clip(floor(x / h + 1/2), 0, n) in exact arithmetic."""
    level = math.floor(Fraction(x) / Fraction(height) + Fraction(1, 2))
    return height * min(max(level, 0), steps)


def test_the_levels_of_two_bits():
    x = torch.tensor([-9.0, 0.0, 0.24, 0.25, 0.74, 0.75, 1.24, 1.25, 9.0])
    assert TWO_BIT(x).tolist() == [0, 0, 0, 0.5, 0.5, 1, 1, 1.5, 1.5]


def test_the_levels_of_one_bit():
    x = torch.tensor([-9.0, 0.0, 0.49, 0.5, 1.0, 9.0])
    assert activation_binarizer("one_bit", 1)(x).tolist() == [0, 0, 0, 1, 1, 1]


@given(
    st.sampled_from([(3, 0.5), (1, 1.0), (3, 2.0), (7, 0.125)]),
    st.integers(-20, 20),
    st.sampled_from([-math.inf, 0.0, math.inf]) | st.floats(-30, 30, width=32),
)
def test_every_step_is_where_the_closed_form_has_it(kind, halves, to):
    """Looks at the ties themselves, at both of their neighbours, and anywhere."""
    tie = torch.tensor(halves * kind[1] / 2)
    x = torch.nextafter(tie, torch.tensor(to))
    values = torch.stack([tie, x, torch.tensor(to)])
    expected = [closed_form(float(v), *kind) for v in values if v.isfinite()]
    assert Levels(*kind)(values[values.isfinite()]).tolist() == expected


def test_the_gradient_is_one_between_zero_and_the_highest_level():
    x = torch.tensor([-1.0, -0.0, 0.0, 1e-30, 0.25, 0.9, 1.4999, 1.5, 2.0], requires_grad=True)
    (TWO_BIT(x) * torch.arange(9)).sum().backward()
    assert x.grad is not None and x.grad.tolist() == [0, 0, 0, 3, 4, 5, 6, 0, 0]


def test_the_input_is_left_as_it_is_and_its_type_and_shape_are_kept():
    x = torch.linspace(-1, 3, 24).reshape(2, 3, 4).double()
    before = x.clone()
    result = TWO_BIT(x)
    assert torch.equal(x, before)
    assert (result.dtype, result.shape) == (x.dtype, x.shape)


@pytest.mark.parametrize("name", ["two_bit", "one_bit", "approx", "clipped"])
def test_values_are_whole_in_their_unit(name):
    binarizer = activation_binarizer(name, 1)
    values = binarizer(torch.linspace(-3, 3, 50)) / unit_of(binarizer)
    expected = {"two_bit": [0, 1, 2, 3], "one_bit": [0, 1]}.get(name, [-1, 1])
    assert values.unique().tolist() == expected


def test_a_sign_has_no_unit_of_its_own():
    assert unit_of(ApproxSign()) == 1


@pytest.mark.parametrize("kind", [(0, 0.5), (3, 0.3), (3, 0.0), (3, -0.5), (3, math.inf)])
def test_steps_that_would_not_sum_exactly_are_refused(kind):
    with pytest.raises(InputError, match="power of two"):
        Levels(*kind)
