"""Files of weights and settings that mean harm, or were harmed: one line, nothing run, no NaN."""

from __future__ import annotations

import contextlib
import json
import random
import struct
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from doors import Door, attack, attack_each, damaged
from reference_file import reference_state
from safetensors.torch import save_file
from torch import Tensor, nn
from weight_doors import (
    NUMBERS,
    packed_classifier_door,
    packed_door,
    pth_door,
    safetensors_door,
    settings_doors,
)

from rbsf.config import Settings, load_settings
from rbsf.embedder import SHIPPED_RBSF
from rbsf.engine.format import HEAD_VERSION, from_bytes, read_packed, to_bytes
from rbsf.engine.frame import MAGIC
from rbsf.errors import InputError
from rbsf.files.checkpoint import load_checkpoint, restore_module, save_checkpoint
from rbsf.files.networks import load_network


def refused(call, *words) -> str:
    with pytest.raises(InputError) as error:
        call(*words)
    message = str(error.value)
    assert "\n" not in message and len(message) < 600
    return message


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_weights_that_are_not_finite_are_refused_on_load(tmp_path: Path, value: float) -> None:
    state = reference_state()
    name = "backbone.conv3.0.weight"
    state[name].view(-1)[7] = value
    torch.save(state, tmp_path / "x.pth")
    assert f"{name} holds a value that is not finite" in refused(load_network, tmp_path / "x.pth")
    save_checkpoint(tmp_path / "x.safetensors", {"kind": "teacher"}, {"model": state})
    assert "not finite" in refused(load_network, tmp_path / "x.safetensors")


def odd_tensors(shape: torch.Size) -> dict[str, Tensor]:
    """Tensors of a right shape from which no network can be loaded."""
    return {
        "sparse": torch.ones(shape).to_sparse(),
        "meta": torch.ones(shape, device="meta"),
        "complex": torch.ones(shape, dtype=torch.complex64),
        "quantised": torch.quantize_per_tensor(torch.ones(shape), 0.1, 0, torch.qint8),
    }


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", ["sparse", "meta", "complex", "quantised"])
def test_tensors_that_are_not_plain_are_refused(kind: str) -> None:
    layer = nn.Linear(3, 2)
    tensors = {**layer.state_dict(), "weight": odd_tensors(layer.weight.shape)[kind]}
    message = refused(restore_module, layer, tensors, "x.pth")
    assert message == "x.pth is of another architecture: weight is no plain tensor"


def test_names_that_are_no_texts_are_refused(tmp_path: Path) -> None:
    torch.save({**reference_state(), 3: torch.ones(1)}, tmp_path / "x.pth")
    assert "not all of its names are texts" in refused(load_network, tmp_path / "x.pth")


def test_a_foreign_pickle_is_refused_without_advice_to_run_it(tmp_path: Path) -> None:
    torch.save(nn.Linear(2, 2), tmp_path / "x.pth")
    message = refused(load_network, tmp_path / "x.pth")
    assert "state_dict()" in message and "weights_only" not in message and "trust" not in message


@pytest.mark.parametrize(
    "header",
    [
        "[" * 100_000,
        '{"format": 1, "kind": "teacher", "config": ' + "[" * 100_000 + "]" * 100_000 + "}",
        '{"format": 1, "seed": ' + "9" * 5000 + "}",
        '{"format": 1, "kind": "\\ud800"}',
        '{"format": 1, "kind": "student", "config": [1, 2]}',
        '{"format": 1, "kind": "student", "config": 7}',
        '{"format": 1, "kind": "student", "config": null}',
        '{"format": 1, "kind": ["student"]}',
    ]
    + [
        json.dumps({"format": 1, "kind": "student", "config": config})
        for config in (
            {"weights": "none", "activations": "approx", "c_shape": "kernel"},
            {"weights": [], "activations": "approx", "c_shape": "kernel"},
            {"weights": "rbcn", "activations": {}, "c_shape": "kernel"},
            {"weights": "rbcn", "activations": "approx", "c_shape": 3},
        )
    ],
)
def test_odd_headers_are_refused(tmp_path: Path, header: str) -> None:
    file = tmp_path / "x.safetensors"
    save_file({"model/x": torch.ones(1)}, file, {"rbsf": header})
    assert "x.safetensors" in refused(load_network, file)


