"""The doors of weights and settings."""

from __future__ import annotations

import io
import json
import struct
import zipfile
import zlib
from pathlib import Path

import numpy as np
import torch
from doors import Door
from narrow_networks import narrow_network
from reference_file import reference_state
from safetensors.torch import save

from rbsf.config import CONFIGS, Settings, load_settings
from rbsf.embedder import load_embedder
from rbsf.engine.classifier_format import classifier_bytes, read_classifier
from rbsf.engine.format import to_bytes
from rbsf.engine.fuzz import EXTREMES, random_network, sample
from rbsf.engine.fuzz_classifier import random_classifier
from rbsf.engine.packed import open_classifier
from rbsf.files.weights import SHIPPED_RBSF
from rbsf.train.box_settings import BoxSettings
from rbsf.train.settings import StudentSettings, TeacherSettings
from tracker.loop.box_config import BoxTrackerConfig
from tracker.loop.config import TrackerConfig
from tracker.loop.tracker import Tracker

NUMBERS = tuple(struct.pack("<I", number) for number in EXTREMES)
FRAMES = np.random.default_rng(0).integers(0, 255, (3, 48, 64, 3), np.uint8)


def track(weights: Path) -> None:
    """Loads a network and tracks with it. Boxes and scores must be numbers, whatever it gives."""
    tracker = Tracker(load_embedder(weights, threads=1))
    tracker.init(FRAMES[0], (20, 10, 24, 24))
    for frame in FRAMES[1:]:
        track = tracker.update(frame)
        assert np.isfinite(track.box).all() and 0 <= track.score <= 1, track


def packed_door(folder: Path, version: int) -> Door:
    """Packed files of a version: of networks that track, and of others with odd shapes."""
    odd = [network for seed in range(60) if (network := random_network(seed)).version == version]
    files = [to_bytes(narrow_network(version, seed)) for seed in range(4)]
    file = folder / "x.rbsf"
    samples = [*files, *(sample(network).data for network in odd[:4])]
    return Door(file, lambda: track(file), samples, NUMBERS, repaired_packed_file)


def packed_classifier_door(folder: Path) -> Door:
    """Packed files of version 4: classifiers, which are read by both readers and run."""
    file, pictures = folder / "x.rbsf", np.ascontiguousarray(FRAMES[:1, :32, :32])

    def classify() -> None:
        network = read_classifier(file)
        logits = open_classifier(network, threads=1).classify(pictures)
        assert logits.shape == (1, len(network.bias)), logits.shape

    samples = [classifier_bytes(random_classifier(seed)) for seed in range(8)]
    return Door(file, classify, samples, NUMBERS, repaired_packed_file)


def repaired_packed_file(data: bytes) -> bytes:
    """The same file with the size and the checksum that its content has."""
    if len(data) < 24:
        return data
    rest = struct.pack("<Q", len(data)) + data[24:]
    return data[:12] + struct.pack("<I", zlib.crc32(rest)) + rest


def safetensors_door(folder: Path) -> Door:
    """Checkpoints without a checksum, which may be left out, of every kind."""
    file = folder / "x.safetensors"
    student = {"weights": "rbcn", "activations": "approx", "c_shape": "kernel"}
    headers = [
        {"kind": "teacher", "config": {"epochs": 3}},
        {"kind": "teacher", "compact": True, "step": 1, "metrics": {}},
        {"kind": "student", "config": student, "seed": 0},
        {"kind": "student", "config": student, "compact": True},
        {"kind": "box", "config": {"backbone": "rbsf", "activations": "levels"}},
    ]
    tensors = {"model/backbone.conv1.0.weight": torch.ones(2, 3), "model/x": torch.ones(1)}
    texts = [json.dumps({"format": 1, **header}) for header in headers]
    samples = [save(tensors, {"rbsf": text}) for text in texts]
    words = "format kind config compact box teacher student levels null true {} [] [1] \\ud800 F32 "
    words += "F64 I64 BOOL BF16 F8_E4M3 rbsf crc32 __metadata__ data_offsets shape dtype"
    whole = SHIPPED_RBSF.with_name("xnor_sf.safetensors").read_bytes()
    return Door(
        file, lambda: track(file), [*samples, whole], [*words.encode().split(), b'""', *NUMBERS]
    )


