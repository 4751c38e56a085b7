"""CSV files: a column has one type, found by all of its rows, whatever the file's length."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from search_spaces.spec.data import Data, Split
from workloads.arrays import DataError
from workloads.data.prepare import prepare
from workloads.data.sources.tables import groups_of, read_file, read_frame, table, target_of
from workloads.data.sources.tabular import csv_cells, csv_file
from workloads.data.targets import classes_of

LONG = 80_000
"""Rows enough that pandas reads them in several pieces."""


def written(folder: Path, text: str, name: str = "t.csv") -> str:
    (folder / name).write_bytes(text.encode())
    return str(folder / name)


@pytest.mark.parametrize("num_rows", [200, LONG])
def test_a_column_has_one_type_whatever_the_length(tmp_path: Path, num_rows: int) -> None:
    late = [k > 0.8 * num_rows and k % 3 == 0 for k in range(num_rows)]
    lines = [f"{k % 7},{k % 2},{'unknown' if late[k] else k % 2}" for k in range(num_rows)]
    for name in ("target", "category", "group"):
        data = Data(
            csv=written(tmp_path, "x,y,z\n" + "\n".join(lines)),
            target="z" if name == "target" else "y",
            split=Split(group="z" if name == "group" else None),
        )
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            frame, _ = read_frame(str(data.csv), data)
            found = table(frame, target_of(frame, data, "t.csv"), data, "t.csv")
        if name == "target":
            assert classes_of(found.target, "z") == ("0", "1", "unknown")
        elif name == "category":
            (column,) = (column for column in found.columns if column.name == "z")
            assert column.values == ("0", "1", "unknown")
        else:
            groups = groups_of(frame, data, "t.csv")
            assert groups.numbers is not None and len(np.unique(groups.numbers)) == 3


def test_a_further_file_whose_classes_all_look_like_numbers(tmp_path: Path) -> None:
    rows = "".join(f"{k},{k % 5},{('0', '1', 'unknown')[k % 3]}\n" for k in range(30))
    own = "".join(f"{k},{k % 5},{k % 2}\n" for k in range(8))
    data = Data(
        csv=written(tmp_path, "a,b,y\n" + rows), target="y", test=written(tmp_path, "a,b,y\n" + own, "test.csv")
    )
    found = prepare(data)
    assert found.card.classes == ("0", "1", "unknown")
    assert found.test.y.tolist() == [k % 2 for k in range(8)]


CELLS: dict[str, tuple[list[str], list[Any]]] = {
    "whole numbers": (["1", " 2", "-3"], [1, 2, -3]),
    "fractions": (["1.5", ".5", "1e-3"], [1.5, 0.5, 0.001]),
    "missing numbers": (["1", "NA", "", "?"], [1.0, None, None, None]),
    "booleans": (["true", "false"], [True, False]),
    "words and numbers": (["1", "2.50", "x"], ["1", "2.50", "x"]),
    "hexadecimal": (["0x1F", "10"], ["0x1F", "10"]),
    "many digits": (["0.1234567890123456", "123456789012345678901"], [0.1234567890123456, 123456789012345678901.0]),
    "quoted line breaks": (['"one\ntwo"', '"say ""no"""'], ["one\ntwo", 'say "no"']),
    "a long cell": (["x" * 3_000_000, "y"], ["x" * 3_000_000, "y"]),
}


@pytest.mark.parametrize("case", CELLS)
def test_cells_are_read_as_they_are_written(tmp_path: Path, case: str) -> None:
    cells, expected = CELLS[case]
    path = written(tmp_path, "a,b\n" + "".join(f"{cell},z\n" for cell in cells))
    found = read_frame(path, Data(csv=path, target="b"))[0]["a"]
    assert [None if pd.isna(value) else value for value in found] == expected


def test_declared_words_keep_their_zeros(tmp_path: Path) -> None:
    path = written(tmp_path, "zip,level,y\n00501,1.0,a\n10001,2.0,b\n")
    data = Data(csv=path, target="y", columns={"zip": "category", "level": {"ordinal": [1, 2]}})
    frame, _ = read_frame(path, data)
    assert [c.values for c in table(frame, target_of(frame, data, path), data, path).columns] == [
        ("00501", "10001"),
        ("1", "2"),
    ]


