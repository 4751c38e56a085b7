"""Sweeps on a table with a rare class: areas under the ROC curve, what is never predicted, and boosting beside it.

``python -m tests.benchmarks.rare_class`` makes 20,000 rows with numbers, categories and missing values.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tests.benchmarks.real_tables import finals_of, markdown, swept
from workloads.registry import workload

NUM_ROWS, SHARE = 20_000, 0.034
CASES: Mapping[str, Mapping[str, Any]] = {
    "mlp": {"workload": "mlp"},
    "mlp, balanced": {"workload": "mlp", "metric": "val_roc_auc", "fixed": {"class_weights": "balanced"}},
    "boosted_trees": {"workload": "boosted_trees"},
    "boosted_trees, balanced": {
        "workload": "boosted_trees",
        "metric": "val_roc_auc",
        "fixed": {"class_weights": "balanced"},
    },
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="*", choices=list(CASES), default=list(CASES))
    parser.add_argument("--trials", type=int, default=16)
    options = parser.parse_args()
    rows = [of_case(name, options.trials) for name in options.only]
    print(markdown(rows))
    print(json.dumps(rows))


def rows() -> Any:
    """Return a frame in which ``bought`` is yes in 3.4 % of the rows, by numbers, a town and their interaction."""
    import pandas as pd

    rng = np.random.default_rng(0)
    age, income, visits = rng.uniform(18, 80, NUM_ROWS), rng.lognormal(10, 0.6, NUM_ROWS), rng.poisson(3, NUM_ROWS)
    town = rng.integers(0, 60, NUM_ROWS)
    score = np.log(income) + 0.5 * visits * (age < 35) + rng.normal(size=60)[town] - 1.5 * (abs(age - 50) < 8)
    chance = score + rng.logistic(0, 2.0, NUM_ROWS)
    yes = chance >= np.quantile(chance, 1 - SHARE)
    frame = pd.DataFrame({"age": age.round(1), "income": income.round(), "visits": visits})
    frame["town"] = [f"town {k}" for k in town]
    frame["noise"] = rng.normal(size=NUM_ROWS).round(4)
    frame.loc[rng.random(NUM_ROWS) < 0.1, "income"] = np.nan
    return frame.assign(bought=np.where(yes, "yes", "no"))


def of_case(name: str, num_trials: int) -> dict[str, Any]:
    """Run a sweep; return what its champion comes to on the test split, and the first warning of its verdict."""
    case = CASES[name]
    metric = case.get("metric", "val_accuracy")
    spec = {
        "workload": case["workload"],
        "data": {"csv": "rare.csv", "target": "bought"},
        "metric": {"name": metric, "goal": "maximize"},
        "parameters": {**workload(case["workload"]).space, **case.get("fixed", {})},
        "trials": num_trials,
    }
    with tempfile.TemporaryDirectory(prefix="paceline-bench-", ignore_cleanup_errors=True) as folder:
        rows().to_csv(Path(folder) / "rare.csv", index=False)
        seconds, document = swept(Path(folder), spec, [])
        verdict = document["verdict"]
        finals = finals_of(Path(folder))[str(verdict["winner"]["number"])]
    means = {
        m: round(statistics.fmean(one[f"test_{m}"] for one in finals), 4)
        for m in ("accuracy", "roc_auc", "f1_macro")
    }
    trees = next((one for one in verdict["baselines"] if one["trained"]), {})
    return {
        "sweep": f"{name} ({metric})",
        "seconds": round(seconds),
        **means,
        "boosting's score": round(trees.get("mean") or float("nan"), 4),
        "never predicted": "; ".join(
            f"{one['class']}: {one['rows']} of {one['of_rows']} rows, {one['seeds']} of {one['of_seeds']} seeds"
            for one in verdict["unpredicted"]
        ),
    }


if __name__ == "__main__":
    main()
