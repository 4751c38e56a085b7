"""Reads what a user's ``predict`` returns: what is declared, or told from the values where that is certain."""

from __future__ import annotations

from typing import Any

import numpy as np

from search_spaces.types.problems import Problem
from workloads.arrays import Array
from workloads.models.custom.returns import OF_PROBLEM, Kind

WAY_OUT = "say behind the function what it returns: predict.returns = 'probabilities', 'logits' or 'classes'"
ROUNDING = 5e-3
"""How far probabilities may lie outside of 0 to 1, and their sum from 1: they may be of half precision."""
LEAST = np.finfo(np.float64).eps
"""Smallest probability of which a logarithm is taken, as in scikit-learn's ``log_loss``."""


class Predictions:
    """Makes scores of what ``predict`` returns.

    Its kind is ``declared``, or follows from the problem, or is told from the first values and kept.
    """

    def __init__(self, declared: Kind | None, num_outputs: int, problem: Problem) -> None:
        able = OF_PROBLEM[problem]
        self.kind = declared or (able[0] if len(able) == 1 else None)
        self._is_told = self.kind is None
        self._num_outputs = num_outputs

    def scores(self, returned: Any, num_rows: int) -> Array:
        """Return float64 (rows, outputs): logits of classes, or numbers.

        Raises RuntimeError for another shape, for values that the kind excludes, and where the kind is not certain.
        """
        raw = np.asarray(returned)
        if raw.dtype.kind not in "biuf":
            raise RuntimeError(f"predict must return numbers, received values of type {raw.dtype}")
        if raw.shape[:1] != (num_rows,):
            raise RuntimeError(
                f"predict must return one row for each of {num_rows}, received the shape {raw.shape}"
            )
        values = raw.reshape(num_rows, -1).astype(np.float64)
        self.kind = self.kind or _told(values, self._num_outputs)
        if fault := _fault(values, self.kind, self._num_outputs):
            other, way_out = (" as for other rows", f"; {WAY_OUT}") if self._is_told else ("", "")
            raise RuntimeError(f"predict must return {self.kind}{other}, received {fault}{way_out}")
        return _as_scores(values, self.kind, self._num_outputs)


def _told(values: Array, num_classes: int) -> Kind:
    """Return the kind of a classifier's values (rows, columns). Raises RuntimeError where several are possible."""
    if values.shape[1] == 1 and not _fault(values, "classes", num_classes):
        return "classes"
    if values.shape[1] > 1 and not _fault(values, "probabilities", num_classes):
        return "probabilities"
    untrained = values.shape[1] > 1 and values.min() == values.max()
    if values.min() >= -ROUNDING and values.max() <= 1 + ROUNDING and not untrained:
        what = "one column" if values.shape[1] == 1 else "rows that do not sum to 1"
        raise RuntimeError(
            f"predict returned {what}, of numbers between 0 and 1: probabilities or scores? {WAY_OUT}"
        )
    return "logits"


def _fault(values: Array, kind: Kind, num_outputs: int) -> str | None:
    """Return what in the values (rows, columns) contradicts ``kind``, or None."""
    columns = (1,) if kind == "classes" else (num_outputs,) if kind == "values" else _columns(num_outputs)
    if values.shape[1] not in columns:
        return f"{values.shape[1]} columns, not {' or '.join(map(str, columns))}"
    broken = ~np.isfinite(values) if kind != "logits" else np.isnan(values) | (values == np.inf)
    if broken.any():
        return f"values that are not finite in {int(broken.any(axis=1).sum())} of {len(values)} rows"
    if kind == "classes" and ((values % 1 != 0) | (values < 0) | (values >= num_outputs)).any():
        return f"values that are no whole numbers from 0 to {num_outputs - 1}"
    if kind == "probabilities":
        if (values < -ROUNDING).any() or (values > 1 + ROUNDING).any():
            return f"values from {values.min():.4g} to {values.max():.4g}"
        if values.shape[1] > 1 and (abs(values.sum(axis=1) - 1) > ROUNDING).any():
            sums = values.sum(axis=1)
            return f"rows that sum to {sums.min():.4g} to {sums.max():.4g}"
    return None


def _columns(num_classes: int) -> tuple[int, ...]:
    return (1, 2) if num_classes == 2 else (num_classes,)


def _as_scores(values: Array, kind: Kind, num_outputs: int) -> Array:
    if kind == "values":
        return values
    if kind == "classes":
        values = np.eye(num_outputs)[values[:, 0].astype(np.int64)]
    elif values.shape[1] == 1:  # of the second class; a single logit as of a binary decision_function
        other = 1 - values if kind == "probabilities" else np.zeros_like(values)
        values = np.concatenate([other, values], axis=1)
    return values if kind == "logits" else np.log(values.clip(LEAST, 1))
