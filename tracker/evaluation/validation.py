"""AO on a validation set during training: how `rbsf.train` learns how well its network tracks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from rbsf.errors import InputError

from ..loop.tracker import SiamFCTracker
from .datasets import load_dataset
from .runner import evaluate_tracker

if TYPE_CHECKING:
    from rbsf.nn import SiamFC

FRAMES = 40
"""How many frames of each sequence are tracked. They are enough to tell epochs apart, and done in a
minute."""


def validation(root: Path) -> Callable[[SiamFC], dict[str, float]]:
    """A measure of a network: AO and SR.5 on the first frames of a GOT-10k val split.

    Args:
        root: The GOT-10k folder.

    Raises:
        InputError: There is no val split there. The measure raises it where a sequence fails.
    """
    dataset = load_dataset("got10k-val", root).first_frames(FRAMES)

    def validate(model: SiamFC) -> dict[str, float]:
        from rbsf.engine.torch_embedder import TorchEmbedder

        embedder = TorchEmbedder(model)
        results = evaluate_tracker(lambda: SiamFCTracker(embedder), dataset)
        failed = results.dataset.left_out[len(dataset.left_out) :]
        if failed:
            raise InputError(f"cannot validate: {failed[0]}")
        return {"ao": results.overall.ao, "sr50": results.overall.sr50}

    return validate
