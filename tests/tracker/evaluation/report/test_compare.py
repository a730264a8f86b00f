"""What is said of a rival follows from the interval alone."""

import numpy as np
from result_folders import made_entry

from tracker.evaluation.report.compare import rivalries
from tracker.evaluation.report.study import make_study

HARD = dict(zip("ABCDEFGH", np.linspace(0.2, 0.7, 8).tolist(), strict=True))


def against(**rivals):
    entries = [made_entry("rbsf", HARD), *(made_entry(n, aos) for n, aos in rivals.items())]
    return {rivalry.name: rivalry for rivalry in rivalries(make_study(entries))}


def test_the_same_tracker_again_is_not_better():
    rivalry = against(twin=HARD)["twin"]
    assert {found.verdict for found in rivalry.differences.values()} == {"no difference shown"}
    assert rivalry.sentence.startswith("twin: no difference is shown (+0.000 AO, between")


def test_a_rival_that_is_always_ahead_is_better_and_one_behind_is_worse():
    found = against(
        ahead={name: ao + 0.1 for name, ao in HARD.items()},
        behind={name: ao - 0.1 for name, ao in HARD.items()},
    )
    assert found["ahead"].sentence == "ahead is better (+0.100 AO, between +0.100 and +0.100)."
    assert found["behind"].sentence == "behind is worse (-0.100 AO, between -0.100 and -0.100)."
    assert {f.verdict for f in found["ahead"].differences.values()} == {"better"}
    assert list(found) == ["ahead", "behind"]


def test_few_sequences_are_no_proof():
    entries = [made_entry("rbsf", {"A": 0.2, "B": 0.3}), made_entry("kcf", {"A": 0.6, "B": 0.7})]
    (rivalry,) = rivalries(make_study(entries))
    assert rivalry.sentence == "kcf: +0.400 AO, over too few sequences to say more."


def test_the_tracker_in_focus_has_no_rival_in_itself():
    assert against() == {}
