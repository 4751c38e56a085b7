"""Parquet files with columns of every type: read right, converted with a note, left out with one, or refused."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet

from search_spaces.spec.data import Data
from workloads.arrays import DataError
from workloads.data.sources.tables import read_table

MOMENT = dt.datetime(2024, 2, 29, 12, tzinfo=dt.UTC)
NEW_YORK = dt.timezone(dt.timedelta(hours=-5))
NUMBERS: dict[str, tuple[pa.Array, list[float]]] = {
    "decimals": (pa.array([Decimal("1.25"), None, Decimal("-3")]), [1.25, np.nan, -3]),
    "durations": (pa.array([1500, None, 0], pa.duration("ms")), [1.5, np.nan, 0]),
    "times of day": (pa.array([dt.time(1, 0, 0, 500000), None, dt.time(0)]), [3600.5, np.nan, 0]),
    "booleans": (pa.array([True, None, False]), [1, np.nan, 0]),
    "unsigned": (pa.array([2**64 - 1, 1, 0], pa.uint64()), [2.0**64, 1, 0]),
    "half": (pa.array(np.float16([1.5, 2, 3])), [1.5, 2, 3]),
    "texts": (pa.array(["1.5", "2", None], pa.large_string()), [1.5, 2, np.nan]),
    "whole and missing": (pa.array([1, None, 3]), [1, np.nan, 3]),
}
DATES: dict[str, pa.Array] = {
    "in a zone": pa.array([MOMENT.astimezone(NEW_YORK)] * 3, pa.timestamp("us", "America/New_York")),
    "in UTC": pa.array([MOMENT] * 3, pa.timestamp("ns", "UTC")),
    "without a zone": pa.array([MOMENT.replace(tzinfo=None)] * 3, pa.timestamp("s")),
}
LEFT_OUT: dict[str, tuple[pa.Array, str]] = {
    "lists": (pa.array([[1], [2, 3], None]), "column 'a' holds lists, which are no feature"),
    "records": (pa.array([{"k": 1}] * 3), "column 'a' holds records"),
    "bytes": (pa.array([b"x"] * 3), "column 'a' holds bytes"),
    "nothing": (pa.nulls(3), "column 'a' is empty"),
}


def read(folder: Path, column: Any, **more: Any) -> Any:
    table = pa.table({"a": column, "b": [1.0, 2.0, 3.0], "y": ["u", "v", "u"]})
    parquet.write_table(table, folder / "t.parquet")
    data = Data(parquet=str(folder / "t.parquet"), target="y", **more)
    return read_table(str(folder / "t.parquet"), data)


@pytest.mark.parametrize("case", NUMBERS)
def test_numbers_of_every_type(tmp_path: Path, case: str) -> None:
    column, meant = NUMBERS[case]
    found = read(tmp_path, column)
    assert found.columns[0].kind == "number"
    np.testing.assert_array_equal(found.x[:, 0], meant)
    assert len(found.notes) == (case in ("durations", "times of day", "unsigned"))


@pytest.mark.parametrize("case", DATES)
def test_moments_of_every_type(tmp_path: Path, case: str) -> None:
    found = read(tmp_path, DATES[case])
    assert found.columns[0].kind == "datetime"
    assert found.x[:, 0].tolist() == [MOMENT.timestamp()] * 3


@pytest.mark.parametrize("case", LEFT_OUT)
def test_what_is_no_feature_is_left_out_and_told(tmp_path: Path, case: str) -> None:
    column, note = LEFT_OUT[case]
    found = read(tmp_path, column)
    assert [each.name for each in found.columns] == ["b"]
    assert note in found.notes[0]
    assert read(tmp_path, column, columns={"a": "drop"}).notes == ()


def test_numbers_that_name_something_stay_exact(tmp_path: Path) -> None:
    found = read(tmp_path, pa.array([2**63 - 1, None, 2**63 - 2]), columns={"a": "category"})
    assert found.columns[0].values == (str(2**63 - 2), str(2**63 - 1))


def test_an_ordered_category_is_an_ordinal(tmp_path: Path) -> None:
    column = pa.DictionaryArray.from_arrays(pa.array([1, 0, None], pa.int8()), ["lo", "hi"], ordered=True)
    found = read(tmp_path, column)
    assert (found.columns[0].kind, found.columns[0].values) == ("ordinal", ("lo", "hi"))


def test_doubled_columns_are_refused_and_an_index_is_no_feature(tmp_path: Path) -> None:
    table = pa.Table.from_arrays([pa.array([1]), pa.array([2]), pa.array(["u"])], names=["a", "a", "y"])
    parquet.write_table(table, tmp_path / "d.parquet")
    with pytest.raises(DataError, match="two columns are named 'a': rename one"):
        read_table(str(tmp_path / "d.parquet"), Data(parquet=str(tmp_path / "d.parquet"), target="y"))
    frame = pd.DataFrame({"a": [1.0, 2, 3], "y": ["u", "v", "u"]}, index=pd.Index([7, 8, 9], name="key"))
    frame.to_parquet(tmp_path / "i.parquet")
    found = read_table(str(tmp_path / "i.parquet"), Data(parquet=str(tmp_path / "i.parquet"), target="y"))
    assert [column.name for column in found.columns] == ["a"]
