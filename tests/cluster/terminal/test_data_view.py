"""How a column is drawn and written for people."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from cluster.terminal.data_view import picture, printable, shown_value, values, view
from workloads.data.overview import ColumnOverview, FirstRow, Overview

CARD = {
    "name": "/far/away.csv",
    "kind": "table",
    "problem": "regression",
    "shape": (1,),
    "rows": {"train": 7, "val": 1, "test": 1},
    "class_counts": {},
    "duplicates": {"test_in_train": 0},
    "classes": (),
    "details": {},
    "leaks": (),
    "notes": (),
}


def numbers(**facts: object) -> ColumnOverview:
    return ColumnOverview(**{"name": "a", "kind": "number", "low": 0.0, "high": 2.0, **facts})  # type: ignore[arg-type]


def shown(card: dict[str, object], found: Overview, width: int = 100) -> str:
    console = Console(file=io.StringIO(), width=width, color_system=None)
    for part in view(card, found, "y", console):
        console.print(part)
    text = console.file
    assert isinstance(text, io.StringIO)
    return text.getvalue()


def test_a_histogram_shows_the_least_rows_and_a_blank_for_none() -> None:
    assert picture(numbers(bars=(8.0, 0.0, 1.0, 4.0))) == "█ ▁▄"
    assert picture(numbers(bars=())) == ""


def test_a_course_goes_from_its_lowest_to_its_highest() -> None:
    assert picture(numbers(picture="course", bars=(-4.0, 0.0, 4.0))) == "▁▄█"
    assert picture(numbers(picture="course", bars=(3.0, 3.0))) == "██"


def test_values_are_a_range_a_constant_or_words() -> None:
    assert values(numbers()) == "0 to 2"
    assert values(numbers(high=0.0)) == "0 only"
    assert values(numbers(low=None)) == "none"
    assert values(numbers(kind="text", low=3.0, high=5.0)) == "3 to 5 characters"
    words = numbers(picture="counts", common={"x": 4, " ": 3, "a" * 40: 2, "z": 1}, distinct=4)
    assert values(words) == "x (4), ' ' (3), aaaaaaaaaaaaaaa… (2), 1 more"


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "—"), (1.23456789, "1.2346"), (1000239.0, "1000239"), ([1.0, 2.0, 3.0, 4.0], "… 2 3 4"), ("a", "a")],
)
def test_a_cell_is_short(value: object, text: str) -> None:
    assert shown_value(value) == text


def test_nothing_in_the_data_moves_the_cursor() -> None:
    assert printable("a\x1b[2Jb\n") == "a\\x1b[2Jb\\n"
    row = FirstRow(row=0, values={"[red]\x1b[2J": 1.0}, target="[/]\r")
    column = ColumnOverview(name="[red]\x1b[2J", kind="number", low=0.0, high=1.0)
    text = shown(CARD, Overview(rows=7, columns=(column,), target=None, first=(row,), features=None))
    assert "[red]\\x1b[2J" in text and "[/]\\r" in text and "\x1b" not in text and "\r" not in text


def test_a_narrow_terminal_has_fewer_rows_and_all_columns() -> None:
    columns = tuple(ColumnOverview(name=f"c{i}", kind="number", low=0.0, high=1.0) for i in range(60))
    rows = tuple(FirstRow(row=i, values={c.name: 123.45 for c in columns}, target=None) for i in range(4))
    found = Overview(rows=7, columns=columns, target=numbers(name="y"), first=rows, features=None)
    wide, narrow = shown(CARD, found, 100), shown(CARD, found, 60)
    assert "row 3" in wide and "row 3" not in narrow and "row 0" in narrow
    assert "c49" in narrow and "c50" not in narrow and "and 10 more columns" in narrow
    assert all(len(line) <= 60 for line in narrow.splitlines())


def test_leaks_and_many_classes() -> None:
    counts = dict.fromkeys(("train", "val", "test"), (2,) * 20)
    classes = tuple(f"class {i}" for i in range(20))
    card = {**CARD, "leaks": ("a leak",), "classes": classes, "class_counts": counts}
    text = shown(card, Overview(rows=7, columns=(), target=None, first=(), features=None))
    assert "leak     a leak" in text and "class 11 (2 + 2 + 2) and 8 more" in " ".join(text.split())
