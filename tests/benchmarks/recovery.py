"""How long it takes until training goes on after something has died, on a cluster of three nodes on this machine.

    python -m tests.benchmarks.recovery [--only worker node frozen driver] [--times 3]

Trials of two workers, each on a node of its own; health checks as k8s/ sets them. From the blow until a new process
trains, and until MLflow is told of an epoch that it did not know, behind those since the last checkpoint, which are
trained again: worker, one process is killed; node, all of one that trains is; frozen, all of one is stopped
(SIGSTOP), as a machine that hangs or is cut off; driver, the job is killed and ``paceline resume`` follows at once.
After a node's death another one joins. Prints a Markdown table, then one line of JSON.
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
"""Epochs come several times a second, and what is on its way arrives in less."""
CALM_S = 35.0
"""Training goes on for so long before a blow: faults are rare, and spares take as long as a ring to be ready."""
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
"""``mlp``, slowed down, which says whenever it trains. As that one it imports torch where a model is built."""


def beats(user: Submitter) -> list[tuple[float, int]]:
    """When which process trained."""
    lines = (Path(user.cluster.environment["PACELINE_HOME"]) / "beats").read_text().splitlines()
    return [(float(line.split()[0]), int(line.split()[1])) for line in lines]


def next_process(user: Submitter, known: set[int]) -> float:
    """When one that is not ``known`` began to train."""
    return min(wait_until(lambda: [at for at, pid in beats(user) if pid not in known], "training goes on"))


def num_epochs(user: Submitter) -> int:
    """That MLflow has."""
    if not (user.path / "mlflow.db").exists():
        return 0
    return sum(len(user.steps(run["run_id"], "val_accuracy")) for run in user.runs("trial").values())


def seconds_to_next(user: Submitter, before: int) -> float:
    """Until MLflow knows of more than ``before`` epochs."""
    begun = time.monotonic()
    wait_until(lambda: num_epochs(user) > before, "training goes on", every_s=0.1)
    return time.monotonic() - begun


def settled(user: Submitter) -> int:
    """Epochs, once those that were on their way have arrived: no more for a while."""
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
    """A node beside the head on which a worker is: its number, and all its processes."""
    return next((k, of) for k, of in cluster.further() if any(map(is_worker, of)))


def strike(victim: str, user: Submitter, sweep_id: str) -> tuple[float, float]:
    """Strikes; seconds until somebody trains again, and to the next new epoch."""
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
    seconds_to_next(user, max(before, num_epochs(user)))  # a new driver tells what the dead one could not
    took = time.monotonic() - begun
    if victim == "frozen":
        cluster.kill_node(number)
    return again - struck, took


def is_worker(process: psutil.Process) -> bool:
    """Whether it trains."""
    try:
        return "RayTrainWorker" in " ".join(process.cmdline())
    except psutil.Error:
        return False


def main() -> None:
    """See the module."""
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
