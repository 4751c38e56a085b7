"""Targets as people have them: with a unit, of whole numbers, with missing values, written in several ways."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from search_spaces.spec.data import Data
from workloads.arrays import DataError
from workloads.data.prepare import prepare

NUM_ROWS = 60
UNITS = {
    "kg": ("{:.1f} kg", "kg"),
    "percent": ("{:.1f}%", "%"),
    "dollars": ("${:,.2f}", "$"),
    "euros": ("{:.2f} €", "€"),
    "cubic metres": ("{:.1f} m³", "m³"),
}


def data_of(folder: Path, values: list[Any], **more: Any) -> Data:
    rows = "".join(f'{k},{k * k % 7},"{value}"\n' for k, value in enumerate(values))
    (folder / "t.csv").write_text(f"a,b,y\n{rows}")
    return Data(csv=str(folder / "t.csv"), target="y", **more)


@pytest.mark.parametrize("case", UNITS)
def test_a_target_with_a_unit_is_a_number(tmp_path: Path, case: str) -> None:
    form, unit = UNITS[case]
    meant = [1000.5 + 37.5 * k for k in range(NUM_ROWS)]
    found = prepare(data_of(tmp_path, [form.format(value) for value in meant]))
    assert found.card.problem == "regression"
    assert found.test.y[:, 0].tolist() == [meant[row] for row in found.indices["test"]]
    assert f"the unit {unit!r} of 'y' is left out: its numbers are predicted" in found.card.notes


def test_a_unit_with_numbers_that_may_be_two_asks_for_the_decimal(tmp_path: Path) -> None:
    values = [f"{1 + k},{200 + k} kg" for k in range(NUM_ROWS)]
    with pytest.raises(DataError, match=r"'y' holds '1,200', which may be 1200 .* or 1.2 .*: say data.decimal"):
        prepare(data_of(tmp_path, values))
    found = prepare(data_of(tmp_path, values, decimal=","))
    assert found.test.y[0, 0] == pytest.approx(1 + found.indices["test"][0] * 1.001 + 0.2)
    found = prepare(data_of(tmp_path, values, decimal="."), "regression")
    assert found.test.y[0, 0] == 1200 + found.indices["test"][0] * 1001


def test_whole_numbers_with_a_unit_are_classes_unless_a_number_is_asked_for(tmp_path: Path) -> None:
    data = data_of(tmp_path, [f"{3 + k % 3} doors" for k in range(NUM_ROWS)])
    assert prepare(data).card.classes == ("3 doors", "4 doors", "5 doors")
    assert set(prepare(data, "regression").search.train.y[:, 0]) == {3, 4, 5}


def test_two_units_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="must hold numbers to be predicted as one"):
        prepare(data_of(tmp_path, [f"{k} {'kg' if k % 2 else 'lb'}" for k in range(NUM_ROWS)]), "regression")


def test_whole_numbers_say_how_to_predict_a_number(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"too rare: 0, 1, .* \(to predict a number, say metric: \{name: val_rmse"):
        prepare(data_of(tmp_path, list(range(NUM_ROWS))))
    notes = prepare(data_of(tmp_path, [k % 20 for k in range(NUM_ROWS)])).card.notes
    assert any("column 'y' holds 20 numbers, which are taken as classes" in note for note in notes)
    found = prepare(data_of(tmp_path, list(range(NUM_ROWS))), "regression")
    assert found.search.shape().num_outputs == 1


def test_rows_without_a_target_are_left_out_where_the_spec_says_so(tmp_path: Path) -> None:
    values = [("unknown", "", "u", "v")[k % 4] for k in range(80)]
    with pytest.raises(
        DataError, match=r"empty in 20 rows, first in line 3: fill them, or say data.missing: \{y: "
    ):
        prepare(data_of(tmp_path, values))
    found = prepare(data_of(tmp_path, values, missing={"y": ["unknown"]}))
    assert found.card.classes == ("u", "v")
    assert "t.csv: 40 rows without a value of 'y' are left out" in found.card.notes
    rows = np.concatenate([found.indices[name] for name in ("train", "val", "test")])
    assert sorted(rows) == [k for k in range(80) if k % 4 > 1], "positions in the file"
    assert [values[row] for row in found.indices["test"]] == [found.card.classes[y] for y in found.test.y]


@pytest.mark.parametrize("values", [[-9, 0, 1], [-9.0, 1.5, 2.25], ["-9", "u", "v"]])
@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_a_number_may_say_that_there_is_no_target(tmp_path: Path, values: list[Any], form: str) -> None:
    frame = pd.DataFrame({"a": np.arange(90) % 11, "y": [values[k % 3] for k in range(90)]})
    path = tmp_path / f"t.{form}"
    frame.to_csv(path, index=False) if form == "csv" else frame.to_parquet(path)
    found = prepare(Data.model_validate({form: str(path), "target": "y", "missing": {"y": ["-9"]}}))
    assert sum(found.card.rows.values()) == 60


def test_labels_that_differ_in_case_are_told(tmp_path: Path) -> None:
    labels = ("Yes", "yes ", "no", "New York", "new  york")
    found = prepare(data_of(tmp_path, [labels[k % 5] for k in range(NUM_ROWS)]))
    assert found.card.classes == ("New York", "Yes", "new  york", "no", "yes")
    pairs = "'New York' and 'new  york', 'Yes' and 'yes'"
    assert f"classes of 'y' that differ only in case or blanks stay apart: {pairs}" in found.card.notes
