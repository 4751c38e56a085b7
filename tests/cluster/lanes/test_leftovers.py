"""What users' code leaves behind in a lane's process is found and told, and a new lane goes on."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from multiprocessing import resource_tracker
from pathlib import Path

import numpy as np
import psutil
import pytest

from cluster.lanes import memory_growth
from cluster.lanes.leftovers import Leftovers
from cluster.lanes.memory_growth import MIB, MemoryGrowth
from tests.helpers.spoiling_function import CHILD
from tests.helpers.sweep_here import Here
from tests.helpers.waiting import PATIENCE_S

SPEC = """
name: spoil
workload: tests.helpers.spoiling_function:train
data: {name: wine}
metric: {name: val_accuracy, goal: maximize}
method: grid
parameters:
  what: {values: [nothing, raise, child]}
early_terminate: none
max_concurrent: 1
trials: 3
epochs: 2
final: none
"""


def test_children_and_theirs_are_ended_and_named(leftovers: Leftovers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cluster.lanes.leftovers.ENDED_S", 0.2)
    assert leftovers.told() is None
    stubborn = f"trap '' TERM; sleep {CHILD} & echo $!; wait; wait; sleep {CHILD}"
    child = subprocess.Popen(["sh", "-c", stubborn], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    grandchild = psutil.Process(int(child.stdout.readline()))
    orphan = subprocess.run(["sh", "-c", f"sleep {CHILD} >/dev/null & echo $!"], stdout=subprocess.PIPE, text=True)
    lost = psutil.Process(int(orphan.stdout))
    told = leftovers.told()
    assert told is not None and told.startswith("left behind 3 processes (")
    assert "sh -c trap" in told and f"sleep {CHILD}" in told
    assert child.poll() is not None and not grandchild.is_running() and not lost.is_running()
    assert leftovers.told() is None


def test_what_a_library_keeps_for_the_whole_process_stays(leftovers: Leftovers) -> None:
    resource_tracker.ensure_running()
    idle = threading.Event()
    waiting = threading.Thread(target=idle.wait, daemon=True)  # as a library's: no code of users' in its frames
    waiting.start()
    assert leftovers.told() is None and waiting.is_alive()
    resource_tracker.ensure_running()
    idle.set()


def test_workers_of_a_loader_that_holds_only_itself_are_none_left_behind(leftovers: Leftovers) -> None:
    class Loader:
        def __init__(self) -> None:
            self.itself = self
            self.worker = subprocess.Popen(["sleep", CHILD])

        def __del__(self) -> None:
            self.worker.kill()
            self.worker.wait()

    Loader()
    assert leftovers.told() is None


def test_a_child_that_cannot_be_ended_is_told_once_and_waited_for_no_longer(
    leftovers: Leftovers, monkeypatch: pytest.MonkeyPatch
) -> None:
    def denied(child: psutil.Process, number: int) -> None:
        raise psutil.AccessDenied(child.pid)

    monkeypatch.setattr("cluster.lanes.leftovers.LEFT_S", 0.2)
    monkeypatch.setattr(psutil.Process, "send_signal", denied)  # as of a child that runs as another user
    child = subprocess.Popen(["sleep", CHILD])
    told = leftovers.told()
    assert told == f"left behind a process (sleep {CHILD})" and child.poll() is None
    assert leftovers.told() is None
    child.kill()
    child.wait()


def test_threads_of_packages_are_no_users_wherever_the_packages_are(leftovers: Leftovers) -> None:
    end, found = threading.Event(), {}
    text = "def wait(end):\n    while not end.wait(0.001): pass"
    exec(compile(text, f"/software/torch/lib/python{sys.version_info[0]}/site-packages/pin.py", "exec"), found)
    thread = threading.Thread(target=found["wait"], args=(end,), daemon=True)
    thread.start()
    assert leftovers.told() is None
    end.set()
    thread.join()


def test_a_thread_that_runs_users_code_is_named_by_its_place(leftovers: Leftovers) -> None:
    begun, end = threading.Event(), threading.Event()

    def spin() -> None:
        begun.set()
        while not end.is_set():
            time.sleep(0.001)

    thread = threading.Thread(target=spin, daemon=True)
    thread.start()
    assert begun.wait(PATIENCE_S)
    told = leftovers.told()
    assert told is not None and told.startswith("left behind a thread (test_leftovers.py:")
    end.set()
    thread.join()
    assert leftovers.told() is None


def test_memory_that_only_grows_is_told_before_it_fills_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory_growth, "LEAST", 32 * MIB)
    monkeypatch.setattr(memory_growth, "SHARE", 10**6)
    kept: list[np.ndarray] = []
    memory_growth._give_back()  # what earlier tests used
    growth = MemoryGrowth()
    growth.begin()
    for _ in range(3):
        np.ones(8 * MIB)  # 64 MiB that are given back
        assert growth.after_epoch() is None
    assert growth.after_leg() is None
    growth.begin()
    told = []
    for _ in range(3):
        kept.append(np.ones(3 * MIB))
        told.append(growth.after_epoch())
    assert told[:2] == [None, None]
    assert told[2] is not None and told[2].endswith("24 MiB an epoch")
    assert (growth.after_leg() or "").endswith("MiB of memory, with the trials before it")
    monkeypatch.setattr(memory_growth, "SHARE", 1)
    assert growth.after_leg() is None, "as much is free"


def test_a_sweep_replaces_the_worker_of_a_trial_that_left_something_or_failed(tmp_path: Path) -> None:
    folder = Here(tmp_path)
    folder.write(SPEC)
    done = folder.paceline("run", "sweep.yaml")
    assert done.returncode == 0, done.stdout + done.stderr
    said = done.stdout + done.stderr
    assert (
        f" processes (sh -c sleep {CHILD}" in said
        and "t002 left behind " in said
        and "a new worker takes over" in said
    )
    assert "t001 failed (RuntimeError: spoiled by those before)" in said
    runs = {run["trial.number"]: run["run_id"] for run in folder.runs("trial").values()}
    before, drawn = (
        [folder.points(runs[n], name)[-1] for n in sorted(runs)] for name in ("val_before", "val_drawn")
    )
    assert before[1] == 0, "the trial that failed had a new process"
    assert len(set(drawn)) == 1, "global random generators begin at the trial's seed"
    commands = [process.info["cmdline"] or [] for process in psutil.process_iter(["cmdline"])]
    assert ["sleep", CHILD] not in commands
