"""The champion of a user's function as MLflow serves it: its ``predict``, with the files that it saved.

A copy of this file, and of those that read dates, goes along with the model, and is imported where that is loaded:
it needs nothing of Paceline.
"""

from __future__ import annotations

import importlib
import json
import sys
import unicodedata
from datetime import date
from pathlib import Path
from typing import Any

from workloads.tables.date_texts import utc_times

SAVED, ABOUT = "saved", "function.json"


class ServedFunction:
    """Predicts by the function ``predict`` of the module that ``function.json`` names."""

    def __init__(self, data: Path) -> None:
        about = json.loads((data / ABOUT).read_text(encoding="utf-8"))
        self._saved, self._columns = data / SAVED, about["columns"]
        self._predict = imported(about["module"], _code_of(data)).predict

    def predict(self, model_input: Any, params: Any = None) -> Any:
        """Return what the user's ``predict`` returns; a table's rows become as those that it was trained with."""
        x = rows(model_input, self._columns) if self._columns else model_input
        return self._predict(self._saved, x)


def _code_of(data: Path) -> Path:
    """Return the folder of the modules that came along, which MLflow puts beside that of the data."""
    return next(parent / "code" for parent in data.parents if (parent / "code").is_dir())


def imported(name: str, code: Path) -> Any:
    """Import the module that came along in the folder ``code``, which MLflow has put first on the import path.

    It and what it imports are of that folder, as in a shell, also where modules of another model, or of a library,
    have the same names; the library's are those of the process again afterwards.
    """
    own = {path.stem for path in code.iterdir()} - {__name__}
    before = {known: sys.modules.pop(known) for known in list(sys.modules) if known.partition(".")[0] in own}
    importlib.invalidate_caches()
    try:
        return importlib.import_module(name)
    finally:
        sys.modules.update({known: module for known, module in before.items() if not _is_model_s(module)})


def _is_model_s(module: Any) -> bool:
    """Whether the module came along with a model."""
    file = Path(getattr(module, "__file__", None) or "none")
    return any((folder / Path(__file__).name).is_file() for folder in file.parents)


def rows(frame: Any, columns: dict[str, dict[str, Any]]) -> Any:
    """Return the columns of a DataFrame in the order of ``columns``, with values as ``predict`` was trained with.

    Categories are words, dates are without a zone, and marks of missing values are NaN.
    """
    if gone := [name for name in columns if name not in frame.columns]:
        there = ", ".join(map(str, frame.columns))
        raise ValueError(f"the rows must have the column {gone[0]!r}, they have {there}")
    frame = frame[list(columns)].copy()
    for name, column in columns.items():
        try:
            frame[name] = _values(frame[name], column)
        except ValueError as error:
            raise ValueError(f"column {name!r}: {error}") from error
    return frame


def _values(series: Any, column: dict[str, Any]) -> Any:
    import pandas as pd

    missing = column.get("missing", [])
    if column["kind"] == "datetime":
        return _dates(series, column["form"], missing)
    if column["kind"] == "number":
        numbers = pd.to_numeric(series.mask(series.isin(["", *missing]))).astype("float64")
        marks = pd.to_numeric(pd.Series(missing, dtype=object), errors="coerce").dropna()
        return numbers.mask(numbers.isin(marks))
    same = column.get("same", {})
    words = series.astype(object).map(lambda value: same.get(_word(value), _word(value)), na_action="ignore")
    return words.astype(object).mask(words.isna() | words.isin(["", *missing]), float("nan"))


def _dates(series: Any, form: str, missing: list[str]) -> Any:
    """Return dates in UTC without a zone; texts are read in the format ``form``. Raises ValueError for others."""
    import pandas as pd

    if not pd.api.types.is_datetime64_any_dtype(series):
        there = series.dropna().astype(object)
        is_text = ~there.map(lambda value: isinstance(value, date)).astype(bool)
        words = there[is_text].map(_word)
        words = words[~words.isin(["", *missing])]
        read = utc_times(words, form) if len(words) else words
        if len(bad := words[read.isna()]):
            raise ValueError(f"must hold dates ({form or 'ISO8601'}), received {bad.iloc[0]!r}")
        moments = [pd.to_datetime(read, utc=True), pd.to_datetime(there[~is_text], utc=True)]
        series = pd.concat([part.astype("datetime64[ms, UTC]") for part in moments]).reindex(series.index)
    series = series if series.dt.tz is None else series.dt.tz_convert("UTC").dt.tz_localize(None)
    return series.astype("datetime64[ms]")  # as in the training: its whole numbers are milliseconds


def _word(value: Any) -> str:
    """Return a category's value as a text, as it is read from a table: of 2.0 it is 2."""
    whole = isinstance(value, float) and value.is_integer()
    return unicodedata.normalize("NFC", str(int(value) if whole else value)).strip()


def _load_pyfunc(data_path: str) -> ServedFunction:
    """Load the model for MLflow, which calls the function of this name in its loader module."""
    return ServedFunction(Path(data_path))