def pth_door(folder: Path) -> Door:
    """State dicts of siamfc-pytorch, as the pickles in their archives; and whole archives."""
    file = folder / "x.pth"
    # a tensor of equal values takes one number in the file
    state = {
        name: tensor.view(-1)[:1].view([1] * tensor.ndim).expand(tensor.shape)
        for name, tensor in reference_state().items()
    }
    small = [{"x": torch.ones(3)}, {"model": state}, [1, 2], torch.nn.Linear(2, 2).state_dict()]
    archives = [_saved(each) for each in (state, *small)]
    legacy = _saved({"x": torch.ones(3)}, zipped=False)
    words = [b"cos\nsystem\n", b"cbuiltins\neval\n", b"ctorch\nSize\n", b"ctorch\nbfloat16\n"]
    words += [b"ctorch._utils\n_rebuild_sparse_tensor\n", b"ctorch\nDoubleStorage\n", b"(", b"t"]
    words += [b"R", b"b", b"}", b"]", b"N", b"K\x03", b"q\x00", b"h\x00", b"X\x01\0\0\0x", b"cmeta"]
    pickles = [_pickle_of(archive) for archive in archives]
    return Door(file, lambda: track(file), [*pickles, archives[1], legacy], words, as_archive)


def _saved(value: object, *, zipped: bool = True) -> bytes:
    stream = io.BytesIO()
    torch.save(value, stream, _use_new_zipfile_serialization=zipped)
    return stream.getvalue()


def _pickle_of(archive: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        return opened.read(next(n for n in opened.namelist() if n.endswith("data.pkl")))


def as_archive(data: bytes) -> bytes:
    """A pickle in an archive as torch writes it, with 64 storages of 64 bytes each."""
    if not data.startswith(b"\x80\x02") or b"\x8a\nl\xfc\x9c" in data[:16]:
        return data  # an archive, or a file of the old form
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("x/data.pkl", data)
        archive.writestr("x/version", "3\n")
        archive.writestr("x/byteorder", "little")
        for number in range(64):
            archive.writestr(f"x/data/{number}", bytes([0, 0, 128, 63] * 16))
    return stream.getvalue()


SETTINGS: dict[str, type[Settings]] = {
    "rbsf.yaml": StudentSettings,
    "siamfc.yaml": TeacherSettings,
    "rbsf_box.yaml": BoxSettings,
}
"""The configurations that the doors of settings damage, with their kinds."""

TRACKING = b"""search_size: 255
scale_step: 1.0375
scales: 3
window_influence: 0.176
parity: false
lost_below: 0.1
"""
BOX_TRACKING = b"""decision:
  window_influence: 0.3
recovery:
  sizes: [1.0, 0.75]
size_rate: 0.3
"""


def settings_doors(folder: Path) -> list[Door]:
    """Settings of every kind of training and tracking."""
    file = folder / "x.yaml"
    words = b"!!int !!float !!set !!omap !!binary !!timestamp !!merge !!python/name:os.system &a *a"
    words += b" << ? | > [ ] { } - : ~ null true .inf .nan 0x1 1e9 1_0 2001-99-99 0o7 190:20:30"
    samples = {kind: (CONFIGS / name).read_bytes() for name, kind in SETTINGS.items()}
    samples |= {TrackerConfig: TRACKING, BoxTrackerConfig: BOX_TRACKING}
    return [
        Door(file, lambda kind=kind: load_settings(kind, file), [text], [*words.split(), b"\n  "])
        for kind, text in samples.items()
    ]


def every_door_of_weights(folder: Path) -> list[Door]:
    """The doors of all files that hold networks."""
    packed = [packed_door(folder, version) for version in (1, 2, 3)]
    packed.append(packed_classifier_door(folder))
    return [*packed, safetensors_door(folder), pth_door(folder)]
