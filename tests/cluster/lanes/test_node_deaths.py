"""Machines of a cluster die while two workers train each trial: nothing that was saved is lost, nothing hangs."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.helpers.commands import Folder, agree
from tests.helpers.paths import ROOT
from tests.helpers.ray_cluster import RayCluster, Submitter
from tests.helpers.soak import NUM_NODE_DEATHS as NUM_DEATHS
from tests.helpers.waiting import wait_until

NUM_TRIALS = 2 if NUM_DEATHS == 1 else 4
pytestmark = [pytest.mark.slow, pytest.mark.soak, pytest.mark.timeout(900 + 120 * NUM_DEATHS)]

SPEC = f"""
name: nodes
workload: tests.helpers.misbehaving_workload:CHAOS
data: {{name: wine}}
epochs: {8 + 10 * (NUM_DEATHS - 1)}
trials: {NUM_TRIALS}
early_terminate: none
final: none
max_lanes: 2
max_failures: 100
parameters: {{lr: {{min: 1e-3, max: 3e-2, log: true}}, nap_s: 0.1}}
resources: {{workers: 2}}
"""


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[RayCluster]:
    made = RayCluster(tmp_path)
    try:
        made.start()
        yield made
    finally:
        made.remove()


def test_machines_that_die_cost_what_came_after_the_last_checkpoint(cluster: RayCluster, tmp_path: Path) -> None:
    dice = random.Random(int(os.environ.get("PACELINE_SEED", "0")))
    user = Submitter(tmp_path, cluster)
    user.write(SPEC)
    for name in ("__init__.py", "helpers/__init__.py", "helpers/misbehaving_workload.py"):
        (tmp_path / "tests" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "tests" / name).write_text((ROOT / "tests" / name).read_text())
    sweep_id = user.submitted()
    for number in range(NUM_DEATHS):
        before = num_epochs(user)
        wait_until(lambda before=before: num_epochs(user) > before, f"an epoch after death {number}")
        time.sleep(dice.uniform(0, 4))
        cluster.kill_node()
        print(f"death {number}: {num_epochs(user)} epochs were told")
        cluster.add_node()
    user.on_cluster("wait", sweep_id)
    home = Folder(tmp_path)
    document = home.document("show", sweep_id, **cluster.environment)
    assert {trial["state"] for trial in document["trials"]} == {"done"}
    agree(home, document, NUM_TRIALS)


def num_epochs(folder: Folder) -> int:
    """That MLflow has."""
    if not (folder.path / "mlflow.db").exists():
        return 0
    return sum(len(folder.steps(run["run_id"], "val_accuracy")) for run in folder.runs("trial").values())
