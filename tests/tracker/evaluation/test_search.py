"""The search of settings: its proposals, its memory, and which tracks choose."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import yaml
from tiny_data import write_got10k

from rbsf.config import load_settings
from rbsf.errors import InputError
from tracker.evaluation import search as module
from tracker.evaluation.search import NEAR, SPACE, Found, Search, Trial, propose, write_config
from tracker.evaluation.tracks import tracks_of
from tracker.loop.config import TrackerConfig


def test_the_first_trial_is_the_default_and_all_are_within_their_ranges() -> None:
    before = [Trial({}, 0.5)]
    assert propose(0, 40, [], 0) == {}
    for number in range(1, 40):
        settings = propose(number, 40, before, 0)
        TrackerConfig(**settings)  # type: ignore[arg-type]
        assert all(low <= settings[name] <= high for name, (low, high) in SPACE.items())
        assert settings == propose(number, 40, before, 0)
        assert settings != propose(number, 40, before, 1)


def test_the_first_half_covers_the_ranges_and_the_second_stays_near_the_best() -> None:
    best = {name: 0.3 * low + 0.7 * high for name, (low, high) in SPACE.items()}
    before = [Trial({}, 0.5), Trial(best, 0.6), Trial({}, 0.4)]
    for name, (low, high) in SPACE.items():
        steps = np.array([propose(n, 400, before, 0)[name] - best[name] for n in range(1, 400)])
        wide, near = np.split(steps / (high - low), [199])
        assert wide.min() < -0.6 and wide.max() > 0.25
        assert abs(near.mean()) < 0.03 and near.std() == pytest.approx(NEAR, rel=0.2)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_got10k(tmp_path_factory.mktemp("data"), sequences=8, frames=3)


@pytest.fixture
def made(root: Path, monkeypatch: pytest.MonkeyPatch):
    """Makes searches in which the AO of settings is known; each counts what it measures."""

    def score(self: Search, settings: dict[str, float], dataset: object) -> float:
        self.measured.append((settings, dataset))  # type: ignore[attr-defined]
        return 1 - abs(settings.get("window_influence", 0.176) - 0.4)

    monkeypatch.setattr(Search, "measure", score)

    def make(folder: Path, **changes: int) -> Search:
        search = Search(None, tracks_of(root), folder, **{"max_frames": 3, **changes})
        search.measured = []  # type: ignore[attr-defined]
        return search

    return make


def test_it_finds_the_peak_of_a_smooth_score(made, tmp_path: Path) -> None:
    found = max(made(tmp_path).run(60), key=lambda trial: trial.ao)
    assert found.settings["window_influence"] == pytest.approx(0.4, abs=0.02)


def test_a_search_that_was_stopped_goes_on_as_if_it_had_not_been(made, tmp_path: Path) -> None:
    whole = list(made(tmp_path / "whole").run(12))
    stopped = made(tmp_path / "cut").run(12)
    for _ in range(5):
        next(stopped)
    again = made(tmp_path / "cut")
    assert list(again.run(12)) == whole
    assert len(again.measured) == 7
    with pytest.raises(InputError, match="other tracks, weights or trials"):
        list(made(tmp_path / "cut").run(13))
    with pytest.raises(InputError, match="other tracks, weights or trials"):
        list(made(tmp_path / "cut", seed=1).run(12))


def test_three_of_four_tracks_choose_and_the_others_check(made, tmp_path: Path) -> None:
    search = made(tmp_path)
    choosing, checking = ([s.name for s in d.sequences] for d in (search.choosing, search.checking))
    assert checking == ["got10k-seq0", "got10k-seq4"]
    assert sorted(choosing + checking) == [f"got10k-seq{n}" for n in range(8)]
    trials = list(search.run(3))
    assert all(dataset is search.choosing for _, dataset in search.measured)
    search.finish(trials)
    assert all(dataset is search.checking for _, dataset in search.measured[3:])


def test_the_file_holds_the_best_and_its_scores(tmp_path: Path) -> None:
    best = {"window_influence": 0.31, "scale_lr": 0.5}
    found = Found(Trial({}, 0.51), Trial(best, 0.5432), 0.4, 0.42)
    write_config(tmp_path / "best.yaml", found, ["Command: search"])
    text = (tmp_path / "best.yaml").read_text()
    assert yaml.safe_load(text) == best
    assert load_settings(TrackerConfig, tmp_path / "best.yaml").window_influence == 0.31
    for words in ("0.5432, by default 0.5100", "0.4200, by default\n# 0.4000", "Command: search"):
        assert words.replace("\n# ", " ") in text.replace("\n# ", " ")


def test_the_tracker_itself_is_measured(root: Path, tmp_path: Path) -> None:
    """On a target that stays in sight, any settings overlap with it."""
    search = Search(None, tracks_of(root), tmp_path, max_frames=3)
    for settings in ({}, {"template_rate": 0.01}):
        assert 0.2 < search.measure(settings, search.checking) <= 1


def test_too_few_tracks_are_refused(root: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="at least 4 tracks, not 3"):
        Search(None, tracks_of(root, 3), tmp_path, max_frames=3)


def test_what_makes_trackers_can_be_pickled() -> None:
    import pickle

    make = module._Make(None, {"scale_lr": 0.4})
    make()
    assert pickle.loads(pickle.dumps(make))().config.scale_lr == 0.4
