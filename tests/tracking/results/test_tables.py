"""MLflow's store as tables, and comparisons checked against scipy."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from tests.helpers.small_sweep_in_mlflow import SWEEP, metrics, runs_of
from tracking import names
from tracking.results import compare, table


def test_the_table_has_one_typed_row_per_trial(finished_uri: str) -> None:
    trials = table.trials(finished_uri, SWEEP, "val_accuracy")
    fixed = {**table.FIXED, "val_accuracy": "Float64", "best_val_accuracy": "Float64"}
    assert list(trials)[:11] == [
        *list(table.FIXED)[:5],
        "val_accuracy",
        "best_val_accuracy",
        *list(table.FIXED)[7:],
    ]
    assert all(str(trials[name].dtype) == fixed[name] for name in list(trials)[:11])
    kinds = {name: str(dtype) for name, dtype in trials.dtypes.items() if name not in fixed}
    assert kinds == {
        "lr": "Float64",
        "nesterov": "boolean",
        "optimizer": "string",
        "params.seconds": "Int64",
        "width": "Int64",
    }
    assert trials["trial"].tolist() == list(range(7))
    assert trials["epochs"].tolist() == [1, 2, 3, 4, 5, 6, 0]
    assert trials["state"].tolist() == ["done", "pruned", "failed", "done", "pruned", "done", "running"]
    assert trials.loc[2, "error"] == "ValueError: no luck"
    assert trials.loc[1, "val_accuracy"] == names.clean_metric(metrics(1, 2)["val_accuracy"])
    assert trials["width"].isna().tolist() == [False] * 6 + [True]
    assert trials["run_id"].tolist() == [runs_of(finished_uri)[f"t{n:04d}"][0].info.run_id for n in range(7)]
    assert table.trials(finished_uri, SWEEP, "val_accuracy", role="final")["name"].tolist() == ["t003 seed 1"]


def test_an_unknown_sweep_is_an_empty_table_of_the_same_schema(finished_uri: str) -> None:
    nothing, something = (table.trials(finished_uri, sweep, "val_accuracy") for sweep in ("nope", SWEEP))
    assert len(nothing) == 0
    assert list(nothing.dtypes) == list(something.dtypes)[:11]
    with pytest.raises(FileNotFoundError):
        table.trials("sqlite:////nowhere/mlflow.db", SWEEP, "val_accuracy")


@pytest.mark.parametrize(
    ("texts", "dtype", "values"),
    [
        (["1", "2", None], "Int64", [1, 2, pd.NA]),
        (["1", "2.5", "1e-4"], "Float64", [1.0, 2.5, 1e-4]),
        (["True", "False", "None"], "boolean", [True, False, pd.NA]),
        (["1", "relu"], "string", ["1", "relu"]),
        ([None, None], "Float64", [pd.NA, pd.NA]),
        (["1_000", "2"], "string", ["1_000", "2"]),
    ],
)
def test_texts_become_what_they_were(texts: list[str | None], dtype: str, values: list[Any]) -> None:
    series = table.typed(texts)
    assert str(series.dtype) == dtype
    pd.testing.assert_series_equal(series, pd.Series(values, dtype=dtype))


@settings(deadline=None, max_examples=50)
@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=20))
def test_the_interval_is_students(values: list[float]) -> None:
    made = compare.estimate(values)
    sem = stats.sem(values)
    low, high = (
        stats.t.interval(0.95, len(values) - 1, loc=np.mean(values), scale=sem)
        if sem > 0
        else (made.low, made.high)
    )
    assert made.mean == pytest.approx(np.mean(values), abs=1e-6)
    assert (made.low, made.high) == pytest.approx((low, high), rel=1e-6, abs=1e-5)
    assert made.low <= made.mean <= made.high


def test_the_difference_is_paired_by_seed() -> None:
    winner, default = {1: 0.9, 2: 0.8, 3: 0.7, 7: 0.1}, {1: 0.85, 2: 0.76, 3: 0.63, 9: 0.9}
    difference = compare.paired(winner, default)
    test = stats.ttest_rel([0.9, 0.8, 0.7], [0.85, 0.76, 0.63]).confidence_interval(0.95)
    assert difference.num_seeds == 3
    assert (difference.low, difference.high) == pytest.approx((test.low, test.high))


def test_one_seed_has_no_interval_and_none_no_mean() -> None:
    one, none, odd = compare.estimate([0.5]), compare.estimate([]), compare.estimate([0.5, math.nan])
    assert one.mean == 0.5 and math.isnan(one.low) and math.isnan(one.high)
    assert math.isnan(none.mean) and none.num_seeds == 0
    assert math.isnan(odd.mean) and odd.num_seeds == 2
