"""The packed file of a classifier: its bytes by hand, and which files are refused."""

from __future__ import annotations

import struct
from dataclasses import replace

import numpy as np
import pytest
from packed_bytes import flipped_bits, refusal_by, u32

from rbsf.engine.classifier_format import (
    PackedClassifier,
    PackedStem,
    PackedUnit,
    classifier_bytes,
    parse_classifier,
    read_classifier,
    write_classifier,
)
from rbsf.engine.frame import seal


def floats(*values: float) -> np.ndarray:
    return np.array(values, np.float32)


def tiny() -> PackedClassifier:
    """A 1x1 stem of 2 channels, a unit from 2 to 3 channels with a shortcut, and 2 classes."""
    weights = np.array([[1, -2, 3], [-127, 0, 127]], np.int8).reshape(2, 3, 1, 1)
    stem = PackedStem(2, True, (124, 116, 104), weights, floats(1, 2), floats(3, 4))
    signs = np.array([[1, -1], [-1, -1], [1, 1]], np.int8).reshape(3, 2, 1, 1)
    unit = PackedUnit(
        1, "zero", "own", "pooled", floats(0.5, -np.inf), np.array([False, True]), signs,
        floats(5, 6, 7), floats(8, 9, 10),
        floats(1, 2, 3, 4, 5, 6).reshape(2, 3), floats(7, 8, 9),
    )  # fmt: skip
    last = floats(1, 2, 3, 4, 5, 6).reshape(3, 2)
    return PackedClassifier(stem, (unit,), last, floats(7, 8), {"a": 1})


BODY = b"".join(
    [
        struct.pack("<3I", 8, 1, 2),
        b'{"a": 1}',
        bytes([1, 124, 116, 104]),
        struct.pack("<3I", 2, 1, 2),
        bytes([1, 254, 3, 129, 0, 127]),
        struct.pack("<4f", 1, 2, 3, 4),
        bytes([2, 1, 2, 0]),
        struct.pack("<4I", 2, 3, 1, 1),
        struct.pack("<2f", 0.5, -np.inf),
        bytes([0b10, 0b01, 0b00, 0b11]),
        struct.pack("<6f", 5, 6, 7, 8, 9, 10),
        struct.pack("<9f", 1, 2, 3, 4, 5, 6, 7, 8, 9),
        u32(0),
        struct.pack("<8f", 1, 2, 3, 4, 5, 6, 7, 8),
    ]
)
STEM, UNIT, LAST = 20, 20 + 16 + 6 + 16, len(BODY) - 36
"""Where the parts begin in the body."""


def changed(at: int, new: bytes) -> bytes:
    return seal(4, BODY[:at] + new + BODY[at + len(new) :])


def refusal(data: bytes) -> str:
    return refusal_by(parse_classifier, data)


def test_the_bytes_are_those_of_the_description():
    assert classifier_bytes(tiny()) == seal(4, BODY)


def test_what_is_read_is_what_was_written(tmp_path):
    rectified = replace(tiny(), last_scale=floats(1, 2, 3), last_bias=floats(4, 5, 6))
    for network in (tiny(), rectified):
        write_classifier(tmp_path / "a.rbsf", network)
        found = read_classifier(tmp_path / "a.rbsf")
        assert found.metadata == {"a": 1}
        for mine, theirs in ((found, network), (found.stem, network.stem), *zip(
            found.units, network.units, strict=True
        )):  # fmt: skip
            for key, value in vars(theirs).items():
                if isinstance(value, np.ndarray):
                    assert np.array_equal(getattr(mine, key), value)
                elif key not in {"stem", "units"}:
                    assert getattr(mine, key) == value
        assert [file.name for file in tmp_path.iterdir()] == ["a.rbsf"]


def test_every_truncation_and_every_flipped_bit_is_refused():
    data = seal(4, BODY)
    for length in range(len(data)):
        refusal(data[:length])
    for flipped in flipped_bits(data):
        refusal(flipped)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (seal(3, BODY), "holds no classifier, but a tracker's network"),
        (seal(5, BODY), "has version 5, but this rbsf reads only up to 4: update rbsf"),
        (seal(4, BODY + b"\0"), "1 bytes follow its last layer"),
        (seal(4, BODY[:-1]), "it ends 1 bytes too early"),
        (changed(4, u32(0)), "the network has units 0, not 1 to 256"),
        (changed(8, u32(65537)), "the network has classes 65537, not 1 to 65536"),
        (changed(12, b"["), "its metadata is not a JSON object"),
        (changed(STEM, b"\2"), "the stem has an unknown kind"),
        (changed(STEM + 8, u32(2)), "the stem has kernel 2, not odd"),
        (changed(STEM + 12, u32(5)), "the stem has stride 5, not 1 to 4"),
        (changed(STEM + 16, b"\x80"), "the stem has a weight below -127"),
        (changed(UNIT - 4, struct.pack("<f", np.nan)), "the stem has a number that is not finite"),
        (changed(UNIT, b"\3"), "unit 1 has an unknown kind"),
        (changed(UNIT + 1, b"\0"), "unit 1 has an unknown kind"),
        (changed(UNIT + 1, b"\2"), "unit 1 has no unit before it"),
        (changed(UNIT + 2, b"\0"), "unit 1 has a shortcut of another shape than its output"),
        (changed(UNIT + 4, u32(3)), "unit 1 has 3 inputs, not 2"),
        (changed(UNIT + 8, u32(4097)), "unit 1 has outputs 4097, not 1 to 4096"),
        (changed(UNIT + 20, struct.pack("<f", np.nan)), "unit 1 has a threshold that is no number"),
        (changed(UNIT + 28, b"\4"), "unused bits are not 0"),
        (changed(UNIT + 31, b"\7"), "unused bits are not 0"),
        (changed(UNIT + 36, struct.pack("<f", np.nan)), "unit 1 has a number that is not finite"),
        (changed(LAST - 4, struct.pack("<f", np.inf)), "unit 1 has a number that is not finite"),
        (changed(LAST, b"\2"), "the last layer has an unknown kind"),
        (changed(LAST + 8, struct.pack("<f", np.inf)), "the last layer has a number that is not"),
    ],
)
def test_what_is_refused(data, reason):
    assert reason in refusal(data)


def test_a_sum_of_more_than_32768_terms_is_refused():
    body = [struct.pack("<3I", 2, 1, 2), b"{}", bytes(4), struct.pack("<3I", 4096, 1, 1)]
    body += [bytes(3 * 4096 + 8 * 4096), bytes(4), struct.pack("<4I", 4096, 1, 3, 1)]
    assert "unit 1 sums 36864 terms, more than 32768" in refusal(seal(4, b"".join(body)))
