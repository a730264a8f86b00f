"""Names of trackers: one for each file, even where several files have one stem."""

import pickle
from dataclasses import replace
from pathlib import Path

import pytest

import rbsf
from rbsf.errors import InputError
from rbsf.files.hashing import file_sha256
from tracker.evaluation.contenders import Contender, check_names, our_contenders
from tracker.loop.box_config import BoxTrackerConfig
from tracker.loop.box_tracker import BoxTracker

WEIGHTS = Path(rbsf.__file__).parent / "weights"


@pytest.mark.parametrize(
    ("files", "names"),
    [
        (["a/x.rbsf", "b/y.rbsf"], ["x", "y"]),
        (["a/x.rbsf", "b/x.rbsf", "b/y.rbsf"], ["a-x", "b-x", "y"]),
        (["a/x.rbsf", "a/x.safetensors"], ["x.rbsf", "x.safetensors"]),
        (["a/x.rbsf", "a/x.pth", "b/x.rbsf"], ["a-x.rbsf", "a-x.pth", "b-x.rbsf"]),
        (["a/x.rbsf", "a/x.rbsf"], ["x"]),
    ],
)
def test_files_of_one_stem_are_told_apart(tmp_path, monkeypatch, files, names):
    def contender(path, *_):
        return Contender(path.stem, "packed", None, {}, object, code="")

    monkeypatch.setattr("tracker.evaluation.contenders._contender", contender)
    found = our_contenders([tmp_path / file for file in files])
    assert [item.name for item in found] == names


def test_files_in_folders_of_one_name_are_told_apart_by_the_whole_path(tmp_path, monkeypatch):
    def contender(path, *_):
        return Contender(path.stem, "packed", None, {}, object, code="")

    monkeypatch.setattr("tracker.evaluation.contenders._contender", contender)
    files = [tmp_path / one / "run" / "best.rbsf" for one in "ab"]
    first, second = [item.name for item in our_contenders(files)]
    assert first.endswith("a-run-best.rbsf") and second.endswith("b-run-best.rbsf")
    assert "/" not in first


def test_shipped_weights_of_one_stem_run_side_by_side():
    pytest.importorskip("torch")
    found = our_contenders([WEIGHTS / "xnor_sf.rbsf", WEIGHTS / "xnor_sf.safetensors"])
    assert [item.name for item in found] == ["xnor_sf.rbsf", "xnor_sf.safetensors"]
    assert found[0].weights_sha256 != found[1].weights_sha256


def test_a_network_with_a_box_head_gets_the_tracker_that_reads_boxes():
    pytest.importorskip("torch")
    file = WEIGHTS / "rbsf_box_latent.safetensors"
    (found,) = our_contenders([file])
    assert (found.name, found.engine) == ("rbsf_box_latent", "torch")
    assert found.config == BoxTrackerConfig().model_dump(mode="json")
    tracker = pickle.loads(pickle.dumps(found.make))()
    assert isinstance(tracker, BoxTracker)
    assert found.weights_sha256 == tracker.network.weights_sha256 == file_sha256(file)
    with pytest.raises(InputError, match="pack it with rbsf export"):
        our_contenders([file], "packed")


def test_two_trackers_of_one_name_are_refused():
    one = Contender("kcf", "packed", None, {}, object, code="")
    with pytest.raises(InputError, match="two trackers are called kcf"):
        check_names([one, replace(one, engine="opencv")])


@pytest.mark.parametrize("file", ["...rbsf", "..safetensors", "a\\b.rbsf"])
def test_weights_whose_name_leads_out_of_the_output_are_refused(file):
    """`...rbsf` has the stem `..`."""
    contender = Contender(Path(file).stem, "packed", None, {}, object, code="")
    with pytest.raises(InputError, match="is refused as the name of a tracker: it is a path"):
        check_names([contender])
