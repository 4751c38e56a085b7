"""Reads the target column: the classes in order, or numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from workloads.arrays import Array, DataError
from workloads.tables.columns import LARGEST, SMALLER, numbers
from workloads.tables.number_words import styles
from workloads.tables.units import Measured, NumberForm, measured

if TYPE_CHECKING:
    from search_spaces.spec.data import Data

MAX_CLASSES = 1000
MANY_NUMBERS = 20
"""Number of classes that are numbers from which on one may have meant to predict the number."""
AS_CLASSES = "metric: {name: val_accuracy, goal: maximize} where they are classes"
AS_NUMBER = "to predict a number, say metric: {name: val_rmse, goal: minimize}"


def with_unit(target: Any, data: Data) -> Measured | None:
    """Return the target's numbers where its texts all have one unit. Raises DataError where they are uncertain."""
    if is_numeric(target):
        return None
    try:
        return measured(target, styles(data.decimal, data.thousands))
    except ValueError as error:
        raise DataError(str(error)) from error


def holds_measurements(target: Any, found: Measured | None = None) -> bool:
    """Return whether the target, a Series, holds a number with a fraction, so that its values are no classes.

    ``found`` are its numbers where they have a unit.
    """
    import pandas as pd

    if found is not None:
        return bool((found.numbers % 1 != 0).any())
    return bool(pd.api.types.is_float_dtype(target)) and bool((target % 1 != 0).any())


def numbers_of(target: Any, name: str, form: NumberForm | None = None) -> Array:
    """Return the target as (rows, 1) float64, without the unit in its ``form``.

    Raises DataError unless it is finite numbers, not all equal.
    """
    if form is not None and is_numeric(target):
        raise DataError(f"column {name!r} must hold numbers with the unit {form.unit!r}, as in the other file")
    try:
        found = target if form is None else numbers(target, (), str(form))
        values = np.asarray(found, dtype=np.float64).reshape(-1, 1)
    except (TypeError, ValueError) as error:
        raise DataError(f"column {name!r} must hold numbers to be predicted as one: {error}") from error
    if not np.isfinite(values).all():
        raise DataError(f"column {name!r} holds {int((~np.isfinite(values)).sum())} infinite or missing values")
    if len(values) and np.abs(values).max() > LARGEST:
        raise DataError(f"column {name!r} must hold {SMALLER}, received {np.abs(values).max():g}")
    if len(values) == 0 or (values == values[0]).all():
        raise DataError(f"column {name!r} holds one value only" if len(values) else "there are no rows")
    return values


def classes_of(target: Any, name: str, measurements: bool = False) -> tuple[Any, ...]:
    """Return the distinct values of the target in order. Raises DataError for measurements or a single class."""
    import pandas as pd

    values = pd.unique(target)
    if measurements:
        shown = ", ".join(map(str, values[:3]))
        raise DataError(
            f"column {name!r} holds numbers with fractions ({shown}), which are no classes: {AS_NUMBER}"
        )
    if len(values) > MAX_CLASSES:
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
