"""What spreadsheets hold beside a table's values: told, left out with a note, or refused with what to write."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import pytest

from search_spaces.spec.data import Data
from workloads.arrays import DataError
from workloads.data.prepare import prepare
from workloads.data.raw import Raw
from workloads.data.sources.tables import read_table
from workloads.data.streaming.files import table_files

ROWS = [[k % 7, k / 4, "uv"[k % 2]] for k in range(60)]
HEADER = ["i", "a", "y"]


def csv(folder: Path, rows: list[list[Any]]) -> Data:
    (folder / "t.csv").write_text("".join(",".join(map(str, row)) + "\n" for row in rows))
    return Data(csv=str(folder / "t.csv"), target="y")


def xlsx(folder: Path, rows: list[list[Any]]) -> Data:
    book = openpyxl.Workbook()
    for row in rows:
        book.worksheets[0].append(row)
    book.save(folder / "t.xlsx")
    return Data(xlsx=str(folder / "t.xlsx"), target="y")


def read(data: Data) -> Raw:
    return read_table(data.origin, data)


@pytest.mark.parametrize("write", [csv, xlsx])
def test_rows_that_are_none_of_the_table_are_left_out_and_told(tmp_path: Path, write: Any) -> None:
    meant = read(write(tmp_path, [HEADER, *ROWS])).x
    cases: dict[str, list[list[Any]]] = {
        "1 rows that repeat the header": [HEADER, *ROWS[:30], HEADER, *ROWS[30:]],
        "the first row below the header, with -, kg in place of numbers": [HEADER, ["-", "kg", "-"], *ROWS],
        "the last row, whose numbers are the sums of those above": [HEADER, *ROWS, [174, 442.5, ""]],
    }
    for told, rows in cases.items():
        found = read(write(tmp_path, rows))
        assert write is xlsx or "repeat" not in told or list(found.target.index[28:32]) == [28, 29, 31, 32]
        np.testing.assert_array_equal(found.x, meant)
        assert f"{told}, is left out" in found.notes[0] or f"{told} are left out" in found.notes[0]
    with pytest.raises(DataError, match=r'column .a. holds numbers but for "kg" in 1 rows'):  # beside a number
        read(write(tmp_path, [HEADER, [3, "kg", "u"], *ROWS]))


def test_a_header_that_comes_again_is_streamed_as_none(tmp_path: Path) -> None:
    data = csv(tmp_path, [HEADER, *ROWS[:30], HEADER, *ROWS[30:]]).model_copy(update={"streaming": True})
    files = table_files(data)
    assert sum(len(rows) for rows in files.tables(files.pieces[0])) == 60


REFUSED: dict[str, tuple[list[str], str]] = {
    "a dash": (
        ["-"],
        r'holds numbers but for "-" in 1 rows: say data.missing: \{a: \["-"\]\} .* data.columns: \{a: c',
    ),
    "two styles": (["1,234.56", "1.234,56"], "holds numbers that are not all written in one way"),
    "below a limit": (["<0.5", "n.b."], r'but for "<0.5", "n.b." in 2 rows'),
}


@pytest.mark.parametrize("case", REFUSED)
def test_numbers_among_which_a_few_are_none_are_asked_for(tmp_path: Path, case: str) -> None:
    words, message = REFUSED[case]
    rows = [[k, f'"{cell}"', y] for cell, (k, _, y) in zip([*words, *(row[1] for row in ROWS)], ROWS, strict=False)]
    data = csv(tmp_path, [HEADER, *rows])
    with pytest.raises(DataError, match=message):
        read(data)
    found = read(data.model_copy(update={"missing": {"a": words}}))
    assert found.columns[1].kind == "number" and np.isnan(found.x[:, 1]).sum() == len(words)
    assert read(data.model_copy(update={"columns": {"a": "category"}})).columns[1].kind == "category"


def test_dates_among_which_a_few_are_none_are_asked_for(tmp_path: Path) -> None:
    rows = [
        [k, f"2024-{1 + k % 12:02d}-{1 + k % 28:02d}" if k % 9 else "unknown", y]
        for k, (_, _, y) in enumerate(ROWS)
    ]
    with pytest.raises(DataError, match=r"holds dates but for \"unknown\" in 7 rows: say data\.missing"):
        read(csv(tmp_path, [HEADER, *rows]))


def test_words_that_may_be_values_are_told(tmp_path: Path) -> None:
    rows = [[k % 7, ("0", "1", "2", "3+")[k % 4], y] for k, (_, _, y) in enumerate(ROWS)]
    found = read(csv(tmp_path, [HEADER, *rows]))
    assert found.columns[1].kind == "category"
    assert "column 'a' holds numbers but for '3+' in 15 rows, and is taken as words" in found.notes[0]


@pytest.mark.parametrize("error", ["#DIV/0!", "#WERT!", "#NV", "#VALEUR!", "#NÚM!"])
def test_failed_formulas_are_missing_in_csv_as_well(tmp_path: Path, error: str) -> None:
    found = read(csv(tmp_path, [HEADER, [1, error, "u"], *ROWS]))
    assert found.columns[1].kind == "number" and np.isnan(found.x[0, 1])


def test_numbers_that_a_sheet_holds_as_texts(tmp_path: Path) -> None:
    cells = ["1.234,5", 2.5, "−3,25", 1234.5, "n/a", 7]
    rows = [[k % 7, cells[k % 6], y] for k, (_, _, y) in enumerate(ROWS)]
    np.testing.assert_array_equal(
        read(xlsx(tmp_path, [HEADER, *rows])).x[:6, 1], [1234.5, 2.5, -3.25, 1234.5, np.nan, 7]
    )
    rows[0][1] = "1,234"
    del rows[1:]
    with pytest.raises(DataError, match=r"may be 1234 .* or 1.234 .*: say data.decimal"):
        read(xlsx(tmp_path, [HEADER, *rows, *ROWS]))


def test_records_among_words_are_left_out(tmp_path: Path) -> None:
    rows = [{"a": ({"b": 1}, "s", [1])[k % 3], "b": k % 7, "y": "uv"[k % 2]} for k in range(60)]
    (tmp_path / "t.jsonl").write_text("\n".join(map(json.dumps, rows)))
    found = read(Data(jsonl=str(tmp_path / "t.jsonl"), target="y"))
    assert [column.name for column in found.columns] == ["b"]
    assert "column 'a' holds lists, which are no feature" in found.notes[0]
    with pytest.raises(DataError, match="column 'a' holds lists: it must hold words or numbers"):
        read(Data(jsonl=str(tmp_path / "t.jsonl"), target="a"))


def test_names_with_combined_letters_are_as_they_are_typed(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("i,gro\u0308ße,y\n1,2,u\n2,3,v\n")
    data = Data(csv=str(tmp_path / "t.csv"), target="y", columns={"größe": "category"})
    assert [column.kind for column in read(data).columns] == ["number", "category"]


def test_a_null_character_is_named_by_its_line(tmp_path: Path) -> None:
    data = csv(tmp_path, [HEADER, *ROWS[:3], [1, "2\0", "u"], *ROWS])
    with pytest.raises(DataError, match="null characters, which must be taken out: the first is in line 5"):
        read(data)


TIMES: dict[str, tuple[list[str], list[float]]] = {
    "times of day": (["10:30", "23:59", "0:00"], [37800, 86340, 0]),
    "durations": (["1:00:01.5", "30:00:00"], [3601.5, 108000]),
    "American times": (["2:30 PM", "12:05 a.m."], [52200, 300]),
}


@pytest.mark.parametrize("case", TIMES)
@pytest.mark.parametrize("streaming", [False, True])
def test_times_of_day_are_seconds(tmp_path: Path, case: str, streaming: bool) -> None:
    cells, meant = TIMES[case]
    rows = [[k / 4, cells[k % len(cells)], "uv"[k % 2]] for k in range(600)]
    data = csv(tmp_path, [HEADER, *rows]).model_copy(update={"streaming": streaming})
    found = prepare(data)
    assert found.card.columns["a"] == "number"
    assert "column 'a' holds times of day or durations, read as seconds" in " ".join(found.card.notes)
    assert set(found.search.train.x[:, 1]) == set(meant)


def test_days_that_are_written_as_whole_numbers_are_told(tmp_path: Path) -> None:
    rows = [[k % 7, 20240101 + 100 * (k % 12) + k % 28, "uv"[k % 2]] for k in range(60)]
    data = csv(tmp_path, [HEADER, *rows])
    assert "column 'a' holds days such as 20240131, which are read as numbers" in read(data).notes[0]
    found = read(data.model_copy(update={"columns": {"a": {"datetime": "%Y%m%d"}}}))
    assert found.columns[1].kind == "datetime" and found.x[0, 1] == 1704067200


def test_a_target_of_numbers_among_which_a_few_are_none_is_asked_for(tmp_path: Path) -> None:
    rows = [[k % 7, k % 11, "-" if k == 7 else k / 4] for k in range(60)]
    data = csv(tmp_path, [HEADER, *rows])
    with pytest.raises(
        DataError, match=r'column .y. holds numbers but for "-" in 1 rows: say data.missing: .* metric'
    ):
        prepare(data)
    assert prepare(data.model_copy(update={"missing": {"y": ["-"]}})).card.problem == "regression"


def test_accents_are_part_of_their_letters(tmp_path: Path) -> None:
    rows = [
        [k % 7, ("Mu\u0308ller", "Müller", "Koch")[k % 3], ("Ko\u0308ln", "Köln", "Ulm")[k % 3]] for k in range(60)
    ]
    found = prepare(csv(tmp_path, [HEADER, *rows]))
    assert found.card.classes == ("Köln", "Ulm")
    assert set(found.search.train.columns[1].values) == {"Koch", "Müller"}


def test_what_is_no_number_says_how_to_leave_it_out(tmp_path: Path) -> None:
    data = csv(tmp_path, [HEADER, *ROWS])
    (tmp_path / "own.csv").write_text("i,a,y\n1,-,u\n2,2.5,v\n")
    with pytest.raises(
        DataError, match=r"must hold numbers, received '-' in line 2; data.missing can name what stands"
    ):
        prepare(data.model_copy(update={"test": str(tmp_path / "own.csv")}))


def test_a_class_of_few_rows_says_how_to_leave_them_out(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"too rare: w \(data.missing can leave such rows out\)"):
        prepare(csv(tmp_path, [HEADER, *ROWS, [1, 2, "w"]]))


def test_truths_of_a_further_file_are_the_classes_of_the_first(tmp_path: Path) -> None:
    data = csv(tmp_path, [HEADER, *([k % 7, k % 11, ("true", "false", "maybe")[k % 3]] for k in range(60))])
    (tmp_path / "own.csv").write_text("i,a,y\n1,2,true\n2,3,false\n")
    found = prepare(data.model_copy(update={"test": str(tmp_path / "own.csv")}))
    assert [found.card.classes[y] for y in found.test.y] == ["true", "false"]


def test_rows_that_are_none_of_a_series_are_told(tmp_path: Path) -> None:
    rows = [f"{day},{k / 4}" for k, day in enumerate(np.arange("2024-01-01", "2024-03-10", dtype="datetime64[D]"))]
    (tmp_path / "s.csv").write_text("\n".join(["t,v", "-,kW", *rows[:30], "t,v", *rows[30:], "x,1"]))
    data = Data(series=str(tmp_path / "s.csv"), time="t", value="v", window=7)
    with pytest.raises(DataError, match=f"s.csv:{len(rows) + 4}: the time 't' must be a date"):
        prepare(data)
    (tmp_path / "s.csv").write_text("\n".join(["t,v", "-,kW", *rows[:30], "t,v", *rows[30:]]))
    notes = prepare(data).card.notes
    assert "s.csv: 1 rows that repeat the header are left out" in notes
    assert any("with kW in place of numbers, is left out" in note for note in notes)


@pytest.mark.parametrize("write", [csv, xlsx])
def test_an_index_without_a_name_is_no_feature(tmp_path: Path, write: Any) -> None:
    data = write(tmp_path, [["", *HEADER], *([k, *row] for k, row in enumerate(ROWS))])
    found = read(data)
    assert [column.name for column in found.columns] == ["i", "a"]
    assert "column 'c0' has no name and counts the rows: it is left out" in found.notes[0]
    assert len(read(data.model_copy(update={"columns": {"c0": "number"}})).columns) == 3


def test_codes_of_a_streamed_target_stay_apart(tmp_path: Path) -> None:
    for codes, classes in ((["01", "1", "2"], ("01", "1", "2")), (["1", "2", "3"], ("1", "2", "3"))):
        rows = [[k / 4, k * k % 97 / 4, codes[k % 3]] for k in range(900)]
        data = csv(tmp_path, [HEADER, *rows])
        for streaming in (None, True):
            assert prepare(data.model_copy(update={"streaming": streaming})).card.classes == classes


def test_a_quote_that_is_not_closed_is_told(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text('i,a,y\n1,2,u\n1,"3 inch,u\n2,6,v\n3,7,u\n')
    data = Data(csv=str(tmp_path / "t.csv"), target="y")
    with pytest.raises(
        DataError, match=r't.csv:3: .* received 2, as a quote holds several lines: .* say quote: ""'
    ):
        read(data)
    assert read(data.model_copy(update={"quote": ""})).columns[1].kind == "category"


def test_times_of_day_and_durations_in_one_column_of_a_sheet(tmp_path: Path) -> None:
    cells = [dt.time(10, 30), dt.timedelta(hours=25, seconds=1.5)]
    found = read(xlsx(tmp_path, [HEADER, *([k % 7, cells[k % 2], "uv"[k // 2 % 2]] for k in range(60))]))
    assert found.columns[1].kind == "number" and found.x[:2, 1].tolist() == [37800, 90001.5]


def test_reals_of_brazil_are_numbers(tmp_path: Path) -> None:
    rows = [f'{k % 7};"R$ {k + 1}.234,{k + 10}";{"uv"[k % 2]}' for k in range(60)]
    (tmp_path / "t.csv").write_text("\n".join(["i;a;y", *rows]))
    found = read(Data(csv=str(tmp_path / "t.csv"), target="y"))
    assert found.columns[1].kind == "number" and found.x[:2, 1].tolist() == [1234.1, 2234.11]
