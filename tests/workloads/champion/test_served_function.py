"""Rows that a served function gets are those that its ``predict`` was trained with, however a frame has them."""

from __future__ import annotations

import re
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pytest

from workloads.arrays import Column
from workloads.champion.own_function import _told
from workloads.champion.served_function import rows
from workloads.models.custom.run_parts.rows import frame
from workloads.tables.columns import encode

MARKS = ("?", "-9")
COLUMNS = (
    Column("zone", "category", ("1", "2"), MARKS),
    Column("paid", "category", ("false", "true"), MARKS),
    Column("word", "category", ("caf\u00e9", "tea"), MARKS),
    Column("grade", "ordinal", ("1", "2", "3"), MARKS),
    Column("size", "number", missing=MARKS),
    Column("day", "datetime", missing=MARKS, date_format="%d.%m.%Y"),
)
AS_NUMBERS = {
    "day": pd.to_datetime(["2024-03-01T01:00+01:00", None, "2024-03-02T00:00+00:00"], utc=True),
    "zone": [1, 2.0, np.nan],
    "paid": [True, False, None],
    "word": ["cafe\u0301 ", "?", "tea"],
    "grade": [3, 1, -9],
    "size": [1, -9, 3],
    "more": [0, 0, 0],
}
AS_WORDS = {
    "day": ["01.03.2024", "?", "02.03.2024"],
    "zone": ["1", "2", "?"],
    "paid": ["true", "false", ""],
    "word": ["caf\u00e9", None, " tea"],
    "grade": ["3", "1", "-9"],
    "size": ["1", "?", "3"],
}


@pytest.mark.parametrize("given", [AS_NUMBERS, AS_WORDS], ids=["numbers", "words"])
def test_rows_are_as_those_of_the_training(given: dict[str, Any]) -> None:
    table = pd.DataFrame(given)
    trained = frame(encode(table, COLUMNS, "test")[0], COLUMNS)
    served = rows(table, _told(COLUMNS))
    pd.testing.assert_frame_equal(served, trained)
    assert served["zone"].tolist()[:2] == ["1", "2"] and served["paid"].tolist()[:2] == ["true", "false"]
    assert served["size"].dtype == "float64" and np.isnan(served["size"][1])


def test_numbers_with_a_unit_are_no_numbers_there() -> None:
    told = _told((Column("size", number_form="1234.5 kg"),))
    assert rows(pd.DataFrame({"size": [2]}), told)["size"].tolist() == [2.0]
    with pytest.raises(ValueError, match="2 kg"):
        rows(pd.DataFrame({"size": ["2 kg"]}), told)


@pytest.mark.parametrize(
    ("form", "texts"),
    [
        ("%Y-Q%q", ["2024-Q2", "2023-Q4", "?"]),
        ("%d.%m.%y until 2030", ["01.03.31", "02.03.29", None]),
        ("%d %b %Y", ["1 Mrz 2024", "2 mai 2024", " "]),
        ("%G-W%V", ["2024-W09", "2024-W10", "-9"]),
        ("%Y-%m-%d %H:%M", ["2024-03-01 24:00", "2024-03-02 10:30", "?"]),
        ("%Y%m%d", [20240301, 20240302, -9]),
        ("ISO8601", ["2024-03-01T01:00+01:00", "2024-03-02", None]),
    ],
)
def test_dates_of_every_form_are_read_as_in_the_training(form: str, texts: list[Any]) -> None:
    columns = (Column("day", "datetime", missing=MARKS, date_format=form),)
    table = pd.DataFrame({"day": pd.Series(texts, dtype=object)})
    served = rows(table, _told(columns))
    pd.testing.assert_frame_equal(served, frame(encode(table, columns, "test")[0], columns))
    assert served["day"].isna().tolist() == [False, False, True]
    with pytest.raises(ValueError, match=rf"column 'day': must hold dates \({re.escape(form)}\), received 'soon'"):
        rows(pd.DataFrame({"day": ["soon"]}), _told(columns))


def test_dates_that_are_moments_already_stay_and_empty_rows_are_none() -> None:
    told = _told((Column("day", "datetime", date_format="%d.%m.%Y"),))
    mixed = pd.Series([pd.Timestamp("2024-03-01"), date(2024, 3, 2), "03.03.2024", None], dtype=object)
    days = rows(pd.DataFrame({"day": mixed}), told)["day"]
    assert days.dt.day.tolist()[:3] == [1, 2, 3] and days.isna().tolist() == [False] * 3 + [True]
    assert rows(pd.DataFrame({"day": pd.Series([None, None], dtype=object)}), told)["day"].isna().all()
    assert not len(rows(pd.DataFrame({"day": pd.Series([], dtype=object)}), told))
