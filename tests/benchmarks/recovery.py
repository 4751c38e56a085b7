"""Measures how long training takes to go on after a failure, on a cluster of three nodes on this machine.

    python -m tests.benchmarks.recovery [--only worker node frozen driver] [--times 3]

A trial has two workers, each on a node of its own; health checks are those of k8s/. Times are from the failure
until a new process trains, and until MLflow gets an epoch that it did not have (epochs since the last checkpoint
are trained again). worker: one process is killed. node: all processes of a node with a worker are killed. frozen:
all of them are stopped (SIGSTOP), as on a machine that hangs or is cut off. driver: the job is killed and
``paceline resume`` follows at once. After a node's failure another one joins.
Prints a Markdown table, then one line of JSON.
"""

from __future__ import annotations

import argparse
import json
import signal
import statistics
import time
from pathlib import Path

import psutil

from tests.helpers.ray_cluster import RayCluster, Submitter, submitting
from tests.helpers.waiting import wait_until

QUIET_S = 2.5
"""Time without a new epoch after which no more can be on its way to MLflow: there are several a second."""
CALM_S = 35.0
"""Time of undisturbed training before each failure, in which spare workers become ready."""
GOALS_S = {"worker": 10, "node": 15, "frozen": 30, "driver": 60}
SPEC = """
name: recovery
workload: tests.beating:BEATING
data: {name: wine}
epochs: 5000
trials: 1
early_terminate: none
final: none
max_lanes: 1
max_failures: 1000
parameters: {nap_s: 0.05}
resources: {workers: 2, cpus: 2}
"""


BEATING = """
import os, time
from dataclasses import dataclass, replace
from pathlib import Path
from search_spaces.space.hyperparameters import hyper
from workloads.models.mlp import MLP, MLPHyperparameters
BEATS = Path(os.environ["PACELINE_HOME"]) / "beats"
@dataclass(frozen=True, kw_only=True)
class Beating(MLPHyperparameters):
    nap_s: float = hyper(0.0, "sleep in every step", low=0, high=60)
def build(hp, shape):
    model = MLP.build(hp, shape)
    def beat(module, inputs):
        if module.training:
            time.sleep(hp.nap_s)
            with BEATS.open("a") as beats:
                beats.write(f"{time.time()} {os.getpid()}\\n")
    model.register_forward_pre_hook(beat)
    return model
BEATING = replace(MLP, name="beating", hyperparameters=Beating, build=build, fusable=False)
"""
"""``mlp``, slowed down, which records time and process of each step. It imports torch only to build a model."""


def beats(user: Submitter) -> list[tuple[float, int]]:
    """Return time (seconds since 1970) and process ID of every training step."""
    lines = (Path(user.cluster.environment["PACELINE_HOME"]) / "beats").read_text().splitlines()
    return [(float(line.split()[0]), int(line.split()[1])) for line in lines]


def next_process(user: Submitter, known: set[int]) -> float:
    """Wait for a step of a process that is not ``known``; return the time of the first one."""
    return min(wait_until(lambda: [at for at, pid in beats(user) if pid not in known], "training goes on"))


def num_epochs(user: Submitter) -> int:
    """Return the number of epochs that MLflow has."""
    if not (user.path / "mlflow.db").exists():
        return 0
    return sum(len(user.steps(run["run_id"], "val_accuracy")) for run in user.runs("trial").values())


def seconds_to_next(user: Submitter, before: int) -> float:
    """Return the seconds until MLflow has more than ``before`` epochs."""
    begun = time.monotonic()
    wait_until(lambda: num_epochs(user) > before, "training goes on", every_s=0.1)
    return time.monotonic() - begun


def settled(user: Submitter) -> int:
    """Return the number of epochs in MLflow after QUIET_S without a new one."""
    begun = time.monotonic()
    known, since = num_epochs(user), begun
    while time.monotonic() - since < QUIET_S:
        if time.monotonic() - begun > 60:
            raise RuntimeError("the blow hit nothing")
        time.sleep(0.1)
        if num_epochs(user) != known:
            known, since = num_epochs(user), time.monotonic()
    return known


def training_node(cluster: RayCluster) -> tuple[int, list[psutil.Process]]:
    """Return number and processes of a node, other than the head, on which a worker trains."""
    return next((k, of) for k, of in cluster.further() if any(map(is_worker, of)))


def strike(victim: str, user: Submitter, sweep_id: str) -> tuple[float, float]:
    """Cause the failure; return the seconds until a new process trains, and until MLflow has a new epoch."""
    cluster = user.cluster
    number, processes = training_node(cluster)
    known = {pid for _, pid in beats(user)}
    begun, struck = time.monotonic(), time.time()
    if victim == "worker":
        [*_, last] = [process for process in cluster.processes() if is_worker(process)]
        last.kill()
    elif victim == "node":
        cluster.kill_node(number)
    elif victim == "frozen":
        for process in processes:
            process.send_signal(signal.SIGSTOP)
    else:
        user.on_cluster("stop", sweep_id, "--now")
        begun, struck = time.monotonic(), time.time()
        user.on_cluster("resume", sweep_id)
    if victim in ("node", "frozen"):
        cluster.add_node()
    before = settled(user)
    again = next_process(user, known)
    seconds_to_next(user, max(before, num_epochs(user)))  # a new driver first sends what the dead one left unsent
    took = time.monotonic() - begun
    if victim == "frozen":
        cluster.kill_node(number)
    return again - struck, took


def is_worker(process: psutil.Process) -> bool:
    """Return whether the process is a training worker of Ray Train."""
    try:
        return "RayTrainWorker" in " ".join(process.cmdline())
    except psutil.Error:
        return False


def main() -> None:
    """Cause the failures that the command line names, and print a table of the times."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=GOALS_S, default=list(GOALS_S))
    parser.add_argument("--times", type=int, default=3)
    options = parser.parse_args()
    found: dict[str, list[tuple[float, float]]] = {}
    with submitting(SPEC) as user:
        user.cluster.add_node()
        (user.path / "tests").mkdir()
        (user.path / "tests" / "__init__.py").touch()
        (user.path / "tests" / "beating.py").write_text(BEATING)
        sweep_id = user.submitted()
        seconds_to_next(user, 0)
        for victim in options.only:
            found[victim] = []
            for _ in range(options.times):
                seconds_to_next(user, num_epochs(user) + 5)
                time.sleep(CALM_S)
                found[victim].append(strike(victim, user, sweep_id))
                print(f"{victim}: {found[victim][-1]}", flush=True)
    print("| fault | times | training again, median s (slowest) | a new epoch | goal, s |\n|---|---|---|---|---|")
    for victim, pairs in found.items():
        cells = [f"{statistics.median(one):.1f} ({max(one):.1f})" for one in zip(*pairs, strict=True)]
        print(f"| {victim} | {len(pairs)} | {' | '.join(cells)} | {GOALS_S[victim]} |")
    print(json.dumps(found))


if __name__ == "__main__":
    main()
