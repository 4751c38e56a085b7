"""Recorded learning curves: a table of hyperparameters, epoch, value and seconds, checked row by row."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from search_spaces.criteria.constraints import NO_CRITERIA, Criteria
from search_spaces.criteria.measures import Measures, Standing
from search_spaces.space.cube import Cube
from search_spaces.space.domain_contract import Domain
from search_spaces.space.domains import Choice, Int
from search_spaces.space.space import Space
from search_spaces.spec.sweep import Sweep
from search_spaces.types.faults import Fault, SpecError, nearest, shown
from search_spaces.types.objective import Objective
from search_spaces.types.values import Identity, Params, Value, identity

EPOCH, VALUE, SECONDS = "epoch", "value", "seconds"
"""Names of the columns beside the hyperparameters; the objective's may also be the metric's name."""
TRAINING = "training_s"
"""The metric that the seconds of a table add up to, where it has no column of it."""
Row = tuple[str, Mapping[str, Any]]
"""A row's place, as ``curves.csv:7``, and its cells by column."""


@dataclass(frozen=True)
class Recorded:
    """Curves of configurations: of each the objective and the seconds by epoch, from 1 on.

    A curve that ends before ``epochs`` has diverged there.
    """

    space: Space
    objective: Objective
    epochs: int
    configurations: Sequence[Params]
    values: Sequence[Mapping[int, float]]
    seconds: Sequence[Mapping[int, float]]
    num_short: int = 0
    """Number of configurations that were left out, as they were not trained for all epochs."""
    unused: Sequence[str] = ()
    """Names of the table's other columns."""
    beside: Sequence[Mapping[int, Mapping[str, float]]] = ()
    """Values of further metrics that the sweep goes by, of each configuration by epoch."""
    criteria: Criteria = NO_CRITERIA
    """What decides besides the objective."""
    _known: dict[Identity, int] = field(default_factory=dict, compare=False, repr=False)

    @cached_property
    def _cube(self) -> Cube:
        return Cube(self.space)

    @cached_property
    def _places(self) -> np.ndarray:
        return np.stack([self._cube.place(params) for params in self.configurations])

    def distances(self, params: Params) -> np.ndarray:
        """Return the distance of each configuration (n,), in the space's scales; categories differ by 1."""
        apart = self._places - self._cube.place(params)
        return np.asarray((np.where(self._cube.is_category, apart != 0, apart) ** 2).sum(1))

    def of(self, params: Params) -> int:
        """Return the place of a configuration; of one that was not recorded that of the nearest."""
        active = self.space.active(params)
        found = identity(active)
        if found not in self._known:
            inside = {name: value for name, value in active.items() if self.space.domains[name].contains(value)}
            self._known[found] = int(np.argmin(self.distances(inside)))
        return self._known[found]

    def value(self, params: Params, epoch: int) -> float:
        """Return the objective after an epoch; NaN where training has diverged."""
        return self.values[self.of(params)].get(epoch, math.nan)

    def beside_at(self, params: Params, epoch: int) -> Mapping[str, float]:
        """Return the further metrics after an epoch."""
        return self.beside[self.of(params)].get(epoch, {}) if self.beside else {}

    def takes_s(self, params: Params, epoch: int) -> float:
        """Return the seconds of an epoch."""
        seconds = self.seconds[self.of(params)]
        return seconds.get(epoch, seconds[max(seconds)])

    @cached_property
    def best_values(self) -> Sequence[float | None]:
        """Best value of each configuration; None of one that breaks a constraint as it ends."""
        if not self.criteria:
            return [self.objective.best(curve.values(), float) for curve in self.values]
        return [self._allowed(curve, by_epoch) for curve, by_epoch in zip(self.values, self.beside, strict=True)]

    def _allowed(self, curve: Mapping[int, float], by_epoch: Mapping[int, Mapping[str, float]]) -> float | None:
        measures = Measures(self.criteria)
        for epoch in curve:
            measures.record(epoch, by_epoch.get(epoch, {}))
        standing = Standing.of(self.objective, curve, measures)
        return standing.value if self.criteria.keeps(standing.measured) else None

    @cached_property
    def top(self) -> float | None:
        """Best value of any configuration that keeps the constraints; None where none does."""
        return self.objective.best([value for value in self.best_values if value is not None], float)

    def regret(self, place: int, value: float) -> float:
        """Return how far what a configuration comes to is from the best of all, in units of the objective.

        Of one that breaks a constraint as it ends ``value`` counts, which it had while it kept them.
        """
        best = self.best_values[place]
        signed = self.objective.signed(value if best is None else best)
        return math.nan if self.top is None else signed - self.objective.signed(self.top)


