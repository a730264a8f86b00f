"""Benchmarks and results from a stranger: read, or refused in one line."""

from __future__ import annotations

from pathlib import Path

from data_doors import benchmark_doors, result_doors
from doors import attack_each


def attack_data_sets(folder: Path, count: int, seed: int) -> list[str]:
    """Reads `count` damaged annotations of every benchmark. Returns what was mishandled."""
    return attack_each(benchmark_doors(folder), count, seed)


def attack_result_folders(folder: Path, count: int, seed: int) -> list[str]:
    """Reads `count` damaged files of an evaluation's results. Returns what was mishandled."""
    return attack_each(result_doors(folder), count, seed)


def test_damaged_data_sets_are_read_or_refused(tmp_path: Path) -> None:
    assert attack_data_sets(tmp_path, 400, seed=0) == []


def test_damaged_results_are_read_or_refused(tmp_path: Path) -> None:
    assert attack_result_folders(tmp_path, 80, seed=0) == []
