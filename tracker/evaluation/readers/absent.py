"""Generated tests of lost targets: a benchmark made from sequences in OTB's or GOT-10k's layout."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from rbsf.errors import InputError

from ..absences import tests_of
from ..sequence import Sequence
from .benchmark import Benchmark, Loaders
from .got10k import find_got10k
from .otb import find_otb


def find_absent(root: Path) -> Loaders:
    """The tests that can be made of each sequence under a root.

    Sequences of which none can be made are not listed, and sequences that cannot be read are.
    """
    listed = {**find_otb(root), **find_got10k("train", root), **find_got10k("val", root)}
    found: dict[str, Callable[[], Sequence]] = {}
    whole: list[Sequence] = []
    for name, load in listed.items():
        try:
            whole.append(load())
        except InputError:
            found[name] = load
    for sequence in whole:
        others = [other.frames[len(other.frames) // 2] for other in whole if other is not sequence]
        found |= {test.name: partial(_made, test) for test in tests_of(sequence, others)}
    return found


def _made(test: Sequence) -> Sequence:
    return test


ABSENT = Benchmark(
    split="tests made of every sequence found",
    layout="<root>/<Sequence>/img/*.jpg with groundtruth_rect.txt, or <root>/train/list.txt",
    find=find_absent,
)