def load(path: Path, sweep: Sweep) -> Recorded:
    """Load the table of a sweep's space. Raises SpecError with every fault."""
    columns, rows = _table(path)
    objective = sweep.metric.name if sweep.metric.name in columns else VALUE
    beside = [name for name in sweep.criteria.names if name != sweep.metric.name]
    if SECONDS in columns and TRAINING not in columns:
        beside = [name for name in beside if name != TRAINING]
    needed = [*sweep.space.domains, EPOCH, objective, *beside]
    faults = [_lacks(path, name, columns, sweep) for name in needed if name not in columns]
    if faults:
        raise SpecError(faults)
    reading = _Reading(sweep, objective, SECONDS in columns, beside)
    for place, cells in rows:
        reading.take(place, cells)
    return reading.recorded(path, [name for name in columns if name not in (*needed, SECONDS)])


def _lacks(path: Path, name: str, columns: Sequence[str], sweep: Sweep) -> Fault:
    what, else_ = f"{sweep.metric.name} (or {VALUE}), the objective" if name == VALUE else name, ""
    if name in {one.name for one in sweep.criteria.others}:
        what = f"{name}, an objective"
        else_ = f", or simulate a copy of the file with metric: {{name: {sweep.metric.name}}}"
    elif name in sweep.criteria.names:
        what, else_ = f"{name}, which a constraint bounds", ", or give 'constraints=[]' behind the file"
    close = nearest(name, columns)
    rule = f"must have a column {what} (it has {', '.join(columns)}){else_}"
    return Fault(path.name, "", rule, None, close and repr(close))


def _table(path: Path) -> tuple[Sequence[str], Iterator[Row]]:
    """Return the names of the columns, and the rows. Raises SpecError where it is no table."""
    try:
        if path.suffix == ".parquet":
            import pyarrow.parquet as pq  # 90 ms

            table = pq.read_table(path)
            return table.column_names, (
                (f"{path.name}: row {n}", row) for n, row in enumerate(table.to_pylist(), 1)
            )
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        raise SpecError([Fault(str(path), "", f"cannot be read: {' '.join(str(error).split())[:200]}")]) from None
    lines = csv.DictReader(text.splitlines())
    columns = list(lines.fieldnames or ())
    if len(columns) < 2 or len(set(columns)) < len(columns):
        raise SpecError([Fault(path.name, "", "must be a CSV or Parquet table with one name a column")])
    return columns, ((f"{path.name}:{lines.line_num}", row) for row in lines)


