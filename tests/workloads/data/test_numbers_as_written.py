"""Numbers and codes as people of many countries write them: the right value, or what to write."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet

from search_spaces.spec.data import Data, Split
from workloads.arrays import DataError
from workloads.data.prepare import prepare
from workloads.data.sources.tables import groups_of, read_frame, read_table
from workloads.data.streaming.files import table_files
from workloads.tables.columns import decode


def written(folder: Path, cells: list[str], name: str = "t.csv", separator: str = "|") -> str:
    """Return a table of the cells in column ``a``, repeated, beside a class."""
    rows = [separator.join((str(k % 7), cells[k % len(cells)], "uv"[k % 2])) for k in range(30)]
    (folder / name).write_text("\n".join([separator.join("iay"), *rows]) + "\n")
    return str(folder / name)


def read(path: str, **said: Any) -> tuple[list[Any], tuple[str, ...]]:
    """Return the first values of column ``a``, and the notes."""
    raw = read_table(path, Data(csv=path, target="y", **said))
    return decode(raw.x, raw.columns)["a"].tolist(), raw.notes


AMOUNTS: dict[str, tuple[list[str], list[float]]] = {
    "a minus of typesetters": (["−5", "3", "−7.5"], [-5, 3, -7.5]),
    "a dash": (["–5", "- 3", "+ 7.5"], [-5, -3, 7.5]),
    "accountants' parentheses": (["(1,234.50)", "2,345.10", "(12.00)"], [-1234.5, 2345.1, -12]),
    "a minus behind": (["12,50-", "13,20", "1.250,00-"], [-12.5, 13.2, -1250]),
    "lakhs and crores": (["1,23,456", "1,02,34,567", "45,678"], [123456, 10234567, 45678]),
    "a Swiss apostrophe": (["1’234.50", "12’345.00"], [1234.5, 12345]),
    "thin blanks": (["1\u2009234,5", "12\u2009345,5"], [1234.5, 12345.5]),
    "full width": (["１２", "－３．５", "５６"], [12, -3.5, 56]),
    "a decimal comma after naught": (["0,123", "0,456"], [0.123, 0.456]),
}


@pytest.mark.parametrize("case", AMOUNTS)
def test_amounts(tmp_path: Path, case: str) -> None:
    cells, meant = AMOUNTS[case]
    path = written(tmp_path, cells)
    assert read(path)[0][: len(meant)] == meant
    files = table_files(Data(csv=path, target="y", streaming=True))
    streamed = next(files.tables(files.pieces[0])).to_pandas()["a"].astype(float)
    assert streamed.tolist()[: len(meant)] == meant


def test_numbers_of_a_list_are_no_amounts(tmp_path: Path) -> None:
    assert read(written(tmp_path, ["(1)", "(2)", "(3)"]))[0][:3] == ["(1)", "(2)", "(3)"]
    assert read(written(tmp_path, ["2-", "1", "3-"]))[0][:3] == ["2-", "1", "3-"], "marks of a school"


def test_dots_beside_semicolons_are_asked_for(tmp_path: Path) -> None:
    path = written(tmp_path, ["1.234", "2.345"], separator=";")
    with pytest.raises(DataError, match=r"'1.234', which may be 1.234 .* or 1234 .*: say data.decimal"):
        read(path)
    assert read(path, decimal=",")[0][:2] == [1234, 2345]
    assert read(path, decimal=".")[0][:2] == [1.234, 2.345]
    assert read(written(tmp_path, ["1.25", "2.345"], separator=";"))[0][:2] == [1.25, 2.345]


FURTHER: dict[str, tuple[list[str], list[str], list[Any]]] = {
    "thousands": (["1.234.567", "2.345"], ["2.345", "1.500"], [2345, 1500]),
    "decimals": (["1,5", "2,25"], ["1,500", "2,345"], [1.5, 2.345]),
    "points": (["1.5", "2.25"], ["1,500.0", "2,345.0"], [1500, 2345]),
    "codes": (["01", "A1", "B2"], ["01", "02"], ["01", "02"]),
    "zeros behind": (["1.50", "x", "2.50"], ["1.50", "2.50"], ["1.50", "2.50"]),
    "truths": (["true", "false", "maybe"], ["true", "false"], ["true", "false"]),
    "only truths": (["TRUE", "FALSE"], ["true", "false"], [1, 0]),
}


@pytest.mark.parametrize("case", FURTHER)
def test_a_further_file_is_read_as_the_first_one(tmp_path: Path, case: str) -> None:
    first, own, meant = FURTHER[case]
    data = Data(csv=written(tmp_path, first), test=written(tmp_path, own, "test.csv"), target="y")
    test = prepare(data).test
    assert decode(test.x, test.columns)["a"].tolist()[:2] == meant


def test_codes_keep_their_zeros_and_all_their_digits(tmp_path: Path) -> None:
    long = ["12345678901234567890", "12345678901234567891", "9007199254740993"]
    for cells in (["01", "1", "2"], long, ["1E5", "100000"]):
        path = written(tmp_path, cells)
        assert read(path, columns={"a": "category"})[0][: len(cells)] == cells
        data = Data(csv=path, target="y", split=Split(group="a"))
        assert set(groups_of(read_frame(path, data)[0], data, path).names) == set(cells)
        found = prepare(Data(csv=path, target="a")) if "1E5" not in cells else None
        assert found is None or set(found.card.classes) == set(cells)
    assert "column 'a' holds numbers beyond 2^53" in read(written(tmp_path, long))[1][-1]
    assert (
        "'a' holds numbers with leading zeros, which are lost" in read(written(tmp_path, ["01234", "90210"]))[1][-1]
    )


def test_levels_of_an_ordinal_are_found_by_their_value(tmp_path: Path) -> None:
    path = written(tmp_path, ["0.5", "1.0", "1.50"])
    for levels in ([0.5, 1.0, 1.5], ["0.5", 1, "1.5"]):
        raw = read_table(path, Data(csv=path, target="y", columns={"a": {"ordinal": levels}}))
        assert raw.x[:3, 1].tolist() == [0, 1, 2]


def test_numbers_that_are_texts_in_a_parquet_file(tmp_path: Path) -> None:
    cells = pa.array(["1.234,5", "−2,5", None] * 10)
    parquet.write_table(pa.table({"a": cells, "y": ["u", "v"] * 15}), tmp_path / "t.parquet")
    raw = read_table(str(tmp_path / "t.parquet"), Data(parquet=str(tmp_path / "t.parquet"), target="y"))
    np.testing.assert_array_equal(raw.x[:3, 0], [1234.5, -2.5, np.nan])


def test_large_unsigned_numbers_beside_missing_ones(tmp_path: Path) -> None:
    table = pa.table({"a": pa.array([2**64 - 1, None, 2**64 - 3] * 10, pa.uint64()), "y": ["u", "v"] * 15})
    parquet.write_table(table, tmp_path / "t.parquet")
    data = Data(parquet=str(tmp_path / "t.parquet"), target="y", columns={"a": "category"})
    assert read_table(str(data.parquet), data).columns[0].values == (str(2**64 - 3), str(2**64 - 1))


def test_a_series_test_file_is_read_as_the_series(tmp_path: Path) -> None:
    def file(name: str, start: str, cells: list[str]) -> str:
        days = pd.date_range(start, periods=len(cells)).strftime("%Y-%m-%d")
        (tmp_path / name).write_text(
            "t,v\n" + "".join(f"{day},{cell}\n" for day, cell in zip(days, cells, strict=True))
        )
        return str(tmp_path / name)

    cells = [f"1.{100 + k}" for k in range(60)]
    data = Data(
        series=file("s.csv", "2024-01-01", ["1.234.567", *cells]),
        test=file("test.csv", "2024-06-01", cells),
        time="t",
        value="v",
        window=7,
    )
    assert prepare(data).test.x[0, :3, 0].tolist() == [1100, 1101, 1102]


def test_digits_of_json(tmp_path: Path) -> None:
    rows = [{"a": 10**19 + k % 3, "y": "uv"[k % 2]} for k in range(30)]
    (tmp_path / "t.jsonl").write_text("\n".join(map(json.dumps, rows)))
    data = Data(jsonl=str(tmp_path / "t.jsonl"), target="y", columns={"a": "category"})
    assert read_table(str(data.jsonl), data).columns[0].values == tuple(str(10**19 + k) for k in range(3))
