"""Files of weights and settings that mean harm, or were harmed: one line, nothing run, no NaN."""

from __future__ import annotations

import json
import random
import struct
import zlib
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from reference_file import reference_state
from safetensors.torch import save_file
from torch import Tensor, nn

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
    """Reads `count` random YAML files. Returns what was neither read nor refused in one line."""
    draw, mishandled = random.Random(seed), []
    words = ["count", ": ", "!!int ", "!!float ", "!!set ", "!!omap ", "&a ", "*a", "[", "]", "{"]
    words += ["}", "- ", "\n", "  ", "? ", "| ", "'", '"', "9", "0x", "1e9", "~", "<<", "\x00", "é"]
    file = folder / "x.yaml"
    for _ in range(count):
        text = "".join(draw.choices(words, k=draw.randrange(1, 30)))
        file.write_text(text, encoding="utf-8")
        try:
            load_settings(Small, file)
        except InputError as error:
            if "\n" in str(error):
                mishandled.append(f"{text!r}: {error}")
        except Exception as error:
            mishandled.append(f"{text!r}: {error!r}")
    return mishandled


def test_random_settings_are_read_or_refused(tmp_path: Path) -> None:
    assert attack_settings_files(tmp_path, count=200, seed=0) == []


def attack_checkpoints(folder: Path, count: int, seed: int) -> list[str]:
    """Loads `count` mutated files, half of them .safetensors. Returns what was mishandled."""
    draw, mishandled = random.Random(seed), []
    torch.save({"x": torch.ones(3)}, folder / "a.pth")
    header = {"kind": "teacher", "config": {"epochs": 3}}
    save_checkpoint(folder / "a.safetensors", header, {"model": {"x": torch.ones(3)}})
    for number in range(count):
        suffix = (".pth", ".safetensors")[number % 2]
        data = bytearray((folder / f"a{suffix}").read_bytes())
        for _ in range(draw.randrange(1, 6)):
            start = draw.randrange(len(data))
            data[start : start + draw.randrange(4)] = draw.randbytes(draw.randrange(4))
        file = folder / f"b{suffix}"
        file.write_bytes(data)
        try:
            load_network(file)
        except InputError as error:
            if "\n" in str(error) or "weights_only" in str(error):
                mishandled.append(f"{number}: {error}")
        except Exception as error:
            mishandled.append(f"{number}: {error!r}")
    return mishandled


@pytest.mark.filterwarnings("ignore")
def test_mutated_checkpoints_are_refused(tmp_path: Path) -> None:
    assert attack_checkpoints(tmp_path, count=100, seed=0) == []


def test_what_is_whole_still_loads(tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "a.safetensors", {"kind": "teacher"}, {"model": reference_state()})
    assert load_checkpoint(tmp_path / "a.safetensors").header["kind"] == "teacher"
    load_network(tmp_path / "a.safetensors")
