"""Sweeps whose trials are trained by several workers each, on Ray Train: as by one, and through deaths."""

from __future__ import annotations

import os
import signal
import threading
import time
from contextlib import nullcontext, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import psutil
import pytest
import ray
import torch

from cluster.exit_codes import FAILED
from cluster.lanes import multi_worker_lane
from cluster.lanes.mailbox import Mailbox
from cluster.lanes.multi_worker_lane import FORM_S, MAX_FALLS, MultiWorkerLane
from cluster.sweep.messages import Order, Report
from search_spaces.types.failure import FailureReason
from tests.helpers.commands import Folder, agree
from tests.helpers.listening import LOOPBACK, heard
from tests.helpers.sweep_here import Here
from tests.helpers.sweep_in_this_process import outcome
from tests.helpers.waiting import PATIENCE_S, wait_until
from workloads.legs import meeting, ray_train
from workloads.legs.meeting import NoGroup
from workloads.legs.ray_train import WorkerGroup, account

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

SPEC = """
name: crew
workload: mlp
data: {name: wine}
epochs: 6
trials: 4
cohort: 1
max_concurrent: 1
parameters:
  lr: {min: 1e-3, max: 3e-2, log: true}
  batch_size: 32
  depth: 1
  width: 8
final: {top: 1, seeds: 2}
"""
NAPPING = """
name: nap
workload: tests.helpers.misbehaving_workload:CHAOS
data: {name: wine}
epochs: 8
trials: 2
early_terminate: none
final: none
max_concurrent: 1
parameters: {lr: {min: 1e-3, max: 3e-2, log: true}, nap_s: 0.15}
resources: {workers: 2}
"""


@pytest.mark.soak  # in the short form without a sweep: tests/workloads/training
def test_two_workers_find_what_one_finds(tmp_path: Path) -> None:
    folder = Here(tmp_path)
    folder.write(SPEC)
    (tmp_path / "scratch").mkdir()
    alone = outcome(tmp_path / "sweep.yaml", tmp_path / "scratch")
    folder.write(SPEC + "resources: {workers: 2}\n")
    with heard() as ports:
        done = folder.paceline("run", "sweep.yaml")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 workers" in done.stdout
    assert any("RayTrainWorker" in name for name, _, _ in ports) and {ip for _, ip, _ in ports} <= LOOPBACK
    together = folder.document("show")
    for one, two in zip(alone.trials, together["trials"], strict=True):
        assert one.searched.items() <= two["params"].items()
        assert (one.state, max(one.values)) == (two["state"], two["epochs"])
        assert two["value"] == pytest.approx(one.values[max(one.values)], abs=1e-6)
    winner = alone.verdict["winner"]
    assert together["best"]["number"] == winner["number"]
    assert together["verdict"]["winner"]["mean"] == pytest.approx(winner["mean"], abs=1e-6)


def below(driver: int, title: str) -> list[psutil.Process]:
    found = []
    for process in psutil.Process(driver).children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            if title in " ".join(process.cmdline()):
                found.append(process)
    return found


@pytest.mark.soak
def test_a_dead_worker_costs_what_came_after_the_last_checkpoint(tmp_path: Path) -> None:
    """Before it a lane dies while its workers start, whose places Ray would keep until the job ends."""
    folder = Folder(tmp_path)
    folder.write(NAPPING)
    driver = folder.start("run", "sweep.yaml")

    def at_work() -> list[psutil.Process]:
        assert driver.poll() is None
        return below(driver.pid, "RayTrainWorker")

    wait_until(at_work, "a worker starts")
    assert not folder_has_epochs(folder)
    [lane] = below(driver.pid, "ray::ResourceTrainable")
    lane.kill()
    both = wait_until(lambda: at_work()[1:] and folder_has_epochs(folder) and at_work(), "others train")
    os.kill(both[-1].pid, signal.SIGKILL)
    out, err = driver.communicate(timeout=PATIENCE_S)
    assert driver.returncode == 0, out + err
    assert "worker process died" in out + err
    assert "Traceback" not in out + err
    agree(folder, folder.document("show"), 2)


def folder_has_epochs(folder: Folder) -> bool:
    if not (folder.path / "mlflow.db").exists():
        return False
    return any(folder.steps(run["run_id"], "val_accuracy") for run in folder.runs("trial").values())


