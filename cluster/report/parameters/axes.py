"""Axes of hyperparameters, most important first, and the trials that are drawn over them."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Final

from cluster.report.records import Records
from cluster.terminal.formatting import category, count, measure, setting
from cluster.terminal.records import Row
from search_spaces.space.domain_contract import Domain, DomainFault, is_number
from search_spaces.types.objective import Objective
from search_spaces.types.values import Value

FEWEST: Final = 3
"""Number of trials with a value below which nothing is drawn over hyperparameters."""
MOST_BEST: Final = 20
FEW: Final = 8
"""Largest number of values of a range that are drawn as categories in their order."""
GATHERED: Final = 0.6
"""Largest part of an axis, and smallest share of one category, by which trials count as gathered there."""


@dataclass(frozen=True, kw_only=True)
class Axis:
    """One hyperparameter's axis: ``words`` are its categories in order, empty where it is a range of numbers."""

    name: str
    log: bool = False
    low: float = 0.0
    high: float = 1.0
    words: tuple[str, ...] = ()

    def place(self, value: Value) -> float:
        """Return where a value lies, from 0 to 1; a value that a logarithm has not lies at 0."""
        if self.words:
            place = self.words.index(word(value)) if word(value) in self.words else 0
            return (place + 0.5) / len(self.words)
        assert isinstance(value, int | float)
        low, high, at = (self._scaled(one) for one in (self.low, self.high, float(value)))
        return min(1.0, max(0.0, (at - low) / (high - low) if high > low else 0.5))

    def _scaled(self, value: float) -> float:
        return value if not self.log else math.log10(max(value, self.low))

    @property
    def ticks(self) -> list[tuple[float, str]]:
        """Places and texts of the axis's ticks."""
        if self.words:
            return [((k + 0.5) / len(self.words), text) for k, text in enumerate(self.words)]
        middle = math.sqrt(self.low * self.high) if self.log else (self.low + self.high) / 2
        if self.low == int(self.low) and self.high == int(self.high) and self.high - self.low > FEW:
            middle = round(middle)
        return [(self.place(value), setting(float(value))) for value in (self.low, middle, self.high)]


def word(value: Value) -> str:
    """Return a category as text."""
    return category(value)


def names(records: Records) -> list[str]:
    """Return the names of the searched hyperparameters, by importance; others after them, in spec order."""
    shares = records.document["importance"] or {}
    return [*shares, *(name for name in records.sweep.searched if name not in shares)]


def drawn(records: Records) -> list[Row]:
    """Return the trials with a finite value that count, the best first; empty where they are too few to draw."""
    able = [row for row in records.ranked if row.feasible and row.state != "failed"]
    found = [row for row in able if row.best_value is not None and math.isfinite(row.best_value)]
    return found if len(found) >= FEWEST else []


def among(records: Records, rows: Sequence[Row]) -> str:
    """Return of which trials a sentence is: ``all 9 trials``, or ``7 of 9 trials`` where not all count."""
    num, num_rows = len(records.rows), len(rows)
    return f"all {count(num, 'trial')}" if num_rows == num else f"the {num_rows:,} of {num:,} trials that count"


def left_out(records: Records, rows: Sequence[Row]) -> list[str]:
    """Return a sentence on the trials that are not among ``rows``, by why they do not count; empty where all do."""
    counted = {row.number for row in rows}
    kinds = Counter(_reason(row) for row in records.rows if row.number not in counted)
    told = ", ".join(f"{number:,} {reason}" for reason, number in sorted(kinds.items()))
    return [f"Not counted: {told}."] if told else []


def _reason(row: Row) -> str:
    if row.state == "failed":
        return "failed"
    return "over a constraint, or not known to keep it" if not row.feasible else "without a finite value"


def alike(rows: Sequence[Row]) -> bool:
    """Return whether all trials came to the same value, so that none is better than another."""
    return len({row.best_value for row in rows}) == 1


def axis(records: Records, name: str) -> Axis:
    """Return the axis of a hyperparameter: its space, and values of trials beyond it, as the defaults may be."""
    domain = records.sweep.searched[name]
    values = [row.params[name] for row in records.rows if name in row.params]
    numbers = [float(value) for value in values if is_number(value)]
    if (few := _few(domain)) and len(numbers) == len(values):
        return Axis(name=name, words=tuple(dict.fromkeys(map(word, sorted({*few, *numbers})))))
    if domain.bounds is None or len(numbers) < len(values):
        grid = [] if domain.bounds else domain.grid()
        return Axis(name=name, words=tuple(dict.fromkeys(map(word, [*grid, *sorted(values, key=str)]))))
    low, high = (float(bound) for bound in domain.bounds)
    inside = [value for value in numbers if value > 0] if domain.log else numbers
    return Axis(name=name, log=domain.log, low=min([low, *inside]), high=max([high, *inside]))


