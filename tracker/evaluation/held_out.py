"""Measures a network during its training on the tracks that the training holds out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from .peak_looker import PeakLooker
from .single_step import single_steps
from .tracks import as_dataset, held_out_tracks
from .validation import tracked_sums

if TYPE_CHECKING:
    from rbsf.data import DataSettings
    from rbsf.nn import SiamFC
    from rbsf.train.distributed import World

FRAMES = 30
"""How many frames of each track are tracked."""


def held_out_validation(data: DataSettings) -> Callable[[SiamFC, World], dict[str, float]]:
    """A measure of a network on the tracks that its training holds out.

    It gives AO and SR.5 on their first frames, and as "step_iou" the mean IoU of single steps. It
    looks at no sequence of any benchmark, so the choice of an epoch flatters no figure. All
    processes share the tracks, and the figures do not depend on their number.

    Args:
        data: The settings of the training's data.

    Raises:
        InputError: No track is held out. The measure raises it where a sequence fails.
    """
    tracks = held_out_tracks(data)
    dataset = as_dataset(tracks, Path(data.root)).first_frames(FRAMES)

    def validate(model: SiamFC, world: World) -> dict[str, float]:
        import torch

        from rbsf.engine.torch_embedder import TorchEmbedder

        share = slice(world.rank, None, world.size)
        part = replace(dataset, sequences=dataset.sequences[share])
        tracked = tracked_sums(model, part)
        embedder = TorchEmbedder(model)
        steps = single_steps(lambda: PeakLooker(embedder), tracks[share]).values()
        found = (*tracked, sum(step.iou for step in steps), len(steps))
        sums = torch.tensor(found, dtype=torch.float32, device=world.device)
        world.average([sums])
        ao, sr50, count, step_iou, asked = sums.tolist()
        return {"ao": ao / count, "sr50": sr50 / count, "step_iou": step_iou / asked}

    return validate
