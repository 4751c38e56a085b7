"""Partial dependence of a table's champion on its most important columns (Friedman 2001)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from search_spaces.types.inspected.examples import Dependence
from search_spaces.types.inspection import Importance
from workloads.arrays import Array, Arrays, Column
from workloads.champion.looks.seen import Seen, evenly, shares
from workloads.champion.winner import errors_of, outputs

MAX_COLUMNS = 3
MAX_ROWS = 200
"""Largest number of validation rows, evenly chosen, over which predictions are averaged."""
GRID = 20
"""Values of a number: quantiles of the rows; of words the most frequent ones."""
MAX_WORDS = 12
MAX_CLASSES = 6
"""Classes that are drawn: those with the most training rows."""
KINDS = ("number", "category", "ordinal")
"""Kinds of columns of which there is partial dependence: not of dates and texts."""


def dependence(seen: Seen, importance: Sequence[Importance]) -> dict[str, Any]:
    """Return the mean prediction over rows with each of the most important columns set to each of its values."""
    part = seen.val.take(evenly(len(seen.val), MAX_ROWS))
    places = {column.name: k for k, column in enumerate(part.columns) if column.kind in KINDS}
    helpful = [one.column for one in importance if one.mean > 0 and one.column in places]
    found = [_dependence(seen, part, places[name]) for name in helpful[:MAX_COLUMNS]]
    return {"dependence": [one for one in found if one is not None]}


def _dependence(seen: Seen, part: Arrays, place: int) -> Dependence | None:
    column = part.columns[place]
    values = grid(part.x[:, place], column)
    if len(values) < 2:
        return None
    many = part.take(np.tile(np.arange(len(part)), len(values)))
    many.x[:, place] = np.repeat(values, len(part))
    named = {name: one.reshape(len(values), -1).mean(1).tolist() for name, one in _predicted(seen, many).items()}
    words = [column.values[int(value)] for value in values] if column.values else values.tolist()
    return Dependence(column=column.name, values=words, predictions=named)


def grid(values: Array, column: Column) -> Array:
    """Return the values of a column that are tried: of words the most frequent codes, else quantiles."""
    known = values[~np.isnan(values)]
    if column.values:
        codes, counts = np.unique(known, return_counts=True)
        codes, counts = codes[codes >= 0], counts[codes >= 0]
        found: Array = np.sort(codes[np.argsort(-counts, kind="stable")[:MAX_WORDS]])
        return found
    if not len(known):
        return known
    quantiles: Array = np.unique(np.quantile(known, np.linspace(0.02, 0.98, GRID), method="nearest"))
    return quantiles


def _predicted(seen: Seen, many: Arrays) -> dict[str, Array]:
    """Return the probability of classes by name, of two of the second one; or the predicted number."""
    values, shape = outputs(seen.winner, many), seen.winner.setup.data.shape
    if "logits" in values:
        names, found = seen.winner.classes, shares(values["logits"])
        frequent = np.argsort([-count for count in shape.class_counts], kind="stable")[:MAX_CLASSES]
        kept = [1] if len(names) == 2 else sorted(frequent.tolist())
        return {names[k]: found[:, k] for k in kept}
    truth, error = errors_of(seen.winner, many, values)
    return {"prediction": truth + error}
