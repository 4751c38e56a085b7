"""Users' code on a real cluster of two nodes: submitted from Python, with its packages, on workers of both."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import paceline
from cluster.python.job import Job
from tests.helpers.paths import ROOT
from tests.helpers.ray_cluster import RayCluster, Submitter
from tests.helpers.tiny_wheel import HERE_ALONE, tiny_wheel
from tests.helpers.waiting import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.soak, pytest.mark.timeout(1200)]

FUNCTION = """
import os

import beside
import only_by_pip
from cluster import OURS
from helpers.deep import FACTOR


def train(run, *, lr: float = 0.1):
    print("rank", run.rank, "lr", lr)
    print()
    of_process = open("/proc/self/environ", "rb").read()
    for epoch in range(run.epoch, run.num_epochs):
        score = OURS * FACTOR * only_by_pip.BEST - lr + beside.NOTHING
        run.report(score=score, early=float(b"MARK=1" in of_process), here=float(os.path.exists("beside.py")))
"""
SPEC = """
workload: mine:train
metric: {name: score, goal: maximize}
parameters: {lr: {min: 0.1, max: 0.5}}
trials: 3
epochs: 2
final: none
max_concurrent: 2
working_dir: ../src
pip: [./only_by_pip-1.0-py3-none-any.whl]
env: {MARK: 1}
"""
ELASTIC = """
import json
import time
from functools import partial

import torch
import torch.distributed as dist


def train(run, *, lr: float = 0.1):
    parts = run.folder.glob("part*") if run.folder else ()
    own = sum(json.loads(part.read_text()) for part in parts) / run.world_size
    print("begun at", run.epoch, "by", run.world_size)
    for epoch in range(run.epoch, run.num_epochs):
        time.sleep(0.3)
        own += 6 / run.world_size
        total = torch.tensor([own], dtype=torch.float64)
        if run.world_size > 1:
            dist.all_reduce(total)
        run.report(partial(save, run.rank, own), sharded=True, total=lr * float(total))


def save(rank, own, folder):
    (folder / f"part{rank}").write_text(json.dumps(own))
"""
ELASTIC_SPEC = """
workload: elastic:train
metric: {name: total, goal: maximize}
epochs: 20000
trials: 1
early_terminate: none
final: none
max_retries: 5
resources: {workers: [1, 2]}
parameters: {lr: 0.01}
"""
DRAIN = """
import sys
from ray.util.state import list_nodes
from cluster import pre_stop
[node] = [node for node in list_nodes(address=sys.argv[1]) if node.state == "ALIVE" and not node.is_head_node]
pre_stop.leave_worker(sys.argv[2], node.node_id, 20)
"""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RayCluster]:
    made = RayCluster(tmp_path_factory.mktemp("shared"), cpus=1)
    try:
        made.start()
        yield made
    finally:
        made.remove()


@pytest.fixture
def user(cluster: RayCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Submitter:
    """A user's folder, which is this process's, too."""
    monkeypatch.chdir(tmp_path)
    for name, value in {**cluster.environment, **HERE_ALONE}.items():
        monkeypatch.setenv(name, value)
    return Submitter(tmp_path, cluster)


def write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def submitted(user: Submitter, spec: str) -> Job:
    return paceline.submit(spec, on=user.cluster.address)


def test_a_folder_of_modules_is_submitted_from_python_with_its_packages(user: Submitter) -> None:
    """Also modules that are named like Paceline's; the job tells its state, its log and its result."""
    code = {"mine.py": FUNCTION, "beside.py": "NOTHING = 0", "cluster/__init__.py": "OURS = 2"}
    code |= {"helpers/__init__.py": "", "helpers/deep.py": "FACTOR = 0.5"}
    write(user.path, {f"src/{name}": text for name, text in code.items()} | {"specs/sweep.yaml": SPEC})
    tiny_wheel(user.path / "specs", "only_by_pip", "BEST = 0.75\n")
    job = submitted(user, "specs/sweep.yaml")
    assert job.status().state in ("starting", "running")
    assert (job.wait(600).state, job.status().exit_code) == ("finished", 0), list(job.logs())
    assert any("pip: installing only_by_pip-1.0" in line for line in job.logs())
    result = job.result()
    assert (result.state, len(result.trials)) == ("finished", 3) and result.best is not None
    assert result.best.value == pytest.approx(0.75 - result.best.params["lr"])
    assert {*values(job, "early").values()} == {*values(job, "here").values()} == {1.0}
    first, *printed = user.on_cluster("logs", job.id, "t000").splitlines()
    assert first.startswith("=== t000 seed 0, epochs 1 to ") and printed[:2] == ["rank 0 lr 0.1", ""]


