"""Both readers of packed files meet damaged files; `make sanitize` is the long version."""

from __future__ import annotations

import shutil
import struct
import zlib
from pathlib import Path

import pytest

from rbsf.engine.format import from_bytes
from rbsf.engine.fuzz import (
    CompiledReader,
    Finding,
    build_reader,
    check,
    damaged_files,
    random_network,
    refusal,
    run_libfuzzer,
    sample,
)
from rbsf.engine.fuzz_classifier import random_classifier

COMPILERS = ("c++", "g++", "clang++")


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory):
    if not any(map(shutil.which, COMPILERS)):
        pytest.skip(f"no compiler: none of {', '.join(COMPILERS)}")
    with CompiledReader(build_reader(tmp_path_factory.mktemp("sanitize"))) as reader:
        yield reader


@pytest.mark.parametrize("seed", range(30))
def test_numbers_lie_where_a_sample_says(seed: int):
    network = random_network(seed)
    whole = sample(network)
    assert from_bytes(whole.data, "it").layers[-1].scale is not None
    records = whole.numbers[8 : 8 + 6 * len(network.layers)]
    head = whole.numbers[8 + len(records) :]
    assert len(head) == (0 if network.head is None else 5)
    if network.head is not None:
        channels, step, scale = struct.unpack_from("<I2f", whole.data, head[0])
        assert channels == network.head.channels
        assert (step, scale) == (network.head.feature_step, network.head.pixel_scale)
    for layer, at in zip(network.layers, records[::6], strict=True):
        shape = struct.unpack_from("<5I", whole.data, at + 4)
        assert shape == (layer.inputs, layer.outputs, layer.kernel, layer.stride, layer.groups)


def test_damage_is_the_same_for_the_same_seed():
    assert list(damaged_files(50, seed=1)) == list(damaged_files(50, seed=1))
    assert list(damaged_files(50, seed=1)) != list(damaged_files(50, seed=2))


def test_the_python_reader_refuses_or_accepts_damaged_files():
    refusals = [refusal(data) for data in damaged_files(2000, seed=0)]
    assert 200 < refusals.count("") < 1000
    assert all(why.startswith("it ") for why in refusals if why)
    assert sum("checksum" in why for why in refusals) < 200  # the others were read beyond it


def test_both_readers_accept_the_same_damaged_files(compiled: CompiledReader):
    outcomes = [check(data, compiled) for data in damaged_files(2000, seed=0)]
    assert outcomes.count("ran") > 200


@pytest.mark.parametrize("seed", range(30))
def test_the_compiled_reader_runs_whole_files(compiled: CompiledReader, seed: int):
    assert check(sample(random_network(seed)).data, compiled) in ("ran", "accepted")
    assert check(sample(random_classifier(seed)).data, compiled) in ("ran", "accepted")


@pytest.mark.parametrize("seed", range(30))
def test_the_numbers_of_a_classifier_lie_where_its_sample_says(seed: int):
    network = random_classifier(seed)
    whole = sample(network)
    (last,) = struct.unpack_from("<I", whole.data, whole.numbers[-1])
    assert last == (network.last_scale is not None)
    for unit, at in zip(network.units, whole.numbers[11:-1:5], strict=True):
        shape = struct.unpack_from("<4I", whole.data, at + 4)
        assert shape == (unit.inputs, unit.outputs, unit.kernel, unit.stride)


def test_metadata_that_is_not_json_is_the_one_difference(compiled: CompiledReader):
    data = bytearray(sample(random_network(0)).data)
    assert data[40:41] == b"{"
    data[40:41] = b"["
    data[12:16] = zlib.crc32(data[16:]).to_bytes(4, "little")
    assert "not a JSON object" in refusal(data)
    assert not check(data, compiled).startswith("refused")


def test_a_difference_is_a_finding():
    whole = sample(random_network(0)).data
    with pytest.raises(Finding, match="accepted"):
        check(whole, lambda data: "refused")  # type: ignore[arg-type]
    with pytest.raises(Finding, match="truncated"):
        check(whole[:-1], lambda data: "ran")  # type: ignore[arg-type]


def test_a_dead_reader_is_a_finding(tmp_path: Path):
    program = tmp_path / "dies"
    program.write_text("#!/bin/sh\nhead -c 4 > /dev/null\nexit 1\n")
    program.chmod(0o755)
    with pytest.raises(Finding, match="died") as found, CompiledReader(program) as reader:
        reader(b"data")
    assert found.value.data == b"data"


@pytest.mark.parametrize("found", [False, True])
def test_libfuzzer_begins_with_whole_files_and_its_findings_are_told(tmp_path: Path, found: bool):
    program = tmp_path / "program"
    program.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" > "{tmp_path}/words"\nexit {int(found)}\n')
    program.chmod(0o755)
    assert run_libfuzzer(program, 70, 3, tmp_path / "corpus") is not found
    words = (tmp_path / "words").read_text().split()
    assert {"-runs=70", "-seed=3", str(tmp_path / "corpus")} <= set(words)
    (longest,) = (int(word.partition("=")[2]) for word in words if word.startswith("-max_len"))
    files = [file.read_bytes() for file in (tmp_path / "corpus").iterdir()]
    assert len(files) == 96 and all(len(data) <= longest for data in files)
    assert not any(refusal(data) for data in files)
