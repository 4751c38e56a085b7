"""Measures how long two workers take to their first step: of a lane's legs, and of a bare ``TorchTrainer.fit()``.

Prints one line of JSON, in seconds. Both are measured after ``ray.init``, in random order.
"""

from __future__ import annotations

import json
import math
import random
import tempfile
import time
from pathlib import Path
from typing import Any

from cluster.ray_internals.local_ray import local_ray
from cluster.sweep.lane_count import LaneSize
from cluster.sweep.steering.leg_marks import LegMarks
from search_spaces.race.legs import Leg, Member
from search_spaces.spec.data import Data
from search_spaces.types.objective import LOSS
from tests.benchmarks.noop import stamp
from workloads.data.prepare import prepare
from workloads.registry import workload

NUM_LATER = 5
WORKLOAD = "tests.benchmarks.noop:STAMPING"


def lane(folder: Path, search: Any) -> tuple[float, list[float]]:
    """Return the seconds to the first step of a lane's first leg, and of each of its next legs."""
    from cluster.lanes.multi_worker_lane import MultiWorkerLane
    from cluster.sweep.messages import Order, Report, Shared
    from workloads.legs.ray_train import WorkerGroup

    setting = {"workload": WORKLOAD, "objective": LOSS, "checkpoints": str(folder / "c")}
    shared = Shared({**setting, "device": "cpu"}, search, folder / "stop", LegMarks(f"{folder}/leg-"))
    crew = WorkerGroup(2, 2, 1.0, 0.0, "ddp", str(folder / "crews"))
    seconds = []
    trainable: Any = None
    for number in range(1 + NUM_LATER):
        params = {"file": str(folder / f"stamp{number}")}
        leg = Leg(id=number, start=0, stop=1, horizon=1, members=(Member(trial=number, seed=0, params=params),))
        begun = time.time()
        if trainable is None:
            trainable = MultiWorkerLane.__new__(MultiWorkerLane)
            trainable.setup({"leg": Order(leg.to_json())}, shared, crew)
        else:
            trainable.reset_config({"leg": Order(leg.to_json())})
        while not (report := Report.from_result(trainable.step())).done:
            continue
        assert report.failure is None, report.failure
        seconds.append(stamp(params["file"]) - begun)
    trainable.cleanup()
    trainable._thread.join()  # Ray is shut down next, which would end this process
    return seconds[0], seconds[1:]


def bare(folder: Path, search: Any) -> float:
    """Return the seconds to the first step after ``TorchTrainer.fit()``, as a trial has that calls it itself."""
    from ray.train import RunConfig, ScalingConfig
    from ray.train.torch import TorchConfig, TorchTrainer

    file = str(folder / "bare")
    begun = time.time()
    TorchTrainer(
        train_bare,
        train_loop_config={"search": search, "file": file},
        torch_config=TorchConfig(backend="gloo"),
        scaling_config=ScalingConfig(num_workers=2, resources_per_worker={"CPU": 1}),
        run_config=RunConfig(storage_path=str(folder / "bare-run")),
    ).fit()
    return stamp(file) - begun


def train_bare(config: dict[str, Any]) -> None:
    """Take one step with the same model, in each of ``fit``'s workers."""
    import ray
    import torch
    from torch.nn.parallel import DistributedDataParallel

    kind = workload(WORKLOAD)
    hp = kind.hyperparameters(file=config["file"])
    data = kind.data(hp, ray.get(config["search"]), torch.device("cpu"), torch.float32)
    model = DistributedDataParallel(kind.build(hp, data.shape))
    model(data.x_train[:32]).square().mean().backward()


def main() -> None:
    """Measure both, and print the line of JSON."""
    import ray

    search = prepare(Data(name="wine")).search
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder,
        local_ray(LaneSize(1, 2, 0).ray_cpus, leave=False),
    ):
        shared = ray.put(search)
        found = {"bare_s": math.nan, "first_s": math.nan, "later_s": []}
        for system in random.sample(["lane", "bare"], 2):
            if system == "lane":
                found["first_s"], found["later_s"] = lane(Path(folder), shared)  # type: ignore[assignment]
            else:
                found["bare_s"] = bare(Path(folder), shared)
        print(json.dumps(found))


if __name__ == "__main__":
    main()
