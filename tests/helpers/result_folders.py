"""Result folders as an evaluation leaves them, of trackers whose figures are known beforehand."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from benchmark_folders import DriftingTracker, StandingTracker, walk, write_otb

from tracker.evaluation.archive import Archive
from tracker.evaluation.contenders import Contender
from tracker.evaluation.datasets import load_dataset
from tracker.evaluation.report.folders import Entry, ResultsFile
from tracker.evaluation.result_file import Outcome, write_results
from tracker.evaluation.runner import evaluate_tracker

FRAMES = {"Ant": 30, "Bee": 26, "Cat": 34}
ATTRIBUTES = {"Ant": "SV, OCC", "Bee": "OCC", "Cat": "IV"}


class LeapingTracker(StandingTracker):
    """Follows nothing, and is away from the target for good from its tenth frame on."""

    def init(self, frame: np.ndarray, box: Sequence[float]) -> None:
        super().init(frame, box)
        self.frame = 1

    def update(self, frame: np.ndarray) -> object:
        self.frame += 1
        if self.frame == 10:
            self.box = self.box._replace(x=self.box.x + 500)
        return super().update(frame)


TRACKERS: dict[str, Callable[[], object]] = {
    "standing": StandingTracker,
    "drifting": DriftingTracker,
    "leaping": LeapingTracker,
}


def write_dataset(root: Path) -> Path:
    """Three sequences in OTB's layout, with attributes. In one the target is absent for a while."""
    for seed, (name, frames) in enumerate(FRAMES.items()):
        boxes = walk(frames, seed)
        if name == "Cat":
            boxes[12:15] = 0
        (write_otb(root, name, [boxes], frames) / "attrs.txt").write_text(ATTRIBUTES[name])
    return root


def evaluate_into(
    output: Path,
    root: Path,
    trackers: Sequence[str] = tuple(TRACKERS),
    dataset: str = "otb",
    protocol: str = "ope",
    **options: object,
) -> Path:
    """Results and boxes of these trackers below `output`, which is returned."""
    data = load_dataset(dataset, root).under(protocol)
    for name in trackers:
        make = TRACKERS[name]
        contender = Contender(name, "opencv", name[0] * 64, {}, make, code="")
        archive = Archive(output / name, contender.identity, "")
        results = evaluate_tracker(make, data, archive=archive, **options)
        write_results(Outcome(contender, results, "rbsf evaluate --dataset otb"), output)
    return output


def made_entry(name: str, aos: Mapping[str, float], **changes: object) -> Entry:
    """An entry with these AOs, whose other figures follow from them; nothing is on disk."""

    def figures(ao: float) -> dict[str, float]:
        return {
            "ao": ao,
            "sr50": ao,
            "sr75": ao / 2,
            "success_auc": ao * 0.9,
            "precision_20px": min(1.0, ao * 1.1),
        }

    content = {
        "dataset": "otb",
        "split": "every sequence found",
        "tracker": name,
        "protocol": "ope",
        "weights_sha256": None,
        "engine": "opencv",
        "threads": 1,
        "command": "rbsf evaluate",
        "max_frames": None,
        "listed": len(aos),
        "left_out": [],
        "machine": "a machine",
        "date": "2026-11-25T12:00:00+00:00",
        "root": "nowhere",
        "overall": {**figures(float(np.mean(list(aos.values())))), "fps": 50.0},
        "sequences": {
            sequence: {**figures(ao), "frames": 100, "attributes": []}
            for sequence, ao in aos.items()
        },
    }
    return Entry(name, Path("results") / name, ResultsFile.model_validate({**content, **changes}))
