"""The tracking command and the demo as a user meets them. The embedder needs no weights."""

from __future__ import annotations

import json
import runpy
import shlex
import subprocess
import sys
from contextlib import closing
from functools import partial
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from stream_servers import Wait, http_frames, http_sender

from rbsf.embedder import SHIPPED_RBSF
from rbsf.engine.packed import kernel_paths
from tracker.output.video_file import VideoWriter
from tracker.video.open import open_source

TOOLS = Path(__file__).parents[2] / "tools"
SIZE = (160, 120)


class Colours:
    """Mean colours around each cell follow a red square. Ctrl-C comes when it is asked for."""

    name, engine, path, weights_sha256 = "colours", "numpy", "plain", "ab" * 32
    response_gain, response_bias = 1.0, -8.0
    interrupt_at: int | None = None

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, crops: np.ndarray) -> np.ndarray:
        self.calls += 1
        if self.calls == self.interrupt_at:
            raise KeyboardInterrupt
        return np.stack([self._embed(crop) for crop in crops])

    def _embed(self, crop: np.ndarray) -> np.ndarray:
        smooth = cv2.blur(crop.astype(np.float32) / 255 - 0.5, (25, 25))
        return smooth[43 : len(crop) - 43 : 8, 43 : len(crop) - 43 : 8].transpose(2, 0, 1)


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """Twelve frames in which a red square moves right by 3 pixels per frame, from x = 20."""
    path = tmp_path / "clip.mp4"
    writer = VideoWriter(path)
    for index in range(12):
        image = np.full((SIZE[1], SIZE[0], 3), (90, 110, 80), np.uint8)
        image[40:64, 20 + 3 * index : 44 + 3 * index] = (30, 30, 230)
        writer.write(image, index / 10)
    writer.close()
    return path


