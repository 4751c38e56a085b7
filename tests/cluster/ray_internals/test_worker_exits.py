"""How a worker ended, and its last lines, in the place of Ray's "the actor died unexpectedly"."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest

from cluster.ray_internals import worker_exits
from search_spaces.types.failure import FailureReason
from tests.helpers.commands import Folder

DIED = "The actor died unexpectedly before finishing this task.\n\tclass_name: Lane\n\tpid: {pid}\n\tip: 127.0.0.1"
DYING = """
import ctypes, os, signal, sys

def train(run, *, how: str = "SIGKILL"):
    print("last words of", how, file=sys.stderr, flush=True)
    if how == "SIGKILL":
        os.kill(os.getpid(), signal.SIGKILL)
    if how == "SIGSEGV":
        ctypes.string_at(0)
    os._exit(3)
"""
SPEC = """
name: die
workload: dying:train
data: {name: wine}
metric: {name: val_accuracy, goal: maximize}
method: grid
parameters: {how: {values: [SIGKILL, SIGSEGV, exit]}}
trials: 3
epochs: 1
max_retries: 0
max_failed_trials: 5
max_concurrent: 1
final: none
"""


@pytest.mark.parametrize(
    ("code", "how"),
    [
        (3, "it ended with exit code 3"),
        (-signal.SIGSEGV, "it ended with SIGSEGV"),
        (-signal.SIGKILL, "it ended with SIGKILL, sent by a process"),
    ],
)
def test_exit_code_or_signal_and_the_last_lines_are_told(
    code: int, how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dying = f"exit {code}" if code > 0 else f"kill {code} $$"
    child = subprocess.Popen(["sh", "-c", dying])
    _, status = os.waitpid(child.pid, 0)
    reader, writer = os.pipe()
    with os.fdopen(writer, "wb") as pipe:
        pipe.write(b"some library's print\n%d %d\n" % (child.pid, status))
    worker_exits.listen(os.fdopen(reader, "rb"))
    monkeypatch.setattr(worker_exits, "sessions", lambda: tmp_path)
    told, kills = DIED.format(pid=child.pid), worker_exits.oom_kills()
    assert worker_exits.account(told, kills) == how
    logs = tmp_path / f"session_2026-11-30_02-46-16_364729_{os.getpid()}" / "logs"
    logs.mkdir(parents=True)
    lines = [":job_id:01000000", *(f"line {k}" for k in range(30)), ""]
    (logs / f"worker-aaa552e5-01000000-{child.pid}.err").write_text("\n".join(lines))
    earlier = tmp_path / f"session_2026-11-29_02-46-16_364729_{os.getpid()}" / "logs"
    earlier.mkdir(parents=True)
    (earlier / f"worker-bbb552e5-01000000-{child.pid}.err").write_text("of a process that had this ID before")
    reason = FailureReason.told("lane_died", worker_exits.account(told, kills) or "")
    assert reason.line == f"the worker process died: {how}" and reason.kind == "lane_died"
    assert reason.text.splitlines()[1:-1] == [f"line {k}" for k in range(10, 30)]
    if code == -signal.SIGKILL:
        text = worker_exits.account(told, kills - 1) or ""
        assert FailureReason.told("lane_died", text).kind == "out_of_memory", "the kernel has killed one since"


def test_of_a_worker_elsewhere_nothing_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_exits, "WAIT_S", 0.0)
    assert worker_exits.account(DIED.format(pid=2**22 + 1), 0) is None
    assert worker_exits.account("The node died", 0) is None


@pytest.mark.soak
def test_a_sweep_tells_how_its_workers_died(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    folder.write(DYING, "dying.py")
    folder.write(SPEC)
    done = folder.paceline("run", "sweep.yaml", "--json", timeout_s=300)
    trials = folder.document("show")["trials"]
    told = [trial["failure"]["text"].splitlines() for trial in trials]
    assert [lines[-1] for lines in told] == [
        "the worker process died: it ended with SIGKILL, sent by a process",
        "the worker process died: it ended with SIGSEGV",
        "the worker process died: it ended with exit code 3",
    ], done.stderr
    assert all(any(line.startswith("last words of") for line in lines) for lines in told)