def test_a_packed_files_metadata_is_text() -> None:
    network = replace(read_packed(SHIPPED_RBSF), metadata={"name": "AAAAAA"})
    rest = to_bytes(network)[16:].replace(b"AAAAAA", rb"\ud800")
    data = MAGIC + struct.pack("<II", HEAD_VERSION, zlib.crc32(rest)) + rest
    assert "metadata is not a JSON object" in refused(from_bytes, data, "x.rbsf")


class Small(Settings):
    """Settings to read."""

    count: int = 1


@pytest.mark.parametrize(
    "text",
    [
        "[" * 20_000,
        "count: " + "[" * 20_000 + "]" * 20_000,
        "count: " + "9" * 5000,
        'count: !!int ""',
        "count: !!timestamp x",
        "count: !!bool maybe",
        "count: 2001-99-99",
        "{[1]: 2}",
        "count: !!python/object/apply:os.system [ls]",
        "3: 4",
        "count: .inf",
    ],
)
def test_odd_settings_are_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "x.yaml").write_text(text)
    assert "x.yaml" in refused(load_settings, Small, tmp_path / "x.yaml")


def attack_settings_files(folder: Path, count: int, seed: int) -> list[str]:
    """Reads `count` damaged settings, and as many random ones. Returns what was mishandled."""
    words = ["count", ": ", "!!int ", "!!float ", "!!set ", "!!omap ", "&a ", "*a", "[", "]", "{"]
    words += ["}", "- ", "\n", "  ", "? ", "| ", "'", '"', "9", "0x", "1e9", "~", "<<", "\x00", "é"]
    draw, file = random.Random(seed), folder / "x.yaml"
    random_texts = Door(file, lambda: load_settings(Small, file), ())
    faults = []
    for _ in range(count):
        text = "".join(draw.choices(words, k=draw.randrange(1, 30)))
        fault = random_texts.fault(text.encode())
        faults += [f"{text!r}: {fault}"] if fault else []
    return faults + attack_each(settings_doors(folder), count, seed)


def attack_packed_files_1(folder: Path, count: int, seed: int) -> list[str]:
    """Tracks with `count` damaged files of version 1, on bits. Returns what was mishandled."""
    return attack(packed_door(folder, 1), count, seed)


def attack_packed_files_2(folder: Path, count: int, seed: int) -> list[str]:
    """As `attack_packed_files_1`, of version 2, on levels."""
    return attack(packed_door(folder, 2), count, seed)


def attack_packed_files_3(folder: Path, count: int, seed: int) -> list[str]:
    """As `attack_packed_files_1`, of version 3, with a box head."""
    return attack(packed_door(folder, 3), count, seed)


def attack_packed_files_4(folder: Path, count: int, seed: int) -> list[str]:
    """Classifies with `count` damaged files of version 4. Returns what was mishandled."""
    return attack(packed_classifier_door(folder), count, seed)


def attack_safetensors(folder: Path, count: int, seed: int) -> list[str]:
    """Tracks with `count` damaged checkpoints. Returns what was mishandled."""
    return attack(safetensors_door(folder), count, seed)


def attack_pth_files(folder: Path, count: int, seed: int) -> list[str]:
    """Tracks with `count` damaged .pth files. Returns what was mishandled."""
    return attack(pth_door(folder), count, seed)


ATTACKS = [
    (attack_settings_files, 150),
    (attack_packed_files_1, 150),
    (attack_packed_files_2, 150),
    (attack_packed_files_3, 150),
    (attack_packed_files_4, 150),
    (attack_safetensors, 100),
    (attack_pth_files, 100),
]


@pytest.mark.parametrize(("attack", "count"), ATTACKS)
def test_damaged_files_are_read_or_refused(
    tmp_path: Path, attack: Callable[[Path, int, int], list[str]], count: int
) -> None:
    assert attack(tmp_path, count, 0) == []


def test_some_damaged_files_are_accepted(tmp_path: Path) -> None:
    """Else no attack would come further than the reader."""
    door, draw, accepted = packed_door(tmp_path, 3), random.Random(0), 0
    for _ in range(40):
        door.file.write_bytes(door.repair(damaged(door.samples[0], NUMBERS, draw)))
        with contextlib.suppress(InputError):
            door.read()
            accepted += 1
    assert accepted > 3


def test_what_is_whole_still_loads(tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "a.safetensors", {"kind": "teacher"}, {"model": reference_state()})
    assert load_checkpoint(tmp_path / "a.safetensors").header["kind"] == "teacher"
    load_network(tmp_path / "a.safetensors")
