"""Reads the target column: the classes in order, or numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from workloads.arrays import Array, DataError
from workloads.data.units import measured

MAX_CLASSES = 1000
MANY_NUMBERS = 20
"""Number of classes that are numbers from which on one may have meant to predict the number."""
AS_NUMBER = "to predict a number, say metric: {name: val_rmse, goal: minimize}"


def holds_measurements(target: Any) -> bool:
    """Return whether the target, a Series, holds a number with a fraction, so that its values are no classes.

    The numbers may have a unit.
    """
    import pandas as pd

    if not pd.api.types.is_numeric_dtype(target):
        found = measured(target)
        return found is not None and bool((found.numbers % 1 != 0).any())
    return bool(pd.api.types.is_float_dtype(target)) and bool((target % 1 != 0).any())


def numbers_of(target: Any, name: str, unit: str = "") -> Array:
    """Return the target as (rows, 1) float64, without its ``unit``.

    Raises DataError unless it is finite numbers, not all equal.
    """
    found = measured(target) if unit else None
    if unit and (found is None or found.unit != unit):
        raise DataError(f"column {name!r} must hold numbers with the unit {unit!r}, as in the other file")
    try:
        numbers = np.asarray(target if found is None else found.numbers, dtype=np.float64).reshape(-1, 1)
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
        raise DataError(f"{found}: it must hold at most {MAX_CLASSES} classes ({AS_NUMBER})")
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


def of_numbers(classes: Sequence[Any]) -> bool:
    """Return whether all classes are numbers, other than true and false."""
    return all(isinstance(label, int | float) and not isinstance(label, bool) for label in classes)


def about_classes(classes: Sequence[Any], name: str) -> tuple[str, ...]:
    """Return notes on classes that may be meant otherwise: as numbers, or as one class written in two ways."""
    notes = []
    if len(classes) >= MANY_NUMBERS and of_numbers(classes):
        notes.append(f"column {name!r} holds {len(classes)} numbers, which are taken as classes ({AS_NUMBER})")
    alike: dict[str, list[str]] = {}
    for label in filter(lambda label: isinstance(label, str), classes):
        alike.setdefault("".join(label.casefold().split()), []).append(label)
    pairs = [" and ".join(map(repr, labels)) for labels in alike.values() if len(labels) > 1]
    if pairs:
        notes.append(f"classes of {name!r} that differ only in case or blanks stay apart: {', '.join(pairs[:5])}")
    return tuple(notes)


def is_numeric(target: Any) -> bool:
    """Return whether a Series holds numbers, and no texts."""
    import pandas as pd

    return bool(pd.api.types.is_numeric_dtype(target))
