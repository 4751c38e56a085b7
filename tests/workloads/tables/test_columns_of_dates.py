"""Columns of dates in tables: one format for a column, found by all of its rows or asked for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from search_spaces.spec.data import Data
from workloads.arrays import Column, DataError
from workloads.data.prepare import prepare
from workloads.data.sources.tables import read_table
from workloads.tables.columns import encode, seconds
from workloads.tables.dates import written

DAYS = pd.date_range("1984-01-20", periods=40, freq="11D")
FORMS = [
    "%Y-%m-%d",
    "%d/%m/%Y",
    "%m/%d/%Y",
    "%d.%m.%Y",
    "%d-%b-%Y",
    "%B %d, %Y",
    "%d/%m/%y",
    "%d/%m/%Y %H:%M",
    "%Y/%m/%d",
]


def rows_of(folder: Path, texts: list[str], **more: object) -> tuple[str, Data]:
    frame = pd.DataFrame({"born": texts, "x": range(len(texts)), "y": ["u", "v"] * (len(texts) // 2)})
    frame.to_csv(folder / "t.csv", index=False)
    return str(folder / "t.csv"), Data.model_validate({"csv": str(folder / "t.csv"), "target": "y", **more})


@pytest.mark.parametrize("form", FORMS)
def test_a_column_s_format_is_found_by_all_rows(tmp_path: Path, form: str) -> None:
    path, data = rows_of(tmp_path, [f"{day:{form}}" for day in DAYS])
    found = read_table(path, data)
    born = found.columns[0]
    assert (born.name, born.kind) == ("born", "datetime")
    assert (pd.to_datetime(found.x[:, 0], unit="s") == DAYS).all()
    assert [form in note for note in found.notes] == ([] if form == "%Y-%m-%d" else [True])
    few = pd.DataFrame({"born": [f"{pd.Timestamp('2024-03-04'):{form}}"], "x": [1]})
    again, _ = encode(few, found.columns, "further rows")
    assert pd.Timestamp(again[0, 0], unit="s") == pd.Timestamp("2024-03-04"), "by the format of the first file"


def test_days_and_months_are_never_guessed_row_by_row(tmp_path: Path) -> None:
    texts = ["03/04/2024", "13/04/2024", "12/04/2024", "25/04/2024"]
    assert pd.to_datetime(seconds(pd.Series(texts), ()), unit="s").dt.month.tolist() == [4, 4, 4, 4]
    path, data = rows_of(tmp_path, [f"01/{month:02d}/2020" for month in range(1, 13)])
    with pytest.raises(
        DataError, match=r"'01/02/2020' is 1 February .*: say data.columns: \{born: \{datetime: FORMAT\}\}"
    ):
        read_table(path, data)
    said = data.model_copy(update={"columns": {"born": {"datetime": "%d/%m/%Y"}}})
    found = read_table(path, said)
    assert pd.to_datetime(found.x[:, 0], unit="s").month.tolist() == list(range(1, 13))


def test_a_date_of_another_format_is_named(tmp_path: Path) -> None:
    texts = ["31/12/2019"] * 3 + ["2020-01-05"]
    path, data = rows_of(tmp_path, texts, columns={"born": "datetime"})
    with pytest.raises(DataError, match="is no date in the format of the others, "):
        read_table(path, data)
    column = Column("born", "datetime", date_format="%d/%m/%Y")
    with pytest.raises(DataError, match=r"dates such as 29/02/2024 \(%d/%m/%Y\), received '2020-01-05' in row 3"):
        encode(pd.DataFrame({"born": texts}), [column], "rows")


@pytest.mark.parametrize("words", [["a 1/2/03 mix", "red"], ["1.2.2020.7", "1.2.2020.8"], ["in 1999", "by 2004"]])
def test_words_with_years_are_no_dates(tmp_path: Path, words: list[str]) -> None:
    path, data = rows_of(tmp_path, words * 20)
    assert read_table(path, data).columns[0].kind == "category"


def test_a_test_file_is_read_by_the_format_of_the_first(tmp_path: Path) -> None:
    _, data = rows_of(tmp_path, [f"{day:%d/%m/%Y}" for day in DAYS])
    own = tmp_path / "test.csv"
    pd.DataFrame({"born": ["03/04/2024"] * 4, "x": range(4), "y": ["u", "v"] * 2}).to_csv(own, index=False)
    found = prepare(data.model_copy(update={"test": str(own)}))
    assert (pd.to_datetime(found.test.x[:, 0], unit="s") == pd.Timestamp("2024-04-03")).all()


@pytest.mark.parametrize("form", ["%d/%m/%Y", "%Y-Q%q", "ISO8601", ""])
def test_dates_are_written_as_they_are_read(form: str) -> None:
    days = pd.Series([pd.Timestamp("2024-04-01"), pd.NaT])
    texts = written(days, form)
    assert texts.isna().tolist() == [False, True]
    np.testing.assert_array_equal(seconds(texts, (), form), [days[0].timestamp(), np.nan])
