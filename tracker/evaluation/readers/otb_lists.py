"""OTB by its official lists: OTB-2013, OTB-50 (also called TB-50) and OTB-100.

`Jogging.2` in a list is the second target of the folder `Jogging`. Copies of OTB differ in where
that target's boxes are: in `Jogging/groundtruth_rect.2.txt`, or in a folder of its own such as
`Jogging-2`. Both are read.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from rbsf.errors import InputError

from ..sequence import Sequence
from .benchmark import Benchmark, Loaders
from .files import folders, official_list
from .otb import load_otb


def find_listed(list_name: str, root: Path) -> Loaders:
    """A loader for every sequence of an official list."""
    there = {folder.name.casefold(): folder for folder in folders(root)}
    names = [name for (name,) in official_list(list_name)] if there else []
    return {name: partial(_load, name, there) for name in names}


def _load(name: str, there: dict[str, Path]) -> Sequence:
    places = list(_places(name, there))
    if not places:
        raise InputError("its folder is missing")
    annotation = next((path for path in places if path.is_file()), places[0])
    return load_otb(name, annotation.parent, annotation)


def _places(name: str, there: dict[str, Path]) -> Iterator[Path]:
    """Where the boxes of a target may be, for the folders that are there."""
    base, _, target = name.casefold().partition(".")
    if target and base in there:
        yield there[base] / f"groundtruth_rect.{target}.txt"
    for folder in [f"{base}{mark}{target}" for mark in ".-_"] if target else [base]:
        if folder in there:
            yield there[folder] / "groundtruth_rect.txt"
    if base == "human4" and base in there:  # its other target has no boxes, and is not listed
        yield there[base] / "groundtruth_rect.txt"


def _benchmark(list_name: str, split: str) -> Benchmark:
    return Benchmark(
        split=split,
        layout="<root>/<Sequence>/img/*.jpg and <root>/<Sequence>/groundtruth_rect.txt, such as "
        "<root>/Basketball/img/0001.jpg",
        find=partial(find_listed, list_name),
    )


OTB2013 = _benchmark("otb2013", "the 51 targets of CVPR 2013")
OTB50 = _benchmark("otb50", "the 50 targets of TB-50")
OTB100 = _benchmark("otb100", "the 100 targets of TB-100")
