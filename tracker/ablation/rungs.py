"""The rungs of the ladder: what each of them changes in one common configuration.

The names are those of the RBCN paper's Table 2: Bi is the binarization of Bi-Real Net, R is the
rectified convolution, G is the adversarial loss (the GAN) and B is the pass over the batch norms
after each epoch. MSE is ours: it draws the student's maps to the teacher's without a discriminator.

All rungs but the last have the same start, data and response distillation, for as many pairs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from rbsf.errors import InputError

if TYPE_CHECKING:
    from rbsf.train.settings import DistillationSettings, StudentSettings

S = TypeVar("S", bound="DistillationSettings")


class Rung(NamedTuple):
    """One row of the ladder.

    Attributes:
        name: Its name, which is also that of its folder.
        what: What it is, in words.
        changes: The settings in which it differs from the common ones, by their names.
    """

    name: str
    what: str
    changes: Mapping[str, Any]

    def settings(self, common: S, seed: int) -> S:
        """The settings of one training.

        Args:
            common: The settings of the rung that has everything.
            seed: The seed of this training.
        """
        values = {**common.model_dump(), **self.changes, "seed": seed}
        return type(common).model_validate(values)


OFF = {"value": 0.0}
NO_GAN = {"adversarial_loss": OFF}
NO_MSE = {"feature_distillation": 0.0}
NO_PASS = {"norm_pass": 0.0}
ALONE = {**NO_GAN, **NO_MSE, **NO_PASS}
XNOR = {"weights": "xnor", "activations": "clipped", "kernel_loss": OFF}

BI = Rung("Bi", "Bi-Real Net's binarization", {"weights": "bireal", "kernel_loss": OFF, **ALONE})
R = Rung("R", "rectified convolution", ALONE)
R_G = Rung("R+G", "R and the adversarial loss", {**NO_MSE, **NO_PASS})
R_MSE = Rung("R+MSE", "R and the distance of the maps", {**NO_GAN, **NO_PASS})

BY_ITSELF = (BI, R, R_G, R_MSE, Rung("R+G+MSE", "R and both", NO_PASS))
"""The rungs from which the best is chosen."""

PAPERS_XNOR = Rung(
    "XNOR-SF",
    "XNOR-Net from a random start, on the task loss alone",
    {**XNOR, **ALONE, "init": "random", "response_distillation": 0.0},
)
"""The baseline of the paper's Table 5."""


def first_rungs() -> tuple[Rung, ...]:
    """The rungs that can be trained before the best is known."""
    return (*BY_ITSELF, PAPERS_XNOR)


def last_rungs(best: str, common: StudentSettings) -> tuple[Rung, ...]:
    """The rungs that build on the best: with the pass over batch norms, and with XNOR's signs.

    Args:
        best: The name of the best of `BY_ITSELF`.
        common: The settings of the rung that has everything.
    """
    (rung,) = (rung for rung in BY_ITSELF if rung.name == best)
    with_pass = {**rung.changes, "norm_pass": common.norm_pass}
    guidance = best.partition("+")[2]
    return (
        Rung(f"{best}+B", f"{best} and the pass over batch norms", with_pass),
        Rung(
            "+".join(filter(None, ("XNOR", guidance))),
            f"XNOR-Net with the start and the guidance of {best}",
            {**rung.changes, **XNOR},
        ),
    )


def check_common(common: DistillationSettings, source: str) -> None:
    """Checks that a rung which leaves a part out differs from one that has it.

    Args:
        common: The settings of the rung that has everything.
        source: Where the settings come from; the message begins with it.

    Raises:
        InputError: The settings leave out a part that the ladder is about.
    """
    parts = {
        "adversarial_loss.value": common.adversarial and common.adversarial_loss.value,
        "feature_distillation": common.feature_distillation,
        "norm_pass": common.norm_pass,
        "kernel_loss.value": common.kernel_loss.value,
    }
    for name, value in parts.items():
        if not value:
            raise InputError(
                f"{source}: {name} is off, so the ladder cannot show its worth: set it above 0"
            )
    if common.weights != "rbcn":
        raise InputError(f"{source}: weights is {common.weights}: the ladder is about rbcn")
