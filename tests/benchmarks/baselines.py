"""Compares the baselines of the final evaluation with scikit-learn, NumPy and a plain loop on the files themselves.

``python -m tests.benchmarks.baselines`` needs SST-2, adult, monthly-sunspots.csv and tinyshakespeare.txt.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from search_spaces.spec.data import Data
from tests.benchmarks.commands import DATA_ENV, data_folder
from tests.benchmarks.real_tables import DATA, boosted
from tests.benchmarks.sequences import shakespeare, sunspots
from workloads.baselines.measure import found, measure
from workloads.champion.test_scores import TestSplit
from workloads.data.prepare import prepare
from workloads.data.search_data import Prepared

FILES = ("sst2-train.csv", "adult-train.csv", "monthly-sunspots.csv", "tinyshakespeare.txt")
Peer = tuple[str, float]


@dataclass(frozen=True)
class Compared:
    """Data of a sweep, its workload and metric, and a peer's score on the same test rows."""

    data: Data
    workload: str
    metric: str
    peer: Callable[[Prepared], Peer]


def sst2(folder: Path) -> Compared:
    files = {name: str(folder / f"sst2-{name}.csv") for name in ("train", "val", "test")}

    def peer(_: Prepared) -> Peer:
        import pandas as pd
        from sklearn.feature_extraction.text import TfidfVectorizer
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline

        train, val, test = (pd.read_csv(files[name]) for name in ("train", "val", "test"))
        words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True)
        models = [make_pipeline(words, LogisticRegression(C=c)).fit(train["text"], train["label"]) for c in (1, 10)]
        best = max(models, key=lambda model: model.score(val["text"], val["label"]))
        name = f"TfidfVectorizer, LogisticRegression(C={best[-1].C})"
        return name, float(best.score(test["text"], test["label"]))

    given = {"csv": files["train"], "val": files["val"], "test": files["test"], "target": "label", "text": "text"}
    return Compared(Data.model_validate(given), "recurrent", "accuracy", peer)


def adult(folder: Path) -> Compared:
    source = {**DATA["adult"], **{key: str(folder / DATA["adult"][key]) for key in ("csv", "test")}}

    def peer(made: Prepared) -> Peer:
        indices = {name: rows.tolist() for name, rows in made.indices.items()}
        return "HistGradientBoostingClassifier()", boosted(source, indices)["test_accuracy"]

    return Compared(Data.model_validate(source), "mlp", "accuracy", peer)


def digits(_: Path) -> Compared:
    def peer(made: Prepared) -> Peer:
        from sklearn.datasets import load_digits
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        x, y = load_digits(return_X_y=True)
        train, test = (made.indices[name] for name in ("train", "test"))
        model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=200)).fit(x[train], y[train])
        return "StandardScaler, LogisticRegression", float(model.score(x[test], y[test]))

    return Compared(Data(name="digits"), "mlp", "accuracy", peer)


def of_sunspots(folder: Path) -> Compared:
    data, peers = sunspots(folder)
    name, value = list(peers.items())[-1]
    return Compared(data, "recurrent", "rmse", lambda _: (f"{name}, least squares", value))


def of_shakespeare(folder: Path, into: Path) -> Compared:
    data, peers = shakespeare(folder, into)
    name, value = list(peers.items())[-1]
    return Compared(data, "recurrent", "bits_per_character", lambda _: (f"{name}, a plain loop", value))


def rows(name: str, compared: Compared) -> list[Mapping[str, object]]:
    """Measure the baselines of the data as a sweep does; return a row for each, the last beside its peer."""
    made = prepare(compared.data)
    split = TestSplit.of(compared.workload, compared.metric, made.search, made.test)
    with tempfile.TemporaryDirectory() as root:
        measure(split, root)
        measured = found(split, root)
    peer, value = compared.peer(made)
    told: list[Mapping[str, object]] = []
    for one in measured:
        last = (
            {"peer": peer, "its score": round(value, 4)} if one is measured[-1] else {"peer": "", "its score": ""}
        )
        score = None if one.score is None else round(one.score, 4)
        facts = {"data": name, "metric": compared.metric, "baseline": one.name, "score": score}
        told.append({**facts, "seconds": round(one.seconds, 2), **last})
    return told


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", help=f"folder of the data; else ${DATA_ENV}")
    folder = data_folder(parser.parse_args().data, *FILES).resolve()
    made: list[Mapping[str, object]] = []
    with tempfile.TemporaryDirectory() as into:
        made += rows("SST-2", sst2(folder)) + rows("adult", adult(folder)) + rows("digits", digits(folder))
        made += rows("sunspots", of_sunspots(folder)) + rows("shakespeare", of_shakespeare(folder, Path(into)))
    lines = [list(made[0]), ["---"] * len(made[0]), *([str(value) for value in row.values()] for row in made)]
    print("\n".join(f"| {' | '.join(line)} |" for line in lines))
    print(json.dumps(made))


if __name__ == "__main__":
    main()
