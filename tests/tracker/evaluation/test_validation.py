"""The AO during training: which part of the val split it is of, and that processes share it."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from tiny_data import write_got10k

from rbsf.nn import SiamFC
from rbsf.train.distributed import World
from tracker.evaluation import validation as module
from tracker.evaluation.runner import evaluate_tracker
from tracker.evaluation.validation import validation

CPU = torch.device("cpu")


@pytest.fixture
def tracked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the sequences that are tracked, with the frames of each."""
    names: list[str] = []

    def note(make_tracker, dataset):  # type: ignore[no-untyped-def]
        names.extend(f"{s.name}:{len(s.frames)}" for s in dataset.sequences)
        return evaluate_tracker(make_tracker, dataset)

    monkeypatch.setattr(module, "evaluate_tracker", note)
    return names


def test_a_fixed_part_is_tracked_spread_over_the_list(
    tmp_path: Path, tracked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SEQUENCES", 3)
    monkeypatch.setattr(module, "FRAMES", 2)
    measure = validation(write_got10k(tmp_path, sequences=7, frames=3, subset="val"))
    for _ in range(2):
        figures = measure(SiamFC(), World(0, 1, CPU))
        assert figures.keys() == {"ao", "sr50"}
        assert tracked == ["seq0:2", "seq3:2", "seq6:2"]
        tracked.clear()


def test_processes_share_the_sequences_and_their_sums_give_the_mean(
    tmp_path: Path, tracked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    measure = validation(write_got10k(tmp_path, sequences=3, frames=3, subset="val"))
    torch.manual_seed(0)
    model = SiamFC()
    alone = measure(model, World(0, 1, CPU))
    assert tracked == ["seq0:3", "seq1:3", "seq2:3"]
    tracked.clear()
    sums: list[torch.Tensor] = []
    monkeypatch.setattr(World, "average", lambda world, tensors: sums.extend(tensors))
    for rank in range(2):
        measure(model, World(rank, 2, CPU))
    assert tracked == ["seq0:3", "seq2:3", "seq1:3"]
    ao, sr50, count = torch.stack(sums).sum(dim=0).tolist()
    assert count == 3
    assert (ao / count, sr50 / count) == pytest.approx((alone["ao"], alone["sr50"]))


def test_a_process_without_a_sequence_adds_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    measure = validation(write_got10k(tmp_path, sequences=1, frames=3, subset="val"))
    others = torch.tensor([0.6, 1.0, 1.0])
    monkeypatch.setattr(World, "average", lambda world, tensors: tensors[0].add_(others))
    figures = measure(SiamFC(), World(1, 2, CPU))
    assert figures == pytest.approx({"ao": 0.6, "sr50": 1.0})
