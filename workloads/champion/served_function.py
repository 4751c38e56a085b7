"""The champion of a user's function as MLflow serves it: its ``predict``, with the files that it saved.

A copy of this file goes along with the model, and is imported where that is loaded: it needs nothing of Paceline.
"""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from typing import Any

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


def rows(frame: Any, columns: dict[str, dict[str, str]]) -> Any:
    """Return the columns of a DataFrame in the order of ``columns``; dates and numbers are read where texts."""
    import pandas as pd

    if gone := [name for name in columns if name not in frame.columns]:
        there = ", ".join(map(str, frame.columns))
        raise ValueError(f"the rows must have the column {gone[0]!r}, they have {there}")
    frame = frame[list(columns)].copy()
    for name, column in columns.items():
        if column["kind"] == "datetime" and not pd.api.types.is_datetime64_any_dtype(frame[name]):
            form = column["form"] if "%" in column["form"] else "ISO8601"
            frame[name] = pd.to_datetime(frame[name], format=form, utc=True).dt.tz_localize(None)
        elif column["kind"] == "number" and not column["form"]:
            frame[name] = pd.to_numeric(frame[name]).astype("float64")
    return frame


def _load_pyfunc(data_path: str) -> ServedFunction:
    """Load the model for MLflow, which calls the function of this name in its loader module."""
    return ServedFunction(Path(data_path))
