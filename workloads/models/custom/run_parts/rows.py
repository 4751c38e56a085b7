"""A table as its owner has it: DataFrames with words, dates and the names of the columns, in place of codes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from torch import Tensor, nn

from workloads.arrays import Array, Column
from workloads.tables.columns import decode

if TYPE_CHECKING:
    from pandas import DataFrame, Series

TARGET = "target"


class Rows(NamedTuple):
    """A table's training and validation rows, and their targets: classes as words, or numbers."""

    x_train: DataFrame
    y_train: Series
    x_val: DataFrame
    y_val: Series


def frame(x: Array, columns: Sequence[Column]) -> Any:
    """Return a matrix (rows, columns) as a DataFrame: words, numbers, dates in UTC without a zone, NaN for none."""
    found = decode(x, columns)
    for k, column in enumerate(columns):
        if column.kind == "datetime":
            found[column.name] = _moments(x[:, k])
    return found


def _moments(seconds: Array) -> Array:
    there = np.isfinite(seconds)
    found = np.full(len(seconds), np.datetime64("NaT"), dtype="datetime64[ms]")
    found[there] = np.round(1000 * seconds[there]).astype("int64").astype("datetime64[ms]")
    return found


def targets(y: Array, classes: Sequence[str]) -> Any:
    """Return targets as a Series of the classes' words or of numbers, or of several numbers as a DataFrame."""
    import pandas as pd

    if classes:
        return pd.Series(np.array(classes, dtype=object)[y], name=TARGET)
    return pd.Series(y, name=TARGET) if y.ndim == 1 else pd.DataFrame(y)


class RawTable(nn.Module):
    """Passes raw inputs on, as they are or (``as_rows``) as DataFrames; knows what a table's codes stand for."""

    def __init__(self, columns: Sequence[Column], classes: Sequence[str], as_rows: bool = False) -> None:
        super().__init__()
        self.columns, self.classes, self.as_rows = columns, classes, as_rows

    def forward(self, x: Tensor) -> Any:
        """Return ``x``, or its rows."""
        return frame(x.cpu().numpy(), self.columns) if self.as_rows else x

    def of(self, columns: Sequence[Column]) -> RawTable:
        """Return the same for a matrix of these ``columns``, whose codes may stand for further words."""
        return RawTable(columns, self.classes, self.as_rows)
