"""Data that is not there, not readable, or not of the kind."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.helpers.spec_cases import DATA, Case, judge, whole
from tests.helpers.spec_tables import write_tables

CASES = {
    # data
    "no data": whole("workload: mlp\nepochs: 3", 1, "data", "is required"),
    "two sources": whole(DATA % "{name: wine, csv: a.csv}", 2, "data", "exactly one of", "name, csv"),
    "no source": whole(DATA % "{}", 2, "data", "exactly one of", "none of them"),
    "missing file": whole(
        DATA % "{csv: tabel.csv, target: y}", 2, "data.csv", "no such file", "'tabel.csv'", "'table.csv'"
    ),
    "a folder": whole(DATA % "{csv: ., target: y}", 2, "data.csv", "this is a folder", "'.'"),
    "remote": whole(
        DATA % "{csv: 'ftps://b/a.csv', target: y}", 2, "data.csv", "must be an address of s3", "'ftps://b/a.csv'"
    ),
    "remote text": whole(
        "workload: recurrent\ndata: {text: 's3://b/a.txt'}", 2, "data.text", "must be a file on this machine"
    ),
    "remote without a target": whole(DATA % "{csv: 's3://b/a.csv'}", 2, "data.target", "is required: the column"),
    "remote with a secret": whole(
        DATA % "{csv: 's3://key:hunter22@b/a.csv', target: y}",
        2,
        "data.csv",
        "must not hold a password",
        "'s3://key:***@b/a.csv'",
    ),
    "remote, kept": whole(
        DATA % "{csv: 's3://b/a.csv', target: y, streaming: false}",
        2,
        "data.streaming",
        "must be true: data.csv is no single file",
        "false",
    ),
    "folds of a stream": whole(
        DATA % "{csv: table.csv, target: label, streaming: true, split: {folds: 3}}",
        2,
        "data.split.folds",
        "has no effect on streamed data",
        "3",
    ),
    "pattern": whole(
        DATA % "{csv: 'no-*.csv', target: label}", 2, "data.csv", "there are no such files", "'no-*.csv'"
    ),
    "folder without csv": whole(
        DATA % "{parquet: nothing, target: label, streaming: true}", 2, "data.parquet", "no such file", "'nothing'"
    ),
    "column of a pattern": whole(
        DATA % "{csv: 'tab*.csv', target: lable}", 2, "data.target", "must be a column", "'lable'", "'label'"
    ),
    "streaming a set": whole(
        DATA % "{name: wine, streaming: true}", 2, "data.streaming", "has no effect with data.name", "true"
    ),
    "negative room": whole(
        DATA % "{csv: table.csv, target: label, in_memory_gib: -1}",
        2,
        "data.in_memory_gib",
        "must be 0 or more",
        "-1",
    ),
    "null byte": whole(DATA % '{csv: "a\\0b", target: y}', 2, "data.csv", "must be a path", "'a\\x00b'"),
    "missing column": whole(
        DATA % "{csv: table.csv, target: lable}",
        2,
        "data.target",
        "must be a column of table.csv",
        "'lable'",
        "'label'",
    ),
    "no target": whole(
        DATA % "{csv: table.csv}", 2, "data.target", "is required: the column to predict, one of x0, x1, label"
    ),
    "headless": whole(DATA % "{csv: numbers.csv, target: y}", 2, "data.target", "header: false?", "'y'"),
    "headless column": whole(
        DATA % "{csv: numbers.csv, header: false, target: c9}", 2, "data.target", "must be a column", "'c9'", "'c1'"
    ),
    "either separator": whole(
        DATA % "{csv: either.csv, header: false, target: c1}", 2, "data.csv", "say separator: ',' or ';'"
    ),
    "uneven": whole(DATA % "{csv: uneven.csv, target: y}", 2, "data.csv", "line 3: a row must have 2 cells"),
    "empty table": whole(DATA % "{csv: empty.csv, target: y}", 2, "data.csv", "at least one example"),
    "doubled column": whole(DATA % "{csv: doubled.csv, target: y}", 2, "data.csv", "two columns are named 'x'"),
    "binary table": whole(DATA % "{csv: binary.csv, target: y}", 2, "data.csv", "cannot be read"),
    "test file": whole(
        DATA % "{csv: table.csv, target: label, test: no.csv}",
        2,
        "data.test",
        "no such file",
        "'no.csv'",
        "'uneven.csv'",
    ),
    "test columns": whole(
        DATA % "{csv: table.csv, target: label, test: numbers.csv}",
        2,
        "data.target",
        "must be a column of numbers.csv",
        "'label'",
    ),
    "target of a set": whole(
        DATA % "{name: wine, target: y}", 2, "data.target", "has no effect with data.name", "'y'"
    ),
    "image of a table": whole(
        DATA % "{csv: table.csv, target: label, image: x0}", 2, "data.image", "has no effect with data.csv", "'x0'"
    ),
    "no parquet": whole(DATA % "{parquet: table.csv, target: label}", 2, "data.parquet", "it is no Parquet file"),
    "parquet column": whole(
        DATA % "{parquet: t.parquet, target: labl, image: png}",
        2,
        "data.target",
        "must be a column of t.parquet",
        "'labl'",
        "'label'",
    ),
    "kind": whole(
        "workload: cnn\ndata: {name: wine}", 2, "data", "must be image data for workload cnn", "table data"
    ),
    "split sum": whole(
        DATA % "{name: wine, split: {train: 0.5}}", 2, "data.split", "must sum to 1", "0.5 + 0.15 + 0.15 = 0.8"
    ),
    "split part": whole(DATA % "{name: wine, split: {train: -1}}", 2, "data.split.train", "between 0 and 1", "-1"),
    "split nan": whole(DATA % "{name: wine, split: {val: .nan}}", 2, "data.split.val", "between 0 and 1", "nan"),
    "split bool": whole(DATA % "{name: wine, split: {val: true}}", 2, "data.split.val", "must be a number", "true"),
}


@pytest.fixture
def tables(tmp_path: Path) -> Path:
    """Tables that the data cases name."""
    return write_tables(tmp_path)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_fault_of_the_data(case: Case, tables: Path) -> None:
    judge(case, tables)
