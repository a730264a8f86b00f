"""AO on a validation set during training: how `rbsf.train` learns how well its network tracks.

GOT-10k's whole val split has 180 sequences and 21,000 frames. Tracking them after every epoch would
take longer than training does on a GPU. Epochs can be told apart for less: by the first frames of
some sequences, which are always the same ones, and which all processes share.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from rbsf.errors import InputError

from ..loop.siamfc_tracker import SiamFCTracker
from .datasets import Dataset, load_dataset
from .runner import evaluate_tracker

if TYPE_CHECKING:
    from rbsf.nn import SiamFC
    from rbsf.train.distributed import World

FRAMES = 40
"""How many frames of each sequence are tracked."""
SEQUENCES = 60
"""How many sequences are tracked at most, spread evenly over the list."""


def validation(root: Path) -> Callable[[SiamFC, World], dict[str, float]]:
    """A measure of a network: AO and SR.5 on the first frames of a part of a GOT-10k val split.

    The figures are means over sequences, and do not depend on the number of processes.

    Args:
        root: The GOT-10k folder.

    Raises:
        InputError: There is no val split there. The measure raises it where a sequence fails.
    """
    dataset = load_dataset("got10k-val", root).first_frames(FRAMES)
    step = -(-len(dataset.sequences) // SEQUENCES)
    chosen = dataset.sequences[::step]

    def validate(model: SiamFC, world: World) -> dict[str, float]:
        import torch

        part = replace(dataset, sequences=chosen[world.rank :: world.size])
        sums = torch.tensor(tracked_sums(model, part), dtype=torch.float32, device=world.device)
        world.average([sums])
        ao, sr50, count = sums.tolist()
        return {"ao": ao / count, "sr50": sr50 / count}

    return validate


def tracked_sums(model: SiamFC, part: Dataset) -> tuple[float, float, int]:
    """Sums AO and SR.5 over the sequences that this process tracks. Also gives their number."""
    from rbsf.engine.torch_embedder import TorchEmbedder

    count = len(part.sequences)
    if not count:
        return 0.0, 0.0, 0
    embedder = TorchEmbedder(model)
    results = evaluate_tracker(lambda: SiamFCTracker(embedder), part)
    failed = results.dataset.left_out[len(part.left_out) :]
    if failed:
        raise InputError(f"cannot validate: {failed[0]}")
    return results.overall.ao * count, results.overall.sr50 * count, count
