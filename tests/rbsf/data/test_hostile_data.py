"""Annotations, caches and images from a stranger: read, or refused in one line."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from data_doors import image_doors, training_doors
from doors import attack_each
from tiny_data import write_got10k, write_voc

from rbsf.data.sources import SourceSettings, read_source
from rbsf.errors import InputError


def attack_training_data(folder: Path, count: int, seed: int) -> list[str]:
    """Reads `count` damaged annotations, lists and files of a cache. Returns what went wrong."""
    return attack_each(training_doors(folder), count, seed)


def attack_images(folder: Path, count: int, seed: int) -> list[str]:
    """Reads `count` damaged images. Returns what was mishandled."""
    return attack_each(image_doors(folder), count, seed)


def test_damaged_training_data_is_read_or_refused(tmp_path: Path) -> None:
    assert attack_training_data(tmp_path, 400, seed=0) == []


def test_damaged_images_are_read_or_left_out(tmp_path: Path) -> None:
    assert attack_images(tmp_path, 200, seed=0) == []


def test_an_annotation_in_an_unknown_encoding_is_named(tmp_path: Path) -> None:
    annotation = write_voc(tmp_path) / "Annotations" / "photo1.xml"
    annotation.write_text('<?xml version="1.0" encoding="foo"?><annotation/>')
    with pytest.raises(InputError, match=r"photo1\.xml is not a VOC annotation: unknown encoding"):
        read_source(SourceSettings(kind="voc", path="voc"), tmp_path)


def test_a_pipe_that_is_called_an_annotation_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(write_voc(tmp_path) / "Annotations" / "pipe.xml")
    with pytest.raises(InputError, match=r"pipe\.xml is no file"):
        read_source(SourceSettings(kind="voc", path="voc"), tmp_path)


def test_a_list_that_leads_elsewhere_is_refused(tmp_path: Path) -> None:
    (write_got10k(tmp_path) / "train" / "list.txt").write_text("seq0\n../../seq0\n")
    with pytest.raises(InputError, match=r"'\.\./\.\./seq0' is refused"):
        read_source(SourceSettings(path="got10k"), tmp_path)
