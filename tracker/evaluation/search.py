"""Searches the tracker's settings on training tracks, with a fixed number of trials.

The first trial is the default. Then settings are drawn at random, and in the second half of the
trials near the best that was found. The settings of a trial follow from the seed, from its number
and from the results before it, so a search that is stopped goes on as if it had not been.

Three of four tracks choose the settings. The others are looked at only once, by the default and by
the best, and say how much of the gain holds on tracks that chose nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import yaml

from rbsf.embedder import load_siamfc
from rbsf.errors import InputError
from rbsf.files.atomic import make_folder, write_text

from ..loop.config import TrackerConfig
from ..loop.siamfc_tracker import SiamFCTracker
from .datasets import Dataset
from .runner import evaluate_tracker
from .sequence import Sequence
from .tracks import as_dataset

SPACE: dict[str, tuple[float, float]] = {
    "scale_step": (1.01, 1.09),
    "scale_lr": (0.2, 0.9),
    "scale_penalty": (0.93, 1.0),
    "window_influence": (0.05, 0.5),
    "template_rate": (0.0, 0.03),
}
"""The settings that are searched, and their ranges."""
NEAR = 0.12
"""The standard deviation of a step away from the best, as a share of each range."""
CHECK_EVERY = 4
"""One track in so many checks, and the others choose."""


class Trial(NamedTuple):
    """Settings, and what was measured with them."""

    settings: dict[str, float]
    """The settings that differ from the default."""
    ao: float
    """The mean AO over the tracks that choose."""


class Found(NamedTuple):
    """The end of a search."""

    default: Trial
    """The default settings."""
    best: Trial
    """The best settings, which can be the default."""
    check_default: float
    """The AO of the default on the tracks that check."""
    check_best: float
    """The AO of the best on the tracks that check."""


def propose(number: int, trials: int, before: list[Trial], seed: int) -> dict[str, float]:
    """Gives the settings of a trial.

    Args:
        number: The number of the trial, from 0.
        trials: The number of all trials.
        before: The trials before it.
        seed: The seed of every random choice.
    """
    if number == 0:
        return {}
    draw = np.random.default_rng([seed, number])
    best = max(before, key=lambda trial: trial.ao)
    settings = {}
    for name, (low, high) in SPACE.items():
        if number < trials / 2:
            value = draw.uniform(low, high)
        else:
            start = best.settings.get(name, getattr(TrackerConfig(), name))
            value = np.clip(start + NEAR * (high - low) * draw.normal(), low, high)
        settings[name] = round(float(value), 4)
    return settings


class Search:
    """A search in a folder.

    Args:
        weights: The network, as `load_siamfc` takes it.
        tracks: The tracks.
        folder: The folder of `trials.jsonl`, with a line for each trial that is done.
        max_frames: How many frames of each track are tracked.
        seed: The seed of every random choice.
        workers: The number of processes.

    Raises:
        InputError: There are fewer tracks than are needed, or the folder holds another search.
    """

    def __init__(
        self,
        weights: Path | None,
        tracks: Iterable[Sequence],
        folder: Path,
        max_frames: int,
        seed: int = 0,
        workers: int = 1,
    ) -> None:
        listed = list(tracks)
        if len(listed) < CHECK_EVERY:
            raise InputError(f"a search needs at least {CHECK_EVERY} tracks, not {len(listed)}")
        self.weights, self.seed, self.workers = weights, seed, workers
        checks = listed[::CHECK_EVERY]
        chosen = [track for i, track in enumerate(listed) if i % CHECK_EVERY]
        self.choosing = as_dataset(chosen, folder).first_frames(max_frames)
        self.checking = as_dataset(checks, folder).first_frames(max_frames)
        self.log = folder / "trials.jsonl"
        self.identity = {
            "weights": load_siamfc(weights).weights_sha256,
            "tracks": [track.name for track in listed],
            "max_frames": max_frames,
            "seed": seed,
        }

    def run(self, trials: int) -> Iterator[Trial]:
        """Yields the trials in their order, those that were done before first.

        Args:
            trials: The number of trials. A search that is continued must have the same.

        Raises:
            InputError: The folder holds another search, or a track fails.
        """
        head = {**self.identity, "trials": trials}
        done = self._read(head)
        yield from done
        for number in range(len(done), trials):
            settings = propose(number, trials, done, self.seed)
            done.append(Trial(settings, self.measure(settings, self.choosing)))
            self._write(head, done)
            yield done[-1]

    def finish(self, trials: list[Trial]) -> Found:
        """Measures the default and the best on the tracks that check."""
        best = max(trials, key=lambda trial: trial.ao)
        default = self.measure({}, self.checking)
        found = self.measure(best.settings, self.checking) if best.settings else default
        return Found(trials[0], best, default, found)

    def measure(self, settings: dict[str, float], dataset: Dataset) -> float:
        """The mean AO of the tracker with some settings.

        Raises:
            InputError: A track fails.
        """
        results = evaluate_tracker(
            _Make(self.weights, settings), dataset, workers=self.workers, threads=1
        )
        failed = results.dataset.left_out[len(dataset.left_out) :]
        if failed:
            raise InputError(f"cannot search: {failed[0]}")
        return float(results.overall.ao)

    def _read(self, head: dict[str, Any]) -> list[Trial]:
        if not self.log.exists():
            return []
        first, *lines = self.log.read_text(encoding="utf-8").splitlines()
        if json.loads(first) != head:
            raise InputError(
                f"{self.log} is of a search with other tracks, weights or trials: delete it, or "
                "search in another folder"
            )
        return [Trial(**json.loads(line)) for line in lines]

    def _write(self, head: dict[str, Any], trials: list[Trial]) -> None:
        lines = [json.dumps(head), *(json.dumps(trial._asdict()) for trial in trials)]
        make_folder(self.log.parent)
        write_text(self.log, "\n".join(lines) + "\n")


class _Make:
    """Makes trackers with some settings. It can be pickled, and loads its network once."""

    def __init__(self, weights: Path | None, settings: dict[str, float]) -> None:
        self.weights, self.config = weights, TrackerConfig.model_validate(settings)
        self.embedder: Any = None

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "embedder": None}

    def __call__(self) -> SiamFCTracker:
        self.embedder = self.embedder or load_siamfc(self.weights, threads=1)
        return SiamFCTracker(self.embedder, self.config)


def write_config(file: Path, found: Found, remarks: Iterable[str]) -> None:
    """Writes the best settings as a configuration of the tracker, with their scores above them.

    Args:
        file: The YAML file.
        found: What the search found.
        remarks: Further lines to write above the settings, such as the command.

    Raises:
        InputError: The file cannot be written.
    """
    lines = [
        "Settings of the tracker, found by a search on training tracks.",
        f"AO on the tracks that chose: {found.best.ao:.4f}, by default {found.default.ao:.4f}.",
        f"AO on tracks that chose nothing: {found.check_best:.4f}, by default "
        f"{found.check_default:.4f}.",
        *remarks,
    ]
    comments = "".join(f"# {line}\n" for line in lines)
    settings = found.best.settings or {"scale_step": TrackerConfig().scale_step}
    write_text(file, comments + yaml.safe_dump(settings, sort_keys=False))
