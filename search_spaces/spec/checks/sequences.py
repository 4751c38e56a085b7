"""Checks texts' encodings and the columns of series and CoNLL files; the rest is checked when they are loaded."""

from __future__ import annotations

import re
from pathlib import Path

from search_spaces.spec.checks.tables import check_columns, csv_columns
from search_spaces.spec.checks.times import check_times
from search_spaces.spec.data import Data
from search_spaces.spec.files.compressed import opened
from search_spaces.spec.files.encodings import ENCODINGS, TEXT_ENCODING, EncodingFault, decoded
from search_spaces.spec.yaml_document import Document
from search_spaces.types.faults import nearest, shown


def check_text(document: Document, key: str, path: Path, data: Data) -> None:
    """Note a fault for a file that is not text in the encoding, with the first invalid byte."""
    _check_seed(document, key, data)
    _check_encoding(document, key, path, data)


def check_conll(document: Document, key: str, path: Path, data: Data) -> None:
    """Note a fault for a file that is not text in the encoding, and for columns that are not named c0, c1, ..."""
    _check_encoding(document, key, path, data)
    if key != "conll":
        return
    for field, column in (("target", data.target), ("text", data.texts[0] if data.texts else None)):
        if column is not None and not re.fullmatch(r"c\d+", column):
            rule = "must be a column of the CoNLL file by its place, c0, c1, ..."
            document.fault(("data", field), rule, shown(column))


def _check_encoding(document: Document, key: str, path: Path, data: Data) -> None:
    encoding = data.encoding or TEXT_ENCODING
    try:
        with opened(path) as file:
            decoded(file.read(), encoding)
    except LookupError:
        close = nearest(encoding, ENCODINGS)
        document.fault(("data", "encoding"), "unknown encoding", shown(encoding), close and repr(close))
    except EncodingFault as fault:
        place = f"{path.name}:{fault.line}" if data.conll else path.name
        rule = f"must be the encoding of {place}: {fault}"
        document.fault(("data", "encoding"), rule, shown(encoding), repr(fault.likely))
    except (OSError, ValueError) as error:
        reason = str(getattr(error, "strerror", None) or error)
        document.fault(("data", key), f"cannot be read: {reason}", shown(str(path)))


def check_series(document: Document, key: str, path: Path, data: Data) -> None:
    """Note a fault for a file that is not a table, and for columns that are missing."""
    _check_seed(document, key, data)
    try:
        columns, _ = csv_columns(path, data)
    except (OSError, ValueError) as error:
        document.fault(("data", key), f"cannot be read: {' '.join(str(error).split())[:120]}", shown(str(path)))
        return
    named = {"value": data.value, "time": data.time}
    for field, what in (("value", "to forecast"), ("time", "that tells when")):
        if named[field] is None and key != "test":
            document.fault(("data", field), f"is required: the column {what}, one of {', '.join(columns[:8])}")
    check_columns(document, path, columns, named | {"series_id": data.series_id})
    for number, column in enumerate(data.inputs):
        check_columns(document, path, columns, {f"inputs.{number}": column})
    _check_other_columns(document, key, data)
    if key != "test":
        check_times(document, data)
    if data.season and data.window and data.season > data.window:
        rule = f"must be at most data.window = {data.window}: the naive forecast looks one season back"
        document.fault(("data", "season"), rule, shown(data.season))


def _check_other_columns(document: Document, key: str, data: Data) -> None:
    """Note a fault for each column that is named twice."""
    if key == "test":
        return
    seen = {data.value: "the value"}
    for field, column in (
        ("time", data.time),
        ("series_id", data.series_id),
        *(("inputs", i) for i in data.inputs),
    ):
        if column is not None and column in seen:
            document.fault(("data", field), f"must be another column than {seen[column]}", shown(column))
        seen[column] = f"data.{field}"
    if data.inputs and data.window and data.window < data.horizon:
        rule = f"must be at least data.horizon = {data.horizon}, so that data.inputs of all steps ahead are seen"
        document.fault(("data", "window"), rule, shown(data.window))


def _check_seed(document: Document, key: str, data: Data) -> None:
    if key != "test" and "seed" in data.split.model_fields_set:
        rule = "has no effect with a text or a series: they are split by position"
        document.fault(("data", "split", "seed"), rule, shown(data.split.seed))
