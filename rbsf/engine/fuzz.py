"""Makes damaged packed files, and checks that both readers accept and refuse the same ones.

The compiled reader (src/model.cpp) runs under AddressSanitizer and UBSan in a process of its own
(src/fuzz.cpp). That process also runs every network that the reader accepts, on every kernel path.
"""

from __future__ import annotations

import os
import random
import shutil
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np

from rbsf.engine.classifier_format import PackedClassifier, classifier_bytes, parse_classifier
from rbsf.engine.format import PackedLayer, PackedNetwork, from_bytes, to_bytes
from rbsf.engine.frame import CLASSIFIER_VERSION
from rbsf.engine.fuzz_classifier import number_places, random_classifier
from rbsf.engine.packed_head import CELLS, TOWER_KERNEL, Floats, HeadLayer, PackedHead, Tower
from rbsf.errors import InputError

ROOT = Path(__file__).parents[2]

NO_JSON = "its metadata is not a JSON object"
"""The one reason for which only the Python reader refuses a file. The other skips the metadata."""

EXTREMES = (
    *(0, 1, 2, 3, 4, 7, 8, 9, 15, 16, 31, 32, 33, 63, 64, 65, 255, 256, 4095, 4096, 4097),
    *(32767, 32768, 32769, 65535, 65536, 65537, 2**24, 2**31 - 1, 2**31, 2**32 - 1),
    *(0x7F800000, 0x7FC00000, 0x80000000),  # infinity, NaN and -0 as floats
)
"""Numbers at which readers are likely to make mistakes."""


LONGEST_MADE = 20_000
"""The most bytes of a file that libFuzzer makes. The whole files have fewer."""


class Finding(Exception):
    """A reader did something that it must not do.

    Args:
        what: What it did.
        data: The file with which it did so.
    """

    def __init__(self, what: str, data: bytes) -> None:
        super().__init__(what)
        self.data = data


class Sample(NamedTuple):
    """A whole file."""

    data: bytes
    numbers: list[int]
    """The positions of its 4-byte numbers, most of which are sizes."""


