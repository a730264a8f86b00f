"""The tracks that a training holds out are those that its pairs never come from."""

from __future__ import annotations

from pathlib import Path

import pytest
from tiny_data import write_got10k, write_voc

from rbsf.data import DataSettings, open_pairs
from rbsf.errors import InputError
from tracker.evaluation.tracks import as_dataset, held_out_tracks, tracks_of


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> DataSettings:
    root = tmp_path_factory.mktemp("data")
    write_got10k(root, sequences=7)
    write_got10k(root / "more", sequences=4)
    write_voc(root, 3)
    return DataSettings(
        root=str(root),
        cache=str(root / "cache"),
        hold_out=3,
        sources=[
            {"kind": "got10k", "path": "got10k"},
            {"kind": "got10k", "path": "more/got10k"},
            {"kind": "voc", "path": "voc"},
        ],
        filter={"min_side": 5},
    )


def test_held_out_and_trained_tracks_share_nothing_and_are_everything(data: DataSettings) -> None:
    held_out = [track.frames[0].parent for track in held_out_tracks(data)]
    root = Path(data.root)
    assert held_out == [
        *(root / "got10k" / "train" / f"seq{n}" for n in (0, 3, 6)),
        *(root / "more" / "got10k" / "train" / f"seq{n}" for n in (0, 3)),
    ]
    trained = open_pairs(data, seed=0).groups
    assert [target.name for target, _ in trained[0]] == ["seq1", "seq2", "seq4", "seq5"]
    assert [target.name for target, _ in trained[1]] == ["seq1", "seq2"]


def test_a_set_of_tracks_keeps_its_order_and_first_frames(data: DataSettings) -> None:
    root = Path(data.root) / "got10k"
    found = as_dataset(tracks_of(root), root)
    assert [s.name for s in found.sequences] == [f"got10k-seq{n}" for n in range(7)]
    assert all(len(s.frames) == 2 for s in found.first_frames(2).sequences)


def test_without_held_out_tracks_the_error_says_what_to_do(
    data: DataSettings, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=r"set data\.hold_out to 8"):
        held_out_tracks(data.model_copy(update={"hold_out": 0}))
    with pytest.raises(InputError, match=r"no train/list\.txt"):
        tracks_of(tmp_path)
