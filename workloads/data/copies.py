"""Finds rows of one split that are copies of rows of an earlier one, also where a column numbers the rows.

Rows that were copied and numbered afterwards differ in every number. So a column that differs in every row is left
out of the comparison where the other columns tell rows apart, and where the user has not declared its kind.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import compress

import numpy as np

from workloads.arrays import Array
from workloads.data.leaks import MAX_LOOKED_AT, MIN_SUPPORT, Finding, Table, names_rows

ROWS_AT_ONCE = 50_000
"""Rows that are hashed together, so that a column's cells stay in the processor's cache."""
MAX_ROWS = 100_000
"""Largest number of rows by which it is judged whether columns tell rows apart."""
TOLD_APART = 0.1
"""Smallest number of different rows, as a share of all, with which the other columns tell rows apart."""
TOLD_APART_WELL = 0.25
"""The same, for a column that is not certain to number the rows."""
ALL_AT_ONCE = 2.0
"""Of copies, all columns agree at once: without any one of them hardly more pairs of rows agree, so many times as
many at most."""
SAME_TARGET = 0.95
"""Smallest share of pairs of copies that have the same target."""


@dataclass(frozen=True)
class Comparison:
    """One way to compare rows: with all columns but some."""

    left_out: tuple[str, ...] = ()
    """Columns that are left out, by name."""
    kept: tuple[int, ...] | None = None
    """Positions of the others; None for all, also of examples that are no table's."""
    why: str = ""
    """Words on the columns left out, for the end of a sentence."""
    leak: bool = True
    """Whether copies are a leak; else they are only noted."""

    def hashes(self, x: Array) -> Array:
        """Return a hash of each row's part that is compared (rows,), uint64."""
        return _contents(x) if self.kept is None else row_hashes(x, self.kept)


WHOLE = Comparison()
"""Comparison of all columns."""


def comparisons(table: Table, declared: Collection[str]) -> list[Comparison]:
    """Return the ways to compare a table's rows; of a second one, which leaves more columns out, less is certain.

    The columns ``declared``, whose kinds the user gives, are always compared.
    """
    measured = [
        k for k, name in enumerate(table.names) if name not in declared and table.kinds[k] in ("number", "datetime")
    ]
    with ThreadPoolExecutor(os.cpu_count()) as pool:  # NumPy sorts without the interpreter's lock
        differ = pool.map(lambda k: _all_differ(table.x[:, k]), measured)
        different = list(compress(measured, differ))
    codes = _Codes(table)
    numbers = [k for k in different if names_rows(table.x[:, k])]
    if numbers and codes.share_different(numbers) < TOLD_APART:
        numbers = []
    first = _without(numbers, table) if numbers else WHOLE
    agreeing = codes.repeated(different) if set(different) > set(numbers) else None
    return [first] if agreeing is None else [first, _without(different, table, agreeing >= SAME_TARGET)]


def _without(columns: Sequence[int], table: Table, leak: bool = True) -> Comparison:
    names = tuple(table.names[k] for k in columns)
    kept = tuple(_others(columns, table))
    kinds = ", ".join(f"{table.names[k]}: {table.kinds[k]}" for k in columns)
    several = "s" if len(names) > 1 else ""
    what = f"column{several} {', '.join(map(repr, names))}, which {'differ' if several else 'differs'} in every row"
    return Comparison(names, kept, f" but for {what} (if measured, say data.columns: {{{kinds}}})", leak)


def _others(columns: Sequence[int], table: Table) -> list[int]:
    return sorted(set(range(len(table.names))).difference(columns))


def _all_differ(column: Array) -> bool:
    def differ(values: Array) -> bool:
        ordered = np.sort(values)  # a missing value is the last
        return not np.isnan(ordered[-1]) and bool((ordered[1:] != ordered[:-1]).all())

    return len(column) > 1 and differ(column[:MAX_LOOKED_AT]) and differ(column)


