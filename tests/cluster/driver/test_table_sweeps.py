"""Whole sweeps of a table with columns of every kind: what is refused before anything starts, and the champion."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from tests.helpers.sweep_here import Here
from tests.helpers.table_files import mixed, write_mixed
from tracking.results.registered_model import tracking_at

SPEC = """
name: pets
workload: mlp
data:
  csv: pets.csv
  target: kind
  columns: {size: {ordinal: [small, medium, large]}}
parameters:
  lr: {min: 0.003, max: 0.03, log: true}
  encoding: {values: [one_hot, embedding]}
  {more}
trials: 4
epochs: 3
final: {top: 1, seeds: 2}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Here:
    write_mixed(tmp_path)
    return Here(tmp_path)


def left_in(folder: Here) -> list[str]:
    return sorted(path.name for path in folder.path.rglob("*") if path.is_file())


def test_missing_numbers_that_nothing_fills_are_refused(folder: Here) -> None:
    folder.write(SPEC.replace("{more}", "imputation: {values: [median, none]}"))
    done = folder.paceline("run", "sweep.yaml")
    assert done.returncode == 2, done.stderr
    assert "parameters.imputation: must be median, mean or most_frequent" in done.stderr
    assert "pets.csv has missing numbers ('weight' in 14 rows), received none" in done.stderr
    assert left_in(folder) == ["pets.csv", "sweep.yaml"]


def test_a_ragged_row_far_below_is_refused(folder: Here) -> None:
    with (folder.path / "pets.csv").open("a") as file:
        file.write("no-120,3.5,small\n")
    folder.write(SPEC.replace("{more}", "width: 8"))
    done = folder.paceline("run", "sweep.yaml")
    assert done.returncode == 2, done.stderr
    assert "line 122: a row must have 8 cells as the first one has, received 3" in done.stderr
    assert left_in(folder) == ["pets.csv", "sweep.yaml"]


def test_the_champion_takes_the_rows_of_the_file(folder: Here) -> None:
    import mlflow

    folder.write(SPEC.replace("{more}", "width: 16"))
    done = folder.paceline("run", "sweep.yaml", "--json")
    assert done.returncode == 0, done.stderr
    assert "column 'id' names its rows" in done.stderr
    with tracking_at(f"sqlite:///{folder.path}/mlflow.db"):
        model = mlflow.pyfunc.load_model("models:/pets@champion")
    found = model.predict(pd.read_csv(folder.path / "pets.csv"))
    assert list(found) == ["prediction", "cat", "dog"]
    assert (found["prediction"] == mixed()["kind"]).mean() > 0.9
