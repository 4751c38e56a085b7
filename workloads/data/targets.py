"""Reads the target column: the classes in order, or numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from workloads.arrays import Array, DataError

MAX_CLASSES = 1000


def holds_measurements(target: Any) -> bool:
    """Return whether the target, a Series, holds a number with a fraction, so that its values are no classes."""
    import pandas as pd

    return bool(pd.api.types.is_float_dtype(target)) and bool((target % 1 != 0).any())


def numbers_of(target: Any, name: str) -> Array:
    """Return the target as (rows, 1) float64. Raises DataError unless it is finite numbers, not all equal."""
    try:
        numbers = np.asarray(target, dtype=np.float64).reshape(-1, 1)
    except (TypeError, ValueError) as error:
        raise DataError(f"column {name!r} must hold numbers to be predicted as one: {error}") from error
    if not np.isfinite(numbers).all():
        raise DataError(f"column {name!r} holds {int((~np.isfinite(numbers)).sum())} infinite or missing values")
    if len(numbers) == 0 or (numbers == numbers[0]).all():
        raise DataError(f"column {name!r} holds one value only" if len(numbers) else "there are no rows")
    return numbers


def classes_of(target: Any, name: str) -> tuple[Any, ...]:
    """Return the distinct values of the target in order. Raises DataError for measurements or a single class."""
    import pandas as pd

    values = pd.unique(target)
    if holds_measurements(target) or len(values) > MAX_CLASSES:
        found = f"column {name!r} holds {len(values)} distinct values such as {values[0]}"
        remedy = "to predict a number, say metric: {name: val_rmse, goal: minimize}"
        raise DataError(f"{found}: it must hold at most {MAX_CLASSES} classes ({remedy})")
    if len(values) < 2:
        raise DataError(
            f"column {name!r} holds one class only ({values[0]})" if len(values) else "there are no rows"
        )
    try:
        return tuple(sorted(values.tolist()))
    except TypeError:
        return tuple(sorted(values.tolist(), key=str))


def without_dots(target: Any, classes: Sequence[Any]) -> tuple[Any, tuple[str, ...]]:
    """Return a further file's labels, and notes; dots at the end of labels are cut where that makes all known."""
    known = set(classes)
    dotted = {v: v.rstrip(". ") for v in target.unique() if isinstance(v, str) and v not in known}
    if not dotted or not known.issuperset(dotted.values()):
        return target, ()
    shown = ", ".join(f"{written!r} as {read!r}" for written, read in sorted(dotted.items())[:5])
    return target.replace(dotted), (f"labels that differ in a dot at their end are read as the same: {shown}",)
