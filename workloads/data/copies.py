"""Finds rows of one split that are copies of rows of an earlier one, also where a column numbers the rows.

Rows that were copied and numbered afterwards differ in every number. So a column that differs in every row is left
out of the comparison where the other columns tell rows apart, and where the user has not declared its kind.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from workloads.arrays import Array
from workloads.data.leaks import MIN_SUPPORT, Finding, Table, names_rows

LOOKED_AT = 1000
"""Number of rows whose values are compared first, as most columns repeat one soon."""
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

    def content(self, x: Array) -> Array:
        """Return the rows' part that is compared, with one zero instead of two."""
        if self.kept is not None:
            x = x[:, list(self.kept)]
        return x + 0.0 if np.issubdtype(x.dtype, np.floating) else x


def comparisons(table: Table, declared: Collection[str]) -> list[Comparison]:
    """Return the ways to compare a table's rows; of a second one, which leaves more columns out, less is certain.

    The columns ``declared``, whose kinds the user gives, are always compared.
    """
    different = [
        k
        for k, name in enumerate(table.names)
        if name not in declared and table.kinds[k] in ("number", "datetime") and _all_differ(table.x[:, k])
    ]
    codes = _Codes(table)
    numbers = [k for k in different if names_rows(table.x[:, k])]
    if numbers and codes.share_different(numbers) < TOLD_APART:
        numbers = []
    first = _without(numbers, table) if numbers else Comparison()
    agreeing = codes.repeated(different) if set(different) > set(numbers) else None
    return [first] if agreeing is None else [first, _without(different, table, agreeing >= SAME_TARGET)]


def _without(columns: Sequence[int], table: Table, leak: bool = True) -> Comparison:
    names = tuple(table.names[k] for k in columns)
    kept = tuple(k for k in range(len(table.names)) if k not in columns)
    kinds = ", ".join(f"{table.names[k]}: {table.kinds[k]}" for k in columns)
    several = "s" if len(names) > 1 else ""
    what = f"column{several} {', '.join(map(repr, names))}, which {'differ' if several else 'differs'} in every row"
    return Comparison(names, kept, f" but for {what} (if measured, say data.columns: {{{kinds}}})", leak)


def _all_differ(column: Array) -> bool:
    import pandas as pd

    def differ(values: Array) -> bool:
        return pd.Series(values).is_unique and not np.isnan(values).any()

    return len(column) > 1 and differ(column[:LOOKED_AT]) and differ(column)


class _Codes:
    """Hashes of a table's cells, whose sums tell whether rows agree in some columns."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def _hashes(self, columns: Sequence[int]) -> Array:
        import pandas as pd

        found = np.zeros(len(self._table.x), np.uint64)
        with np.errstate(over="ignore"):
            for k in columns:
                column = np.where(np.isnan(self._table.x[:, k]), np.nan, self._table.x[:, k] + 0.0)
                found += pd.util.hash_array(pd.util.hash_array(column) + np.uint64(k))
        return found

    def _others(self, columns: Sequence[int]) -> list[int]:
        return [k for k in range(len(self._table.names)) if k not in columns]

    def share_different(self, without: Sequence[int]) -> float:
        """Return the number of different rows, without some columns, as a share of all rows."""
        hashes = self._hashes(self._others(without))
        return len(np.unique(hashes)) / max(1, len(hashes))

    def repeated(self, without: Sequence[int]) -> float | None:
        """Return the share of pairs of rows, equal without some columns, that have the same target.

        None where such pairs are too few, or may agree by chance.
        """
        import pandas as pd

        others = self._others(without)
        hashes = self._hashes(others)
        pairs = _num_pairs(hashes)
        if pairs < MIN_SUPPORT or len(np.unique(hashes)) < TOLD_APART_WELL * len(hashes):
            return None
        with np.errstate(over="ignore"):
            if any(_num_pairs(hashes - self._hashes([k])) > ALL_AT_ONCE * pairs for k in others):
                return None
            target = self._table.y.reshape(len(hashes), -1)[:, 0]
            return _num_pairs(hashes + pd.util.hash_array(target)) / pairs


def _num_pairs(hashes: Array) -> int:
    counts = np.unique(hashes, return_counts=True)[1].astype(np.int64)
    return int((counts * (counts - 1) // 2).sum())


def duplicates(parts: Mapping[str, Array]) -> dict[str, int]:
    """Return how many rows of val and test have exactly the inputs of a row in an earlier split.

    Keys are ``val_in_train``, ``test_in_train`` and ``test_in_val``.
    """
    hashes = {
        name: [hashlib.blake2b(row.tobytes(), digest_size=16).digest() for row in x] for name, x in parts.items()
    }
    known = {name: set(rows) for name, rows in hashes.items()}
    pairs = (("val", "train"), ("test", "train"), ("test", "val"))
    return {f"{late}_in_{early}": sum(h in known[early] for h in hashes[late]) for late, early in pairs}


def copies(parts: Mapping[str, Array], ways: Sequence[Comparison]) -> tuple[dict[str, int], list[Finding]]:
    """Compare the rows of the splits in each of the ``ways``.

    Returns the counts of ``duplicates`` by the last way whose copies are a leak, and a finding for each pair of
    splits with copies.
    """
    counts: dict[str, int] = {}
    findings = []
    for way in ways:
        found = duplicates({name: way.content(x) for name, x in parts.items()})
        counts = found if way.leak else counts
        for pair, count in found.items():
            late, _, early = pair.partition("_in_")
            copy = "is an exact copy of a row" if count == 1 else "are exact copies of rows"
            text = f"{count} of {len(parts[late])} rows of {late} {copy} of {early}{way.why}"
            findings += [Finding(text, way.leak)] if count else []
    return counts, findings
