"""Checkpoints: the round trip, the header, and every way in which a file can be unusable."""

import errno
import json
import os
import struct
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from rbsf.errors import InputError
from rbsf.files import checkpoint as module
from rbsf.files.checkpoint import (
    load_checkpoint,
    optimiser_tensors,
    restore_module,
    restore_optimiser,
    save_checkpoint,
)

HEADER = {"kind": "teacher", "config": {"epochs": 3}, "seed": 7, "step": 11, "metrics": {"ao": 0.5}}


def tensors():
    torch.manual_seed(0)
    return {
        "weight": torch.randn(4, 3, 2, 2).to(memory_format=torch.channels_last),
        "half": torch.randn(5).half(),
        "count": torch.tensor(12),
        "bits": torch.arange(9, dtype=torch.uint8),
        "empty": torch.zeros(0, 3),
    }


@pytest.fixture
def saved(tmp_path):
    save_checkpoint(
        tmp_path / "a.safetensors", HEADER, {"model": tensors(), "other": {"x": torch.ones(2)}}
    )
    return tmp_path / "a.safetensors"  # fmt: skip


def refused(file, reason):
    with pytest.raises(InputError) as error:
        load_checkpoint(file)
    assert str(file) in str(error.value) and reason in str(error.value)


def test_round_trip(saved):
    checkpoint = load_checkpoint(saved)
    assert checkpoint.header == {"format": 1, **HEADER}
    read = checkpoint.part("model")
    assert read.keys() == tensors().keys()
    for name, tensor in tensors().items():
        assert read[name].dtype == tensor.dtype
        assert torch.equal(read[name], tensor)
    assert checkpoint.part("other")["x"].tolist() == [1, 1]


def test_equal_checkpoints_are_equal_files(tmp_path):
    """safetensors orders its metadata at random. Names and values need not be ASCII."""
    header = {**HEADER, "name": 'cyclist \u00e9\u4e2d "quoted" \n'}
    contents = set()
    for number in range(12):
        file = tmp_path / f"{number}.safetensors"
        save_checkpoint(file, header, {"model": tensors()})
        contents.add(file.read_bytes())
        assert load_checkpoint(file).header == {"format": 1, **header}
    assert len(contents) == 1


def test_the_header_is_json_that_anyone_can_read(saved):
    data = saved.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(json.loads(data[8 : 8 + length])["__metadata__"]["rbsf"])
    assert header["seed"] == 7 and header["step"] == 11 and header["metrics"] == {"ao": 0.5}


def test_a_missing_file(tmp_path):
    refused(tmp_path / "no.safetensors", "cannot read checkpoint")
    refused(tmp_path, "cannot read checkpoint")


@pytest.mark.parametrize("share", [0, 0.001, 0.3, 0.9, 0.999])
def test_a_truncated_file(saved, share):
    data = saved.read_bytes()
    saved.write_bytes(data[: int(len(data) * share)])
    refused(saved, "damaged")


def test_no_flipped_bit_changes_what_is_read(saved):
    data, whole, noticed = saved.read_bytes(), load_checkpoint(saved), 0
    for position in range(0, len(data), 3):
        broken = bytearray(data)
        broken[position] ^= 1 << position % 8
        saved.write_bytes(broken)
        try:
            read = load_checkpoint(saved)
        except InputError as error:
            assert str(saved) in str(error)
            noticed += 1
        else:  # the bit is in the checksum's name, or in the blanks that follow the header
            assert read.header == whole.header and read.tensors.keys() == whole.tensors.keys()
            assert all(torch.equal(read.tensors[name], t) for name, t in whole.tensors.items())
    assert noticed > 0.95 * len(range(0, len(data), 3))


def test_a_newer_format(saved, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(module, "FORMAT", 2)
        save_checkpoint(saved, HEADER, {"model": {}})
        load_checkpoint(saved)
    refused(saved, "format 2, but this version of rbsf reads only up to 1: update rbsf")


@pytest.mark.parametrize("metadata", [None, {}, {"rbsf": "3"}, {"rbsf": "{}"}, {"rbsf": "{"}])
def test_a_safetensors_file_of_others(tmp_path, metadata):
    file = tmp_path / "others.safetensors"
    save_file({"x": torch.ones(1)}, file, metadata)
    refused(file, "damaged" if metadata == {"rbsf": "{"} else "lacks our header")


def test_a_file_without_a_checksum_is_read(tmp_path):
    """The first files of the project have none."""
    file = tmp_path / "old.safetensors"
    save_file({"model/x": torch.ones(1)}, file, {"rbsf": json.dumps({"format": 1})})
    assert load_checkpoint(file).part("model")["x"].item() == 1


def test_a_failed_write_leaves_the_old_file(saved, monkeypatch):
    before = saved.read_bytes()

    def disk_full(path, data):
        with open(path, "wb") as stream:
            stream.write(data[: len(data) // 2])
        raise OSError(errno.ENOSPC, "disk full")

    monkeypatch.setattr(Path, "write_bytes", disk_full)
    with pytest.raises(InputError, match=r"cannot write .*disk full"):
        save_checkpoint(saved, HEADER, {"model": tensors()})
    assert saved.read_bytes() == before
    assert list(saved.parent.iterdir()) == [saved]


def test_a_file_is_on_disk_before_it_takes_its_name(saved, monkeypatch):
    order = []
    for name in ("fsync", "replace"):
        real = getattr(os, name)
        monkeypatch.setattr(
            os, name, lambda *a, name=name, real=real: (order.append(name), real(*a))
        )
    save_checkpoint(saved, HEADER, {"model": tensors()})
    assert order == ["fsync", "replace"]


def test_another_architecture_is_named():
    own = nn.Linear(3, 2)
    state = own.state_dict()
    cases = [
        ({"weight": state["weight"]}, "lacks the tensor bias"),
        ({**state, "scale": torch.ones(1)}, "has an unknown tensor scale"),
        ({**state, "bias": torch.ones(3)}, r"bias has the shape \(3,\), not \(2,\)"),
    ]
    for tensors, reason in cases:
        with pytest.raises(
            InputError, match=rf"f\.safetensors is of another architecture: .*{reason}"
        ):
            restore_module(own, tensors, "f.safetensors")


@pytest.mark.parametrize("name", ["SGD", "Adam"])
def test_an_optimiser_goes_on_as_if_it_had_never_stopped(name):
    def steps(parameter, optimiser, count):
        for _ in range(count):
            optimiser.zero_grad()
            (parameter**3).sum().backward()
            optimiser.step()

    def fresh(value):
        parameter = nn.Parameter(value.clone())
        settings = {"lr": 0.01, **({"momentum": 0.9} if name == "SGD" else {})}
        return parameter, getattr(torch.optim, name)([parameter], **settings)

    start = torch.randn(3)
    parameter, optimiser = fresh(start)
    steps(parameter, optimiser, 3)
    resumed, again = fresh(parameter.detach())
    restore_optimiser(again, {k: v.clone() for k, v in optimiser_tensors(optimiser).items()})
    steps(parameter, optimiser, 3)
    steps(resumed, again, 3)
    assert torch.equal(parameter, resumed)
