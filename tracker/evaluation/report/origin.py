"""Where figures come from: data, weights, machine and command of every tracker."""

from __future__ import annotations

from typing import Any

from rbsf.embedder import engine_in_words

from ..sequence import LeftOut, by_reason
from .folders import Entry
from .study import Study


def left_out(study: Study) -> list[str]:
    """A line for each reason why sequences are missing from the figures, with their names."""
    missing = dict.fromkeys(
        LeftOut(each.sequence, each.reason)
        for entry in study.entries
        for each in entry.results.left_out
        if each.sequence not in study.names
    )
    lines = by_reason(missing)
    for entry in study.entries:
        extra = [name for name in entry.results.sequences if name not in study.names]
        if extra:
            lines.append(f"{', '.join(extra)}: scored for {entry.name}, but not for every tracker")
    return lines


def origins(study: Study) -> list[dict[str, Any]]:
    """What all trackers have in common, then what each has of its own."""
    each = {entry.name: _facts(entry) for entry in study.entries}
    first = _facts(study.focus)
    common = [term for term in first if all(facts[term] == first[term] for facts in each.values())]
    shared = {term: first[term] for term in common if first[term]}
    groups: list[dict[str, Any]] = [{"names": "Every tracker", "facts": shared}] if shared else []
    for name, facts in each.items():
        own = {term: text for term, text in facts.items() if text and term not in common}
        if own:
            groups.append({"names": name, "facts": own})
    return groups


def speed_warning(study: Study) -> str:
    """A sentence where speeds were taken on different machines or numbers of threads."""
    timed = [entry.results for entry in study.entries if entry.results.overall.fps]
    if len({machine_in_words(results.machine) for results in timed}) > 1:
        return "The speeds were measured on different machines and cannot be compared."
    if len({results.threads for results in timed}) > 1:
        return "The speeds were measured with different numbers of threads."
    return ""


def machine_in_words(machine: str | dict[str, Any]) -> str:
    """A machine as one line."""
    if isinstance(machine, str):
        return machine
    return ", ".join(f"{key} {value}" for key, value in machine.items() if value)


def _facts(entry: Entry) -> dict[str, str]:
    results = entry.results
    return {
        "command": results.command,
        "weights": results.weights_sha256 or "",
        "runs on": engine_in_words(results.engine, results.kernels),
        "threads": str(results.threads or ""),
        "machine": machine_in_words(results.machine),
        "date": results.date,
    }
