"""Runs tools in processes of their own that start at once.

Importing torch takes seconds. One process imports everything and then forks a child for each run,
in which the tool runs as it does from a shell: it may be killed, and ends with an exit status.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]

FORKS = """
import json, os, runpy, sys, warnings
import got10k.datasets, rbsf.train.events, tracker.evaluation.validation
import rbsf.train.box, rbsf.train.run, rbsf.train.student, rbsf.train.teacher
for line in sys.stdin:
    asked = json.loads(line)
    child = os.fork()
    if child == 0:
        os.setpgid(0, 0)
        for number, name in ((1, "out"), (2, "err")):
            os.dup2(os.open(asked[name], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644), number)
        os.chdir(asked["folder"])
        exec(asked["first"], {})
        sys.argv = asked["words"]
        sys.path[0] = os.path.dirname(sys.argv[0])
        try:
            runpy.run_path(sys.argv[0], run_name="__main__")
            status = 0
        except SystemExit as ended:
            status = ended.code or 0
        sys.stdout.flush(), sys.stderr.flush()
        os._exit(status)  # taking torch down would cost as much as the run
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""

KILL = """
import os, signal, time
from pathlib import Path

def workers(parent):
    children = Path(f"/proc/{{parent}}/task/{{parent}}/children").read_text().split()
    return [int(c) for c in children if b"LokyProcess" in Path(f"/proc/{{c}}/cmdline").read_bytes()]

parent = os.getpid()
if os.fork() == 0:
    ends = time.monotonic() + {seconds}
    try:
        while time.monotonic() < ends or ({a_worker} and not workers(parent)):
            time.sleep(0.002)
            if os.getppid() != parent:
                os._exit(0)
        os.kill(workers(parent)[0] if {a_worker} else parent, signal.SIGKILL)
    finally:
        os._exit(0)
"""


def kill_after(seconds: float, *, a_worker: bool = False) -> str:
    """What a tool runs first so that SIGKILL comes to it, or to a process of its joblib's."""
    return KILL.format(seconds=seconds, a_worker=a_worker)


class Ended(NamedTuple):
    """A run that is over; a negative status is the signal that killed it."""

    status: int
    out: str
    err: str


class ToolRuns:
    """Runs `tools/NAME.py` with words, from `folder`."""

    def __init__(self, process: subprocess.Popen[str], folder: Path) -> None:
        self.process, self.folder = process, folder

    def __call__(self, tool: str, *words: str | Path, first: str = "") -> Ended:
        """`first` is python run in the child before the tool: it says when the child dies."""
        out, err = self.folder / "stdout.txt", self.folder / "stderr.txt"
        command = [str(ROOT / "tools" / f"{tool}.py"), *map(str, words)]
        asked = {"words": command, "first": first, "folder": str(self.folder)}
        assert self.process.stdin and self.process.stdout
        self.process.stdin.write(json.dumps({**asked, "out": str(out), "err": str(err)}) + "\n")
        self.process.stdin.flush()
        return Ended(int(self.process.stdout.readline()), out.read_text(), err.read_text())


@contextmanager
def tool_runs(folder: Path, *, as_ordinary_user: bool = False) -> Iterator[ToolRuns]:
    """Starts the process that forks; one thread, so that results do not depend on the machine.

    Root reads and writes whatever the modes of files say. As an ordinary user, it may not.
    """
    rights = "-dac_override,-dac_read_search"
    lower = ["setpriv", f"--inh-caps={rights}", f"--bounding-set={rights}"]
    before = lower if as_ordinary_user and os.geteuid() == 0 else []
    environment = {
        **os.environ,
        "OMP_NUM_THREADS": "1",
        "COLUMNS": "300",
        "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
    }
    process = subprocess.Popen(
        [*before, sys.executable, "-c", FORKS],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment,
    )  # fmt: skip
    with process:
        yield ToolRuns(process, folder)
        assert process.stdin
        process.stdin.close()
