"""Faults of folds, groups, own validation files and objectives that are locked."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.helpers.spec_cases import DATA, Case, judge, whole
from tests.helpers.spec_tables import write_tables

TABLE = DATA % "{csv: table.csv, target: label, %s}"
CASES = {
    "one fold": whole(DATA % "{name: wine, split: {folds: 1}}", 2, "data.split.folds", "must be >= 2", "1"),
    "folds as text": whole(
        DATA % "{name: wine, split: {folds: five}}", 2, "data.split.folds", "must be a whole number", "'five'"
    ),
    "folds beside a file": whole(
        TABLE % "val: table.csv, split: {folds: 3}", 2, "data.split.folds", "has no effect beside data.val", "3"
    ),
    "group of a set": whole(
        DATA % "{name: wine, split: {group: magnesium}}",
        2,
        "data.split.group",
        "has no effect with data.name (only with data.csv, data.parquet, data.xlsx, data.jsonl or data.feather)",
        "'magnesium'",
    ),
    "group column": whole(
        TABLE % "split: {group: X0}", 2, "data.split.group", "must be a column of table.csv", "'X0'", "'x0'"
    ),
    "group is the target": whole(
        TABLE % "split: {group: label}", 2, "data.split.group", "must be another column than the target", "'label'"
    ),
    "validation file": whole(TABLE % "val: no.csv", 2, "data.val", "no such file", "'no.csv'", "'uneven.csv'"),
    "validation file of a set": whole(
        DATA % "{name: wine, val: table.csv}", 2, "data.val", "has no effect with data.name", "'table.csv'"
    ),
    "strict": whole(DATA % "{name: wine, strict: maybe}", 2, "data.strict", "must be true or false", "'maybe'"),
    "a training objective": whole(
        "workload: mlp\ndata: {name: wine}\nmetric: {name: train_accuracy}",
        3,
        "metric.name",
        "must not be of the training split",
        "'train_accuracy'",
        "'val_accuracy'",
    ),
    "a test objective": whole(
        "workload: mlp\ndata: {name: wine}\nmetric: {name: test_f1_macro}",
        3,
        "metric.name",
        "must not be of the test split",
        "'test_f1_macro'",
        "'val_f1_macro'",
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_fault_of_the_split(case: Case, tmp_path: Path) -> None:
    judge(case, write_tables(tmp_path))
