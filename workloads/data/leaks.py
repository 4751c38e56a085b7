"""What makes results look better than they are, found in the data and named before anything is trained.

Tables are float64 matrices (rows, columns) whose NaN means missing and counts as a value of its own. Of the kinds
of columns ``number``, ``ordinal`` and ``datetime`` have an order; the codes of the others have none.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from workloads.arrays import Array, Arrays, DataError

MIN_SUPPORT = 5
"""Rows that a value, or a class, must have to prove anything."""
COVERED = 0.95
"""Share of each class's rows that must stand at such values."""
MIN_VALUES = 10
"""Distinct numbers of which a copy of a number must consist."""
BACKWARDS = 0.05
"""Share of a split's rows that may be older than the newest training row."""
IN_ORDER = 0.99
"""Share of a file's steps that go forwards where its rows stand in the order of a column's times."""
MAX_CELLS = 5_000_000
"""Of a table larger than that, evenly chosen rows are looked at."""
ORDERED = ("number", "ordinal", "datetime")


@dataclass(frozen=True)
class Finding:
    """One sentence about the data. ``leak``: results may be too good; else only worth knowing."""

    text: str
    leak: bool = True


@dataclass(frozen=True)
class Table:
    """Every row of a table in the order of its file, with the target: (rows,) classes or (rows, numbers)."""

    x: Array
    y: Array
    names: Sequence[str]
    kinds: Sequence[str]
    target: str = "target"

    def looked_at(self) -> Table:
        """The same, or evenly chosen rows of it."""
        step = -(-self.x.size // MAX_CELLS)
        return self if step <= 1 else Table(self.x[::step], self.y[::step], self.names, self.kinds, self.target)


def of_table(table: Table) -> list[Finding]:
    """Columns that determine the target, and as notes columns that repeat each other or only name the rows."""
    seen = table.looked_at()
    codes = [_codes(column) for column in seen.x.T]
    telling, naming = [], []
    for k, name in enumerate(seen.names):
        how = _tells(seen, k, codes[k])
        if how:
            rule = f"column {name!r} determines the target {table.target!r}: {how}"
            telling.append(Finding(f"{rule} (if it is known only afterwards, leave it out)"))
        elif seen.kinds[k] == "number" and _names_rows(seen.x[:, k]):
            naming.append(Finding(f"column {name!r} holds another whole number in each row: a name?", leak=False))
    return [*telling, *naming, *_repeated(seen, codes)]


def copies(duplicates: Mapping[str, int], rows: Mapping[str, int]) -> list[Finding]:
    """Of what ``splits.duplicates`` counted; ``rows`` holds the size of each split."""
    found = []
    for pair, count in duplicates.items():
        late, _, early = pair.partition("_in_")
        if count:
            what = f"{count} of {rows[late]} rows of {late}"
            found.append(
                Finding(
                    f"{what} {'is an exact copy of a row' if count == 1 else 'are exact copies of rows'} of {early}"
                )
            )
    return found


def backwards(table: Table, parts: Mapping[str, Arrays]) -> list[Finding]:
    """Splits with rows older than the newest training row, by each column of times.

    A leak where the file's rows stand in the order of that column; else it may tell another time than a row's own.
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


def refuse(findings: Iterable[Finding]) -> None:
    """Raises DataError that names every leak."""
    leaks = [finding.text for finding in findings if finding.leak]
    if leaks:
        raise DataError(f"data.strict: true allows no leak, received {len(leaks)}: {'; '.join(leaks)}")


def _codes(column: Array) -> Array:
    """Each value's number, from 0, in ascending order; NaN is the last."""
    codes: Array = np.unique(column, return_inverse=True)[1].reshape(-1)
    return codes


def _tells(table: Table, k: int, codes: Array) -> str | None:
    """How column ``k`` determines the target; None where it does not."""
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
    """Whether each value comes with one class only, wherever enough rows have the value to prove it."""
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
    """Whether each class takes up one stretch of the values, which no other class enters."""
    present, counts = np.unique(classes, return_counts=True)
    if len(present) < 2 or counts.min() < MIN_SUPPORT:
        return False
    ends = [(values[classes == label].min(), values[classes == label].max()) for label in present]
    ends.sort()
    return all(below[1] < above[0] for below, above in itertools.pairwise(ends))


def _follows(codes: Array, target: Array) -> bool:
    """Whether the numbers' ranks are the target's, or these reversed."""
    ranks, wanted = _codes(codes), _codes(target)
    if wanted.max(initial=0) + 1 < MIN_VALUES or ranks.max() != wanted.max():
        return False
    return bool((ranks == wanted).all() or (ranks == wanted.max() - wanted).all())


def _names_rows(column: Array) -> bool:
    """Whole numbers, all different, with few left out between them."""
    if len(column) < MIN_VALUES or np.isnan(column).any() or (column % 1 != 0).any():
        return False
    return len(np.unique(column)) == len(column) and np.ptp(column) < 2 * len(column)


def _repeated(table: Table, codes: Sequence[Array]) -> list[Finding]:
    """Columns whose values go with each other one to one."""
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
    """The values numbered as they are met: equal for columns that differ only in what their values are called."""
    _, first, inverse = np.unique(codes, return_index=True, return_inverse=True)
    number = np.empty(len(first), dtype=np.int64)
    number[np.argsort(first)] = np.arange(len(first))
    return bytes(number[inverse].astype(np.int64).tobytes())


def _either_way(codes: Array) -> bytes:
    """The ranks, or these reversed, whichever begins lower: nearly all values differ, and any two would map."""
    ways = (codes.astype(np.int64), (codes.max() - codes).astype(np.int64))
    return min(bytes(way.tobytes()) for way in ways)


def _in_order(column: Array) -> bool:
    steps = np.diff(column[~np.isnan(column)])
    return len(steps) > 0 and bool((steps >= 0).mean() >= IN_ORDER)
