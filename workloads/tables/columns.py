"""Converts a table's columns into one matrix of numbers and back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from search_spaces.types.faults import nearest
from workloads.arrays import Array, Arrays, Column, DataError
from workloads.tables.dates import ISO, date_format, utc_times, written

CODED = ("category", "ordinal", "text")
"""Kinds whose values are words: the matrix holds their indices in ``Column.values``."""
NUMERIC = ("number", "ordinal", "datetime")
"""Kinds that are prepared as numbers."""
UNSEEN = "(a value that is not in the search's data)"


def encode(frame: Any, columns: Sequence[Column], place: str) -> tuple[Array, tuple[Column, ...]]:
    """Return a DataFrame's rows as float64 (rows, columns), and the columns with new words added to their values.

    Further columns of the frame are ignored. Raises DataError, which names ``place``, where a column is missing or
    holds a value that its kind does not allow.
    """
    gone = [column.name for column in columns if column.name not in frame.columns]
    if gone:
        close = nearest(gone[0], map(str, frame.columns))
        meant = f", did you mean {close!r}?" if close else ""
        raise DataError(f"{place}: must have the column {gone[0]!r}, it has {_listed(frame.columns)}{meant}")
    parts = [_encoded(frame[column.name], column, place) for column in columns]
    x = np.column_stack([numbers for numbers, _ in parts]) if parts else np.empty((len(frame), 0))
    return x, tuple(column for _, column in parts)


def decode(x: Array, columns: Sequence[Column]) -> Any:
    """Return the matrix as a DataFrame: float64 for numbers and dates, else words with NaN for missing.

    A code beyond a column's values becomes ``UNSEEN``.
    """
    import pandas as pd

    named = {
        column.name: pd.Series(_words(x[:, k], column), dtype=object) if column.kind in CODED else x[:, k]
        for k, column in enumerate(columns)
    }
    return pd.DataFrame(named)


def seen_first(
    x: Array, columns: Sequence[Column], rows: Array
) -> tuple[Array, tuple[Column, ...], tuple[Column, ...]]:
    """Return the matrix with the words of ``rows`` numbered first, and the columns: with these words, and with all.

    With the former a search is not given the words that occur in the locked test split only.
    """
    if not columns:
        return x, (), ()
    x, own, whole = x.copy(), list(columns), list(columns)
    for k, column in enumerate(columns):
        if column.kind not in ("category", "text"):
            continue
        codes = x[rows, k]
        seen = np.unique(codes[~np.isnan(codes)]).astype(int)
        order = np.concatenate([seen, np.setdiff1d(np.arange(len(column.values)), seen)])
        place = np.empty(len(order))
        place[order] = np.arange(len(order))
        there = ~np.isnan(x[:, k])
        x[there, k] = place[x[there, k].astype(int)]
        values = tuple(column.values[i] for i in order)
        whole[k], own[k] = replace(column, values=values), replace(column, values=values[: len(seen)])
    return x, tuple(own), tuple(whole)


def common_codes(parts: Mapping[str, Arrays]) -> dict[str, Array]:
    """Return the splits' matrices with one code for each word, whichever file it comes from.

    Each split numbers the words that the search has not seen for itself, so that equal codes may be unequal words.
    """
    found = {name: part.x for name, part in parts.items()}
    first = next(iter(parts.values())).columns
    for k, column in enumerate(first):
        if column.kind not in CODED or all(part.columns[k].values == column.values for part in parts.values()):
            continue
        common: dict[str, float] = {}
        for name, part in parts.items():
            found[name] = part.x.copy() if found[name] is part.x else found[name]
            codes = np.array([common.setdefault(word, len(common)) for word in part.columns[k].values])
            there = ~np.isnan(part.x[:, k])
            found[name][there, k] = codes[part.x[there, k].astype(int)] if there.any() else ()
    return found


def missing_counts(parts: Iterable[Array], columns: Sequence[Column]) -> Mapping[str, int]:
    """Return the number of missing values by column, for numeric columns that have any."""
    counts = sum(np.isnan(x).sum(axis=0) for x in parts) if columns else ()
    return {
        column.name: int(count)
        for column, count in zip(columns, counts, strict=True)
        if count and column.kind in NUMERIC
    }


def words(series: Any, missing: Sequence[str]) -> Any:
    """Return a Series as text without surrounding blanks; missing values are None, whole numbers have no fraction.

    A value counts as missing if it is empty or one of ``missing``.
    """
    import pandas as pd

    if series.dtype == "str":  # each different text once
        codes, different = series.factorize()
        found = {"", *missing}
        known = [None if (word := text.strip()) in found else word for text in different]
        return pd.Series(np.array([*known, None], dtype=object)[codes], series.index, name=series.name)
    texts = series.astype(object).where(series.notna(), None).map(_word, na_action="ignore")
    return texts.where(~texts.isin(["", *missing]), None)


def numbers(series: Any, missing: Sequence[str]) -> Any:
    """Return a Series as float64, NaN where missing. Raises ValueError with the first value that is no number."""
    import pandas as pd

    if pd.api.types.is_numeric_dtype(series):
        plain = series if series.dtype == "float64" else series.astype("Float64").astype("float64")
        marks = pd.to_numeric(pd.Series(missing, dtype=object), errors="coerce").dropna()
        return plain.mask(plain.isin(marks)) if len(marks) else plain
    texts = words(series, missing)
    found = pd.to_numeric(texts.replace({"True": "1", "False": "0"}), errors="coerce").astype("float64")
    _refuse_others(texts, found, "numbers")
    return found


def seconds(series: Any, missing: Sequence[str], form: str = "") -> Any:
    """Return a Series of dates as seconds since 1970 (UTC), NaN where missing.

    Texts are dates in the format ``form``, by default the one of all. Raises ValueError with the first other one.
    """
    import pandas as pd

    if pd.api.types.is_datetime64_any_dtype(series):
        moments = pd.to_datetime(series, utc=True)
    else:
        texts = words(series, missing)
        form = form or (ISO if texts.isna().all() else date_format(texts.dropna()))
        moments = utc_times(texts, form)
        example = written(pd.Series([pd.Timestamp("2024-02-29 13:45")]), form)[0]
        _refuse_others(texts, moments, f"dates such as {example} ({form})")
    since = (moments - pd.Timestamp(0, tz="UTC")) / pd.Timedelta(seconds=1)
    return since.astype("float64")


def _word(value: Any) -> str:
    whole = isinstance(value, float) and value.is_integer()
    return str(int(value) if whole else value).strip()


def _refuse_others(texts: Any, found: Any, what: str) -> None:
    bad = texts[texts.notna() & found.isna()]
    if len(bad):
        raise ValueError(f"must hold {what}, received {str(bad.iloc[0])!r} in row {bad.index[0]}")


def _encoded(series: Any, column: Column, place: str) -> tuple[Array, Column]:
    try:
        if column.kind in CODED:
            return _codes(words(series, column.missing), column)
        if column.kind == "number":
            found = numbers(series, column.missing).to_numpy()
        else:
            found = seconds(series, column.missing, column.date_format).to_numpy()
        if np.isinf(found).any():
            row = series.index[np.flatnonzero(np.isinf(found))[0]]
            raise ValueError(f"must hold finite numbers, received {series[row]} in row {row}")
    except (ValueError, OverflowError) as error:
        raise DataError(f"{place}: column {column.name!r} {error}") from error
    return found, column


def _codes(texts: Any, column: Column) -> tuple[Array, Column]:
    texts = texts.replace(_spelled(set(texts.dropna()), column))
    found = set(texts.dropna())
    new = sorted(found.difference(column.values))
    if new and column.kind == "ordinal":
        close = nearest(new[0], column.values)
        meant = f", did you mean {close!r}?" if close else ""
        raise ValueError(f"must hold {', '.join(column.values)}, received {new[0]!r}{meant}")
    values = (*column.values, *new)
    code = {word: float(place) for place, word in enumerate(values)}
    return texts.map(code).to_numpy(np.float64), replace(column, values=values)


def _spelled(found: set[str], column: Column) -> dict[str, str]:
    """Return words that are values of the column in another spelling: of true and false, and of levels' numbers."""
    same = str.casefold if column.kind != "ordinal" else _number
    known = {same(value): value for value in column.values}
    others = found.difference(column.values)
    if column.kind != "ordinal":
        others &= {"True", "False"}  # as they are read where a column holds nothing else
    return {word: known[same(word)] for word in others if same(word) in known}


def _number(word: str) -> float | str:
    try:
        return float(word)
    except ValueError:
        return word


def _words(codes: Array, column: Column) -> Array:
    known = np.array([*column.values, UNSEEN, np.nan], dtype=object)
    index = np.where(np.isnan(codes), len(column.values) + 1, np.minimum(codes, len(column.values)))
    found: Array = known[index.astype(int)]
    return found


def _listed(names: Any) -> str:
    return ", ".join(map(str, names[:12])) + (", ..." if len(names) > 12 else "")
