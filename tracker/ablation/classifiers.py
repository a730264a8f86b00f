"""The ladder of RBCN's parts on a classifier, and the binarizers beside each other.

The rungs are those of the paper's Table 2: Bi, R, R+G and R+G+B. R+MSE is ours: it draws the
student's maps to the teacher's without a discriminator. A binarizer has no guidance, so that Bi and
R are two of them. All see equally many pictures, from the same start.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, get_args

from rbsf.console import console
from rbsf.errors import InputError

from ..evaluation.report.table import percent
from .rungs import ALONE, BI, NO_MSE, OFF, R_G, R_MSE, R, Rung
from .table import write_rungs

if TYPE_CHECKING:
    from rbsf.train.classifier_settings import BinaryClassifierSettings

LADDER = (BI, R, R_G, Rung("R+G+B", "R+G and the pass over batch norms", NO_MSE), R_MSE)
"""The rungs of Table 2, and the distillation that the paper does not compare with."""

KERNEL_LOSSES = {
    "admm": {"value": 1e-2, "gamma": 1.0},
    "mcn": {"value": 1e-4, "gamma": 1.0},
    "pcnn": {"value": 1e-4, "gamma": 1.0},
    "pcnn_4": {"value": 1e-4, "gamma": 1.0},
}
"""The losses on kernels that belong to other methods than RBCN, as in their configs."""


class Cell(NamedTuple):
    """A training of one rung with one seed, and the folder of its files."""

    rung: Rung
    seed: int
    settings: BinaryClassifierSettings
    folder: Path


class Outcome(NamedTuple):
    """What a cell gave: the shares of the test pictures that the network knows."""

    rung: Rung
    seed: int
    top1: float
    top5: float


def binarizer_rung(words: str) -> Rung:
    """The rung of a binarizer by itself.

    Args:
        words: The weight binarizer, and the activation binarizer behind a plus if it is not
            approx: "xnor", "rbcn+rsign".

    Raises:
        InputError: There is no such binarizer.
    """
    from rbsf.binarize import ActivationBinarizerName, WeightBinarizerName

    weights, _, activations = words.partition("+")
    changes: dict[str, Any] = {"weights": weights, "activations": activations or "approx", **ALONE}
    for name, known in ((weights, WeightBinarizerName), (activations, ActivationBinarizerName)):
        if name and name not in get_args(known):
            raise InputError(
                f"--binarizer {words}: there is no {name}; choose from {', '.join(get_args(known))}"
            )
    if weights != "rbcn":
        changes["kernel_loss"] = KERNEL_LOSSES.get(weights, OFF)
    return Rung(words, f"{weights} weights, {changes['activations']} activations", changes)


def with_budget(common: BinaryClassifierSettings, pictures: int) -> BinaryClassifierSettings:
    """The same settings for another number of pictures, over as many epochs."""
    data = {"pictures_per_epoch": max(common.batch, round(pictures / common.epochs))}
    return common.model_copy(update={"data": common.data.model_copy(update=data)})


def cells_of(
    rungs: Sequence[Rung], common: BinaryClassifierSettings, seeds: Sequence[int], output: Path
) -> list[Cell]:
    """All cells of these rungs: first all of them with the first seed, then with the next."""
    return [
        Cell(rung, seed, rung.settings(common, seed), output / rung.name / f"seed-{seed}")
        for seed in seeds
        for rung in rungs
    ]


def run_cell(cell: Cell, threads: int, quiet: bool) -> Outcome:
    """Trains a cell if it is not trained yet, and tests the network of its last epoch.

    Args:
        cell: The training.
        threads: How many threads it may use.
        quiet: Whether it prints nothing, because others run beside it.

    Raises:
        InputError: The folder holds a training with other settings, or the training fails.
        KeyboardInterrupt: Ctrl-C stopped the training, whose state is then saved.
    """
    import torch

    from rbsf.data.pictures import open_split
    from rbsf.files.classifiers import load_classifier
    from rbsf.train.accuracy import measure_accuracy
    from rbsf.train.classifier import train_classifier_once
    from rbsf.train.distributed import open_world

    torch.set_num_threads(threads)
    console.quiet = quiet
    network = load_classifier(train_classifier_once(cell.settings, cell.folder))
    split = open_split(cell.settings.data, train=False)
    with open_world(cell.settings.device) as world:
        network.to(world.device)
        return Outcome(
            cell.rung,
            cell.seed,
            *measure_accuracy(network, split, cell.settings.data.side, world),
        )


def write_table(
    rungs: Sequence[Rung], tested: Sequence[Outcome], notes: Sequence[str], output: Path
) -> str:
    """Writes ladder.md and ladder.tex, and gives the first.

    Args:
        rungs: The rungs in their order. Those without a finished cell are left out.
        tested: The cells that are finished.
        notes: What the figures follow from, in lines.
        output: The folder.

    Raises:
        InputError: A file cannot be written.
    """
    rows = []
    for rung in rungs:
        cells = [cell for cell in tested if cell.rung.name == rung.name]
        if cells:
            shares = ([c.top1 for c in cells], [c.top5 for c in cells])
            rows.append([rung.name, rung.what, str(len(cells)), *map(percent, shares)])
    return write_rungs(rows, ["top-1", "top-5"], notes, output)
