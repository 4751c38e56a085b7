"""Determines the kind of each column of a table, as declared in the spec or inferred from its values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from workloads.arrays import Column, DataError
from workloads.tables.columns import are_clocks, coded, counts_of, numbers, words
from workloads.tables.dates import (
    ISO,
    DateFormatError,
    date_format,
    looks_like_dates,
    may_be_dates,
    some_zoned,
    with_century,
)
from workloads.tables.mixtures import mixture
from workloads.tables.number_words import styles
from workloads.tables.units import MEASURE, SAMPLE, NumberForm, measured

if TYPE_CHECKING:
    from search_spaces.spec.data import Data

ISO_DATE = r"\d{4}-\d{1,2}(-\d{1,2}([T ]\d{1,2}:\d{2}.*)?)?"
NUM_DAYS, EARLIEST_DAY, LATEST_DAY = 1000, 1900_01_01, 2099_12_31
DAYS = 'holds days such as 20240131, which are read as numbers (say {datetime: "%Y%m%d"})'
NAMES_SHARE, NAMES_ROWS = 0.95, 20
"""A column names its rows, and is left out, where more of its words than this share and this number differ."""
TEXT_WORDS, TEXT_SHARE, TEXT_VALUES = 3, 0.5, 20
"""A column is text with this many words on average, and more different values than this share and this number."""


def columns_of(frame: Any, data: Data, place: str) -> tuple[tuple[Column, ...], tuple[str, ...]]:
    """Return the columns that are features, in the frame's order, and messages on those that are left out.

    Raises DataError where no column is left.
    """
    import pandas as pd

    found, notes = [], []
    for name in frame.columns:
        declared = data.columns.get(name)
        missing = tuple(data.missing_in(name))
        unit = _number_form(frame[name], missing, data, place) if declared in (None, "number") else None
        if unit is not None:
            declared = "number"
        if declared is None and data.header and _is_index(frame[name]):
            notes.append(f"{place}: column {name!r} has no name and counts the rows: it is left out")
            continue
        try:
            kind, order, reason = _told(frame[name], missing) if declared is None else _declared(declared)
        except ValueError as error:
            raise DataError(f"{place}: column {name!r} {error}") from error
        if kind != "drop":
            form = _date_format(frame[name], missing, declared, place) if kind == "datetime" else ""
            found.append(Column(name, kind, order, missing, form, str(unit or "")))
            if form not in ("", ISO):
                notes.append(f"{place}: column {name!r} holds dates in the format {form}")
            if form == ISO and some_zoned(pd.Series(coded(frame[name], missing)[1], dtype=object).dropna()):
                notes.append(
                    f"{place}: column {name!r} holds times without a zone beside others: they count as UTC"
                )
            if reason:
                notes.append(f"{place}: column {name!r} {reason}")
            if unit is not None:
                notes.append(f"{place}: column {name!r} holds numbers with the unit {unit.unit!r}")
        elif reason:
            notes.append(f"{place}: column {name!r} {reason}: it is left out (data.columns can say otherwise)")
    if not found:
        raise DataError(f"{place}: must have a column that can be a feature beside the target {data.target!r}")
    return tuple(found), tuple(notes)


def _declared(rule: Any) -> tuple[Any, tuple[str, ...], str]:
    if isinstance(rule, Mapping) and "datetime" in rule:
        return "datetime", (), ""
    if isinstance(rule, Mapping):
        return "ordinal", tuple(map(str, rule["ordinal"])), ""
    return rule, (), ""


def _told(series: Any, missing: Sequence[str]) -> tuple[Any, tuple[str, ...], str]:
    """Return the kind (``drop``: left out), an ordinal's order, and what is odd, or why the column is left out.

    Raises ValueError for words that may be none.
    """
    import pandas as pd

    if series.isna().all():
        return "drop", (), "is empty"
    if pd.api.types.is_numeric_dtype(series):
        return "number", (), DAYS if _may_be_days(series) else ""
    if pd.api.types.is_datetime64_any_dtype(series):
        return "datetime", (), ""
    if isinstance(series.dtype, pd.CategoricalDtype) and series.cat.ordered:
        return "ordinal", tuple(map(str, series.cat.categories)), ""
    counts = counts_of(series, missing)
    return _kind_of_words(str(series.name), counts) if len(counts) else ("drop", (), "is empty")


def _is_index(series: Any) -> bool:
    """Return whether a column is the index of a DataFrame, which pandas writes first and without a name."""
    import pandas as pd

    if series.name != "c0" or not pd.api.types.is_integer_dtype(series) or series.iloc[0] not in (0, 1):
        return False
    return len(series) > 1 and bool((series.diff().iloc[1:] == 1).all())


def _may_be_days(series: Any) -> bool:
    """Return whether the first whole numbers of a column are all days such as 20240131."""
    import pandas as pd

    if not pd.api.types.is_integer_dtype(series):
        return False
    first = series[:NUM_DAYS].dropna()
    low, high = EARLIEST_DAY, LATEST_DAY
    if first.nunique() < 2 or not first.between(low, high).all():
        return False
    return bool(pd.to_datetime(first.astype(str), format="%Y%m%d", errors="coerce").notna().all())


def _kind_of_words(name: str, counts: Any) -> tuple[Any, tuple[str, ...], str]:
    """Return what ``_told`` does of words, a Series of rows by word."""
    import pandas as pd

    num_rows, num_values, texts = int(counts.sum()), len(counts), pd.Series(counts.index, dtype=object)
    try:
        numbers(texts, ())
        return "number", (), "holds times of day or durations, read as seconds" if are_clocks(texts) else ""
    except ValueError:
        pass
    if bool(texts.str.fullmatch(ISO_DATE).all()) or _are_dates(texts):
        return "datetime", (), ""
    odd = mixture(counts)
    if odd is not None and (fault := odd.fault(name, f"data.columns: {{{name}: category}}")):
        raise ValueError(fault)
    blanks = float((texts.str.count(r"\s+").to_numpy() * counts.to_numpy()).sum()) / num_rows
    if blanks + 1 >= TEXT_WORDS and num_values > max(TEXT_SHARE * num_rows, TEXT_VALUES):
        return "text", (), ""
    if num_values > max(NAMES_SHARE * num_rows, NAMES_ROWS):
        names = f"names its rows ({num_values} values in {num_rows} rows)"
        return "drop", (), names if odd is None else f"{odd.note()}, which {names}"
    return "category", (), "" if odd is None else odd.note()


def _number_form(series: Any, missing: Sequence[str], data: Data, place: str) -> NumberForm | None:
    """Return how a column of texts writes numbers with one unit; None for others. Raises DataError if uncertain."""
    import pandas as pd

    if pd.api.types.is_numeric_dtype(series) or pd.api.types.is_datetime64_any_dtype(series):
        return None
    if not words(series[:SAMPLE], missing).dropna().str.fullmatch(MEASURE).all():
        return None
    texts = pd.Series(coded(series, missing)[1], dtype=object, name=series.name).dropna()
    try:
        found = measured(texts, styles(data.decimal, data.thousands)) if len(texts) else None
    except ValueError as error:
        raise DataError(f"{place}: {error}") from error
    if found is None:
        return None
    inferred = found.certain and not data.streaming  # of a stream not all cells are looked at
    return found.form if inferred or data.columns.get(series.name) == "number" else None


def _are_dates(texts: Any) -> bool:
    """Return whether all texts are dates in one format, or in one of several that differ."""
    likely = looks_like_dates(texts)
    if not likely and not may_be_dates(texts):
        return False
    try:
        date_format(texts)
    except DateFormatError as error:
        return len(error.forms) >= (1 if likely else 2)
    return True


def _date_format(series: Any, missing: Sequence[str], declared: Any, place: str) -> str:
    """Return the format of a column of dates, as declared or as all of its cells have it; empty without words.

    Raises DataError where there is none, or several that give different dates.
    """
    import pandas as pd

    form = str(declared["datetime"]) if isinstance(declared, Mapping) else None
    if form is not None and "%y" not in form:
        return form
    if pd.api.types.is_datetime64_any_dtype(series):
        return ""
    texts = pd.Series(coded(series, missing)[1], dtype=object).dropna()
    if len(texts) == 0:
        return ""
    if bool(texts.str.fullmatch(ISO_DATE).all()):
        return ISO
    try:
        return with_century(texts, form or date_format(texts))
    except DateFormatError as error:
        how = f"say data.columns: {{{series.name}: {{datetime: FORMAT}}}}, or category, or drop"
        raise DataError(f"{place}: column {series.name!r}: {error}: {how}") from error


def described(columns: Sequence[Column]) -> Iterator[str]:
    """Yield one line for each kind that occurs: ``3 categories: sex, embarked, deck``."""
    for kind in dict.fromkeys(column.kind for column in columns):
        names = [column.name for column in columns if column.kind == kind]
        plural = {"category": "categories", "text": "texts"}.get(kind, f"{kind}s")
        yield f"{len(names)} {kind if len(names) == 1 else plural}: {', '.join(names)}"
