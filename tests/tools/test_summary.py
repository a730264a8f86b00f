"""The commands that count and collect, as a user meets them."""

from __future__ import annotations

from pathlib import Path

import pytest
from tool_runs import tool_runs

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory):
    with tool_runs(tmp_path_factory.mktemp("summary")) as runs:
        yield runs


def test_a_resnet_is_counted(run):
    ended = run("summary", "resnet18")
    assert ended.status == 0, ended.err
    assert "10,985,472 1-bit and 704,056 32-bit parameters: 33.52 Mbit" in ended.out
    assert "1.64e+08 FLOPs" in ended.out and "layer4.1.conv2" in ended.out
    ended = run("summary", "resnet18", "--full")
    assert "0 1-bit and 11,689,512 32-bit parameters: 374.06 Mbit" in ended.out


def test_a_network_that_is_not_there(run):
    ended = run("summary", "no.safetensors")
    assert ended.status == 2 and len(ended.err.splitlines()) == 1


def test_a_packed_file_is_sent_to_the_command_that_shows_it(run, tmp_path):
    file = tmp_path / "mine.rbsf"
    file.write_bytes(b"RBSF")
    ended = run("summary", str(file))
    assert ended.status == 2 and "is packed" in ended.err
    assert f"rbsf export {file} --inspect" in ended.err


def test_rbsf_box_is_the_network_that_ships(run):
    shipped = run("summary", str(ROOT / "rbsf/weights/rbsf_box_latent.safetensors"))
    named = run("summary", "rbsf-box")
    assert shipped.out.splitlines()[-2:] == named.out.splitlines()[-2:]


def test_tables_are_written_without_a_run(run):
    ended = run("tables", "--output", "tables")
    assert ended.status == 0, ended.err
    assert "| memory saving | 11.10x | 11.10x | - | 11.10x | 11.10x | - |" in ended.out
    assert (run.folder / "tables/table6.tex").is_file()
