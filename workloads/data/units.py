"""Numbers with a unit, such as 12 kg, 45 % or $1,200.50: one unit for a column."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from workloads.arrays import Array
from workloads.data.sources.tabular.number_words import STYLES, Evidence, written_numbers

NUMBER = r"[-+]?\d[\d.,'\u00a0\u202f ]*?"
MEASURE = rf"([^\d\s.,+-]{{0,5}})\s*({NUMBER})\s*([^\d\s.,+-][^\d]{{0,11}}[²³]?)?"
SAMPLE = 100
"""Number of texts that show most columns to be none of numbers."""


@dataclass(frozen=True)
class Measured:
    """The numbers of a column (rows,), and their unit."""

    numbers: Array
    unit: str


def measured(texts: Any) -> Measured | None:
    """Return the numbers in a Series of texts without missing values; None where they have not all one unit.

    Raises ValueError where the numbers depend on what a comma is.
    """
    import pyarrow as pa

    texts = texts.astype(str)
    if not texts[:SAMPLE].str.strip().str.fullmatch(MEASURE).all():
        return None
    parts = texts.str.strip().str.extract(rf"^{MEASURE}$")
    before, after = parts[0].fillna(""), parts[2].fillna("").str.strip()
    if parts[1].isna().any() or before.nunique() > 1 or after.nunique() > 1:
        return None
    unit = before.iloc[0] + after.iloc[0]
    column = pa.chunked_array([pa.array(parts[1].tolist(), pa.string())])
    plain = STYLES[0].numbers(column)
    found = plain if plain is not None else _written(column)
    return None if found is None or not unit else Measured(np.asarray(found.to_numpy(), dtype=np.float64), unit)


def _written(column: Any) -> Any:
    ways = written_numbers({"": column}, {}, STYLES[1:], Evidence())
    return ways[""].numbers if ways else None
