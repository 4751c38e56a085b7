"""Converts a table's columns into one matrix of numbers and back."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np

from search_spaces.types.faults import nearest
from workloads.arrays import Array, Arrays, Column, DataError
from workloads.tables.date_texts import utc_times
from workloads.tables.dates import ISO, date_format, written
from workloads.tables.units import SAMPLE, NumberForm

CODED = ("category", "ordinal", "text")
"""Kinds whose values are words: the matrix holds their indices in ``Column.values``."""
NUMERIC = ("number", "ordinal", "datetime")
"""Kinds that are prepared as numbers."""
LARGEST = 1e150
"""Size beyond which the squares of numbers, and so their standard deviation, are infinite."""
SMALLER = f"numbers of at most {LARGEST:g}, whose squares are finite"
CLOCK = r"(\d{1,3}):([0-5]\d)(?::([0-5]\d(?:[.,]\d+)?))?(?: ?([AaPp])\.?[Mm]\.?)?"
"""Pattern of a time of day or a duration, which is read as seconds."""
UNSEEN = "(a value that is not in the search's data)"


class OddCell(ValueError):
    """Error: a cell holds what its column's kind does not allow; ``row`` is its label in the frame's index."""

    def __init__(self, what: str, received: object, row: Any) -> None:
        super().__init__(f"must hold {what}, received {received} in row {row}")
        self.told, self.row = f"must hold {what}, received {received}", row


def _in_row(row: Any) -> str:
    return f"row {row}"


def encode(
    frame: Any,
    columns: Sequence[Column],
    place: str,
    hint: str = "",
    where: Callable[[Any], str] = _in_row,
) -> tuple[Array, tuple[Column, ...]]:
    """Return a DataFrame's rows as float64 (rows, columns), and the columns with new words added to their values.

    The matrix has each column in one piece of memory, as most of its uses are by column. Further columns of the
    frame are ignored. Raises DataError, which names ``place``, where a column is missing or holds a value that its
    kind does not allow, with the ``hint``, and the row's label in the frame as ``where`` names it.
    """
    gone = [column.name for column in columns if column.name not in frame.columns]
    if gone:
        close = nearest(gone[0], map(str, frame.columns))
        meant = f", did you mean {close!r}?" if close else ""
        raise DataError(f"{place}: must have the column {gone[0]!r}, it has {_listed(frame.columns)}{meant}")
    x, found = np.empty((len(frame), len(columns)), order="F"), []
    for k, column in enumerate(columns):
        try:
            x[:, k], known = _encoded(frame[column.name], column)
        except (ValueError, OverflowError) as error:
            told = f"{error.told} in {where(error.row)}" if isinstance(error, OddCell) else str(error)
            raise DataError(f"{place}: column {column.name!r} {told}{hint}") from error
        found.append(known)
    return x, tuple(found)


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
    given, own, whole = x, list(columns), list(columns)
    for k, column in enumerate(columns):
        if column.kind not in ("category", "text"):
            continue
        codes = x[rows, k]
        counts = np.bincount(codes[~np.isnan(codes)].astype(int), minlength=len(column.values))
        seen, order = np.flatnonzero(counts), np.argsort(counts == 0, kind="stable")
        values = tuple(column.values[i] for i in order)
        if values != column.values:
            x = x.copy(order="K") if x is given else x
            there = ~np.isnan(x[:, k])
            x[there, k] = np.argsort(order)[x[there, k].astype(int)]
        whole[k], own[k] = replace(column, values=values), replace(column, values=values[: len(seen)])
    return x, tuple(own), tuple(whole)


def common_codes(parts: Mapping[str, Arrays], same: Callable[[str], str] | None = None) -> dict[str, Array]:
    """Return the splits' matrices with one code for each word, whichever file it comes from.

    Each split numbers the words that the search has not seen for itself, so that equal codes may be unequal words.
    Words for which ``same`` returns one text have one code.
    """
    found = {name: part.x for name, part in parts.items()}
    first = next(iter(parts.values())).columns
    for k, column in enumerate(first):
        if column.kind not in CODED:
            continue
        if same is None and _agree([part.columns[k].values for part in parts.values()]):
            continue
        common: dict[str, float] = {}
        for name, part in parts.items():
            found[name] = part.x.copy() if found[name] is part.x else found[name]
            keys = part.columns[k].values if same is None else map(same, part.columns[k].values)
            codes = np.array([common.setdefault(key, len(common)) for key in keys])
            there = ~np.isnan(part.x[:, k])
            found[name][there, k] = codes[part.x[there, k].astype(int)] if there.any() else ()
    return found


def _agree(numbered: Sequence[Sequence[str]]) -> bool:
    """Return whether a word has the same number in each of these, as all begin alike."""
    longest = max(numbered, key=len)
    return all(values == longest[: len(values)] for values in numbered)


def missing_counts(parts: Iterable[Array], columns: Sequence[Column]) -> Mapping[str, int]:
    """Return the number of missing values by column, for columns of any kind that have some."""
    counts = sum(np.isnan(x).sum(axis=0) for x in parts) if columns else ()
    return {column.name: int(count) for column, count in zip(columns, counts, strict=True) if count}


def words(series: Any, missing: Sequence[str]) -> Any:
    """Return a Series as text without surrounding blanks; missing values are None, whole numbers have no fraction.

    A value counts as missing if it is empty or one of ``missing``.
    """
    import pandas as pd

    if series.dtype == "str":
        places, different = coded(series, missing)
        return pd.Series(different[places], series.index, name=series.name)
    texts = series.astype(object).where(series.notna(), None).map(_word, na_action="ignore")
    return texts.where(~texts.isin(["", *missing]), None)


def coded(series: Any, missing: Sequence[str]) -> tuple[Array, Array]:
    """Return the words of a Series as ``words`` gives them, each text once: its place in every row, and the words.

    The last one is None, the place of missing values; texts that differ in blanks alone may be several equal words.
    """
    if series.dtype != "str":
        places, different = words(series, missing).factorize()
        return places, np.array([*different, None], dtype=object)
    places, different = series.factorize()
    absent = {"", *missing}
    known = [None if (word := composed(text)) in absent else word for text in different]
    return places, np.array([*known, None], dtype=object)


def counts_of(series: Any, missing: Sequence[str]) -> Any:
    """Return how many rows have each word, a Series by word in the order of the first rows with them."""
    import pandas as pd

    places, different = coded(series, missing)
    rows = np.bincount(places + 1, minlength=len(different))[1:]
    return pd.Series(rows).groupby(different[:-1], sort=False).sum()


def numbers(series: Any, missing: Sequence[str], form: str = "") -> Any:
    """Return a Series as float64, NaN where missing; texts may be numbers with the unit in ``form``.

    Raises ValueError with the first value that is no number.
    """
    import pandas as pd

    if pd.api.types.is_numeric_dtype(series):
        plain = series if series.dtype == "float64" else series.astype("Float64").astype("float64")
        marks = _numbers_among(tuple(missing))
        return plain.mask(plain.isin(marks)) if len(marks) else plain

    def convert(texts: Any) -> Any:
        return _as_numbers(NumberForm.of(form).plain(texts) if form else texts)

    return _by_word(series, coded(series, missing), convert, f"numbers such as {form}" if form else "numbers")


def seconds(series: Any, missing: Sequence[str], form: str = "") -> Any:
    """Return a Series of dates as seconds since 1970 (UTC), NaN where missing.

    Texts are dates in the format ``form``, by default the one of all. Raises ValueError with the first other one.
    """
    import pandas as pd

    if pd.api.types.is_datetime64_any_dtype(series):
        return _since_1970(pd.to_datetime(series, utc=True))
    places, different = coded(series, missing)
    texts = pd.Series(different, dtype=object).dropna()
    form = form or (date_format(texts) if len(texts) else ISO)
    example = written(pd.Series([pd.Timestamp("2024-02-29 13:45")]), form)[0]
    what = f"dates such as {example} ({form})"
    return _by_word(series, (places, different), lambda texts: _since_1970(utc_times(texts, form)), what)


@cache
def _numbers_among(words: Sequence[str]) -> Sequence[float]:
    import pandas as pd

    return tuple(pd.to_numeric(pd.Series(words, dtype=object), errors="coerce").dropna())


def _since_1970(moments: Any) -> Any:
    import pandas as pd

    begin = pd.Timestamp(0, tz="UTC").as_unit("s")  # nanoseconds end in 2262
    return ((moments - begin) / pd.Timedelta(seconds=1)).astype("float64")


def composed(text: str) -> str:
    """Return a text without surrounding blanks; letters and their accents are one character, as they are typed."""
    return unicodedata.normalize("NFC", text).strip()


def are_clocks(texts: Any) -> bool:
    """Return whether all ``texts`` but missing ones, a Series, are times of day or durations, such as 10:30."""
    there = texts.dropna()
    return bool(len(there)) and all(bool(part.str.fullmatch(CLOCK).all()) for part in (there[:SAMPLE], there))


def _clock_seconds(texts: Any) -> Any:
    parts = texts.str.extract(f"^{CLOCK}$")
    hours, minutes, seconds = (parts[k].str.replace(",", ".").astype("float64") for k in range(3))
    afternoon = parts[3].str.lower().map({"a": 0.0, "p": 12.0})
    hours = hours.where(afternoon.isna(), hours % 12 + afternoon)
    return 3600 * hours + 60 * minutes + seconds.fillna(0)


def _as_numbers(texts: Any) -> Any:
    import pandas as pd

    if are_clocks(texts):
        return _clock_seconds(texts)
    return pd.to_numeric(texts.replace({"True": "1", "False": "0"}), errors="coerce").astype("float64")


def _word(value: Any) -> str:
    whole = isinstance(value, float) and value.is_integer()
    return composed(str(int(value) if whole else value))


def _by_word(series: Any, found: tuple[Array, Array], convert: Callable[[Any], Any], what: str) -> Any:
    """Return a Series, whose words are ``coded`` as ``found``, with each different word converted once.

    Raises ValueError, which says ``what`` there must be, with the first word that becomes NaN.
    """
    import pandas as pd

    places, different = found
    texts = pd.Series(different, dtype=object)
    values = convert(texts)
    bad = np.flatnonzero((texts.notna() & values.isna()).to_numpy()[places])
    if len(bad):
        word, row = str(different[places[bad[0]]]), series.index[bad[0]]
        raise OddCell(what, repr(word), row)
    return pd.Series(values.to_numpy()[places], series.index, name=series.name)


def _encoded(series: Any, column: Column) -> tuple[Array, Column]:
    if column.kind in CODED:
        return _codes(*coded(series, column.missing), column)
    if column.kind == "number":
        found = numbers(series, column.missing, column.number_form).to_numpy()
    else:
        found = seconds(series, column.missing, column.date_format).to_numpy()
    if (np.abs(found) > LARGEST).any():
        first = np.flatnonzero(np.abs(found) > LARGEST)[0]
        what = SMALLER if np.isfinite(found[first]) else "finite numbers"
        raise OddCell(what, series.iloc[first], series.index[first])
    return found, column


def _codes(places: Array, different: Array, column: Column) -> tuple[Array, Column]:
    found = set(different) - {None}
    same = spelled(found, column)
    found = {same.get(word, word) for word in found}
    new = sorted(found.difference(column.values))
    if new and column.kind == "ordinal":
        close = nearest(new[0], column.values)
        meant = f", did you mean {close!r}?" if close else ""
        raise ValueError(f"must hold {', '.join(column.values)}, received {new[0]!r}{meant}")
    values = (*column.values, *new)
    code = {word: float(place) for place, word in enumerate(values)} | {None: np.nan}
    codes = np.array([code[same.get(word, word)] for word in different])
    return codes[places], replace(column, values=values)


def spelled(found: set[str], column: Column) -> dict[str, str]:
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