@pytest.mark.soak
def test_a_group_that_cannot_form_ends_the_sweep_and_names_the_variable(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    folder.write(SPEC.replace("trials: 4", "trials: 1\nmax_retries: 1") + "resources: {workers: 2}\n")
    done = folder.paceline("run", "sweep.yaml", GLOO_SOCKET_IFNAME="nosuch")
    assert done.returncode == FAILED, done.stdout + done.stderr
    assert "retry 1 of 1" in done.stdout and "GLOO_SOCKET_IFNAME is 'nosuch'" in done.stdout


class Letters:
    """The mailbox of a lane whose group is played by the test."""

    def __init__(self) -> None:
        self.news: list[tuple[str, str, Any]] = []
        self.orders: list[Any] = []

    def put(self, box: str, *letter: Any) -> None:
        self.orders.append(letter)

    def get(self, box: str, timeout_s: float) -> Any:
        return self.news.pop(0) if self.news else None


def test_a_leg_does_not_wait_for_a_group_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    """It fails where the group falls again and again before its work, and where none is there after a time."""
    letters = Letters()
    monkeypatch.setattr(Mailbox, "new", lambda: letters)
    monkeypatch.setattr(MultiWorkerLane, "_engage", lambda self: None)
    monkeypatch.setattr(multi_worker_lane, "PATIENCE_S", 0.01)
    monkeypatch.setattr(multi_worker_lane, "_lacks_room", lambda group: lacking)
    lane, lacking, died = MultiWorkerLane.__new__(MultiWorkerLane), True, FailureReason("lane_died", "killed")
    lane.setup({"leg": Order("")}, cast(Any, None), WorkerGroup(2, 2, 1, 0, "ddp", ""))
    lane._thread = threading.current_thread()

    def turn(*news: tuple[str, str, Any]) -> Report:
        letters.news += news
        report = lane._turn(time.monotonic() + 0.05)
        lane._handed = lane._handed and not report.done  # as `step` does
        return report

    for _ in range(MAX_FALLS):
        assert turn(("fell", "", died)).waiting
    assert turn(("fell", "", died)) == Report(failure=died, done=True)
    assert turn(("hello", "token", 2)).messages == ["2 workers"] and not letters.orders
    assert not turn().waiting and len(letters.orders) == 1, "the next leg is handed to the group that has formed"
    assert turn(("fell", "", died)).done and turn(("fell", "", died)).waiting, "the count begins anew with a group"
    lane._waits_since -= FORM_S
    assert turn().waiting, "the cluster has no room"
    lacking = False
    lane._waits_since -= FORM_S
    assert "no group of 2 workers was there after 300 s" in str(turn().failure)
    assert turn().waiting


@pytest.mark.parametrize(
    ("address", "own"), [("node-7", False), ("localhost", True), ("10.0.0.7", False), ("127.0.0.1", True)]
)
def test_a_machine_of_ray_may_have_a_name_for_an_address(
    address: str, own: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ray.util, "get_node_ip_address", lambda: address)
    monkeypatch.setattr(ray, "available_resources", dict)
    group = WorkerGroup(2, 2, 1, 0, "ddp", "")
    assert multi_worker_lane._lacks_room(group) is not own
    assert ray_train._meeting_at("/meeting", group).backend == "gloo"


def test_workers_leave_their_gpus_to_processes_that_train_on_them() -> None:
    on_gpus = WorkerGroup(2, 2, 1, 1, "ddp", "")
    usual, talks = (ray_train._meeting_at("/meeting", one) for one in (on_gpus, replace(on_gpus, talks_only=True)))
    assert (usual.backend, talks.backend) == ("nccl", "gloo")
    assert talks.train_func_context is nullcontext is not usual.train_func_context


def test_what_is_told_of_a_group_that_does_not_form(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(meeting, "MEET_S", 0.05)
    monkeypatch.setenv("GLOO_SOCKET_IFNAME", "nosuch")
    gloo: Any = torch.distributed.ProcessGroupGloo
    with pytest.raises(NoGroup) as refused:
        meeting.formed(2, "gloo", lambda: gloo.create_device(interface="nosuch"))
    told = account([refused.value]).line
    assert "GLOO_SOCKET_IFNAME is 'nosuch', and must name" in told and "here: " in told
    with pytest.raises(NoGroup, match=r"no connection within 0.05 s.*NCCL_SOCKET_IFNAME is not set"):
        meeting.formed(2, "nccl", threading.Event().wait)


def test_what_is_told_of_a_broken_ring() -> None:
    lost = RuntimeError("Traceback ...\nRuntimeError: gloo: Connection closed by peer [127.0.0.1]:5")
    own = RuntimeError("Traceback ...\nValueError: negative width")
    dead = RuntimeError("A worker health check failed.")
    dead.health_check_failure = RuntimeError("\nThe actor died unexpectedly.\n\tpid: 5")  # type: ignore[attr-defined]
    assert account([lost, dead]) == FailureReason("lane_died", "The actor died unexpectedly.")
    assert account([lost, lost]) == FailureReason("lane_died", "the others lost their connection to it")
    assert account([lost, own]) == FailureReason("raised", str(own))
