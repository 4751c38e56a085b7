"""Tables from CSV and Parquet files: a target column and features that are numbers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from workloads.raw import Raw
from workloads.splits import DataError

if TYPE_CHECKING:
    from search_spaces.data import Data


def read_frame(path: str, data: Data, columns: list[str] | None = None) -> Any:
    import pandas as pd

    try:
        if data.parquet is not None:
            return pd.read_parquet(path, columns=columns)
        frame = pd.read_csv(path, header=0 if data.header else None, skipinitialspace=True)
    except FileNotFoundError as error:
        raise DataError(f"there is no file {path}") from error
    except (OSError, ValueError, pd.errors.ParserError) as error:
        raise DataError(f"{path} cannot be read: {error}") from error
    return frame if data.header else frame.set_axis([f"c{i}" for i in range(frame.shape[1])], axis=1)


def target_of(frame: Any, data: Data, path: str) -> Any:
    if data.target not in frame.columns:
        shown = ", ".join(map(str, frame.columns[:20])) + (", ..." if frame.shape[1] > 20 else "")
        raise DataError(f"{Path(path).name} has no column {data.target!r}; it has {shown}")
    target = frame[data.target]
    if target.isna().any():
        raise DataError(f"column {data.target!r} of {Path(path).name} is empty in {int(target.isna().sum())} rows")
    return target


def table(frame: Any, data: Data, path: str) -> Raw:
    import pandas as pd

    target = target_of(frame, data, path)
    features = frame.drop(columns=[data.target])
    text = [str(name) for name in features if not pd.api.types.is_numeric_dtype(features[name])]
    if text:
        raise DataError(
            f"{Path(path).name}: columns that are not numbers cannot be features yet: {', '.join(text)}"
        )
    if features.shape[1] == 0:
        raise DataError(f"{Path(path).name} has no column besides the target {data.target!r}")
    x = features.to_numpy(dtype=np.float64, na_value=np.nan)
    infinite = [str(name) for name, bad in zip(features, np.isinf(x).any(axis=0), strict=True) if bad]
    if infinite:
        raise DataError(f"{Path(path).name}: infinite values in columns {', '.join(infinite)}")
    return Raw("table", x, target, tuple(map(str, features.columns)))
