"""Trackers over all sequences of several benchmarks, taken as one sample.

Three benchmarks of a few sequences each say little one by one. A tracker's mean over all of their
sequences has a narrower interval, and every sequence counts the same, whichever benchmark it is in.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rbsf.errors import InputError
from rbsf.files.atomic import make_folder, write_text

from .bootstrap import mean_interval, paired_difference
from .compare import Rivalry
from .folders import Entry, read_entries
from .study import FOCUSED
from .table import interval_text, markdown_table, number

PAGE = "pooled.md"

AOs = dict[tuple[str, str], float]
"""The AO of each sequence, by the names of its benchmark and of itself."""


def write_pool(folders: Sequence[Path], output: Path, focus: str | None = None) -> Path:
    """Writes pooled.md: every tracker over the sequences that all of them were scored on.

    Args:
        folders: Result folders of `rbsf evaluate`, of any benchmarks but of one protocol.
        output: The folder to write to.
        focus: The tracker with which the others are compared. None takes this project's.

    Returns:
        The path of the file.

    Raises:
        InputError: The results cannot be read or pooled, or the file cannot be written.
    """
    entries = read_entries(folders)
    trackers = pool(entries)
    chosen = focus or next((name for name in FOCUSED if name in trackers), next(iter(trackers)))
    if chosen not in trackers:
        raise InputError(f"no results of a tracker called {chosen}; there is {', '.join(trackers)}")
    make_folder(output)
    write_text(output / PAGE, _page(entries, trackers, chosen))
    return output / PAGE


def pool(entries: Sequence[Entry]) -> dict[str, AOs]:
    """Joins the results of each tracker, and keeps the sequences that every tracker has.

    Args:
        entries: At least one result. All are of one protocol and of as many frames.

    Returns:
        The AOs by tracker. All trackers have the same sequences in the same order.

    Raises:
        InputError: The results differ in protocol or frames, have one sequence of a tracker twice,
            are of two networks under one name, or share no sequence.
    """
    first, trackers = entries[0], dict[str, AOs]()
    weights: dict[str, str | None] = {}
    for entry in entries:
        results = entry.results
        for key in ("protocol", "max_frames"):
            if getattr(results, key) != getattr(first.results, key):
                raise InputError(
                    f"{first.folder} and {entry.folder} cannot be pooled: {key} differs"
                )
        if weights.setdefault(results.tracker, results.weights_sha256) != results.weights_sha256:
            raise InputError(
                f"{entry.folder} was run with other weights than the other results of "
                f"{results.tracker}: evaluate it again"
            )
        aos = trackers.setdefault(results.tracker, {})
        for name, figures in results.sequences.items():
            if (results.dataset, name) in aos:
                raise InputError(
                    f"{results.tracker} has two results for {name} of {results.dataset}: "
                    f"leave out {entry.folder}, or the other"
                )
            aos[results.dataset, name] = figures.ao
    sequences = trackers[first.results.tracker]
    shared = [key for key in sequences if all(key in aos for aos in trackers.values())]
    if not shared:
        raise InputError("the results have no sequence in common; give folders of the same data")
    return {name: {key: aos[key] for key in shared} for name, aos in trackers.items()}


def _page(entries: Sequence[Entry], trackers: dict[str, AOs], focus: str) -> str:
    results = entries[0].results
    base = list(trackers[focus].values())
    benchmarks = dict.fromkeys(benchmark for benchmark, _ in trackers[focus])
    frames = f", the first {results.max_frames} frames of each" if results.max_frames else ""
    ranking = sorted(trackers, key=lambda name: -sum(trackers[name].values()))
    rows, verdicts = [["tracker", "AO"]], []
    for name in ranking:
        values = list(trackers[name].values())
        interval = mean_interval(values)
        rows.append(
            [name, " ".join(filter(None, (number(interval.mean), interval_text(interval))))]
        )
        if name != focus:
            found = Rivalry(name, {"ao": paired_difference(values, base)})
            verdicts.append(f"- {found.sentence}")
    parts = [
        f"# {len(base)} sequences of {', '.join(benchmarks)}, {results.protocol.upper()}{frames}",
        markdown_table(rows),
        "AO is the mean over all sequences, each of which counts the same. In brackets is the "
        "interval of 95%, by a bootstrap over the sequences.",
    ]
    left_out = {(e.results.dataset, s) for e in entries for s in e.results.sequences}
    left_out -= trackers[focus].keys()
    if left_out:
        names = ", ".join(sorted(name for _, name in left_out))
        parts.append(f"Left out, since not every tracker has them: {names}.")
    if verdicts:
        parts += [f"## Compared with {focus}, on the same sequences", "\n".join(verdicts)]
    return "\n\n".join(parts) + "\n"
