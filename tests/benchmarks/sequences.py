"""Compares sweeps of the recurrent workload on a real series and a real text with simple statistical models.

``python -m tests.benchmarks.sequences`` needs monthly-sunspots.csv and tinyshakespeare.txt.
"""

from __future__ import annotations

import argparse
import json
import math
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from search_spaces.spec.data import Data
from tests.benchmarks.commands import DATA_ENV, Ran, data_folder, paceline
from workloads.data.prepare import prepare
from workloads.data.raw import NOT_COUNTED

TEXT_BYTES = 200_000
SPECS: Mapping[str, Mapping[str, Any]] = {
    "sunspots": {"epochs": 9, "trials": 20, "final": {"top": 1, "seeds": 3}},
    "shakespeare": {
        "epochs": 6,
        "trials": 20,
        "parameters": {
            "lr": {"min": 1e-3, "max": 3e-2, "log": True},
            "batch_size": {"values": [32, 64]},
            "cell": "lstm",
            "width": {"values": [32, 64, 128]},
            "dropout": {"min": 0.0, "max": 0.5},
        },
        "final": {"top": 1, "seeds": 2},
    },
}


def sunspots(folder: Path) -> tuple[Data, dict[str, float]]:
    """Return the spec's data, and the root mean squared error of each peer on the test split."""
    data = Data(series=str(folder / "monthly-sunspots.csv"), value="Sunspots", time="Month")
    prepared = prepare(data)
    train, test, season = prepared.search.train, prepared.test, prepared.search.season
    design = np.c_[train.x[..., 0], np.ones(len(train))]
    weights, *_ = np.linalg.lstsq(design, train.y, rcond=None)
    guesses = {
        f"value {season} months ago": test.x[:, -season],
        "last value": test.x[:, -1],
        f"autoregression of {test.x.shape[1]} values": np.c_[test.x[..., 0], np.ones(len(test))] @ weights,
    }
    return data, {name: float(np.sqrt(np.mean((guess - test.y) ** 2))) for name, guess in guesses.items()}


def shakespeare(folder: Path, into: Path) -> tuple[Data, dict[str, float]]:
    """Return the spec's data, and the bits per character of each peer on the test split."""
    path = into / "shakespeare.txt"
    path.write_bytes((folder / "tinyshakespeare.txt").read_bytes()[:TEXT_BYTES])
    data = Data(text=str(path))
    prepared = prepare(data)
    coded = [prepared.search.train, prepared.test]
    train, test = ([int(code) for code in _line(part.x, part.y)] for part in coded)
    peers = {
        f"{n}-gram (Witten-Bell)": _witten_bell(train, test, n - 1, prepared.search.num_outputs)
        for n in (2, 3, 4, 5)
    }
    return data, peers


def _line(x: np.ndarray, y: np.ndarray) -> Iterator[int]:
    """Yield the codes of a split in order: the first input, then each target once."""
    yield x[0, 0]
    yield from y[y != NOT_COUNTED]


def _witten_bell(train: list[int], test: list[int], order: int, num_codes: int) -> float:
    """Return the bits per character of an n-gram model with ``order`` characters of context.

    Each context is interpolated with the next shorter one (Witten & Bell 1991).
    """
    counts: dict[tuple[int, ...], Counter[int]] = defaultdict(Counter)
    for i, code in enumerate(train):
        for n in range(min(order, i) + 1):
            counts[tuple(train[i - n : i])][code] += 1
    bits = 0.0
    for i in range(1, len(test)):
        chance = 1 / num_codes
        for n in range(min(order, i) + 1):
            found = counts.get(tuple(test[i - n : i]))
            if found:
                kinds, total = len(found), found.total()
                chance = (found[test[i]] + kinds * chance) / (total + kinds)
        bits -= math.log2(chance)
    return bits / (len(test) - 1)


def report(name: str, metric: str, peers: Mapping[str, float], ran: Ran) -> dict[str, Any]:
    """Print a table of the verdict beside the peers; return its record for JSON."""
    verdict = ran.document["verdict"]
    print(f"\n| {name} | {metric} | 95 % | seeds |\n|---|---|---|---|")
    for who in ("winner", "default"):
        low, high = verdict[who]["ci95"]
        print(f"| {who} | {verdict[who]['mean']:.3f} | {low:.3f} to {high:.3f} | {verdict[who]['seeds']} |")
    for peer, value in peers.items():
        print(f"| {peer} | {value:.3f} | | |")
    best = ran.document["best"]["value"]
    print(f"\n{ran.seconds:.0f} s, best validation of the search {best:.3f}, winner {verdict['winner']['params']}")
    return {
        "data": name,
        "seconds": ran.seconds,
        "best_val": best,
        "verdict": verdict,
        "peers": dict(peers),
        "cost": ran.document["cost"],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", help=f"folder of the data; else ${DATA_ENV}")
    parser.add_argument("--only", choices=list(SPECS), nargs="*", default=list(SPECS))
    arguments = parser.parse_args()
    arguments.data = data_folder(arguments.data, "monthly-sunspots.csv", "tinyshakespeare.txt")
    records = []
    with tempfile.TemporaryDirectory() as folder:
        for name in arguments.only:
            made = sunspots(arguments.data) if name == "sunspots" else shakespeare(arguments.data, Path(folder))
            data, peers = made
            spec = {"workload": "recurrent", "data": data.model_dump(exclude_unset=True), **SPECS[name]}
            metric = "test RMSE" if name == "sunspots" else "test bits per character"
            records.append(report(name, metric, peers, paceline(spec)))
    print(json.dumps(records))


if __name__ == "__main__":
    main()
