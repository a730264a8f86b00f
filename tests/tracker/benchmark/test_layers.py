"""The work of each layer, and the table that shows it."""

from __future__ import annotations

import numpy as np
import pytest

from rbsf.embedder import SHIPPED_RBSF
from rbsf.engine.format import read_packed
from rbsf.engine.packed import kernel_paths
from tracker.benchmark.layers import macs, measure_layers
from tracker.benchmark.machine import describe_machine, peak_product


def test_macs_are_alexnets():
    """The products are counted by hand: 123^2 positions of 96 filters of 11x11x3, and so on."""
    by_hand = [
        123**2 * 96 * 363,
        57**2 * 256 * 25 * 48,
        26**2 * 384 * 9 * 256,
        24**2 * 384 * 9 * 192,
        22**2 * 256 * 9 * 192,
    ]
    found = macs(read_packed(SHIPPED_RBSF), (3, 255, 255, 3))
    assert found == pytest.approx([3e-9 * count for count in by_hand])


@pytest.mark.skipif(not kernel_paths(), reason="no kernels were compiled here")
@pytest.mark.parametrize("path", [kernel_paths()[0], kernel_paths()[-1]] if kernel_paths() else [])
def test_the_table_fits_together(path: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("RBSF_KERNELS", path)
    figures = measure_layers(
        read_packed(SHIPPED_RBSF), np.zeros((1, 127, 127, 3), np.uint8), threads=1, rounds=1
    )
    assert figures["path"] == path and figures["fp32_peak_gmac_per_s"] > 0
    assert [row["name"] for row in figures["rows"]] == [f"conv{n}" for n in range(1, 6)]
    assert [row["kind"] for row in figures["rows"]] == ["pixels"] + 4 * ["binary"]
    for row in figures["rows"]:
        rate = row["gmac"] / (row["ms_median"] / 1e3)
        assert row["gmac_per_s"] == pytest.approx(rate)
        assert row["times_fp32_peak"] == pytest.approx(rate / figures["fp32_peak_gmac_per_s"])


def test_the_machine_is_described():
    figures = describe_machine()
    assert figures["cpu"] and figures["cores"] >= 1
    assert {"numpy", "torch"} <= set(figures["versions"])
    assert figures["package"] == str(SHIPPED_RBSF.parents[1])


def test_the_product_behind_the_peak_is_one():
    run, gmac = peak_product(64)
    assert gmac == pytest.approx(64**3 / 1e9)
    assert np.array_equal(run(), np.full((64, 64), 64 * 1.5 * 0.5))
