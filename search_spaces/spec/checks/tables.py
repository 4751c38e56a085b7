"""Checks that a table file has the columns that a spec names; reads only the first rows, or Parquet's footer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain, islice
from pathlib import Path

from search_spaces.spec.column_kinds import DECLARED, column_fault
from search_spaces.spec.data import Data
from search_spaces.spec.files.dialect import opened_text
from search_spaces.spec.files.find_dialect import HEAD_LINES, find_dialect, is_number
from search_spaces.spec.files.json_lines import records
from search_spaces.spec.files.xlsx import sheet_columns, sheet_rows
from search_spaces.spec.yaml_document import Document
from search_spaces.types.error_text import one_line
from search_spaces.types.faults import nearest, shown

OWN_FILES = ("val", "test")
"""Keys of further files, beside the sweep's main one."""
_END_COLUMNS = 1000


def check_table(document: Document, key: str, path: Path, data: Data) -> None:
    """Note a fault for a file that is not a table, and for each named column that it lacks."""
    if not check_form(document, data):
        return
    try:
        columns, hint = columns_of(path, data)
    except (OSError, ValueError) as error:
        document.fault(("data", key), f"cannot be read: {one_line(error)[:200]}", shown(str(path)))
        return
    if data.completion is not None or data.prompt is not None:
        pairs = {"prompt": data.prompt, "completion": data.completion}
        check_columns(document, path, columns, {**pairs, "split.group": data.split.group}, hint)
        return
    if data.target is None:
        if key not in OWN_FILES:
            document.fault(("data", "target"), f"is required: the column to predict, one of {_listed(columns)}")
        return
    group = None if key in OWN_FILES else data.split.group
    texts = {f"text.{k}" if len(data.texts) > 1 else "text": name for k, name in enumerate(data.texts)}
    named = {"target": data.target, "image": data.image, "split.group": group, **texts}
    check_columns(document, path, columns, named, hint)
    if data.image is not None and data.image == data.target:
        document.fault(("data", "image"), "must be another column than the target", shown(data.image))
    if data.image is not None:
        for option in ("columns", "missing"):
            if option in data.model_fields_set:
                rule = "has no effect with data.image (only on tables)"
                document.fault(("data", option), rule, shown(getattr(data, option)))
        return
    if key != "test":
        _check_declared(document, path, data, columns)
        _check_missing(document, path, data, columns)


def check_form(document: Document, data: Data) -> bool:
    """Note a fault for each two keys of a CSV file's form that are one character; return whether there are none."""
    before = len(document.faults)
    rivals = {"quote": data.separator or ",", "comment": data.separator or ",", "thousands": data.decimal}
    for key, taken in rivals.items():
        if getattr(data, key) == taken is not None:
            rule = f"must be another character than data.{'decimal' if key == 'thousands' else 'separator'}"
            document.fault(("data", key), rule, shown(taken))
    return len(document.faults) == before


def check_columns(
    document: Document, path: Path, columns: Sequence[str], named: Mapping[str, str | None], hint: str = ""
) -> None:
    """Note a fault for each key of ``data``, in ``named``, whose column is not in ``columns``."""
    for field, column in named.items():
        if column is not None and column not in columns:
            close = nearest(column, _compared(columns))
            rule = f"must be a column of {path.name}{hint}" + ("" if close else f" (it has {_listed(columns)})")
            document.fault(("data", *field.split(".")), rule, shown(column), close and repr(close))


def _check_declared(document: Document, path: Path, data: Data, columns: Sequence[str]) -> None:
    """Check ``data.columns``: each name is a feature of the file, each value a valid kind."""
    for name, kind in data.columns.items():
        where = ("data", "columns", name)
        if name == data.target:
            document.fault(where, "must be a feature, this is the target", shown(name))
        elif name not in columns:
            close = nearest(name, _compared(columns))
            document.fault(where, f"must be a column of {path.name}", shown(name), close and repr(close))
        elif rule := column_fault(kind):
            close = nearest(kind, DECLARED) if isinstance(kind, str) else None
            document.fault(where, rule, shown(kind), close and repr(close))


def _check_missing(document: Document, path: Path, data: Data, columns: Sequence[str]) -> None:
    """``data.missing`` by column: each a column of the file."""
    for name in set(data.missing if isinstance(data.missing, dict) else ()) - set(columns):
        close = nearest(name, _compared(columns))
        document.fault(
            ("data", "missing", name), f"must be a column of {path.name}", shown(name), close and repr(close)
        )


def _compared(columns: Sequence[str]) -> Sequence[str]:
    """Return the columns to compare with a name, of very many only the first and last ``_END_COLUMNS``.

    Comparing takes 20 us a column, and a target is usually at one end.
    """
    return columns if len(columns) <= 2 * _END_COLUMNS else [*columns[:_END_COLUMNS], *columns[-_END_COLUMNS:]]


def _listed(columns: Sequence[str]) -> str:
    return ", ".join(columns[:8]) + (f" and {len(columns) - 8} more" if len(columns) > 8 else "")


def columns_of(path: Path, data: Data) -> tuple[Sequence[str], str]:
    """Return the columns of a table's file, and a hint for a target that is none of them. Raises ValueError."""
    if data.parquet:
        folders = [part.partition("=")[0] for part in path.parts if "=" in part] if data.streaming else []
        return [*parquet_columns(path), *folders], ""
    if data.xlsx:
        return sheet_columns(next(iter(sheet_rows(path, data)), ()), data.header), ""
    if data.jsonl:
        return list(dict.fromkeys(chain.from_iterable(islice(records(path), HEAD_LINES)))), ""
    if data.feather:
        return feather_columns(path), ""
    return csv_columns(path, data)


def feather_columns(path: Path) -> list[str]:
    """Return the columns in order. Raises ValueError for a file that is no Feather file."""
    import pyarrow.feather  # 0.2 s

    try:
        return list(pyarrow.feather.read_table(str(path), memory_map=True).column_names)
    except (pyarrow.ArrowException, OSError) as error:
        raise ValueError(f"it is no Feather file: {error}") from None


def parquet_columns(path: Path) -> list[str]:
    """Return the names of the columns, nested ones as one. Raises ValueError for a file that is not Parquet."""
    import pyarrow.parquet  # 0.2 s

    try:
        return list(pyarrow.parquet.read_schema(path).names)
    except (pyarrow.ArrowException, OSError, UnicodeDecodeError) as error:
        raise ValueError(f"it is no Parquet file: {error}") from None


def csv_columns(path: Path, data: Data) -> tuple[list[str], str]:
    """The columns by name, and a hint for a target that is none of them. ValueError for what is no such table."""
    dialect = find_dialect(path, data)
    columns = list(dialect.columns)
    with opened_text(path, dialect) as lines:
        if rule := dialect.ragged(islice(lines, HEAD_LINES)):
            raise ValueError(f"line {rule}")
    numbers = data.header and all(map(is_number, columns))
    return columns, " (its first line holds numbers: header: false?)" if numbers else ""
