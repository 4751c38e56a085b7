"""Rows of a spreadsheet that are none of its table: a header that comes again, units below it, sums at the end."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from workloads.arrays import Array
from workloads.tables.number_words import STYLES

if TYPE_CHECKING:
    import pyarrow as pa

NUMBER = "|".join(style.cell for style in STYLES)
NUM_LOOKED_AT = 50
"""Number of rows that show a column to hold numbers below its unit."""
MIN_SUMMED = 10
"""Smallest number of rows whose sums a last row may hold."""


@dataclass(frozen=True)
class Rows:
    """Columns of strings without the rows left out, and sentences on these."""

    columns: dict[str, pa.ChunkedArray]
    notes: tuple[str, ...] = ()
    positions: Array | None = None
    """Number of each row in the file, from 0, where rows are left out."""


def without_headers(columns: dict[str, pa.ChunkedArray]) -> Rows:
    """Leave out rows whose every cell is its column's name, as where files were joined."""
    import numpy as np
    from pyarrow import compute

    repeated: Any = None
    for name, column in columns.items():
        same = compute.fill_null(compute.equal(column, name), False)
        repeated = same if repeated is None else compute.and_(repeated, same)
        if not compute.any(repeated).as_py():
            return Rows(columns)
    number, kept = compute.sum(repeated).as_py(), compute.invert(repeated)
    note = f"{number} rows that repeat the header are left out"
    positions = np.flatnonzero(kept.to_numpy())
    return Rows({name: column.filter(kept) for name, column in columns.items()}, (note,), positions)


def without_units(rows: Rows, missing: Mapping[str, list[str]]) -> Rows:
    """Leave out the first row where all columns of numbers hold another word there, such as kg."""
    import numpy as np

    units, columns = [], rows.columns
    for name, column in columns.items():
        first, *others = column[: 1 + NUM_LOOKED_AT].to_pylist() or [None]
        below = [cell for cell in others if cell is not None and cell.strip() not in missing[name]]
        if first is None or first.strip() in missing[name] or not below or not _are_numbers(below):
            continue
        if any(character.isdigit() for character in first.strip()[:2]):
            return rows
        units.append(first.strip())
    if not units:
        return rows
    shown = ", ".join(units[:5]) + (", ..." if len(units) > 5 else "")
    note = f"the first row below the header, with {shown} in place of numbers, is left out"
    positions = np.arange(len(next(iter(columns.values())))) if rows.positions is None else rows.positions
    return Rows({name: column[1:] for name, column in columns.items()}, (*rows.notes, note), positions[1:])


def _are_numbers(cells: list[str]) -> bool:
    import pyarrow as pa
    from pyarrow import compute

    texts = compute.utf8_trim_whitespace(pa.array(cells, pa.string()))
    return bool(compute.all(compute.match_substring_regex(texts, NUMBER)).as_py())


def ends_in_sums(frame: Any) -> bool:
    """Return whether all numbers in the last row of a DataFrame are the sums of those above."""
    import numpy as np
    import pandas as pd

    found = False
    for name in frame.columns if len(frame) > MIN_SUMMED else ():
        column = frame[name]
        if not pd.api.types.is_numeric_dtype(column) or pd.api.types.is_bool_dtype(column):
            continue
        if pd.isna(last := column.iloc[-1]):
            continue
        above = column.iloc[:-1]
        with np.errstate(over="ignore"):
            total = float(above.sum())
        if not math.isclose(float(last), total, rel_tol=1e-9):
            return False
        found = found or abs(total) > float(above.abs().max())
    return found
