"""How a worker ended, and its last lines, in the place of Ray's "the actor died unexpectedly"."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest

from cluster.ray_internals import worker_exits
from search_spaces.types.failure import FailureReason
from search_spaces.types.files import control_group
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


V1, V2 = "4:memory:/docker/ab\n1:cpu,cpuacct:/\n0::/\n", "0::/user.slice/our.scope\n"


@pytest.mark.parametrize(
    ("own", "file"),
    [
        (V2, "user.slice/our.scope/memory.events"),
        (V2, "memory.events"),  # a container: its group is the root there
        (V1, "memory/docker/ab/memory.oom_control"),
        (V1, "memory/memory.oom_control"),
        (V2, None),
    ],
)
def test_memory_that_ended_is_told_where_it_was_ours_and_as_a_possibility_where_that_is_not_known(
    own: str, file: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module, name in ((control_group, "OWN"), (control_group, "MOUNT"), (worker_exits, "MACHINE")):
        monkeypatch.setattr(module, name, tmp_path / name)
    counts = tmp_path / "MOUNT" / (file or "cpu.stat")
    counts.parent.mkdir(parents=True)
    (tmp_path / "OWN").write_text(own)

    def told(ours: int, all_: int) -> FailureReason:
        counts.write_text(f"oom_kill_disable 0\nunder_oom 0\noom_kill {ours}\noom_group_kill 0\n")
        (tmp_path / "MACHINE").write_text(f"pgfault 9\noom_kill {all_}\n")
        pid = 2**22 + 1
        monkeypatch.setitem(worker_exits._statuses, pid, signal.SIGKILL)
        text = worker_exits.account(DIED.format(pid=pid), before) or ""
        return FailureReason.told("lane_died", text)

    before = worker_exits.Kills(2 if file else None, 5)
    assert told(2, 5).text == "it ended with SIGKILL, sent by a process"
    another = told(2, 6)
    assert another.kind == "lane_died", "one in another container"
    assert ("or for want of memory" in another.text) == (file is None)
    assert told(3, 6).kind == ("out_of_memory" if file else "lane_died")


def test_of_a_worker_elsewhere_nothing_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_exits, "WAIT_S", 0.0)
    assert worker_exits.account(DIED.format(pid=2**22 + 1), worker_exits.oom_kills()) is None
    assert worker_exits.account("The node died", worker_exits.oom_kills()) is None


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
