"""Finds leaks in the data before anything is trained: what makes results look better than they are.

Tables are float64 matrices (rows, columns), in which NaN is a missing value and counts as a value of its own. The
values of ``number``, ``ordinal`` and ``datetime`` columns have an order; the codes of other kinds have none.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from workloads.arrays import Array, Arrays, DataError

MIN_SUPPORT = 5
"""Smallest number of rows with a value, or of a class, that counts as evidence."""
COVERED = 0.95
"""Smallest share of each class's rows that must have such values; smallest share of cells that are not missing."""
MIN_VALUES = 10
"""Smallest number of distinct values of a column that can be a copy of a number, or name the rows."""
BACKWARDS = 0.05
"""Largest share of a split's rows that may be older than the newest training row."""
IN_ORDER = 0.99
"""Smallest share of steps from row to row that do not go back in time, for a file to be in a column's order."""
MAX_CELLS = 5_000_000
"""Largest number of cells that are examined: of a larger table, evenly chosen rows."""
MAX_LOOKED_AT = 1000
"""Number of rows that are looked at first, as most columns repeat a value, or hold a fraction, soon."""
MAX_NAMES = 5
"""Largest number of classes that a sentence names."""
ORDERED = ("number", "ordinal", "datetime")


@dataclass(frozen=True)
class Finding:
    """One sentence about the data: a leak, or (``leak`` false) a note."""

    text: str
    leak: bool = True


