"""The page and the picture of binarizers have all of them, and say truly what packs."""

import re
import runpy
from pathlib import Path

import pytest
import torch

from rbsf.binarize import ACTIVATIONS, WEIGHTS, activation_binarizer, weight_binarizer
from rbsf.config import CONFIGS

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/binarizers.md").read_text()


def rows(section):
    """The cells of a section's table by the name in the first one."""
    text = PAGE.split(f"## {section}")[1].split("## ")[0]
    lines = [line.strip("|").split("|") for line in text.splitlines() if line.startswith("| `")]
    return {cells[0].strip(" `"): [cell.strip() for cell in cells[1:]] for cells in lines}


@pytest.mark.parametrize("name", WEIGHTS)
def test_a_weight_binarizer_is_listed_with_its_bits_and_whether_it_packs(name):
    _, _, bits, packs, config = rows("Weights")[name]
    shape = torch.Size((128, 64, 3, 3))
    made = weight_binarizer(name, shape)
    assert (packs == "yes") == (not made.obstacle)
    kept = (made.cost.bits + 32 * made.cost.reals) / shape.numel()
    assert eval(bits.split(" ")[0]) == pytest.approx(kept, abs=0.02)
    assert (CONFIGS / config.strip("`")).is_file()


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_an_activation_binarizer_is_listed_with_whether_it_packs(name):
    packs = rows("Activations")[name][-1]
    refused = getattr(activation_binarizer(name, 3), "obstacle", "") or name == "one_bit"
    assert (packs == "yes") == (not refused)


def test_nothing_is_listed_that_is_not_there():
    assert rows("Weights").keys() == WEIGHTS.keys()
    assert rows("Activations").keys() == ACTIVATIONS.keys()
    for config in re.findall(r"`(\w+_sf.yaml)`", PAGE):
        assert (CONFIGS / config).is_file()


def test_the_picture_draws_every_method_and_the_same_what_packs():
    tool = runpy.run_path(str(ROOT / "tools/binarizers.py"))
    cards = tool["cards"]()
    packs = [card.packs for card in cards]
    listed = [*rows("Weights").values(), *rows("Activations").values()]
    refused = sum(cells[-2 if len(cells) == 5 else -1] != "yes" for cells in listed)
    assert packs.count(False) == refused - 1  # one_bit has no card
    assert len(cards) == len(WEIGHTS) + len(ACTIVATIONS)  # and BWNH has one


def test_a_curve_is_the_closed_form_of_bireal():
    x, kernel, slope = runpy.run_path(str(ROOT / "tools/binarizers.py"))["weight_curve"]("bireal")
    alpha = abs(x).mean()
    assert kernel == pytest.approx([alpha if value >= 0 else -alpha for value in x], rel=1e-5)
    assert slope == pytest.approx([alpha * (abs(value) <= 1) for value in x], rel=1e-5)
