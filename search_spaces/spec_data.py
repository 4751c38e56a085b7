"""The ``data`` of a spec against what is there: files, columns, kinds, fractions."""

from __future__ import annotations

import csv
import io
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import islice
from pathlib import Path

from search_spaces.catalogue import DatasetInfo
from search_spaces.data import Data
from search_spaces.faults import nearest, shown
from search_spaces.parquet_names import column_names
from search_spaces.problems import DataKind
from search_spaces.spec_yaml import Document

_HEAD_CHARACTERS = 1 << 20
_SNIFFED_ROWS = 5
_PATH_CHARACTERS = 4096
_END_COLUMNS = 1000
_SOURCES = ("name", "csv", "parquet")
_MEANT_FOR = {"target": ("csv", "parquet"), "header": ("csv",), "image": ("parquet",), "test": ("csv", "parquet")}


def read_data(
    document: Document, data: Data, base: Path | None, datasets: Mapping[str, DatasetInfo]
) -> tuple[Data, DataKind] | None:
    """``data`` with absolute paths, and its kind; None, with the faults noted, when it cannot be used.

    Without ``base`` the paths are absolute already, and no file is looked at.
    """
    before = len(document.faults)
    given = [key for key in _SOURCES if getattr(data, key) is not None]
    _check_split(document, data)
    if len(given) != 1:
        document.fault(
            ("data",), "must have exactly one of name, csv and parquet", ", ".join(given) or "none of them"
        )
        return None
    for key, sources in _MEANT_FOR.items():
        if key in data.model_fields_set and given[0] not in sources:
            rule = f"has no effect with data.{given[0]} (only with {' or '.join(sources)})"
            document.fault(("data", key), rule, shown(getattr(data, key)))
    if given[0] == "name":
        return _registered(document, data, datasets) if len(document.faults) == before else None
    if base is None:
        return (data, _kind(data)) if len(document.faults) == before else None
    paths = {key: _file(document, key, text, base) for key in (given[0], "test") if (text := getattr(data, key))}
    for key, path in paths.items():
        if path is not None:
            _check_columns(document, key, path, data)
    if len(document.faults) > before:
        return None
    return data.model_copy(update={k: str(path) for k, path in paths.items()}), _kind(data)


def _kind(data: Data) -> DataKind:
    return "image" if data.image else "table"


def _registered(
    document: Document, data: Data, datasets: Mapping[str, DatasetInfo]
) -> tuple[Data, DataKind] | None:
    assert data.name is not None
    if data.name in datasets:
        return data, datasets[data.name].kind
    close = nearest(data.name, datasets)
    rule = "unknown data set" if close else f"unknown data set (there are {', '.join(datasets)})"
    document.fault(("data", "name"), rule, shown(data.name), close and repr(close))
    return None


def _check_split(document: Document, data: Data) -> None:
    split = data.split
    fractions = {key: getattr(split, key) for key in ("train", "val", "test")}
    for key, fraction in fractions.items():
        if not 0 < fraction < 1:
            document.fault(("data", "split", key), "must be a fraction between 0 and 1", shown(fraction))
            return
    total = math.fsum(fractions.values())
    if abs(total - 1) > 1e-6 and not (data.test and abs(split.train + split.val - 1) <= 1e-6):
        parts = " + ".join(f"{fraction:g}" for fraction in fractions.values())
        document.fault(("data", "split"), "must sum to 1", f"{parts} = {total:g}")
    if not 0 <= split.seed < 2**32:
        document.fault(("data", "split", "seed"), f"must be 0 to {2**32 - 1}", shown(split.seed))


def _file(document: Document, key: str, text: str, base: Path) -> Path | None:
    path = ("data", key)
    if "://" in text:
        document.fault(path, "must be a file on this machine: remote files are not available yet", shown(text))
        return None
    if len(text) > _PATH_CHARACTERS:  # to resolve them takes long, and a system that can open them is not known
        document.fault(path, f"must be a path of at most {_PATH_CHARACTERS} characters", shown(text))
        return None
    try:
        file = (base / Path(text).expanduser()).resolve()
        there = file.is_file()
    except (OSError, RuntimeError, ValueError) as error:
        document.fault(path, f"must be a path ({getattr(error, 'strerror', None) or error})", shown(text))
        return None
    if there:
        return file
    if file.is_dir():
        document.fault(path, "must be a file, this is a folder", shown(text))
        return None
    close = nearest(file.name, _names_in(file.parent))
    document.fault(path, "there is no such file", shown(text), close and repr(str(Path(text).with_name(close))))
    return None


def _names_in(folder: Path) -> list[str]:
    try:
        return [path.name for path in islice(folder.iterdir(), 1000)]
    except OSError:
        return []


def _check_columns(document: Document, key: str, path: Path, data: Data) -> None:
    try:
        columns, hint = (column_names(path), "") if data.parquet else _csv_columns(path, data.header)
    except (OSError, ValueError, csv.Error) as error:
        reason = " ".join(str(error).split())[:120]
        document.fault(("data", key), f"cannot be read: {reason}", shown(str(path)))
        return
    if data.target is None:
        if key != "test":
            document.fault(("data", "target"), f"is required: the column to predict, one of {_listed(columns)}")
        return
    for field, column in (("target", data.target), ("image", data.image)):
        if column is not None and column not in columns:
            close = nearest(column, _compared(columns))
            rule = f"must be a column of {path.name}{hint}" + ("" if close else f" (it has {_listed(columns)})")
            document.fault(("data", field), rule, shown(column), close and repr(close))
    if data.image is not None and data.image == data.target:
        document.fault(("data", "image"), "must be another column than the target", shown(data.image))


def _compared(columns: Sequence[str]) -> Sequence[str]:
    """Of very many columns only both ends, where a target most often stands: each takes 20 us to compare."""
    return columns if len(columns) <= 2 * _END_COLUMNS else [*columns[:_END_COLUMNS], *columns[-_END_COLUMNS:]]


def _listed(columns: Sequence[str]) -> str:
    return ", ".join(columns[:8]) + (f" and {len(columns) - 8} more" if len(columns) > 8 else "")


def _csv_columns(path: Path, header: bool) -> tuple[list[str], str]:
    """The columns by name, and a hint for a target that is none of them. ValueError for what is no such table."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        head = file.read(_HEAD_CHARACTERS)
    rows = [row for _, row in zip(range(_SNIFFED_ROWS + 2), csv.reader(io.StringIO(head)), strict=False) if row]
    if len(head) == _HEAD_CHARACTERS:
        rows = rows[:-1]
    if len(rows) < 1 + header:
        raise ValueError("it must hold at least one example, one line each")
    first = rows[0]
    if len(first) < 2:
        raise ValueError("it must have at least two columns, separated by commas")
    uneven = next((k for k, row in enumerate(rows[:_SNIFFED_ROWS]) if len(row) != len(first)), None)
    if uneven is not None:
        raise ValueError(f"row {uneven + 1} has {len(rows[uneven])} cells and the first row {len(first)}")
    if not header:
        return [f"c{k}" for k in range(len(first))], ""
    doubled = next((name for name, num in Counter(first).items() if num > 1), None)
    if doubled is not None and not all(map(_is_number, first)):
        raise ValueError(f"two columns are named {doubled!r}")
    return first, " (its first line holds numbers: header: false?)" if all(map(_is_number, first)) else ""


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
