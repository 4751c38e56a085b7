"""Finds leaks in the data before anything is trained: what makes results look better than they are.

Tables are float64 matrices (rows, columns), in which NaN is a missing value and counts as a value of its own. The
values of ``number``, ``ordinal`` and ``datetime`` columns have an order; the codes of other kinds have none.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

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
        return self if step <= 1 else Table(self.x[::step], self.y[::step], self.names, self.kinds, self.target)


def of_table(table: Table) -> list[Finding]:
    """Find columns that determine the target and, as notes, columns that repeat each other or name the rows."""
    seen = table.looked_at()
    codes = [_codes(column) for column in seen.x.T]
    telling, naming = [], []
    for k, name in enumerate(seen.names):
        how = _tells(seen, k, codes[k])
        if how:
            rule = f"column {name!r} determines the target {table.target!r}: {how}"
            telling.append(Finding(f"{rule} (if it is known only afterwards, leave it out)"))
        elif seen.kinds[k] == "number" and names_rows(seen.x[:, k]):
            naming.append(Finding(f"column {name!r} holds another whole number in each row: a name?", leak=False))
    return [*telling, *naming, *_repeated(seen, codes)]


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


def _codes(column: Array) -> Array:
    """Return each value's rank among the distinct values, from 0; NaN is the last."""
    codes: Array = np.unique(column, return_inverse=True)[1].reshape(-1)
    return codes


def _tells(table: Table, k: int, codes: Array) -> str | None:
    """Return how column ``k`` determines the target, in words; None where it does not."""
    classes = not np.issubdtype(table.y.dtype, np.floating)
    target = table.y.reshape(len(table.y), -1)[:, 0]
    if _maps(codes, _codes(target)):
        return f"each of its {codes.max() + 1} values comes with one {'class' if classes else 'number'} only"
    there = ~np.isnan(table.x[:, k])
    if table.kinds[k] not in ORDERED or there.mean() < COVERED:
        return None
    if classes:
        return "its order alone parts the classes" if _parts(table.x[there, k], target[there]) else None
    return (
        "it is a copy of it, or rises or falls exactly with it" if _follows(codes[there], target[there]) else None
    )


def _maps(codes: Array, classes: Array) -> bool:
    """Return whether each value that MIN_SUPPORT rows have occurs with one class only.

    At least two classes must have MIN_SUPPORT rows, and such values must cover nearly all (COVERED) rows of each.
    """
    num_values, num_classes = int(codes.max(initial=-1)) + 1, int(classes.max(initial=-1)) + 1
    if num_values < 2 or num_values > len(codes) / MIN_SUPPORT:
        return False
    pairs, counts = np.unique(codes * num_classes + classes, return_counts=True)
    of_value, of_class = np.bincount(codes), np.bincount(classes)
    values, labels = np.divmod(pairs, num_classes)
    proven = of_value[values] >= MIN_SUPPORT
    if (counts != of_value[values])[proven].any():
        return False
    covered = np.bincount(labels[proven], counts[proven], minlength=num_classes) / of_class
    frequent = of_class >= MIN_SUPPORT
    return bool(frequent.sum() >= 2 and (covered[frequent] >= COVERED).all())


def _parts(values: Array, classes: Array) -> bool:
    """Return whether the classes' ranges of values do not overlap."""
    present, counts = np.unique(classes, return_counts=True)
    if len(present) < 2 or counts.min() < MIN_SUPPORT:
        return False
    ends = [(values[classes == label].min(), values[classes == label].max()) for label in present]
    ends.sort()
    return all(below[1] < above[0] for below, above in itertools.pairwise(ends))


def _follows(codes: Array, target: Array) -> bool:
    """Return whether the values have the same ranks as the target, or the reverse ones."""
    ranks, wanted = _codes(codes), _codes(target)
    if wanted.max(initial=0) + 1 < MIN_VALUES or ranks.max() != wanted.max():
        return False
    return bool((ranks == wanted).all() or (ranks == wanted.max() - wanted).all())


def _repeated(table: Table, codes: Sequence[Array]) -> list[Finding]:
    """Find columns whose values correspond one to one."""
    groups: dict[bytes, list[str]] = defaultdict(list)
    for k, name in enumerate(table.names):
        num_values = int(codes[k].max(initial=-1)) + 1
        if num_values < 2:
            continue
        few = num_values <= len(codes[k]) / MIN_SUPPORT
        if few or table.kinds[k] in ORDERED:
            groups[_by_appearance(codes[k]) if few else _either_way(codes[k])].append(name)
    alike = [" and ".join(map(repr, group)) for group in groups.values() if len(group) > 1]
    return [Finding(f"columns {names} say the same: their values go one to one", leak=False) for names in alike]


def _by_appearance(codes: Array) -> bytes:
    """Return the values numbered by first appearance: equal for columns that differ only in their values' names."""
    _, first, inverse = np.unique(codes, return_index=True, return_inverse=True)
    number = np.empty(len(first), dtype=np.int64)
    number[np.argsort(first)] = np.arange(len(first))
    return bytes(number[inverse].astype(np.int64).tobytes())


def _either_way(codes: Array) -> bytes:
    """Return the ranks or the reversed ranks, whichever is less as bytes: equal if columns rise or fall alike.

    For columns of many values: any two of them whose values all differ would correspond one to one.
    """
    ways = (codes.astype(np.int64), (codes.max() - codes).astype(np.int64))
    return min(bytes(way.tobytes()) for way in ways)


def _in_order(column: Array) -> bool:
    steps = np.diff(column[~np.isnan(column)])
    return len(steps) > 0 and bool((steps >= 0).mean() >= IN_ORDER)
