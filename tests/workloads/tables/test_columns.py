"""Columns of every kind: told or declared, as numbers and back, and what none of them can hold."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from search_spaces.spec.data import Data
from tests.helpers.table_files import COLUMNS, mixed, write_mixed
from workloads.arrays import Column, DataError
from workloads.data.prepare import prepare
from workloads.tables.columns import UNSEEN, decode, encode, seen_first
from workloads.tables.infer_kinds import columns_of
from workloads.tables.units import NumberForm

KINDS: dict[str, tuple[list[Any], str]] = {
    "fractions": ([1.5, None, 2], "number"),
    "numbers as text": (["1", "2.5", " 3 ", "?"], "number"),
    "booleans": ([True, False, True], "number"),
    "booleans with holes": ([True, None, False], "number"),
    "days": (["2024-01-05", "2023-12-31", None], "datetime"),
    "moments": (["2024-01-05 10:00", "2024-01-05T11:30:00", "2024-01-06 09:00"], "datetime"),
    "months": (["1749-01", "1749-02", "1749-03"], "datetime"),
    "timestamps": ([pd.Timestamp("2024-01-05"), pd.Timestamp("2024-01-06"), pd.NaT], "datetime"),
    "words": (["a", "b", "a"], "category"),
    "words and numbers": (["1", "b", "1"], "category"),
    "few sentences": (["one of two", "two of two"] * 30, "category"),
    "sentences": ([f"this is sentence {k}" for k in range(60)], "text"),
    "names": ([f"no-{k}" for k in range(60)], "drop"),
    "with a unit": (["12 kg", "70.5 kg", None], "number"),
    "percentages": (["12%", "7.5%", "?"], "number"),
    "currencies": (["$1,200.50", "$7.00"], "number"),
    "quarters": (["Q1", "Q4", "Q2"], "category"),
    "versions": (["v1.10", "v1.2"], "category"),
    "seats": (["1A", "2A"], "category"),
    "two units": (["12 kg", "3 lb"], "category"),
    "nothing": ([None, None, None], "drop"),
    "markers": (["?", " ", "?"], "drop"),
}


@pytest.mark.parametrize("case", KINDS)
def test_kinds_are_told_from_values(case: str) -> None:
    values, expected = KINDS[case]
    frame = pd.DataFrame({"x": values, "sure": 1.0})
    columns, notes = columns_of(frame, Data(csv="a.csv", target="y"), "a.csv")
    kinds = {column.name: column.kind for column in columns}
    assert kinds == ({"x": expected, "sure": "number"} if expected != "drop" else {"sure": "number"})
    assert len(notes) == (expected == "drop") + any(column.number_form != "" for column in columns)


UNITS: dict[str, tuple[list[str], str, list[float]]] = {
    "plain": (["12 kg", "-70.5kg"], "1234.5kg", [12, -70.5]),
    "blank": (["12 kg", "70.5  kg"], "1234.5 kg", [12, 70.5]),
    "decimal comma": (["1.200,5 m³", "7 m³"], "1.234,5 m³", [1200.5, 7]),
    "Swiss": (["€1'200.50", "€ 7"], "€1'234.5", [1200.5, 7]),
    "French": (["1 200,50 €", "7,25 €"], "1 234,5 €", [1200.5, 7.25]),
}


@pytest.mark.parametrize("case", UNITS)
def test_numbers_with_a_unit_are_numbers_in_further_rows_too(case: str) -> None:
    texts, form, expected = UNITS[case]
    columns, notes = columns_of(pd.DataFrame({"x": texts}), Data(csv="a.csv", target="y"), "a.csv")
    assert [(column.kind, column.number_form) for column in columns] == [("number", form)]
    assert notes == (f"a.csv: column 'x' holds numbers with the unit {NumberForm.of(form).unit!r}",)
    further = pd.DataFrame({"x": [texts[1], None, texts[0]]})
    np.testing.assert_array_equal(encode(further, columns, "b.csv")[0][:, 0], [expected[1], np.nan, expected[0]])
    np.testing.assert_array_equal(encode(pd.DataFrame({"x": [3.0]}), columns, "b.csv")[0][:, 0], [3])
    for other in ("3 lb", "3", "kg"):
        with pytest.raises(
            DataError, match=f"b.csv: column 'x' must hold numbers such as .*, received '{other}' in row 0"
        ):
            encode(pd.DataFrame({"x": [other]}), columns, "b.csv")


def test_a_unit_is_declared_away_or_asked_about() -> None:
    frame = pd.DataFrame({"x": ["1,234 kg", "5,678 kg"] * 3})
    with pytest.raises(
        DataError, match=r"a.csv: column 'x' holds '1,234', which may be 1234 .* or 1.234 .*data.decimal"
    ):
        columns_of(frame, Data(csv="a.csv", target="y"), "a.csv")
    for decimal, expected in ((",", 1.234), (".", 1234)):
        columns, _ = columns_of(frame, Data(csv="a.csv", target="y", decimal=decimal), "a.csv")
        assert encode(frame, columns, "a.csv")[0][0, 0] == expected
    (column,), _ = columns_of(frame, Data(csv="a.csv", target="y", columns={"x": "category"}), "a.csv")
    assert column.kind == "category"
    (column,), _ = columns_of(pd.DataFrame({"x": ["Q1", "Q2"]}), Data(columns={"x": "number"}), "a.csv")
    assert encode(pd.DataFrame({"x": ["Q4"]}), [column], "a.csv")[0][0, 0] == 4


def test_numbers_whose_squares_overflow_are_refused() -> None:
    rule = r"column 'x' must hold numbers of at most 1e\+150, .* received 1e\+160 in row 1"
    with pytest.raises(DataError, match=rule):
        encode(pd.DataFrame({"x": [1.0, 1e160]}), [Column("x")], "a.csv")


def test_ordered_categories_of_pandas_are_ordinals() -> None:
    series = pd.Categorical(["lo", "hi", "lo"], categories=["lo", "hi"], ordered=True)
    (column,), _ = columns_of(pd.DataFrame({"x": series}), Data(csv="a.csv", target="y"), "a.csv")
    assert (column.kind, column.values) == ("ordinal", ("lo", "hi"))


def test_a_declared_kind_goes_over_the_told_one() -> None:
    data = Data(csv="a.csv", target="y", columns={"zip": "category", "id": "number", "a": "drop"})
    frame = pd.DataFrame({"zip": [12, 7, None], "id": ["1", "2", "3"], "a": [1, 2, 3]})
    columns, notes = columns_of(frame, data, "a.csv")
    assert [(column.name, column.kind) for column in columns] == [("zip", "category"), ("id", "number")]
    assert notes == ()
    x, (zip_codes, _) = encode(frame, columns, "a.csv")
    assert zip_codes.values == ("12", "7"), "whole numbers are words without a fraction"
    _, (halves,) = encode(pd.DataFrame({"h": [1.5, 2.0]}), [Column("h", "category")], "a.csv")
    assert halves.values == ("1.5", "2"), "whatever else the column holds"
    np.testing.assert_array_equal(x, [[0, 1], [1, 2], [np.nan, 3]])


def test_a_table_survives_being_numbers() -> None:
    frame = mixed()
    data = Data(csv="a.csv", target="kind", columns=COLUMNS)
    columns, notes = columns_of(frame.drop(columns=["kind"]), data, "a.csv")
    assert len(notes) == 1 and "'id' names its rows" in notes[0]
    x, columns = encode(frame, columns, "a.csv")
    assert x.dtype == np.float64
    back = decode(x, columns)
    assert back["size"].tolist() == frame["size"].tolist()
    assert back["note"].tolist() == frame["note"].tolist()
    colour = frame["colour"].str.strip().replace("?", np.nan)
    assert back["colour"].isna().tolist() == colour.isna().tolist()
    assert back["colour"].dropna().tolist() == colour.dropna().tolist()
    np.testing.assert_array_equal(back["weight"], frame["weight"])
    assert (pd.to_datetime(back["born"], unit="s") == frame["born"]).all()
    again, _ = encode(frame[[column.name for column in columns]].iloc[::-1], columns, "a.csv")
    np.testing.assert_array_equal(again[::-1], x)


def test_a_search_is_not_given_the_words_of_the_test_split(tmp_path: Path) -> None:
    prepared = prepare(Data(csv=write_mixed(tmp_path), target="kind"))
    names = prepared.card.features
    place = names.index("note")
    seen, all_words = (part.columns[place].values for part in (prepared.search.train, prepared.test))
    assert all_words[: len(seen)] == seen
    assert len(all_words) > len(seen)
    frame = mixed()
    for part in ("train", "val", "test"):
        arrays = {"train": prepared.search.train, "val": prepared.search.val, "test": prepared.test}[part]
        expected = frame["note"].iloc[prepared.indices[part]].tolist()
        assert decode(arrays.x, arrays.columns)["note"].tolist() == expected
    assert prepared.search.train.columns == prepared.search.val.columns
    unknown = decode(prepared.test.x, prepared.search.train.columns)["note"]
    assert UNSEEN in set(unknown)


def test_words_are_numbered_anew_without_a_change_of_meaning() -> None:
    columns = (Column("a", "category", ("p", "q", "r")), Column("b"), Column("c", "ordinal", ("lo", "hi")))
    x = np.array([[2, 5, 1], [0, 6, 0], [np.nan, 7, 1], [1, 8, np.nan]], dtype=float)
    renumbered, own, whole = seen_first(x, columns, np.array([0, 2]))
    assert (own[0].values, whole[0].values) == (("r",), ("r", "p", "q"))
    pd.testing.assert_frame_equal(decode(renumbered, whole), decode(x, columns))
    assert own[1:] == whole[1:] == columns[1:]


def test_labels_of_a_test_file_may_end_in_a_dot(tmp_path: Path) -> None:
    path = write_mixed(tmp_path)
    frame = mixed(30, 1)
    frame["kind"] += "."
    frame.loc[3, "colour"] = "green"
    frame.to_csv(tmp_path / "test.csv", index=False)
    prepared = prepare(Data(csv=path, target="kind", test=str(tmp_path / "test.csv")))
    assert prepared.card.class_counts["test"] == (15, 15)
    (note,) = [note for note in prepared.card.notes if "dot" in note]
    assert "'cat.' as 'cat', 'dog.' as 'dog'" in note
    colour = prepared.card.features.index("colour")
    assert "green" in prepared.test.columns[colour].values
    assert "green" not in prepared.search.train.columns[colour].values
    frame["kind"] = "fox."
    frame.to_csv(tmp_path / "test.csv", index=False)
    with pytest.raises(DataError, match=r"fox\."):
        prepare(Data(csv=path, target="kind", test=str(tmp_path / "test.csv")))


FAULTS: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "no number": ({"weight": "heavy"}, {"weight": "number"}, "column 'weight' must hold numbers, received 'heavy'"),
    "no date": (
        {"born": "soon"},
        {"born": "datetime"},
        "column 'born': 'soon' is a date of no format that is known: say data.columns",
    ),
    "infinite": ({"weight": np.inf}, {}, "column 'weight' must hold finite numbers, received inf in line 2"),
    "no order": (
        {"size": "larg"},
        COLUMNS,
        "must hold small, medium, large, received 'larg', did you mean 'large'",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_a_column_cannot_hold_is_told(tmp_path: Path, fault: str) -> None:
    values, columns, expected = FAULTS[fault]
    path = tmp_path / "pets.csv"
    mixed().assign(**values).to_csv(path, index=False)
    with pytest.raises(DataError, match=expected) as caught:
        prepare(Data(csv=str(path), target="kind", columns=columns))
    assert str(caught.value).startswith("pets.csv: ")


@pytest.mark.parametrize(("row", "received"), [("1,2", 2), ("1,2,3,4", 4), ('1,"2,3",4,5', 4)])
def test_a_ragged_row_is_named(tmp_path: Path, row: str, received: int) -> None:
    path = tmp_path / "ragged.csv"
    path.write_text("a,b,kind\n" + "1,2,x\n3,4,y\n" * 30 + f"\n{row}\n" + "1,2,x\n")
    with pytest.raises(DataError, match=rf"ragged.csv:63: a row must have 3 cells .* received {received}$"):
        prepare(Data(csv=str(path), target="kind"))


def test_a_test_file_without_a_column_names_the_nearest(tmp_path: Path) -> None:
    path = write_mixed(tmp_path)
    mixed().rename(columns={"weight": "wieght"}).to_csv(tmp_path / "test.csv", index=False)
    with pytest.raises(DataError, match=r"must have the column 'weight'.*did you mean 'wieght'"):
        prepare(Data(csv=path, target="kind", test=str(tmp_path / "test.csv")))
