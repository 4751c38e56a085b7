"""Compares the seconds of an epoch whose training rows are streamed with those of one that has them in memory.

    python -m tests.benchmarks.streaming [--epochs 3] [--data FOLDER]

One lane, one member; epochs of both ways alternate; the first, which starts Ray Data's workers, is left out.
Prints a Markdown table, then one line of JSON. Without the data files it says so and ends with 0.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from search_spaces.race.legs import Leg, Member
from search_spaces.spec.data import Data, Split
from search_spaces.types.objective import Objective
from tests.benchmarks.commands import DATA_ENV, data_folder
from workloads.data.prepare import prepare
from workloads.data.streaming.ray_data import own_shard
from workloads.legs.runner import LegRunner, LegSetting

FILES = {"mlp": "adult-train.csv", "cnn": "cifar10-train.parquet"}
FIFTH = Split(train=0.2, val=0.03, test=0.77)
"""Split whose training part is 10,000 of CIFAR-10's images."""


def source(workload: str, folder: Path) -> dict[str, Any]:
    """Return the ``data`` of a workload's spec."""
    if workload == "mlp":
        return {"csv": str(folder / FILES[workload]), "target": "c14", "header": False}
    return {"parquet": str(folder / FILES[workload]), "target": "label", "image": "image", "split": FIFTH}


def lane(workload: str, data: dict[str, Any], streaming: bool, epochs: int) -> LegRunner:
    """Return a leg runner that has started a leg of one member."""
    search = prepare(Data.model_validate({**data, "streaming": streaming})).search
    setting = LegSetting(workload, Objective("val_accuracy", "maximize"), tempfile.mkdtemp(), device="cpu")
    shard = own_shard(search.stream) if search.stream else None
    found = LegRunner(setting, search, shard=shard)
    member = Member(trial=0, seed=0, params={"blocks": 2, "channels": 16} if workload == "cnn" else {})
    found.start(Leg(id=0, start=0, stop=epochs + 1, horizon=epochs + 1, members=(member,)))
    return found


def measure(workload: str, folder: Path, epochs: int) -> dict[str, Any]:
    """Return the median seconds of an epoch both ways, the median ratio, and both accuracies."""
    lanes = {
        way: lane(workload, source(workload, folder), way == "streamed", epochs) for way in ("kept", "streamed")
    }
    seconds: dict[str, list[float]] = {way: [] for way in lanes}
    accuracy = {}
    for epoch in range(epochs + 1):
        for way, each in lanes.items():
            begun = time.perf_counter()
            (told,) = each.epoch()
            accuracy[way] = told.metrics["val_accuracy"]
            if epoch:
                seconds[way].append(time.perf_counter() - begun)
    medians = {way: statistics.median(each) for way, each in seconds.items()}
    ratio = statistics.median(b / a for a, b in zip(seconds["kept"], seconds["streamed"], strict=True))
    return {"workload": workload, "data": FILES[workload], "seconds": medians, "ratio": ratio, "accuracy": accuracy}


def main() -> None:
    """Measure as the command line says, and print a table."""
    import ray

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--data", help=f"folder with {', '.join(FILES.values())}; else ${DATA_ENV}")
    options = parser.parse_args()
    folder = data_folder(options.data, *FILES.values())
    ray.init(address="local", num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    rows = [measure(workload, folder, options.epochs) for workload in FILES]
    print("| data | workload | an epoch, kept in memory | streamed | ratio | accuracy, both |")
    print("|---|---|---|---|---|---|")
    for row in rows:
        kept, streamed = (f"{row['seconds'][way]:.2f} s" for way in ("kept", "streamed"))
        both = f"{row['accuracy']['kept']:.3f}, {row['accuracy']['streamed']:.3f}"
        print(f"| {row['data']} | {row['workload']} | {kept} | {streamed} | {row['ratio']:.2f} | {both} |")
    print(json.dumps(rows))


if __name__ == "__main__":
    main()
