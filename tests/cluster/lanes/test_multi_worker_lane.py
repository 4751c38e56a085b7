"""Sweeps whose trials are trained by several workers each, on Ray Train: as by one, and through deaths."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from search_spaces.types.failure import FailureReason
from tests.helpers.commands import Folder, agree
from tests.helpers.listening import LOOPBACK, heard
from tests.helpers.sweep_here import Here
from tests.helpers.waiting import PATIENCE_S, wait_until
from workloads.legs.ray_train import account

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


def test_two_workers_find_what_one_finds(tmp_path: Path) -> None:
    folder = Here(tmp_path)
    folder.write(SPEC)
    alone = folder.document("run", "sweep.yaml")
    folder.write(SPEC + "resources: {workers: 2}\n")
    with heard() as ports:
        done = folder.paceline("run", "sweep.yaml")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 workers" in done.stdout
    assert any("RayTrainWorker" in name for name, _, _ in ports) and {ip for _, ip, _ in ports} <= LOOPBACK
    together = folder.document("show")
    for one, two in zip(alone["trials"], together["trials"], strict=True):
        assert (one["params"], one["state"], one["epochs"]) == (two["params"], two["state"], two["epochs"])
        assert two["value"] == pytest.approx(one["value"], abs=1e-6)
    assert together["best"]["number"] == alone["best"]["number"]
    mean = alone["verdict"]["winner"]["mean"]
    assert together["verdict"]["winner"]["mean"] == pytest.approx(mean, abs=1e-6)


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


def test_what_is_told_of_a_broken_ring() -> None:
    lost = RuntimeError("Traceback ...\nRuntimeError: gloo: Connection closed by peer [127.0.0.1]:5")
    own = RuntimeError("Traceback ...\nValueError: negative width")
    dead = RuntimeError("A worker health check failed.")
    dead.health_check_failure = RuntimeError("\nThe actor died unexpectedly.\n\tpid: 5")  # type: ignore[attr-defined]
    assert account([lost, dead]) == FailureReason("lane_died", "The actor died unexpectedly.")
    assert account([lost, lost]) == FailureReason("lane_died", "the others lost their connection to it")
    assert account([lost, own]) == FailureReason("raised", str(own))