@pytest.fixture
def run_tool(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    """Runs a tool in this process, in an empty folder. Returns (status, stdout, stderr)."""
    out = tmp_path / "out"
    out.mkdir()
    monkeypatch.chdir(out)
    monkeypatch.setattr("signal.signal", lambda *_: None)

    def run(*words: str, tool: str = "track.py", **embedder: int) -> tuple[int, str, str]:
        fake = type("Fake", (Colours,), embedder)
        command = f"tracker.commands.{tool.removesuffix('.py')}.load_embedder"
        monkeypatch.setattr(command, lambda *_, **__: fake())
        monkeypatch.setattr(sys, "argv", [tool, *words])
        with pytest.raises(SystemExit) as ended:
            runpy.run_path(str(TOOLS / tool), run_name="__main__")
        shown = capsys.readouterr()
        return int(ended.value.code or 0), shown.out, shown.err

    return run


def frames_of(path: str) -> list[int]:
    return [int(line.split(",")[0]) for line in Path(path).read_text().splitlines()[1:]]


def test_tracks_and_writes(run_tool, clip: Path) -> None:
    status, out, _ = run_tool(
        *("--video", str(clip), "--bbox", "20,40,24,24"),
        *("--output", "out.mp4", "--save-boxes", "out.csv"),
    )
    assert status == 0
    assert "12 frames" in out and "fps" in out and "engine numpy (plain)" in out
    assert "wrote out.mp4" in out and "wrote out.csv" in out
    rows = np.loadtxt("out.csv", delimiter=",", skiprows=1)
    assert rows[:, 0].tolist() == list(range(12))
    assert rows[:, 1] == pytest.approx(np.arange(12) / 10, abs=1e-3)
    assert rows[0, 2:7].tolist() == [20, 40, 24, 24, 1]
    assert rows[:, 2] == pytest.approx(20 + 3 * np.arange(12), abs=8)
    assert len(list(open_source("out.mp4"))) == 12
    assert sorted(path.name for path in Path().iterdir()) == ["out.csv", "out.mp4"]


def test_the_video_may_stand_without_its_option(run_tool, clip: Path) -> None:
    status, out, _ = run_tool(str(clip), "--bbox", "20,40,24,24", "--save-boxes", "out.csv")
    assert status == 0 and "12 frames" in out
    assert frames_of("out.csv") == list(range(12))


def test_start_frame_and_json(run_tool, clip: Path) -> None:
    status, _, _ = run_tool(
        *("--source", str(clip), "--bbox", "35,40,24,24", "--start-frame", "5"),
        *("--save-boxes", "out.json"),
    )
    assert status == 0
    written = json.loads(Path("out.json").read_text())
    assert [record["frame"] for record in written["records"]] == [5, 6, 7, 8, 9, 10, 11]
    assert written["records"][0]["time_s"] == pytest.approx(0.5, abs=1e-3)
    assert written["source"] == str(clip) and written["weights_sha256"] == "ab" * 32
    assert (written["engine"], written["kernels"]) == ("numpy", "plain")
    assert written["settings"]["start_frame"] == 5 and written["settings"]["scales"] == 3


def test_two_targets_and_settings(run_tool, clip: Path) -> None:
    Path("tracker.yaml").write_text("scales: 1\n")
    status, out, _ = run_tool(
        *("--video", str(clip), "--bbox", "20,40,24,24", "--bbox", "90,70,20,20"),
        *("--config", "tracker.yaml", "--save-boxes", "out.txt"),
    )
    assert status == 0
    first, second = (np.loadtxt(f"out_{n}.txt", delimiter=",") for n in (1, 2))
    assert first.shape == second.shape == (12, 4)
    assert first[:, 2:] == pytest.approx(24, abs=0.01)  # one scale: the size stays
    assert "target 1" in out and "out_2.txt" in out


def test_ctrl_c_keeps_everything(run_tool, clip: Path) -> None:
    status, out, _ = run_tool(
        *("--video", str(clip), "--bbox", "20,40,24,24"),
        *("--output", "out.mp4", "--save-boxes", "out.csv"),
        interrupt_at=7,
    )
    assert status == 130
    kept = frames_of("out.csv")
    assert 3 < len(kept) < 12 and kept == list(range(len(kept)))
    assert len(list(open_source("out.mp4"))) == len(kept)
    assert f"{len(kept)} frames" in out


def test_boxes_on_standard_output_stand_there_alone(run_tool, clip: Path) -> None:
    status, out, err = run_tool(str(clip), *BOX, "--save-boxes", "-", "--output", "out.mp4")
    assert status == 0
    assert [json.loads(line)["frame"] for line in out.splitlines()] == list(range(12))
    assert "12 frames" in err and "wrote out.mp4" in err and "no boxes will be kept" not in err


def test_a_reader_of_standard_output_that_ends_ends_the_run(clip: Path, tmp_path: Path) -> None:
    words = [str(clip), *BOX, "--save-boxes", "-", "--output", "out.mp4"]
    command = shlex.join([sys.executable, str(TOOLS / "track.py"), *words])
    done = subprocess.run(
        f"({command}; echo status $? >&2) | head -n 1",
        shell=True, cwd=tmp_path, capture_output=True, text=True,
    )  # fmt: skip
    assert json.loads(done.stdout)["frame"] == 0
    assert "status 0" in done.stderr and "Traceback" not in done.stderr
    assert open_source(tmp_path / "out.mp4").size == SIZE


def test_boxes_as_lines(run_tool, clip: Path) -> None:
    status, out, _ = run_tool(str(clip), *BOX, "--save-boxes", "out.jsonl")
    assert status == 0 and "wrote out.jsonl" in out
    lines = Path("out.jsonl").read_text().splitlines()
    assert [json.loads(line)["frame"] for line in lines] == list(range(12))


def test_a_run_without_outputs_says_so_first(run_tool, clip: Path) -> None:
    status, out, err = run_tool(str(clip), *BOX)
    assert status == 0 and "12 frames" in out
    assert "no boxes will be kept: ask for them with --output, --save-boxes or --show" in err


def test_frames_that_cannot_be_decoded_are_said_and_give_status_1(run_tool, tmp_path: Path) -> None:
    images = tmp_path / "images"
    images.mkdir()
    for index in range(8):
        image = np.full((SIZE[1], SIZE[0], 3), (90, 110, 80), np.uint8)
        image[40:64, 20:44] = (30, 30, 230)
        cv2.imwrite(str(images / f"{index}.png"), image)
    for index in (3, 4, 6):
        (images / f"{index}.png").write_bytes(b"")
    status, out, err = run_tool(str(images), *BOX, "--save-boxes", "out.csv")
    assert status == 1
    assert frames_of("out.csv") == list(range(8))
    assert "something is missing: 3 of 8 frames cannot be read: 3-4, 6" in err
    assert "3 of 8 frames cannot be read" in out


def test_frames_that_are_gone_from_a_file_are_said_and_give_status_1(
    run_tool, clip: Path, tmp_path: Path
) -> None:
    with av.open(str(clip)) as whole, av.open(str(tmp_path / "cut.mkv"), "w") as container:
        stream = container.add_stream_from_template(whole.streams.video[0])
        packets = [packet for packet in whole.demux(video=0) if packet.size]
        stamps = sorted(packet.pts for packet in packets)
        for packet in packets:
            if packet.pts not in stamps[5:7]:
                packet.stream = stream
                container.mux(packet)
    status, _, err = run_tool(str(tmp_path / "cut.mkv"), *BOX, "--save-boxes", "out.csv")
    assert status == 1
    assert frames_of("out.csv") == list(range(12))
    assert "something is missing: 2 of 12 frames cannot be read: 5-6" in err


def test_a_stream_that_falls_silent_gives_status_2_and_keeps_what_came(
    run_tool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tracker.commands.track.open_source", partial(open_source, timeout=0.5))
    with closing(http_sender(lambda: [*http_frames(30), Wait])) as sender:
        status, _, err = run_tool(
            f"http://{sender.place}/video", "--bbox", "10,10,30,30", "--save-boxes", "out.csv"
        )
    assert status == 2
    assert "stopped answering at frame 30: no frame for 0.5 s" in err
    assert f"the {len(frames_of('out.csv'))} frames before it are kept" in err


def test_a_secret_is_not_shown_where_two_videos_are_given(run_tool) -> None:
    status, _, err = run_tool("rtsp://me:s3cret@host/1", "http://host/v?key=s3cret", *BOX)
    assert status == 2 and "give one video" in err and "s3cret" not in err


def test_a_clip_cut_short_keeps_everything(run_tool, clip: Path) -> None:
    data = clip.read_bytes()
    clip.write_bytes(data[: round(len(data) * 0.8)])
    status, _, err = run_tool(
        *("--video", str(clip), "--bbox", "20,40,24,24"),
        *("--output", "out.mp4", "--save-boxes", "out.csv"),
    )
    kept = frames_of("out.csv")
    assert status == 2
    assert 0 < len(kept) < 12
    assert f"breaks off before frame {len(kept)}" in err
    assert open_source("out.mp4").size == SIZE


BOX = ("--bbox", "20,40,24,24")


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("--bbox", "200,40,24,24"), "outside the frame (the frame is 160x120)"),
        (("--bbox", "-90,-90,20,20"), "outside the frame (the frame is 160x120)"),
        (
            ("--bbox", "20,40,0,24"),
            "--bbox 20,40,0,24 (read as x,y,w,h): box 20,40,0,24 needs",
        ),
        (("--bbox", "20,40,24,-2"), "positive width and height (the frame is 160x120)"),
        (("--bbox", "20,nan,24,24"), "not finite (the frame is 160x120)"),
        (
            ("--bbox", "20,40,24"),
            "--bbox 20,40,24 is not a box: give four numbers x,y,w,h",
        ),
        (("--bbox", "20,40,24,b"), "as in --bbox 612,290,72,72 (the frame is 160x120)"),
        ((), "--bbox x,y,w,h (the frame is 160x120)"),
        ((*BOX, "--output", "out.avi"), "must end in .mp4"),
        ((*BOX, "--save-boxes", "out.xml"), "must end in .csv, .json, .txt or .jsonl"),
        ((*BOX, "--output", "no/out.mp4"), "there is no folder no"),
        ((*BOX, "--config", "no.yaml"), "--config no.yaml: there is no such file"),
        ((*BOX, "--start-frame", "12"), "12 frames: start frame 12 is past the last one"),
        ((*BOX, "--video", "no.mp4"), "no such video, folder or camera: no.mp4"),
        ((*BOX, "--select"), "give --bbox or --select, not both"),
    ],
)
def test_bad_input_is_one_line_and_writes_nothing(
    run_tool, clip: Path, words: tuple[str, ...], why: str
) -> None:
    status, out, err = run_tool("--video", str(clip), "--save-boxes", "out.csv", *words)
    assert status == 2
    assert why in err and err.startswith("error: ") and err.count("\n") == 1
    assert out == ""
    assert list(Path().iterdir()) == []


