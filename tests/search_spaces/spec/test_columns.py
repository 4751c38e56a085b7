"""Columns of a table as a spec declares them, and hyperparameters that mean something on tables alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from search_spaces.spec.sweep import parse_sweep
from search_spaces.types.faults import SpecError
from tests.helpers.spec_cases import DATA, Case, judge, whole
from tests.helpers.spec_tables import write_tables
from workloads.registry import catalogue

TABLE = DATA % "{csv: table.csv, target: label, %s}"
CASES = {
    "no column": whole(
        TABLE % "columns: {x_0: text}", 2, "data.columns.x_0", "must be a column of table.csv", "'x_0'", "'x0'"
    ),
    "no kind": whole(
        TABLE % "columns: {x0: categori}",
        2,
        "data.columns.x0",
        "must be one of number, category",
        "'categori'",
        "'category'",
    ),
    "a number": whole(TABLE % "columns: {x0: 3}", 2, "data.columns.x0", "must be a kind, or {ordinal: ", "3"),
    "no format": whole(
        TABLE % "columns: {x0: {datetime: day}}",
        2,
        "data.columns.x0",
        "must be ISO8601, or a",
        "a group of datetime",
    ),
    "no order": whole(TABLE % "columns: {x0: ordinal}", 2, "data.columns.x0", "{ordinal: [...]}", "'ordinal'"),
    "one value": whole(
        TABLE % "columns: {x0: {ordinal: [a]}}", 2, "data.columns.x0", "at least two values", "a group of ordinal"
    ),
    "twice": whole(
        TABLE % "columns: {x0: {ordinal: [a, b, a]}}", 2, "data.columns.x0", "each once", "a group of ordinal"
    ),
    "the target": whole(
        TABLE % "columns: {label: category}",
        2,
        "data.columns.label",
        "must be a feature, this is the target",
        "'label'",
    ),
    "no group": whole(TABLE % "columns: [x0]", 2, "data.columns", "must be a group of keys", "['x0']"),
    "no list": whole(TABLE % "missing: '?'", 2, "data.missing", "must be a list", "'?'"),
    "no words": whole(TABLE % "missing: [3]", 2, "data.missing.0", "must be text", "3"),
    "no words by column": whole(TABLE % "missing: {x0: '?'}", 2, "data.missing.x0", "must be a list", "'?'"),
    "missing in no column": whole(
        TABLE % "missing: {x_0: ['?']}", 2, "data.missing.x_0", "must be a column of table.csv", "'x_0'", "'x0'"
    ),
    "of images": whole(
        DATA % "{parquet: t.parquet, target: label, image: png, missing: ['-']}",
        2,
        "data.missing",
        "has no effect with data.image",
        "['-']",
    ),
    "of a set": whole(
        DATA % "{name: wine, columns: {alcohol: drop}}",
        2,
        "data.columns",
        "has no effect with data.name (only with data.csv, data.parquet, data.xlsx, data.jsonl or data.feather)",
        "a group of alcohol",
    ),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_tables(tmp_path)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_fault_of_the_columns(case: Case, folder: Path) -> None:
    judge(case, folder)


def test_declared_columns_survive_the_sweep_s_own_text(folder: Path) -> None:
    text = "{workload: mlp, data: {csv: table.csv, target: label, columns: {x0: {ordinal: [1, 2]}, x1: drop}}}"
    sweep = parse_sweep(text, "sweep.yaml", folder, catalogue=catalogue())
    assert sweep.data.columns == {"x0": {"ordinal": [1, 2]}, "x1": "drop"}
    assert sweep.data.missing_in("x0") == ["?"] and sweep.data.missing_in("label") == []
    again = parse_sweep(sweep.to_text(), "sweep.yaml", None, catalogue=catalogue())
    assert again.data == sweep.data


def test_what_prepares_tables_has_no_effect_on_images() -> None:
    text = "workload: mlp\ndata: {name: digits}\nparameters:\n  inputs:\n    scaling: {values: [none]}\n  pca: 3\n"
    with pytest.raises(SpecError) as caught:
        parse_sweep(text, "sweep.yaml", None, catalogue=catalogue())
    told = [(fault.place, fault.path, fault.rule) for fault in caught.value.faults]
    rule = "has no effect on image data (only on table data)"
    assert told == [("sweep.yaml:5", "parameters.inputs.scaling", rule), ("sweep.yaml:6", "parameters.pca", rule)]
    table = parse_sweep(text.replace("digits", "wine"), "sweep.yaml", None, catalogue=catalogue())
    assert table.constants["pca"] == 3
