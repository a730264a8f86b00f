"""The doors of the project: every kind of file that may come from a stranger, and its reader.

A reader reads a file or refuses it by InputError, in one line. `attack` checks that with damaged
files. `tools/fuzz_files.py` checks it with files that are damaged where new code is reached.
"""

from __future__ import annotations

import random
import re
import signal
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from rbsf.errors import LONGEST_MESSAGE, InputError

LONGEST_READ = 20
"""In seconds."""

EVERY_KIND = (
    b"\0",
    b"\xff",
    b"\n",
    b"-1",
    b"0",
    b"1e999",
    b"nan",
    b"9" * 5000,
    b"../up",
    "é".encode(),
)
"""What is worth a try in any file."""


class Door(NamedTuple):
    """A kind of file, and what reads it."""

    file: Path
    """Where the file is written before it is read."""
    read: Callable[[], object]
    """Reads the file, and the whole files that lie around it."""
    samples: Sequence[bytes]
    """Whole files, which are read without an error."""
    words: Sequence[bytes] = ()
    """What files of this kind consist of."""
    repair: Callable[[bytes], bytes] = bytes
    """Makes checksums and the like right again, so that a reader goes on to what follows."""

    def fault(self, data: bytes) -> str:
        """What the reader does wrong with a file; empty if it reads or refuses it."""
        self.file.write_bytes(data)
        try:
            with warnings.catch_warnings(), _at_most(LONGEST_READ):
                warnings.simplefilter("error")
                self.read()
        except InputError as error:
            text = str(error)
            short = text.isprintable() and len(text) <= LONGEST_MESSAGE
            return "" if short else f"the message is not one short line: {text[:200]!r}"
        except Exception as error:
            return f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
        return ""


def attack(door: Door, count: int, seed: int) -> list[str]:
    """Damages whole files `count` times. Returns what was mishandled."""
    draw, mishandled = random.Random(seed), []
    for sample in door.samples:
        assert not door.fault(sample), door.fault(sample)
    for number in range(count):
        data = damaged(draw.choice(door.samples), (*door.words, *EVERY_KIND), draw)
        data = door.repair(data) if draw.random() < 0.95 else data
        fault = door.fault(data)
        if fault:
            mishandled.append(f"{door.file.name} {number}: {fault}")
    return mishandled


def attack_each(doors: Sequence[Door], count: int, seed: int) -> list[str]:
    """Damages `count` files in all, about as many of each kind."""
    shares = [count // len(doors) + (n < count % len(doors)) for n in range(len(doors))]
    each = zip(doors, shares, strict=True)
    return [fault for door, share in each for fault in attack(door, share, seed)]


def damaged(data: bytes, words: Sequence[bytes], draw: random.Random) -> bytes:
    """The same file with 1 to 6 changes: bytes, numbers, lines and words go, come or move."""
    changed = bytearray(data)
    for _ in range(draw.randrange(1, 7)):
        at, size = draw.randrange(len(changed) + 1), draw.choice((1, 2, 4, 8, 24, 64))
        how = draw.randrange(9)
        if how == 0 and changed:
            changed[at % len(changed)] ^= 1 << draw.randrange(8)
        elif how == 1:
            changed[at : at + size] = draw.randbytes(draw.choice((0, size)))
        elif how == 2:
            changed[at:at] = changed[(start := draw.randrange(len(changed) + 1)) : start + size]
        elif how == 3 and draw.random() < 0.3:
            del changed[at:]
        elif how == 4:
            changed[at:at] = draw.choice(words)
        elif how in (5, 6):
            _replace(changed, rb"[-+.\w]+", draw.choice(words), draw)
        elif how == 7:
            _replace(changed, rb"[^\n]*\n?", b"", draw)
        elif how == 8 and draw.random() < 0.1:
            changed[at:at] = draw.choice(words) * draw.choice((2, 30, 2000))
    return bytes(changed)


def _replace(data: bytearray, pattern: bytes, new: bytes, draw: random.Random) -> None:
    """Replaces the first match from a random place on."""
    found = re.compile(pattern).search(data, draw.randrange(len(data) + 1))
    if found:
        data[found.start() : found.end()] = new


@contextmanager
def _at_most(seconds: int) -> Iterator[None]:
    """Raises TimeoutError in the block when the time is over."""

    def end(*_: object) -> None:
        raise TimeoutError(f"it took more than {seconds} s")

    former = signal.signal(signal.SIGALRM, end)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, former)