def _few(domain: Domain) -> Sequence[float]:
    """Return the values of a range of a few numbers, as whole ones from 1 to 4; empty of any other domain."""
    try:
        grid = domain.grid() if domain.bounds else ()
    except DomainFault:
        return ()
    found = [float(value) for value in grid if is_number(value)]
    return found if len(found) <= FEW else ()


def best_few(rows: Sequence[Row]) -> Sequence[Row]:
    """Return the best tenth of ranked trials, at least 3 and at most 20."""
    return rows[: max(FEWEST, min(MOST_BEST, round(len(rows) / 10)))]


def best_say(rows: Sequence[Row], axes: Sequence[Axis], verb: str, nowhere: str) -> str:
    """Say where the best of ranked trials lie on the axes; equal or very few trials have no better part."""
    if alike(rows):
        return f"All {len(rows):,} trials came to {measure(rows[0].best_value)}: none is better than another."
    few = best_few(rows)
    if len(few) == len(rows):
        return f"There are {len(rows)} trials yet, too few to tell where the best lie."
    told = [text for text in (gathered(one, few) for one in axes) if text]
    where_they_are = f"{verb} {', '.join(told[:4])}" if told else nowhere
    return f"The best {len(few)} of {len(rows):,} trials {where_they_are}."


def gathered(axis: Axis, rows: Sequence[Row]) -> str:
    """Say where trials lie on an axis, as ``where`` does; empty where they lie all over it, or most lack it."""
    having = [row for row in rows if axis.name in row.params]
    if 2 * len(having) < len(rows) or not having:
        return ""
    if axis.words:
        most = Counter(word(row.params[axis.name]) for row in having).most_common(1)[0][1]
        return where(axis, having) if len(axis.words) > 1 and most >= GATHERED * len(having) else ""
    places = [axis.place(row.params[axis.name]) for row in having]
    return where(axis, having) if max(places) - min(places) <= GATHERED else ""


def where(axis: Axis, rows: Sequence[Row]) -> str:
    """Say where trials lie on an axis: ``lr 0.0078 to 0.014``, ``width 64``; empty where none has the parameter."""
    values = [row.params[axis.name] for row in rows if axis.name in row.params]
    if not values:
        return ""
    if axis.words:
        most, number = Counter(map(word, values)).most_common(1)[0]
        return f"{axis.name} {most}" + ("" if number == len(values) else f" ({number} of {len(values)})")
    numbers = [float(value) for value in values if isinstance(value, int | float)]
    low, high = setting(min(numbers)), setting(max(numbers))
    return f"{axis.name} {low}" + (f" to {high}" if high != low else "")


def effect(axis: Axis, rows: Sequence[Row], objective: Objective) -> str:
    """Say how the mean value depends on a hyperparameter: by category, or by thirds of the trials in its order."""
    means = {text: fmean(row.best_value or 0.0 for row in group) for text, group in _groups(axis, rows).items()}
    if len(means) < 2:
        return ""
    first, *_, last = objective.ranked(means, lambda text: means[text])
    return f"the mean is {measure(means[first])} with {first}, and {measure(means[last])} with {last}"


def _groups(axis: Axis, rows: Sequence[Row]) -> dict[str, list[Row]]:
    """Return the trials by category, or by thirds, with words for each group."""
    having = [row for row in rows if axis.name in row.params]
    groups: dict[str, list[Row]] = {}
    if axis.words:
        for row in having:
            groups.setdefault(f"{axis.name} {word(row.params[axis.name])}", []).append(row)
        return groups
    having.sort(key=lambda row: axis.place(row.params[axis.name]))
    size = max(1, math.ceil(len(having) / 3))
    thirds = [having[start : start + size] for start in range(0, len(having), size)]
    for third in thirds:
        groups.setdefault(where(axis, third), []).extend(third)
    return groups


def changed(records: Records) -> list[str]:
    """Return a sentence where hyperparameters changed during training, as with PBT; empty where none did."""
    number = sum(1 for row in records.rows if row.changes)
    told = f"{count(number, 'trial')} changed hyperparameters during training: drawn are the first ones."
    return [told] if number else []