@pytest.mark.parametrize("option", ["--select", "--show"])
def test_a_window_without_a_display_is_refused(
    run_tool, clip: Path, option: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cv2.getBuildInformation", lambda: "  GUI:    NONE\n")
    words = BOX if option == "--show" else ()
    status, _, err = run_tool("--video", str(clip), option, *words)
    assert status == 2
    assert f"{option} needs a window" in err and "headless" in err
    assert option == "--show" or "--bbox x,y,w,h" in err


def test_the_demo_prints_its_overlap(run_tool) -> None:
    status, out, _ = run_tool("--frames", "6", tool="demo.py")
    assert status == 0
    overlap = float(out.split("AO ")[1].split()[0])
    assert 0.3 < overlap <= 1
    assert len(list(open_source("demo.mp4"))) == 6


def test_the_demo_keeps_its_clip_and_prints_a_command_that_runs(run_tool) -> None:
    """The printed line goes to a shell as it is."""
    status, out, _ = run_tool("--frames", "6", "--keep", "--output", "beetle.mp4", tool="demo.py")
    assert status == 0
    assert {path.name for path in Path().iterdir()} == {"beetle.mp4", "beetle_clip.mp4"}
    command = out.splitlines()[-1]
    assert " track --video beetle_clip.mp4 --bbox 136,100,47,38 --output tracked.mp4" in command
    done = subprocess.run(command, shell=True, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "wrote tracked.mp4" in done.stdout
    assert len(list(open_source("tracked.mp4"))) == 6


@pytest.mark.parametrize("tool", ["track.py", "demo.py"])
def test_help_from_another_directory(tool: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(TOOLS / tool), "--help"], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "Examples" in done.stdout and f"python tools/{tool}" in done.stdout


def test_tracking_starts_without_torch() -> None:
    code = (
        "import sys; import tracker.session, tracker.commands.track;"
        "print(sorted({'torch', 'matplotlib', 'got10k', 'joblib'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr


@pytest.mark.skipif(not kernel_paths(), reason="no kernels were compiled here")
def test_tracking_with_a_packed_file_does_not_import_torch(clip: Path, tmp_path: Path) -> None:
    code = (
        "import runpy, sys\n"
        "sys.argv = sys.argv[1:]\n"
        "try: runpy.run_path(sys.argv[0], run_name='__main__')\n"
        "except SystemExit as ended: assert not ended.code\n"
        "heavy = {'torch', 'torchvision', 'matplotlib', 'got10k', 'tensorboard', 'joblib'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    words = ["--video", str(clip), *BOX, "--save-boxes", "out.csv", "--weights", str(SHIPPED_RBSF)]
    done = subprocess.run(
        [sys.executable, "-c", code, str(TOOLS / "track.py"), *words],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert f"on engine packed ({kernel_paths()[0]})" in done.stdout
    assert done.stdout.splitlines()[-1] == "[]"
    assert len((tmp_path / "out.csv").read_text().splitlines()) == 13
