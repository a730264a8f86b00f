"""`train`: what it prints before the first step, and which folders and teachers it refuses."""

import pytest
from tiny_data import write_got10k

from rbsf.data.sources import count_sequences
from rbsf.errors import InputError
from rbsf.files.hashing import file_sha256
from rbsf.files.weights import SHIPPED_TEACHER
from rbsf.train import run
from rbsf.train.same_run import run_inputs
from rbsf.train.settings import RunSettings, StudentSettings


class NoSteps:
    """Stands in for the loop: it trains nothing."""

    steps, unit = 3, "pairs"

    def __init__(self, *arguments):
        pass

    def resume(self):
        pass

    def run(self):
        return True


@pytest.fixture
def begin(tmp_path, monkeypatch):
    """Begins a run on two sequences, of which one has boxes that are too small for the filter."""
    monkeypatch.setattr(run, "_be_deterministic", lambda: None)
    truth = write_got10k(tmp_path, sequences=2) / "train" / "seq0" / "groundtruth.txt"
    truth.write_text("".join("61,41,12,12\n" for _ in truth.read_text().splitlines()))
    data = {
        "root": str(tmp_path),
        "cache": str(tmp_path / "cache"),
        "sources": [{"path": "got10k"}],
    }
    settings = RunSettings(data=data, device="cpu")

    def begin(**changes):
        folder = tmp_path / "run"
        return run.train(lambda *_: None, settings, folder, loop_type=NoSteps, **changes)

    return begin


def test_it_prints_the_remarks_on_the_data_and_the_size_of_an_epoch(begin, capsys):
    assert begin()
    lines = [line.strip() for line in capsys.readouterr().err.splitlines()]
    assert "got10k: 1 of 2 targets has no frame that passes data.filter" in lines
    assert "an epoch has 1 pairs, 3 steps of 8 pairs in each of 1 processes on cpu" in lines


def test_a_folder_with_a_run_is_refused_unless_the_run_is_resumed(begin, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "last.safetensors").touch()
    with pytest.raises(InputError, match="run already holds a run: resume it, or train in another"):
        begin()
    assert begin(resume=True)


def test_an_empty_folder_has_no_run_to_resume(begin):
    with pytest.raises(InputError, match="run holds no run to resume: begin one without resuming"):
        begin(resume=True)


def test_a_device_that_is_not_there_is_refused_before_crops_are_made(begin, tmp_path, monkeypatch):
    monkeypatch.setattr(run, "open_pairs", lambda *_: pytest.fail("the crops are made"))
    settings = RunSettings(device="cuda:77")
    with pytest.raises(InputError, match=r"cuda:77|no GPU 77"):
        run.train(lambda *_: None, settings, tmp_path / "other")


def listed(root, count):
    """A GOT-10k list of so many sequences, without the sequences."""
    (root / "got10k" / "train").mkdir(parents=True)
    names = "".join(f"GOT-10k_Train_{n:06d}\n" for n in range(1, count + 1))
    (root / "got10k" / "train" / "list.txt").write_text(names)
    return {"root": str(root), "sources": [{"path": "got10k"}, {"kind": "voc", "path": "voc"}]}


def test_a_full_run_refuses_the_shipped_teacher_unless_it_is_asked_for(tmp_path):
    data = listed(tmp_path, 9335)
    for needs in ({"init": "teacher"}, {"init": "random"}):  # the second is guided by it
        settings = StudentSettings(data=data, **needs)
        with pytest.raises(InputError, match="9,335 sequences, but without --teacher the small"):
            run.refuse_small_teacher(settings)
        named = settings.model_copy(update={"teacher": str(SHIPPED_TEACHER)})
        run.refuse_small_teacher(named)


def test_a_small_run_and_one_without_a_teacher_are_not_refused(tmp_path):
    small = listed(tmp_path / "small", 61)
    run.refuse_small_teacher(StudentSettings(data=small))
    alone = {"init": "random", "adversarial_loss": {"value": 0}}
    run.refuse_small_teacher(StudentSettings(data=listed(tmp_path / "full", 9335), **alone))


def test_sequences_are_counted_without_being_read(tmp_path):
    data = StudentSettings(data=listed(tmp_path, 12)).data
    assert [count_sequences(source, tmp_path) for source in data.sources] == [12, 0]


class Data:
    """Stands in for a data set."""

    digest = "1f"


def test_the_inputs_of_a_run_are_its_data_and_its_teachers_content(tmp_path):
    teacher = tmp_path / "teacher.safetensors"
    teacher.write_bytes(b"weights")
    settings = StudentSettings(init="teacher", teacher=str(teacher))
    assert run_inputs(settings, Data()) == {"data": "1f", "teacher": file_sha256(teacher)}
    assert run_inputs(RunSettings(), Data()) == {"data": "1f"}
    teacher.unlink()
    with pytest.raises(InputError, match=r"cannot read the teacher .*teacher\.safetensors"):
        run_inputs(settings, Data())
