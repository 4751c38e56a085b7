"""The leaderboard as a file of a sweep's run: a row for each trial, the best first, without importing pandas."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from cluster.terminal.records import Row, ranked
from search_spaces.race.recommended import Tried
from search_spaces.spec.sweep import Sweep
from search_spaces.types.trial_names import state_word
from tracking import names


@dataclass(frozen=True)
class Leaderboard:
    """Names of columns, and the values of each row; None where a trial has none."""

    columns: list[str]
    rows: list[list[Any]]

    def csv(self) -> Iterator[str]:
        """Yield it as CSV, row by row."""
        for row in (self.columns, *self.rows):
            line = io.StringIO()
            csv.writer(line, lineterminator="\n").writerow(row)
            yield line.getvalue()

    def json(self) -> Iterator[str]:
        """Yield it, row by row, as MLflow's ``log_table`` writes a table, which its UI shows with pages."""
        yield f'{{"columns":{_compact(self.columns)},"data":['
        for number, row in enumerate(self.rows):
            yield ("," if number else "") + _compact([None if _endless(value) else value for value in row])
        yield "]}"


def _compact(values: Sequence[Any]) -> str:
    return json.dumps(values, separators=(",", ":"))


def _endless(value: Any) -> bool:
    return isinstance(value, float) and not math.isfinite(value)


def _over_seeds(tried: Tried | None) -> tuple[int, float | None, float | None]:
    """Return the number of seeds, and mean and standard deviation over them."""
    return (len(tried.values), tried.mean, tried.std) if tried else (0, None, None)


def leaderboard(found: Sequence[Row], sweep: Sweep, champion: int | None = None) -> Leaderboard:
    """Return the rows, best first: state, epochs, value, best, seconds, error, parameters.

    With the number of the ``champion``, a column names it: its value need not be the first.
    """
    metric, others = sweep.metric.name, sweep.beside
    roles = [] if champion is None else ["champion"]
    again = [names.NUM_SEEDS, names.mean(metric), names.std(metric)] if any(row.further for row in found) else []
    measured = ["epochs", metric, names.best(metric), *again, *others, "seconds", "error"]
    rows = [
        [
            row.number,
            state_word(row.state),
            *("champion" if row.number == champion else "" for _ in roles),
            row.epochs,
            row.value,
            row.own_best,
            *(_over_seeds(row.tried) if again else ()),
            *(row.beside.get(name) for name in others),
            row.seconds,
            row.error,
            *(row.params.get(name) for name in sweep.searched),
        ]
        for row in ranked(found, sweep.objective)
    ]
    return Leaderboard(["trial", "state", *roles, *measured, *sweep.searched], rows)
