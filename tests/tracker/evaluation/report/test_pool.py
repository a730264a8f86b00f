"""Sequences of several benchmarks as one sample: every one counts the same, and none twice."""

import numpy as np
import pytest
from result_folders import evaluate_into, made_entry, write_dataset

from rbsf.errors import InputError
from tracker.evaluation.report import write_pool
from tracker.evaluation.report.pool import pool

OTB = dict(zip("ABCDEF", np.linspace(0.3, 0.8, 6).tolist(), strict=True))
UAV = {"A": 0.1, "G": 0.2}


def two_benchmarks(name, better=0.0, **changes):
    return [
        made_entry(name, {key: ao + better for key, ao in aos.items()}, dataset=dataset, **changes)
        for dataset, aos in (("otb", OTB), ("uav123", UAV))
    ]


def test_a_name_in_two_benchmarks_is_two_sequences():
    pooled = pool(two_benchmarks("rbsf"))["rbsf"]
    assert len(pooled) == 8
    assert (pooled["otb", "A"], pooled["uav123", "A"]) == (0.3, 0.1)


def test_only_sequences_that_all_have_are_compared_and_in_one_order():
    turned = made_entry("kcf", dict(reversed(OTB.items())), dataset="otb")
    pooled = pool([*two_benchmarks("rbsf"), turned])
    assert list(pooled["rbsf"]) == list(pooled["kcf"]) == [("otb", name) for name in OTB]
    assert list(pooled["kcf"].values()) == list(OTB.values())


@pytest.mark.parametrize(
    ("other", "words"),
    [
        ({"protocol": "sre"}, "cannot be pooled: protocol differs"),
        ({"max_frames": 30}, "cannot be pooled: max_frames differs"),
        ({"weights_sha256": "ab", "dataset": "dtb70"}, "with other weights"),
        ({"tracker": "kcf", "dataset": "dtb70"}, "no sequence in common"),
        ({}, "rbsf has two results for A of otb"),
    ],
)
def test_what_cannot_be_pooled_is_refused(other, words):
    entries = [*two_benchmarks("rbsf"), made_entry("rbsf", OTB, **other)]
    with pytest.raises(InputError, match=words):
        pool(entries)


def test_the_page_pools_what_evaluations_wrote(tmp_path):
    folders = []
    for benchmark in ("one", "two"):
        root = write_dataset(tmp_path / benchmark)
        folders.append(evaluate_into(tmp_path / f"results-{benchmark}", root, ("standing",)))
    with pytest.raises(InputError, match="standing has two results for Ant of otb"):
        write_pool(folders, tmp_path / "pooled")
    folders[1] = evaluate_into(tmp_path / "drifting", tmp_path / "one", ("drifting",))
    page = write_pool(folders, tmp_path / "pooled", "standing").read_text()
    assert page.startswith("# 3 sequences of otb, OPE\n")
    assert "drifting: " in page
    assert "over too few sequences to say more" in page
    with pytest.raises(InputError, match="no results of a tracker called kcf"):
        write_pool(folders, tmp_path / "pooled", "kcf")


def test_eight_sequences_show_what_six_and_two_alone_do_not(tmp_path):
    def written(entries):
        for entry in entries:
            folder = tmp_path / entry.results.dataset / entry.name
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "results.json").write_text(entry.results.model_dump_json())

    written(two_benchmarks("rbsf"))
    written(two_benchmarks("ahead", better=0.1))
    page = write_pool([tmp_path / "otb", tmp_path / "uav123"], tmp_path / "pooled").read_text()
    assert "ahead is better (+0.100 AO, between +0.100 and +0.100)." in page
    assert page.startswith("# 8 sequences of otb, uav123, OPE\n")