@pytest.mark.parametrize("example", ["accelerate_mlp", "fsdp_mlp"])
def test_examples_train_on_workers_of_two_nodes(user: Submitter, example: str) -> None:
    if example == "accelerate_mlp":
        pytest.importorskip("accelerate")
    spec = f"""
workload: workloads.examples.{example}:train
data: {{name: wine}}
epochs: 3
trials: 3
resources: {{workers: 2}}
parameters: {{lr: {{min: 1e-3, max: 1e-1, log: true}}}}
final: {{top: 1, seeds: 2}}
"""
    write(user.path, {"sweep.yaml": spec})
    job = submitted(user, "sweep.yaml")
    assert job.wait(900).state == "finished", list(job.logs())
    result = job.result()
    assert set(result.trials["state"]) <= {"done", "stopped", "pruned"}
    assert result.verdict is not None and "t0000: 2 workers" in list(job.logs())


def test_a_function_goes_on_with_other_numbers_of_workers(user: Submitter) -> None:
    """One node is taken away with a notice, another dies, and each time one comes back: every epoch counts once."""
    write(user.path, {"elastic.py": ELASTIC, "sweep.yaml": ELASTIC_SPEC})
    job, cluster = submitted(user, "sweep.yaml"), user.cluster
    log = on_log(job)
    wait_until(log("t0000: 2 workers"), "both nodes train")
    begun = len(values(job, "total"))
    wait_until(lambda: len(values(job, "total")) > begun + 5, "epochs of both")
    drain = [sys.executable, "-c", DRAIN, cluster.address, cluster.gcs_address]
    subprocess.run(drain, cwd=ROOT, check=True, timeout=300)
    wait_until(log("2 -> 1 workers"), "one goes on alone")
    cluster.kill_node()
    cluster.add_node()
    wait_until(log("1 -> 2 workers"), "the new node trains")
    begun = len(values(job, "total"))
    wait_until(lambda: len(values(job, "total")) > begun + 5, "epochs of both again")
    cluster.kill_node()
    wait_until(log("2 -> 1 workers", 2), "one goes on alone again")
    begun = len(values(job, "total"))
    wait_until(lambda: len(values(job, "total")) > begun + 5, "epochs of the last one")
    cluster.add_node()
    job.stop()
    assert job.wait(300).state == "stopped"
    totals = values(job, "total")
    assert [*totals] == list(range(1, len(totals) + 1))
    assert [*totals.values()] == pytest.approx([0.06 * epoch for epoch in totals])
    printed = user.on_cluster("logs", job.id, "t0").splitlines()
    begins = [line for line in printed if line.startswith("begun at")]
    assert len(begins) == len(set(begins)) and not [line for line in printed if "Traceback" in line], printed


def on_log(job: Job) -> Callable[..., Callable[[], bool]]:
    """Return what makes a condition of words that must stand in the job's log, in so many lines."""

    def has(words: str, times: int = 1) -> Callable[[], bool]:
        return lambda: sum(words in line for line in job.logs()) >= times

    return has


def values(job: Job, metric: str) -> dict[int, float]:
    """Return a metric's values by epoch, of the last trial that has one."""
    found = job.result().history
    found = found[found["metric"] == metric]
    return dict(zip(found["epoch"], found["value"], strict=True))
