"""Makes random packed classifiers, whose damaged files `rbsf.engine.fuzz` gives to both readers."""

from __future__ import annotations

import numpy as np

from rbsf.engine.classifier_format import (
    Border,
    Change,
    Floats,
    PackedClassifier,
    PackedStem,
    PackedUnit,
    Source,
    classifier_bytes,
    stem_bytes,
    unit_bytes,
)

CHANNELS = (1, 3, 8, 15, 16, 24, 33)
BORDERS: tuple[Border, ...] = ("minus", "plus", "zero")
CHANGES: tuple[Change, ...] = ("strided", "pooled")


def random_classifier(seed: int) -> PackedClassifier:
    """Makes a valid classifier of 1 to 4 small units with all kinds of borders and shortcuts."""
    rng = np.random.default_rng(seed)
    stem = _random_stem(rng)
    units: list[PackedUnit] = []
    for _ in range(rng.integers(1, 5)):
        units.append(_random_unit(rng, units, len(stem.weights)))
    channels, classes = units[-1].outputs, int(rng.integers(1, 12))
    last = _floats(rng, 2, channels) if rng.integers(2) else (None, None)
    weights, bias = _floats(rng, channels, classes), _floats(rng, classes)
    return PackedClassifier(stem, tuple(units), weights, bias, {"name": f"random {seed}"}, *last)


def number_places(network: PackedClassifier) -> list[int]:
    """The positions of the 4-byte numbers of its file, most of which are sizes."""
    at = 36 + int.from_bytes(classifier_bytes(network)[24:28], "little")
    places = [*range(8, 36, 4), *range(at, at + 16, 4)]
    at += len(stem_bytes(network.stem))
    for unit in network.units:
        places += range(at, at + 20, 4)
        at += len(unit_bytes(unit))
    return [*places, at]


def _random_stem(rng: np.random.Generator) -> PackedStem:
    outputs, kernel = int(rng.choice(CHANNELS)), int(rng.choice((1, 3, 5)))
    weights = rng.integers(-127, 128, (outputs, 3, kernel, kernel)).astype(np.int8)
    red, green, blue = map(int, rng.integers(0, 256, 3))
    scale, bias = _floats(rng, 2, outputs)
    stride, pool = int(rng.integers(1, 4)), bool(rng.integers(2))
    return PackedStem(stride, pool, (red, green, blue), weights, scale, bias)


def _random_unit(
    rng: np.random.Generator, before: list[PackedUnit], stem_outputs: int
) -> PackedUnit:
    inputs = before[-1].outputs if before else stem_outputs
    outputs = inputs if rng.integers(2) else int(rng.choice(CHANNELS))
    kernel, stride = int(rng.choice((1, 3, 5))), int(rng.choice((1, 1, 2)))
    sources: tuple[Source, ...] = ("none", "own", "before") if before else ("none", "own")
    source = sources[int(rng.integers(len(sources)))]
    around, total = inputs, stride
    if source == "before":
        around, total = before[-1].inputs, stride * before[-1].stride
    change: Change = CHANGES[int(rng.integers(2))]
    if source == "none" or (around == outputs and total == 1 and rng.integers(2)):
        change = "none"
    thresholds = np.where(rng.random(inputs) < 0.1, -np.inf, rng.normal(size=inputs))
    return PackedUnit(
        stride,
        BORDERS[int(rng.integers(3))],
        source,
        change,
        thresholds.astype(np.float32),
        rng.integers(0, 2, inputs).astype(bool),
        (rng.integers(0, 2, (outputs, inputs, kernel, kernel)) * 2 - 1).astype(np.int8),
        *_floats(rng, 2, outputs),
        *(
            (None, None)
            if change == "none"
            else (_floats(rng, around, outputs), _floats(rng, outputs))
        ),
    )


def _floats(rng: np.random.Generator, *shape: int) -> Floats:
    return rng.normal(size=shape).astype(np.float32)