@dataclass(frozen=True)
class Table:
    """All rows of a table in the order of its file, with the target: (rows,) classes or (rows, numbers) float64."""

    x: Array
    y: Array
    names: Sequence[str]
    kinds: Sequence[str]
    target: str = "target"

    def looked_at(self) -> Table:
        """Return the table, or of a large one evenly chosen rows."""
        step = -(-self.x.size // MAX_CELLS)
        return self if step <= 1 else replace(self, x=np.asfortranarray(self.x[::step]), y=self.y[::step])


def of_table(table: Table) -> list[Finding]:
    """Find columns that determine the target and, as notes, columns that repeat each other or name the rows."""
    seen = table.looked_at()
    labels = [_labels(column) for column in seen.x.T]
    telling, naming = [], []
    for k, how in enumerate(_tellings(seen, labels)):
        name = seen.names[k]
        if how:
            rule = f"column {name!r} determines the target {table.target!r}: {how}"
            telling.append(Finding(f"{rule} (if it is known only afterwards, leave it out)"))
        elif seen.kinds[k] == "number" and names_rows(seen.x[:, k]):
            naming.append(Finding(f"column {name!r} holds another whole number in each row: a name?", leak=False))
    return [*telling, *naming, *_repeated(seen, labels)]


def shared_groups(groups: Mapping[str, Array], name: str) -> list[Finding]:
    """Return a leak for each pair of splits that share groups; ``groups`` holds those of each split's rows."""
    found = []
    for early, late in (("train", "val"), ("train", "test"), ("val", "test")):
        if early in groups and late in groups:
            own = np.unique(groups[late])
            count = len(np.intersect1d(own, groups[early]))
            what = f"{count} of {len(own)} groups of {late}, by column {name!r}, "
            text = f"{what}{'is' if count == 1 else 'are'} in {early} as well"
            found += [Finding(text)] if count else []
    return found


def absent(class_counts: Mapping[str, Sequence[int]], classes: Sequence[str]) -> list[Finding]:
    """Return a note for each split without a row of some class, from the rows of each class by split."""
    found = []
    for split, counts in class_counts.items():
        names = [repr(name) for name, count in zip(classes, counts, strict=True) if not count]
        if names:
            more = ", ..." if len(names) > MAX_NAMES else ""
            what = f"class {names[0]}" if len(names) == 1 else f"classes {', '.join(names[:MAX_NAMES])}{more}"
            found.append(Finding(f"{split} has no row of {what}", leak=False))
    return found


def backwards(table: Table, parts: Mapping[str, Arrays]) -> list[Finding]:
    """Find validation and test splits whose rows are older than the newest training row, by each datetime column.

    A leak only where the file is in the order of that column; elsewhere the column may be another time than that of
    the row, so that the finding is a note.
    """
    found = []
    for k, (name, kind) in enumerate(zip(table.names, table.kinds, strict=True)):
        if kind != "datetime" or np.isnan(parts["train"].x[:, k]).all():
            continue
        newest = np.nanmax(parts["train"].x[:, k])
        for late in ("val", "test"):
            older = int((parts[late].x[:, k] < newest).sum())
            if older > BACKWARDS * len(parts[late]):
                text = f"time goes backwards: by column {name!r} {older} of {len(parts[late])} rows of {late}"
                found.append(Finding(f"{text} are older than the newest row of train", _in_order(table.x[:, k])))
    return found


def unlike(train: Arrays, own: Mapping[str, Arrays]) -> list[Finding]:
    """Return a note for each column of a split's own file none of whose values is like those of train.

    Numbers may be in another unit there, and words in another spelling.
    """
    found = []
    for (split, part), (k, column) in itertools.product(own.items(), enumerate(train.columns)):
        known, there = (x[~np.isnan(x)] for x in (train.x[:, k], part.x[:, k]))
        if len(there) < MIN_SUPPORT or not len(known) or column.kind in ("datetime", "text"):
            continue
        if column.kind == "number" and ((there < known.min()) | (there > known.max())).all():
            text = f"all numbers of {column.name!r} in {split} are outside of the range of train: another unit?"
            found.append(Finding(text, leak=False))
        if column.kind == "category" and (there >= len(column.values)).all():
            text = f"no word of {column.name!r} in {split} is one of train: another spelling?"
            found.append(Finding(text, leak=False))
    return found


def names_rows(column: Array) -> bool:
    """Return whether the column holds different whole numbers with few gaps, as row numbers do."""
    some = column[:MAX_LOOKED_AT]
    if len(column) < MIN_VALUES or (some % 1 != 0).any() or np.isnan(column).any() or (column % 1 != 0).any():
        return False
    return len(np.unique(column)) == len(column) and np.ptp(column) < 2 * len(column)


def refuse(findings: Iterable[Finding]) -> None:
    """Raise DataError that names every leak in ``findings``; nothing without one."""
    leaks = [finding.text for finding in findings if finding.leak]
    if leaks:
        raise DataError(f"data.strict: true allows no leak, received {len(leaks)}: {'; '.join(leaks)}")


def _labels(column: Array) -> Array | None:
    """Return each value's number, from 0 by first appearance; None where the values are too many to prove a thing.

    That is where fewer than MIN_SUPPORT rows have a value on average. NaN is a value.
    """
    import pandas as pd

    most = len(column) / MIN_SUPPORT
    if len(pd.unique(column[: int(most) + 1])) > most:
        return None
    labels, values = pd.factorize(column, use_na_sentinel=False)
    return labels if len(values) <= most else None


def _ranks(column: Array) -> Array:
    """Return each value's rank among the distinct values, from 0; NaN is the last."""
    ranks: Array = np.unique(column, return_inverse=True)[1].reshape(-1)
    return ranks


def _tellings(table: Table, labels: Sequence[Array | None]) -> Iterator[str | None]:
    """Yield, for each column, how it determines the target, in words; None where it does not."""
    target = table.y.reshape(len(table.y), -1)[:, 0]
    classes, ranks = not np.issubdtype(table.y.dtype, np.floating), _ranks(target)
    parting = _Ranges.of(table, ranks) if classes else None
    for k, own in enumerate(labels):
        if own is not None and _maps(own, ranks):
            what = "class" if classes else "number"
            yield f"each of its {own.max() + 1} values comes with one {what} only"
        elif table.kinds[k] not in ORDERED:
            yield None
        elif parting is not None:
            yield "its order alone parts the classes" if parting.part(k) else None
        else:
            follows = _follows(table.x[:, k], target)
            yield "it is a copy of it, or rises or falls exactly with it" if follows else None


def _maps(labels: Array, classes: Array) -> bool:
    """Return whether each value that MIN_SUPPORT rows have occurs with one class only.

    At least two classes must have MIN_SUPPORT rows, and such values must cover nearly all (COVERED) rows of each.
    """
    num_values, num_classes = int(labels.max(initial=-1)) + 1, int(classes.max(initial=-1)) + 1
    if num_values < 2:
        return False
    pairs, counts = np.unique(labels * num_classes + classes, return_counts=True)
    of_value, of_class = np.bincount(labels), np.bincount(classes)
    values, ends = np.divmod(pairs, num_classes)
    proven = of_value[values] >= MIN_SUPPORT
    if (counts != of_value[values])[proven].any():
        return False
    covered = np.bincount(ends[proven], counts[proven], minlength=num_classes) / of_class
    frequent = of_class >= MIN_SUPPORT
    return bool(frequent.sum() >= 2 and (covered[frequent] >= COVERED).all())


@dataclass(frozen=True)
class _Ranges:
    """Rows, and of each class and column (classes, columns): rows with a value, smallest and largest value."""

    num_rows: int
    num: Array
    low: Array
    high: Array

    @classmethod
    def of(cls, table: Table, classes: Array) -> _Ranges:
        import pandas as pd

        by_class = pd.DataFrame(table.x, copy=False).groupby(classes)
        found = (by_class.count(), by_class.min(), by_class.max())
        return cls(len(classes), *(frame.to_numpy() for frame in found))

    def part(self, k: int) -> bool:
        """Return whether the classes' ranges of values do not overlap in column ``k``."""
        num = self.num[:, k]
        there = num > 0
        if there.sum() < 2 or num[there].min() < MIN_SUPPORT or num.sum() < COVERED * self.num_rows:
            return False
        ends = sorted(zip(self.low[there, k], self.high[there, k], strict=True))
        return all(below[1] < above[0] for below, above in itertools.pairwise(ends))


def _follows(column: Array, target: Array) -> bool:
    """Return whether nearly all (COVERED) values are there, and have the target's ranks or the reverse ones."""
    there = ~np.isnan(column)
    if there.mean() < COVERED:
        return False
    values, wanted = column[there], target[there]
    some = slice(MAX_LOOKED_AT)
    return _follow(values[some], wanted[some]) and len(np.unique(wanted)) >= MIN_VALUES and _follow(values, wanted)


def _follow(values: Array, target: Array) -> bool:
    ranks, wanted = _ranks(values), _ranks(target)
    return bool((ranks == wanted).all() or (ranks == wanted.max(initial=0) - wanted).all())


def _repeated(table: Table, labels: Sequence[Array | None]) -> list[Finding]:
    """Find columns whose values correspond one to one."""
    some = {k: _correspondence(table, labels, k, MAX_LOOKED_AT) for k in range(len(labels))}
    maybe = [k for group in _alike(some) for k in group]
    whole = {k: _correspondence(table, labels, k) for k in maybe}
    names = [" and ".join(repr(table.names[k]) for k in group) for group in _alike(whole)]
    return [Finding(f"columns {each} say the same: their values go one to one", leak=False) for each in names]


def _alike(keys: Mapping[int, bytes | None]) -> list[list[int]]:
    """Return the columns with the same key, other than None, of those that share it with another one, in order."""
    groups: dict[bytes, list[int]] = defaultdict(list)
    for k, key in keys.items():
        if key is not None:
            groups[key].append(k)
    return sorted(group for group in groups.values() if len(group) > 1)


def _correspondence(
    table: Table, labels: Sequence[Array | None], k: int, num_rows: int | None = None
) -> bytes | None:
    """Return bytes of the first rows that are equal for columns whose values correspond one to one.

    Of columns of many values, two that differ in every row would always correspond: those must rise or fall alike.
    None for a constant, and for many values without an order.
    """
    own = labels[k]
    if own is not None:
        return bytes(own[:num_rows].tobytes()) if own.max(initial=0) else None
    if table.kinds[k] not in ORDERED:
        return None
    ranks = _ranks(table.x[:num_rows, k])
    return min(bytes(way.tobytes()) for way in (ranks, ranks.max() - ranks))


def _in_order(column: Array) -> bool:
    steps = np.diff(column[~np.isnan(column)])
    return len(steps) > 0 and bool((steps >= 0).mean() >= IN_ORDER)