@pytest.mark.parametrize("name", ["None", "NA", "null", "nan", "?"])
def test_a_class_may_have_any_name(tmp_path: Path, name: str) -> None:
    path = written(tmp_path, "a,y\n" + "".join(f"{k},{(name, 'stroke')[k % 2]}\n" for k in range(30)))
    assert set(prepare(Data(csv=path, target="y")).card.classes) == {name, "stroke"}
    with pytest.raises(DataError, match=r"holds one class only \(stroke\)"):
        prepare(Data(csv=path, target="y", missing={"y": [name]}))


def test_missing_words_by_column(tmp_path: Path) -> None:
    path = written(tmp_path, "a,b,y\n-9,-9,u\n1,?,v\n")
    found, _ = read_frame(path, Data(csv=path, target="y", missing={"a": ["-9"]}))
    assert found["a"].isna().tolist() == [True, False]
    assert found["b"].isna().tolist() == [False, True]


def test_ragged_rows_are_listed_by_line(tmp_path: Path) -> None:
    path = written(tmp_path, 'a,b,y\n1,2,"u\nv"\n1,2\n\n1,2,3\n1,2,3,4\n')
    message = r"t.csv:4: a row must have 3 cells as the first one has, received 2 \(as well lines 7 with 4\)"
    with pytest.raises(DataError, match=message):
        read_frame(path, Data(csv=path, target="y"))


LATE = {
    "nothing": "0.5",
    "a missing value": "",
    "a word for one": "NA",
    "a default word for one": "?",
    "a quoted one": '""',
    "a word": "unknown",
    "blanks": " 2.5 ",
    "a quoted number": '"2.5"',
    "a whole number": "7",
    "leading zeros": "007",
    "no number": "nan",
    "infinity": "-inf",
    "a decimal comma": '"1,5"',
    "parentheses": "(1.5)",
    "too many cells": "1.5,2,b",
}


@pytest.mark.parametrize("cell", LATE.values(), ids=LATE)
@pytest.mark.parametrize(
    "how", [{}, {"missing": ["-9.5"]}, {"missing": {"x": ["unknown"]}}, {"columns": {"x": "category"}}]
)
def test_numbers_that_are_read_at_once_are_those_of_the_texts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cell: str, how: dict[str, Any]
) -> None:
    monkeypatch.setattr(csv_cells, "BLOCK_BYTES", 2**9)
    monkeypatch.setattr(csv_cells, "BLOCK_BYTES_A_COLUMN", 1)
    rows = [f"{(k - 50) / 7!r},{k / 3!r},{'ab'[k % 2]}" for k in range(1200)]
    rows[1100] = f"{cell},-9.5,a"
    data = Data(csv=written(tmp_path, "x,z,y\n" + "\n".join(rows)), target="y", **how)
    at_once = csv_file._fractions(tmp_path / "t.csv", csv_file.find_dialect(tmp_path / "t.csv", data), data)
    assert [*at_once.names] == ([] if how.get("missing") == ["-9.5"] else ["z"] if how else ["x", "z"])

    def read() -> Any:
        try:
            return read_file(str(data.csv), data)
        except DataError as error:
            return str(error)

    found = read()
    monkeypatch.setattr(csv_file, "_fractions", lambda *_: csv_file.NO_FRACTIONS)
    expected = read()
    if isinstance(expected, str):
        assert found == expected
    else:
        pd.testing.assert_frame_equal(found.frame, expected.frame)
        assert (found.details, found.notes, found.styles) == (expected.details, expected.notes, expected.styles)


def test_numbers_with_fractions_are_refused_as_classes_for_what_they_are(tmp_path: Path) -> None:
    rows = "".join(f"{k},{k % 4 / 2}\n" for k in range(40))
    with pytest.raises(
        DataError, match=r"'y' holds numbers with fractions \(0.0, 0.5, 1.0\), which are no classes: "
    ):
        prepare(Data(csv=written(tmp_path, "a,y\n" + rows), target="y"), "classification")