def random_network(seed: int) -> PackedNetwork:
    """Makes a valid network of 2 to 4 small layers with unusual shapes, on bits or levels.

    One in three has a box head.
    """
    rng = np.random.default_rng(seed)
    sizes = [3, *rng.choice([1, 2, 5, 8, 12, 16, 24, 63, 64, 66], rng.integers(2, 5))]
    layers = []
    for index, (inputs, outputs) in enumerate(pairwise(sizes)):
        first, last = index == 0, index == len(sizes) - 2
        common = [n for n in (1, 2, 3, 4, 8) if inputs % n == outputs % n == 0 and not first]
        groups, kernel = int(rng.choice(common or [1])), int(rng.integers(1, 5))
        steps = 3 if rng.integers(2) else 1
        shape = (outputs, inputs // groups, kernel, kernel)
        terms = kernel**2 * int(inputs) // groups
        weights = rng.integers(-127, 128, shape) if first else rng.integers(0, 2, shape) * 2 - 1
        reals = rng.normal(size=(2, outputs)).astype(np.float32)
        most = terms * (8000 if first else 1)
        ordered = np.sort(rng.integers(-most, most + 1, (steps, outputs)), axis=0)
        thresholds = (ordered if steps > 1 else ordered[0]).astype(np.int32)
        layers.append(
            PackedLayer(
                "pixels" if first else "binary",
                int(inputs),
                int(outputs),
                kernel,
                int(rng.integers(1, 5)) if first else 1,
                groups,
                bool(rng.integers(2)) and not last,
                weights.astype(np.int8),
                None if last else thresholds,
                None if last else rng.integers(0, 2, outputs).astype(bool),
                reals[0] if last else None,
                reals[1] if last else None,
            )
        )
    head = None if rng.integers(3) else random_head(rng, layers[-1].outputs)
    return PackedNetwork(tuple(layers), 0.5, -1.0, {"name": f"random {seed}"}, head)


def random_head(rng: np.random.Generator, features: int, channels: int = 0) -> PackedHead:
    """Makes a valid box head, with 1 to 12 channels unless they are given."""
    c, k, cells = channels or int(rng.integers(1, 13)), TOWER_KERNEL, CELLS**2

    def floats(*shape: int) -> Floats:
        return rng.normal(size=shape).astype(np.float32)

    def layer(*shape: int) -> HeadLayer:
        terms = int(np.prod(shape[1:]))
        weights = rng.integers(-127, 128, shape).astype(np.int8)
        scale = rng.uniform(0.5, 1, shape[0]).astype(np.float32) / np.float32(100 * terms**0.5)
        return HeadLayer(weights, scale, np.float32(40) * floats(shape[0]))

    def tower(maps: int) -> Tower:
        layers = layer(c, k, k), layer(c, c), layer(c, k, k), layer(c, c)
        return Tower(layers, floats(maps, c), floats(maps))

    return PackedHead(
        feature_step=0.125,
        pixel_scale=2.0**-9,
        of_exemplar=layer(c, features),
        of_search=layer(c, features),
        gate=floats(c, c),
        gate_bias=floats(c),
        to_grid=layer(cells + c, CELLS, CELLS),
        correlated_scale=floats(c) / np.float32(128),
        correlated_bias=floats(c) + np.float32(128),
        mix=layer(c, cells + 2 * c),
        beside=np.float32(10) * floats(c, 3),
        place=tower(2),
        size=tower(4),
    )


def sample(network: PackedNetwork | PackedClassifier) -> Sample:
    """Makes the file of a network, and finds the numbers in it."""
    if isinstance(network, PackedClassifier):
        return Sample(classifier_bytes(network), number_places(network))
    data = to_bytes(network)
    at = 40 + int.from_bytes(data[32:36], "little")
    numbers = list(range(8, 40, 4))
    for layer in network.layers:
        numbers += range(at, at + 24, 4)
        row = layer.terms if layer.kind == "pixels" else -(-layer.terms // 8)
        if layer.thresholds is None:
            tail = 8 * layer.outputs
        else:
            tail = 4 * layer.thresholds.size + -(-layer.outputs // 8)
        at += 24 + layer.outputs * row + tail
    if network.head is not None:
        numbers += range(at, at + 12, 4)
        numbers += range(len(data) - 8, len(data), 4)  # the last biases
    return Sample(data, numbers)


def whole_files(rng: random.Random) -> list[Sample]:
    """Makes the files of 64 random networks and 32 classifiers."""
    samples = [sample(random_network(rng.getrandbits(32))) for _ in range(64)]
    return samples + [sample(random_classifier(rng.getrandbits(32))) for _ in range(32)]


def damaged_files(count: int, seed: int) -> Iterator[bytes]:
    """Makes files by damaging those of `whole_files`, one to three times each.

    Args:
        count: How many files to make.
        seed: The seed of every random choice.
    """
    rng = random.Random(seed)
    samples = whole_files(rng)
    for _ in range(count):
        whole = rng.choice(samples)
        data = bytearray(whole.data)
        for _ in range(rng.choice((1, 1, 2, 3))):
            rng.choice(_DAMAGES)(data, whole.numbers, rng)
        if rng.random() < 0.95:
            _mend(data, size_too=rng.random() < 0.95)
        yield bytes(data)


def _mend(data: bytearray, size_too: bool) -> None:
    """Corrects the checksum, and on request the size, so that a reader goes on to what follows."""
    if len(data) >= 24:
        if size_too:
            struct.pack_into("<Q", data, 16, len(data))
        struct.pack_into("<I", data, 12, zlib.crc32(data[16:]))


def _flip_bits(data: bytearray, numbers: list[int], rng: random.Random) -> None:
    for _ in range(rng.randint(1, 8) if data else 0):
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)


def _set_bytes(data: bytearray, numbers: list[int], rng: random.Random) -> None:
    for _ in range(rng.randint(1, 4) if data else 0):
        data[rng.randrange(len(data))] = rng.choice((0, 1, 2, 127, 128, 255))


def _set_number(data: bytearray, numbers: list[int], rng: random.Random) -> None:
    at = rng.choice(numbers) if rng.random() < 0.8 else rng.randrange(max(1, len(data) - 3))
    if at + 4 <= len(data):
        near = int.from_bytes(data[at : at + 4], "little") + rng.choice((-1, 1))
        number = rng.choice((near % 2**32, *rng.sample(EXTREMES, 3)))
        struct.pack_into("<I", data, at, number)


def _truncate(data: bytearray, numbers: list[int], rng: random.Random) -> None:
    del data[rng.randrange(len(data) + 1) :]


def _extend(data: bytearray, numbers: list[int], rng: random.Random) -> None:
    data += rng.randbytes(rng.choice((1, 2, 4, 24, 100)))


def _cut(data: bytearray, numbers: list[int], rng: random.Random) -> None:
    at = rng.randrange(len(data) + 1)
    del data[at : at + rng.choice((1, 2, 4, 8, 24, 64))]


def _splice(data: bytearray, numbers: list[int], rng: random.Random) -> None:
    """Copies a range of bytes to another place, where it is inserted or overwrites others."""
    length, at = rng.choice((1, 4, 8, 24, 64)), rng.randrange(len(data) + 1)
    start = rng.randrange(len(data) + 1)
    data[at : at + rng.choice((0, length))] = data[start : start + length]


_DAMAGES: tuple[Callable[[bytearray, list[int], random.Random], None], ...] = (
    _flip_bits,
    _set_bytes,
    _set_number,
    _set_number,
    _truncate,
    _extend,
    _cut,
    _splice,
)


def refusal(data: bytes) -> str:
    """Why the Python reader refuses a file; empty if it accepts the file.

    Raises:
        Finding: The reader neither accepts nor refuses it.
    """
    classifier = data[8:12] == CLASSIFIER_VERSION.to_bytes(4, "little")
    try:
        (parse_classifier if classifier else from_bytes)(data, "it")
    except InputError as error:
        return str(error)
    except Exception as error:
        raise Finding(f"the Python reader raised {error!r}", data) from error
    return ""


class CompiledReader:
    """The compiled reader under sanitizers, in a process that lasts as long as this context.

    A call with the content of a file gives the outcome, as src/fuzz.cpp words it: "refused" with
    the reason, "accepted", or "ran".

    Args:
        program: The program that `build_reader` makes.

    Raises:
        Finding: The process died. The sanitizer's report is on standard error.
    """

    def __init__(self, program: Path) -> None:
        self.process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def __enter__(self) -> CompiledReader:
        return self

    def __call__(self, data: bytes) -> str:
        assert self.process.stdin and self.process.stdout
        try:
            self.process.stdin.write(struct.pack("<I", len(data)) + data)
            self.process.stdin.flush()
            line = self.process.stdout.readline()
        except BrokenPipeError:
            line = b""
        if not line:
            raise Finding("the compiled reader died", data)
        return line.decode().strip()

    def __exit__(self, raised: object, *_: object) -> None:
        self.process.communicate()
        if self.process.returncode and not raised:  # leaks are reported at the end
            raise Finding(f"the compiled reader ended with {self.process.returncode}", b"")


def check(data: bytes, compiled: CompiledReader) -> str:
    """Feeds a file to both readers, and gives the outcome of the compiled one.

    Raises:
        Finding: A reader died, or one accepts what the other refuses.
    """
    outcome, why = compiled(data), refusal(data)
    if outcome.startswith("refused") != bool(why) and NO_JSON not in why:
        raise Finding(
            f"the compiled reader says: {outcome}; the Python reader says: {why or 'accepted'}",
            data,
        )
    return outcome


def run_libfuzzer(program: Path, count: int, seed: int, folder: Path) -> bool:
    """Lets libFuzzer make files, guided by the code that they reach.

    Args:
        program: The program of `build_reader`, made for libFuzzer.
        count: How many files to make.
        seed: The seed of every random choice.
        folder: Where the files stay that reach new code, and `found-...`, which ended it.

    Returns:
        Whether nothing was found.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for number, whole in enumerate(whole_files(random.Random(seed))):
        (folder / f"whole-{number}").write_bytes(whole.data)
    words = [f"-runs={count}", f"-seed={seed}", "-timeout=20", "-rss_limit_mb=6000"]
    words += [f"-max_len={LONGEST_MADE}", f"-artifact_prefix={folder}/found-"]
    return subprocess.run([program, *words, folder]).returncode == 0


def build_reader(folder: Path, libfuzzer: bool = False) -> Path:
    """Compiles src/fuzz.cpp with sanitizers in a folder, and gives the program's path.

    Args:
        folder: The folder.
        libfuzzer: Whether libFuzzer is to run it, which only clang++ has.

    Raises:
        InputError: There is no cmake or no compiler, or compiling failed.
    """
    beside = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    cmake = shutil.which("cmake", path=beside)
    if not cmake:
        raise InputError("cmake is missing: pip install cmake")
    configure = ["-S", str(ROOT), "-B", str(folder), "-DRBSF_SANITIZE=ON"]
    needs = "g++ or clang, and make"
    if libfuzzer:
        configure += ["-DRBSF_LIBFUZZER=ON", "-DCMAKE_CXX_COMPILER=clang++"]
        needs = "clang++ with its runtime (libclang-rt-dev or alike), and make"
    for words in (configure, ["--build", str(folder), "--target", "fuzz"]):
        ended = subprocess.run([cmake, *words], capture_output=True, text=True)
        if ended.returncode:
            lines = (ended.stderr or ended.stdout).strip().splitlines()
            reason = next((line.strip() for line in lines if "rror" in line), "no reason was given")
            raise InputError(f"the reader does not compile, which needs {needs}: {reason}")
    return folder / "fuzz"
