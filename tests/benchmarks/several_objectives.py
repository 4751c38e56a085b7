"""Two objectives on learning curves: races with stopping against genetic algorithms without, at equal epochs.

    python -m tests.benchmarks.several_objectives --tasks 3945 7593 --seeds 2

A trial is a network of LCBench's surrogate with its accuracy and its number of weights, to be found one by one. Its
point is the best accuracy that it has come to; what counts is the volume of the front, by the accuracy between the
median configuration's and the best known, and by the logarithm of the weights.
"""

from __future__ import annotations

import argparse
import itertools
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import optuna

from search_spaces.criteria.front import hypervolume
from search_spaces.race.legs import MemberEpoch, Saved
from search_spaces.race.search import Search
from search_spaces.spec.sweep import EarlyTerminate, Metric
from search_spaces.types.values import Params
from tests.benchmarks.commands import data_folder
from tests.benchmarks.curves import EPOCHS, TASKS, Curves
from tests.benchmarks.search_methods import ENOUGH, EPOCH_S, _hyperparameters
from tests.helpers.toy_race import toy_sweep

BUDGETS = (5, 10, 20)
"""Numbers of full trainings after whose epochs the volume is read."""
METRICS = (Metric(name="val_accuracy", goal="maximize"), Metric(name="params_m", goal="minimize"))
NUM_INPUTS, NUM_CLASSES = 50, 10
METHODS = (
    "optuna-nsga2",
    "optuna-nsga2:10",
    "optuna-tpe",
    "nsga2/none",
    "auto/none",
    "random/asha",
    "nsga2/asha",
    "tpe/asha",
    "auto/asha",
)

Trained = Iterator[tuple[Params, int]]
"""A configuration and the epoch that it was trained for, one epoch after the other."""


@dataclass(frozen=True)
class Network:
    """A task's configurations with both of their values."""

    curves: Curves

    @cache  # noqa: B019 - a few tasks
    def curve(self, key: tuple[float, ...]) -> np.ndarray:
        return self.curves.curve(dict(zip(self.curves.space.domains, key, strict=True)))

    def accuracy(self, params: Params, epoch: int) -> float:
        """Return the accuracy after an epoch."""
        key = tuple(float(params[name]) for name in self.curves.space.domains)  # type: ignore[arg-type]
        return float(self.curve(key)[epoch - 1])

    @staticmethod
    def params_m(params: Params) -> float:
        """Return millions of weights of a funnel from ``max_units`` down to the classes."""
        num = int(params["num_layers"])  # type: ignore[arg-type]
        widths = np.linspace(float(params["max_units"]), NUM_CLASSES, num + 1)  # type: ignore[arg-type]
        sizes = [NUM_INPUTS, *np.maximum(1, widths).astype(int).tolist()]
        return sum((a + 1) * b for a, b in itertools.pairwise(sizes)) / 1e6

    def volume(self, points: Mapping[Any, tuple[float, float]]) -> float:
        """Return the volume of (accuracy, millions of weights) as a share of the box of what there is."""
        best, median = self.curves.reference
        corners = [self.params_m({"num_layers": n, "max_units": u}) for n, u in ((1, 64), (5, 1024))]
        low, high = np.log10(corners)
        scaled = [((best - a) / (best - median), (np.log10(m) - low) / (high - low)) for a, m in points.values()]
        return hypervolume(np.array(scaled), np.ones(2))


def ours(network: Network, method: str, schedule: str, seed: int) -> Trained:
    """Yield what a race of ours trains, one lane and one trial at a time."""
    rng = np.random.default_rng([seed, int(network.curves.task)])
    first = network.curves.params(rng.random(len(network.curves.space.domains)))
    sweep = toy_sweep(
        space=network.curves.space,
        metric=METRICS[0],
        metrics=METRICS,
        method=method,
        early_terminate=EarlyTerminate(type=schedule),
        trials=ENOUGH,
        epochs=EPOCHS,
        train_together=1,
        seed=seed,
    )
    race = Search(sweep, _hyperparameters(first), None).race(1)
    while leg := race.next_leg():
        (member,) = leg.members
        for epoch in range(leg.start + 1, leg.stop + 1):
            yield member.params, epoch
            told = {
                "val_accuracy": network.accuracy(member.params, epoch),
                "params_m": network.params_m(member.params),
            }
            race.reported(leg.id, [MemberEpoch(key=member.key, epoch=epoch, metrics=told)])
        race.saved(leg.id, [Saved(key=member.key, epoch=leg.stop, uri=f"{member.key}/e{leg.stop}")])
        race.finished_leg(leg.id, EPOCH_S * (leg.stop - leg.start))


def optunas(network: Network, sampler: optuna.samplers.BaseSampler) -> Trained:
    """Yield what a study of Optuna's trains: each trial to its end, as its pruners know one objective only."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(directions=[one.goal for one in METRICS], sampler=sampler)
    while True:
        trial = study.ask()
        params = network.curves.space.ask(trial, {})
        for epoch in range(1, EPOCHS + 1):
            yield params, epoch
        study.tell(trial, [network.accuracy(params, EPOCHS), network.params_m(params)])


def searched(network: Network, name: str, seed: int) -> Trained:
    """Yield what the method of this name trains."""
    if not name.startswith("optuna-"):
        return ours(network, *name.split("/"), seed)
    kind, _, population = name.removeprefix("optuna-").partition(":")
    made: Mapping[str, Callable[[], optuna.samplers.BaseSampler]] = {
        "nsga2": lambda: optuna.samplers.NSGAIISampler(seed=seed, population_size=int(population or 50)),
        "tpe": lambda: optuna.samplers.TPESampler(seed=seed),
    }
    return optunas(network, made[kind]())


def volumes(network: Network, name: str, seed: int) -> list[float]:
    """Return the volume at each of ``BUDGETS``."""
    points: dict[tuple[Any, ...], tuple[float, float]] = {}
    found = []
    trained = itertools.islice(searched(network, name, seed), BUDGETS[-1] * EPOCHS)
    for num, (params, epoch) in enumerate(trained, 1):
        key = tuple(params.values())
        accuracy = network.accuracy(params, epoch)
        points[key] = max(accuracy, points.get(key, (accuracy,))[0]), network.params_m(params)
        if num in [budget * EPOCHS for budget in BUDGETS]:
            found.append(network.volume(points))
    return found


def main() -> None:
    """Search on the tasks of the command line, and print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--tasks", nargs="+", default=TASKS)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--methods", nargs="+", default=METHODS)
    parser.add_argument("--data", help="folder that holds lcbench")
    options = parser.parse_args()
    folder = Path(data_folder(options.data, "lcbench")) / "lcbench"
    networks = [Network(Curves(folder, task)) for task in options.tasks]
    print("| method | " + " | ".join(f"at {n}" for n in BUDGETS) + " | CPU s a search |")
    print("|---" * (len(BUDGETS) + 2) + "|")
    for name in options.methods:
        begun = time.process_time()
        found = [volumes(network, name, seed) for network in networks for seed in range(options.seeds)]
        spent = (time.process_time() - begun) / len(found)
        cells = " | ".join(f"{value:.3f}" for value in np.mean(found, axis=0))
        print(f"| `{name}` | {cells} | {spent:.1f} |", flush=True)


if __name__ == "__main__":
    main()
