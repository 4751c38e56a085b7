"""Simulates searches on tables of real results, which hold every configuration of a space, trained beforehand.

Numbers of a table are searched by their index (an integer range, so that a sampler knows their order), strings as
choices. The search sees the value of one training seed; regret is that of the mean over the table's seeds. NaN is a
seed that the benchmark lacks, as half of NAS-Bench-201's rows do: such a row has those that are there.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from search_spaces.race.search import Search
from search_spaces.simulation.clock import World, simulate
from search_spaces.space.domains import Choice, Int
from search_spaces.space.hyperparameters import hyper
from search_spaces.space.space import Space
from search_spaces.spec.sweep import EarlyTerminate, Metric
from search_spaces.types.objective import Objective
from search_spaces.types.problems import Goal
from search_spaces.types.values import Params, Value
from tests.helpers.toy_race import toy_sweep

GOALS: dict[str, Goal] = {"hpobench": "maximize", "hpolib": "minimize", "nasbench201": "maximize"}
FEW = {
    "hpobench": ("batch_size", "depth"),
    "hpolib": ("batch_size", "activation_fn_1"),
    "nasbench201": ("op0",),
}
"""Signatures of one or two parameters, by benchmark."""
HALF = {
    "hpobench": ("batch_size", "depth", "width"),
    "hpolib": ("batch_size", "activation_fn_1", "activation_fn_2", "n_units_1", "n_units_2"),
    "nasbench201": ("op0", "op1", "op2"),
}
"""Signatures of half of the parameters, rounded up, by benchmark."""
TRIAL_S = 60.0
"""Simulated seconds of a training; those of the tables took minutes."""
SIGNATURES = {"few": FEW, "half": HALF}


@dataclass(frozen=True)
class Table:
    """A table of results: ``rows[point]`` is the value of each training seed, a point one code for each column."""

    name: str
    objective: Objective
    domains: dict[str, Int | Choice]
    rows: dict[tuple[Value, ...], np.ndarray]

    @property
    def family(self) -> str:
        """Benchmark that the table is from: the part of its name before the dash."""
        return self.name.split("-")[0]

    def values(self, params: Params) -> np.ndarray:
        """Return a configuration's value by training seed (n,), of those that the table has."""
        row = self.rows[tuple(params[name] for name in self.domains)]
        return np.asarray(row[~np.isnan(row)])

    def mean(self, params: Params) -> float:
        """Return a configuration's mean value over the training seeds."""
        return float(self.values(params).mean())

    def value(self, params: Params, seed: int) -> float:
        """Return the value of training seed ``seed``, counted on from the first one after the last."""
        values = self.values(params)
        return float(values[seed % len(values)])

    def regret(self, params: Params) -> float:
        """Return the distance of the configuration's mean value from the best mean of the table."""
        return abs(self.mean(params) - self.best)

    @cached_property
    def best(self) -> float:
        """Best mean value over training seeds."""
        means = np.nanmean(np.stack(list(self.rows.values())), axis=1)
        return float(means.min() if self.objective.ascending else means.max())

    @cached_property
    def noise(self) -> float:
        """Median standard error of the mean over training seeds, among the best 1 % of the table.

        Smaller regrets cannot be distinguished from 0, that of the best row.
        """
        rows = np.stack(list(self.rows.values()))
        sign = 1 if self.objective.ascending else -1
        best = rows[np.argsort(sign * np.nanmean(rows, axis=1))[: max(1, len(rows) // 100)]]
        num = np.sum(~np.isnan(best), axis=1)
        assert (num > 1).all(), f"{self.name} has rows of a single seed, which have no spread"
        return float(np.median(np.nanstd(best, axis=1, ddof=1) / num**0.5))


def load(path: Path) -> Table:
    """Read a table from Parquet: columns of parameters, then ``value_0``, ``value_1``, ..."""
    frame = pd.read_parquet(path)
    seeds = [column for column in frame if column.startswith("value_")]
    names = [column for column in frame if column not in seeds]
    domains: dict[str, Int | Choice] = {}
    codes = []
    for name in names:
        levels = sorted(frame[name].unique().tolist())
        words = isinstance(levels[0], str)
        domains[name] = Choice(tuple(levels)) if words else Int(0, len(levels) - 1)
        codes.append(frame[name] if words else frame[name].map({v: i for i, v in enumerate(levels)}))
    rows = dict(zip(zip(*codes, strict=True), frame[seeds].to_numpy(), strict=True))
    return Table(path.stem, Objective("value", GOALS[path.stem.split("-")[0]]), domains, rows)


@dataclass(frozen=True)
class Way:
    """A way of forming cohorts: ``width`` is their largest size (None: the default), ``fill`` that of ``Rules``."""

    label: str
    width: int | None
    fill: float
    num_lanes: int = 2
    fused: bool = True
    """Whether the members of a leg are trained at once, in the time of one."""


@dataclass(frozen=True)
class Outcome:
    """Result of one simulated sweep: regret of its best trial, and its size."""

    regret: float
    num_legs: int
    num_trials: int


def search(table: Table, shapes: tuple[str, ...], way: Way, trials: int, seed: int) -> Outcome:
    """Simulate a sweep of ``trials`` over the table; with one seed all ways see the same training noise."""
    sweep = toy_sweep(
        space=Space(dict(table.domains)),
        metric=Metric(name="value", goal=table.objective.goal),
        method="tpe",
        early_terminate=EarlyTerminate(type="none"),
        trials=trials,
        epochs=1,
        train_together=way.width,
        seed=seed,
        max_retries=0,
    )
    race = Search(sweep, _hyperparameters(table, shapes), None).race(way.num_lanes, fill=way.fill)
    world = World(
        curve=lambda params, _: table.value(params, seed),
        epoch_s=lambda leg: TRIAL_S * (1 if way.fused else len(leg.members)),
        num_lanes=way.num_lanes,
        fused=way.fused,
    )
    history = simulate(race, world)
    return Outcome(table.regret(race.ranked()[0].params), len(history), len(race.tracks))


def _hyperparameters(table: Table, shapes: tuple[str, ...]) -> type:
    fields = []
    for name, domain in table.domains.items():
        levels = domain.grid()
        middle = levels[len(levels) // 2]
        fields.append((name, type(middle), hyper(middle, "a column of the table", shapes=name in shapes)))
    return dataclasses.make_dataclass("Columns", fields, frozen=True, kw_only=True)
