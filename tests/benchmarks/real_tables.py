"""Compares sweeps of default spaces on real tables with scikit-learn's boosted trees on the same splits.

``python -m tests.benchmarks.real_tables`` needs titanic.csv, adult-train.csv and adult-test.csv.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.benchmarks.commands import DATA_ENV, REPOSITORY, data_folder

DATA: Mapping[str, Mapping[str, Any]] = {
    "titanic": {"csv": "titanic.csv", "target": "survived", "columns": {"alive": "drop"}},
    "adult": {"csv": "adult-train.csv", "header": False, "target": "c14", "test": "adult-test.csv"},
}
LEAST = {"titanic": 0.78, "adult": 0.845}
WORKLOADS = ("mlp", "boosted_trees")
MEASURES = ("test_accuracy", "test_f1_macro", "test_balanced_accuracy")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", help=f"folder of the data; else ${DATA_ENV}")
    parser.add_argument("--only", nargs="*", choices=list(DATA), default=list(DATA))
    parser.add_argument("--workloads", nargs="*", choices=WORKLOADS, default=WORKLOADS)
    parser.add_argument("--trials", type=int, default=20)
    parser.add_argument("overrides", nargs="*", default=[], help="key=value, as of paceline run")
    options = parser.parse_args()
    options.data = data_folder(options.data, "titanic.csv", "adult-train.csv", "adult-test.csv")
    rows = [row for name in options.only for row in compared(name, options)]
    print(markdown(rows))
    print(json.dumps(rows))


def compared(name: str, options: argparse.Namespace) -> list[dict[str, Any]]:
    """Run a sweep of each workload; return a row for its winner, one for its defaults, and one for the peer."""
    source = dict(DATA[name])
    for key in ("csv", "test"):
        if key in source:
            source[key] = str((options.data / source[key]).resolve())
    rows: list[dict[str, Any]] = []
    for workload in options.workloads:
        found, indices = of_sweep(name, workload, source, options)
        rows += found
    begun = time.monotonic()
    measured = boosted(source, indices)
    peer, seconds = "HistGradientBoostingClassifier()", round(time.monotonic() - begun, 1)
    return [*rows, {"data": name, "model": peer, "seconds": seconds, **_rounded(measured)}]


def of_sweep(
    name: str, workload: str, source: Mapping[str, Any], options: argparse.Namespace
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Run a sweep; return a row for its winner and one for its defaults, and the rows of its splits."""
    with tempfile.TemporaryDirectory(prefix="paceline-bench-", ignore_cleanup_errors=True) as folder:
        seconds, document = swept(
            Path(folder), {"workload": workload, "data": source, "trials": options.trials}, options.overrides
        )
        finals = finals_of(Path(folder))
        (card,) = (Path(folder) / ".paceline").glob("*/data.json")
        indices = json.loads(card.read_text())["indices"]
    rows = []
    for who in ("winner", "default"):
        number = str(document["verdict"][who]["number"])
        found = {m: statistics.fmean(run[m] for run in finals[number]) for m in MEASURES}
        rows.append(
            {"data": name, "model": f"paceline {workload}, {who}", "seconds": round(seconds, 1), **_rounded(found)}
        )
    rows[0]["goal"] = f"{LEAST[name]}: {'met' if rows[0]['test_accuracy'] >= LEAST[name] else 'missed'}"
    return rows, indices


def swept(folder: Path, spec: Mapping[str, Any], overrides: Sequence[str]) -> tuple[float, dict[str, Any]]:
    """Run ``paceline run``; return its seconds and its ``--json`` document."""
    (folder / "sweep.yaml").write_text(json.dumps(spec))
    command = [sys.executable, "-m", "cluster.cli", "run", "sweep.yaml", *overrides, "--json", "--quiet"]
    kept = {key: value for key, value in os.environ.items() if not key.startswith("MLFLOW_")}
    environment = {**kept, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(REPOSITORY)}
    begun = time.monotonic()
    done = subprocess.run(command, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return time.monotonic() - begun, json.loads(done.stdout)


def finals_of(folder: Path) -> dict[str, list[dict[str, float]]]:
    """Return the metrics of the verdict's runs in MLflow, by the trial's number."""
    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{folder}/mlflow.db")
    found: dict[str, list[dict[str, float]]] = {}
    for experiment in client.search_experiments():
        for run in client.search_runs([experiment.experiment_id]):
            if MEASURES[0] in run.data.metrics and run.data.tags.get("sweep.role") == "final":
                found.setdefault(run.data.tags["trial.number"], []).append(run.data.metrics)
    return found


def boosted(source: Mapping[str, Any], indices: Mapping[str, Sequence[int]]) -> dict[str, float]:
    """Return the metrics of scikit-learn's boosted trees with its defaults, on the sweep's training rows.

    Strings are given as its categories, missing values as NaN.
    """
    import pandas as pd
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.metrics import accuracy_score, balanced_accuracy_score, f1_score

    def read(path: str) -> Any:
        header = 0 if source.get("header", True) else None
        frame = pd.read_csv(path, header=header, skipinitialspace=True, na_values=["?"])
        return frame if header == 0 else frame.set_axis([f"c{k}" for k in frame], axis=1)

    frame = read(source["csv"])
    parts = {
        "train": frame.iloc[indices["train"]],
        "test": frame.iloc[indices["test"]] if "test" not in source else read(source["test"]),
    }
    left_out = [source["target"], *source.get("columns", {})]
    x = {name: part.drop(columns=left_out) for name, part in parts.items()}
    y = {
        name: part[source["target"]].map(lambda v: v.rstrip(".") if isinstance(v, str) else v)
        for name, part in parts.items()
    }
    for name in x["train"].select_dtypes(exclude="number"):
        kinds = pd.CategoricalDtype(sorted(x["train"][name].dropna().unique()))
        x = {part: frame.assign(**{name: frame[name].astype(kinds)}) for part, frame in x.items()}
    predicted = HistGradientBoostingClassifier(random_state=0).fit(x["train"], y["train"]).predict(x["test"])
    return {
        "test_accuracy": float(accuracy_score(y["test"], predicted)),
        "test_f1_macro": float(f1_score(y["test"], predicted, average="macro")),
        "test_balanced_accuracy": float(balanced_accuracy_score(y["test"], predicted)),
    }


def markdown(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return the rows as a Markdown table with a column for each key of the first."""
    lines = [list(rows[0]), ["---"] * len(rows[0]), *([str(row.get(key, "")) for key in rows[0]] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _rounded(found: Mapping[str, float]) -> dict[str, float]:
    return {name: round(value, 4) for name, value in found.items()}


if __name__ == "__main__":
    main()
