"""A lane whose workers come and go, on a real cluster of several nodes: the training is that of one process."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cluster.sweep.steering.leg_marks import LegMarks
from search_spaces.race.legs import Leg, Member
from search_spaces.spec.data import Data
from search_spaces.types.failure import FailureReason
from search_spaces.types.objective import LOSS
from tests.helpers.sweep_here import end_ray
from tests.helpers.waiting import PATIENCE_S

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

WORKLOADS = ("tests.helpers.misbehaving_workload:CHAOS", "tests.helpers.networks:Napping")
"""A workload, and a user's network."""
NUM_EPOCHS = 400
"""More than there will be: it is stopped when everything has been seen."""
HEALTH_CHECKS = {"period_ms": "1000", "timeout_ms": "3000", "failure_threshold": "3"}
PARAMS = {"nap_s": 0.2, "lr": 0.01, "batch_size": 128}


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    end_ray()
    for name, value in HEALTH_CHECKS.items():
        monkeypatch.setenv(f"RAY_health_check_{name}", value)
    import ray
    from ray.cluster_utils import Cluster

    from cluster.ray_internals import local_ray

    assert local_ray  # sets the environment that lanes expect
    nodes = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    nodes.add_node(num_cpus=1)
    ray.init(address=nodes.address, log_to_driver=False, logging_level="ERROR")
    yield nodes
    ray.shutdown()
    nodes.shutdown()


class Trial:
    """One member whose legs a lane trains to the end, as the driver would have it."""

    def __init__(self, lane: Any) -> None:
        self.lane = lane
        self.checkpoint: str | None = None
        self.safe = 0
        self.losses: dict[int, float] = {}
        self.messages: list[str] = []
        self.failures: list[FailureReason] = []

    def order(self) -> dict[str, Any]:
        from cluster.sweep.messages import Order

        member = Member(trial=0, seed=0, params=PARAMS, checkpoint=self.checkpoint)
        leg = Leg(id=0, start=self.safe, stop=NUM_EPOCHS, horizon=NUM_EPOCHS, members=(member,))
        return {"leg": Order(leg.to_json())}

    def step(self) -> None:
        from cluster.sweep.messages import Report

        report = Report.from_result(self.lane.step())
        self.messages += report.messages
        self.losses |= {told.epoch: told.metrics["val_loss"] for told in report.epochs}
        for saved in report.saved:
            self.checkpoint, self.safe = saved.uri, saved.epoch
        if report.failure:
            self.failures.append(report.failure)
        if report.done and self.safe < NUM_EPOCHS:
            self.lane.reset_config(self.order())

    def until(self, told: str) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not any(told in message for message in self.messages):
            assert self.safe < NUM_EPOCHS, f"it was over before {told!r}: {self.messages} {self.failures}"
            assert time.monotonic() < deadline, (self.messages, self.failures)
            self.step()


@pytest.mark.soak  # over a minute, in which Ray looks for nodes and workers come and go
@pytest.mark.parametrize("workload", WORKLOADS)
def test_a_worker_is_lost_and_given_back(
    workload: str, tmp_path: Path, cluster: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    import ray

    from cluster.lanes.multi_worker_lane import MultiWorkerLane
    from cluster.sweep.messages import Shared
    from workloads.data.prepare import prepare
    from workloads.legs import ray_train

    monkeypatch.setattr(ray_train, "RESIZE_EVERY_S", 3.0)
    search = prepare(Data(name="wine")).search
    setting = {
        "workload": workload,
        "objective": LOSS,
        "checkpoints": str(tmp_path / "c"),
    }
    shared = Shared({**setting, "device": "cpu"}, ray.put(search), tmp_path / "stop", LegMarks(f"{tmp_path}/leg-"))
    lane = MultiWorkerLane.__new__(MultiWorkerLane)
    trial = Trial(lane)
    crew = ray_train.WorkerGroup(1, 2, 1.0, 0.0, "ddp", str(tmp_path / "crews"))
    lane.setup(trial.order(), shared, crew)
    trial.until("2 workers")
    while len(trial.losses) < 3:
        trial.step()
    cluster.remove_node(cluster.worker_nodes.copy().pop(), allow_graceful=False)
    trial.until("2 -> 1 workers")
    after = len(trial.losses)
    while len(trial.losses) < after + 3:
        trial.step()
    cluster.add_node(num_cpus=1)
    trial.until("1 -> 2 workers")
    again = trial.safe
    while trial.safe < again + 4:
        trial.step()
    shared.stop_mark.touch()
    lane.cleanup()
    assert sorted(trial.losses) == list(range(1, len(trial.losses) + 1))
    losses = [trial.losses[epoch] for epoch in sorted(trial.losses)]
    assert losses == pytest.approx(undisturbed(workload, search, len(losses)), rel=1e-5)


def undisturbed(name: str, search: Any, num_epochs: int) -> list[float]:
    """Validation loss by epoch, of one process."""
    import torch

    from workloads.registry import workload
    from workloads.training.plain_loop import PlainLoop
    from workloads.training.setup import Setup, Trainee

    kind = workload(name)
    hp = kind.hyperparameters(**{**PARAMS, "nap_s": 0.0})
    loop = PlainLoop(Setup(kind, kind.data(hp, search, torch.device("cpu"), torch.float32)), Trainee(0, hp))
    return [loop.epoch()[0]["val_loss"] for _ in range(num_epochs)]
