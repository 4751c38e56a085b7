"""Whole sweeps of the cnn's default space on images: 20 trials, then the verdict on the locked test split.

    python -m tests.benchmarks.images [--only digits cifar10]

Needs ``cifar10-train.parquet`` and ``cifar10-test.parquet``, columns ``image`` and ``label``. The sweep gets 10,000
images of the first, and all of the second as its test split. Prints a Markdown table, then one line of JSON.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

from tests.benchmarks.commands import DATA_ENV, Ran, data_folder, paceline

TRIALS = 20
CIFAR_IMAGES = 10_000
GOALS = {"digits": 0.98, "cifar10": 0.60}


def digits() -> dict[str, Any]:
    """Return the part of the spec for digits, with all defaults: ASHA, a verdict of three trials and five seeds."""
    return {"data": {"name": "digits"}, "epochs": 27}


def cifar10(folder: Path, scratch: Path) -> dict[str, Any]:
    """Return the part of the spec for 10,000 random images of the training file.

    Its verdict has one trial and two seeds, since it takes longer than the search.
    """
    import pandas as pd

    frame = pd.read_parquet(folder / "cifar10-train.parquet")
    subset = scratch / "cifar10-subset.parquet"
    frame.sample(CIFAR_IMAGES, random_state=0).to_parquet(subset)
    data = {"parquet": str(subset), "image": "image", "target": "label"}
    test = str((folder / "cifar10-test.parquet").resolve())
    return {"data": {**data, "test": test}, "epochs": 9, "final": {"top": 1, "seeds": 2}}


def spec(part: dict[str, Any]) -> dict[str, Any]:
    """Return the spec of a sweep over the cnn's default space."""
    return {"workload": "cnn", "trials": TRIALS, "metric": {"name": "val_accuracy"}, **part}


def row(name: str, ran: Ran) -> dict[str, Any]:
    """Return a sweep's row of the table, from its ``--json`` document."""
    judged, cost = ran.document["verdict"], ran.document["cost"]
    winner, default = judged["winner"], judged["default"]
    states = [trial["state"] for trial in ran.document["trials"]]
    return {
        "data": name,
        "goal": GOALS[name],
        "test_accuracy": winner["mean"],
        "ci95": winner["ci95"],
        "seeds": winner["seeds"],
        "default": default["mean"],
        "best_val": ran.document["best"]["value"],
        "params": winner["params"],
        "states": {state: states.count(state) for state in sorted(set(states))},
        "epochs_trained": cost["epochs_trained"],
        "seconds": round(ran.seconds),
        "lanes": cost["lanes"],
    }


def table(rows: list[dict[str, Any]]) -> str:
    """Return the rows as a Markdown table."""
    lines = [
        "| data | goal | test accuracy | 95 % | seeds | the defaults | best validation | epochs | seconds |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for each in rows:
        low, high = (f"{bound:.4f}" if bound is not None else "" for bound in each["ci95"])
        lines.append(
            f"| {each['data']} | {each['goal']} | {each['test_accuracy']:.4f} | {low} to {high} | {each['seeds']} "
            f"| {each['default']:.4f} | {each['best_val']:.4f} | {each['epochs_trained']} | {each['seconds']} |"
        )
    return "\n".join(lines)


def main() -> None:
    """Run the sweeps that the command line names, and print their table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", help=f"folder with the CIFAR-10 files; else ${DATA_ENV}")
    parser.add_argument("--only", nargs="+", choices=list(GOALS), default=list(GOALS))
    options = parser.parse_args()
    if "cifar10" in options.only:
        options.data = data_folder(options.data, "cifar10-train.parquet", "cifar10-test.parquet")
    rows = []
    with tempfile.TemporaryDirectory(prefix="paceline-images-") as scratch:
        for name in options.only:
            part = digits() if name == "digits" else cifar10(options.data, Path(scratch))
            rows.append(row(name, paceline(spec(part))))
            print(table(rows), flush=True)
    print(json.dumps(rows))


if __name__ == "__main__":
    main()
