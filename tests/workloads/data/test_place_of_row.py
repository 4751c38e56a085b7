"""Rows in errors are counted as the user's editor shows them: lines of a CSV file, else rows from 1."""

from __future__ import annotations

from pathlib import Path

from search_spaces.spec.data import Data
from workloads.data.sources.tabular.place_of_row import place_of_row

FIRST = 'a,b\n1,"two\nlines"\n\n2,x\n3,y\n'


def test_a_row_of_a_csv_file_is_named_by_its_line(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(FIRST)
    data = Data(csv=str(path), target="b")
    assert [place_of_row(str(path), data, row) for row in range(3)] == ["line 2", "line 5", "line 6"]


def test_of_several_files_the_one_is_named_that_has_the_row(tmp_path: Path) -> None:
    first, second = tmp_path / "a.csv", tmp_path / "b.csv"
    first.write_text(FIRST)
    second.write_text("a,b\n4,z\n5,z\n")
    data = Data(csv=str(first), also=[str(second)], target="b")
    assert place_of_row(str(first), data, 1) == "line 5 of a.csv"
    assert place_of_row(str(first), data, 4) == "line 3 of b.csv"


def test_rows_of_other_files_count_from_one_and_a_sheets_header_is_its_first(tmp_path: Path) -> None:
    assert place_of_row("a.parquet", Data(parquet="a.parquet", target="b"), 0) == "row 1"
    assert place_of_row("a.xlsx", Data(xlsx="a.xlsx", target="b"), 0) == "row 2"