class _Reading:
    """Rows of a table by configuration, with the faults found so far."""

    def __init__(self, sweep: Sweep, objective: str, timed: bool, beside: Sequence[str]) -> None:
        self._sweep, self._objective, self._timed, self._names = sweep, objective, timed, beside
        self._faults: list[Fault] = []
        self._params: dict[Identity, Params] = {}
        self._places: dict[Identity, dict[int, str]] = {}
        self._values: dict[Identity, dict[int, float]] = {}
        self._seconds: dict[Identity, dict[int, float]] = {}
        self._beside: dict[Identity, dict[int, dict[str, float]]] = {}

    def take(self, place: str, cells: Mapping[str, Any]) -> None:
        """Take a row, or note what is wrong with it."""
        before = len(self._faults)
        epoch = self._number(place, cells, EPOCH, 1)
        if epoch is not None and epoch != int(epoch):
            self._fault(place, EPOCH, "must be a whole number", cells[EPOCH])
        value = self._number(place, cells, self._objective, None)
        seconds = self._number(place, cells, SECONDS, 0) if self._timed else 1.0
        beside = {name: self._number(place, cells, name, None) for name in self._names}
        params = self._configuration(place, cells)
        if len(self._faults) > before or epoch is None or value is None or seconds is None:
            return
        key = identity(params)
        if int(epoch) in self._places.setdefault(key, {}):
            first = self._places[key][int(epoch)]
            self._fault(place, EPOCH, f"must be given once for each configuration (first {first})", int(epoch))
            return
        self._params[key], self._places[key][int(epoch)] = params, place
        self._values.setdefault(key, {})[int(epoch)] = value
        self._seconds.setdefault(key, {})[int(epoch)] = seconds
        known = {name: number for name, number in beside.items() if number is not None}
        self._beside.setdefault(key, {})[int(epoch)] = {**known, self._sweep.metric.name: value}

    def _fault(self, place: str, column: str, rule: str, received: Any) -> None:
        self._faults.append(Fault(place, column, rule, shown(received)))

    def _number(self, place: str, cells: Mapping[str, Any], column: str, least: float | None) -> float | None:
        """Return a cell as a number. An objective without a value is NaN, and may be infinite: it has diverged."""
        cell = cells[column]
        if least is None and (cell is None or cell == ""):
            return math.nan
        try:
            number = float(cell)
        except (TypeError, ValueError):
            self._fault(place, column, "must be a number", cell)
            return None
        if least is not None and not (math.isfinite(number) and number >= least):
            self._fault(place, column, f"must be a number >= {least:g}", cell)
            return None
        return number

    def _configuration(self, place: str, cells: Mapping[str, Any]) -> Params:
        params: dict[str, Value] = {}
        for name, domain in self._sweep.space.domains.items():
            if not self._sweep.space.exists(name, params):
                continue
            value = _parsed(domain, cells[name])
            if value is None:
                self._fault(place, name, f"must be a value of the sweep's space ({domain})", cells[name])
            else:
                params[name] = value
        return params

    def recorded(self, path: Path, unused: Sequence[str]) -> Recorded:
        """Return the curves. Raises SpecError where rows have faults, or too few curves are whole."""
        epochs, whole = self._sweep.epochs, []
        for key, values in self._values.items():
            last, bad = max(values), [epoch for epoch, value in values.items() if not math.isfinite(value)]
            end = min([*bad, epochs])
            missing = [epoch for epoch in range(1, min(end, last) + 1) if epoch not in values]
            if missing:
                text = f"must go on from epoch 1 without a gap: {missing[0]} is missing for this configuration"
                self._fault(self._places[key][last], EPOCH, text, last)
            elif end <= last:
                whole.append(key)
        if not self._faults and len(whole) < 2:
            text = f"must have at least 2 configurations with the epochs 1 to {epochs} (epochs: of the sweep file)"
            self._faults.append(Fault(path.name, "", text, f"{len(whole)} of {len(self._values)}"))
        if self._faults:
            raise SpecError(self._faults)
        finite = [
            {e: v for e, v in sorted(self._values[key].items()) if math.isfinite(v) and e <= epochs}
            for key in whole
        ]
        return Recorded(
            space=self._sweep.space,
            objective=self._sweep.objective,
            epochs=epochs,
            configurations=[self._params[key] for key in whole],
            values=finite,
            seconds=[self._seconds[key] for key in whole],
            num_short=len(self._values) - len(whole),
            unused=unused,
            beside=[self._measured(key) for key in whole],
            criteria=self._sweep.criteria,
        )

    def _measured(self, key: Identity) -> dict[int, dict[str, float]]:
        if not self._sweep.criteria:
            return {}
        trained_s, found = 0.0, {}
        for epoch, seconds in sorted(self._seconds[key].items()):
            trained_s += seconds
            found[epoch] = {TRAINING: trained_s, **self._beside[key][epoch]}
        return found


def _parsed(domain: Domain, cell: Any) -> Value | None:
    """Return a cell as a value of the domain, None where it is none."""
    if isinstance(domain, Choice):
        exact = (value for value in domain.values if str(value) == str(cell))
        return next(exact, next((value for value in domain.values if _same(value, cell)), None))
    try:
        number = float(cell)
        whole = isinstance(domain, Int) and number == int(number)
        value = int(number if isinstance(cell, float) else Decimal(str(cell))) if whole else number
    except (TypeError, ValueError, OverflowError, InvalidOperation):
        return None
    return value if domain.contains(value) else None


def _same(value: Value, cell: Any) -> bool:
    if isinstance(value, bool | str) or value is None:
        return str(value).casefold() == str(cell).casefold()
    try:
        return float(value) == float(cell)
    except (TypeError, ValueError):
        return False