class _Codes:
    """Hashes of a table's rows in some of its columns."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def share_different(self, without: Sequence[int]) -> float:
        """Return the number of different rows, without some columns, as a share of (evenly chosen) rows."""
        step = -(-len(self._table.x) // MAX_ROWS)
        counts = _counts(row_hashes(self._table.x[::step], _others(without, self._table)))
        return len(counts) / max(1, int(counts.sum()))

    def repeated(self, without: Sequence[int]) -> float | None:
        """Return the share of pairs of rows, equal without some columns, that have the same target.

        None where such pairs are too few, or may agree by chance.
        """
        x, others = self._table.x, _others(without, self._table)
        hashes = row_hashes(x, others)
        counts = _counts(hashes)
        pairs = _num_pairs(counts)
        if pairs < MIN_SUPPORT or len(counts) < TOLD_APART_WELL * len(hashes):
            return None
        with np.errstate(over="ignore"):
            if any(_num_pairs(_counts(hashes - row_hashes(x, [k]))) > ALL_AT_ONCE * pairs for k in others):
                return None
            target = self._table.y.reshape(len(hashes), -1)[:, :1].astype(np.float64)
            return _num_pairs(_counts(hashes * _ODD + row_hashes(target, [0]))) / pairs


_ODD = np.uint64(0x9E3779B97F4A7C15)


def row_hashes(x: Array, columns: Sequence[int]) -> Array:
    """Return a hash of each row of a table in ``columns`` (rows,), uint64: a sum of hashes of its cells.

    Zeros of both signs are equal, and so are missing values.
    """
    import pandas as pd

    salts = np.asarray(columns, np.uint64) * _ODD
    found = np.zeros(len(x), np.uint64)

    def add(start: int) -> None:
        rows = slice(start, start + ROWS_AT_ONCE)
        for k, salt in zip(columns, salts, strict=True):
            cells = x[rows, k] + 0.0
            cells[np.isnan(cells)] = np.nan
            found[rows] += pd.util.hash_array(cells.view(np.uint64) + salt)

    with ThreadPoolExecutor(os.cpu_count()) as pool:  # NumPy reckons without the interpreter's lock
        list(pool.map(add, range(0, len(x), ROWS_AT_ONCE)))
    return found


def _counts(hashes: Array) -> Array:
    """Return how often each hash occurs, as int64."""
    ordered = np.sort(hashes)
    starts = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]])[: len(ordered)])
    return np.diff(starts, append=len(ordered))


def _num_pairs(counts: Array) -> int:
    return int((counts * (counts - 1) // 2).sum())


def duplicates(parts: Mapping[str, Array], way: Comparison = WHOLE) -> dict[str, int]:
    """Return how many rows of val and test have exactly the inputs of a row in an earlier split.

    Keys are ``val_in_train``, ``test_in_train`` and ``test_in_val``.
    """
    hashes = {name: np.sort(way.hashes(x)) for name, x in parts.items()}
    pairs = (("val", "train"), ("test", "train"), ("test", "val"))
    return {f"{late}_in_{early}": _num_in(hashes[late], hashes[early]) for late, early in pairs}


def _contents(x: Array) -> Array:
    """Return a hash of each example (rows,), uint64."""
    if x.dtype == np.float64 and x.ndim == 2:
        return row_hashes(x, range(x.shape[1]))
    digests = b"".join(hashlib.blake2b(row.tobytes(), digest_size=8).digest() for row in x)
    return np.frombuffer(digests, np.uint64)


def _num_in(late: Array, early: Array) -> int:
    """Return how many of the hashes ``late`` are among ``early``; both are sorted (NumPy's own ways are slower)."""
    if len(early) == 0:
        return 0
    places = np.minimum(np.searchsorted(early, late), len(early) - 1)
    return int((early[places] == late).sum())


def copies(parts: Mapping[str, Array], ways: Sequence[Comparison]) -> tuple[dict[str, int], list[Finding]]:
    """Compare the rows of the splits in each of the ``ways``.

    Returns the counts of ``duplicates`` by the last way whose copies are a leak, and a finding for each pair of
    splits with copies.
    """
    counts: dict[str, int] = {}
    findings = []
    for way in ways:
        found = duplicates(parts, way)
        counts = found if way.leak else counts
        for pair, count in found.items():
            late, _, early = pair.partition("_in_")
            copy = "is an exact copy of a row" if count == 1 else "are exact copies of rows"
            text = f"{count} of {len(parts[late])} rows of {late} {copy} of {early}{way.why}"
            findings += [Finding(text, way.leak)] if count else []
    return counts, findings
