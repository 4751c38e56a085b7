"""MLflow's store as tables, and comparisons checked against scipy."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from tests.helpers.small_sweep_in_mlflow import SWEEP, metrics, runs_of
from tracking import names
from tracking.results import table
from tracking.store.records import FoundRun


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
    assert (
        table.history(finished_uri, "nope").dtypes.to_dict() == table.history(finished_uri, SWEEP).dtypes.to_dict()
    )
    with pytest.raises(FileNotFoundError):
        table.trials("sqlite:////nowhere/mlflow.db", SWEEP, "val_accuracy")


def test_trials_of_several_seeds_have_their_mean_beside_the_first_one_s_values(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    more = {names.NUM_SEEDS: (2.0, 0), names.mean("m"): (0.75, 0), names.std("m"): (0.2, 0)}
    measured = ({}, {names.best("m"): (0.9, 3), **more})
    tags, params = {names.SWEEP_ROLE: "trial"}, {"num_seeds": "7"}
    runs = [
        FoundRun(
            run_id=f"{n}",
            status="",
            start_ms=0,
            tags={**tags, names.TRIAL_NAME: f"t00{n}"},
            params=params,
            metrics=m,
        )
        for n, m in enumerate(measured)
    ]
    monkeypatch.setattr(table, "_tagged", lambda *_: runs)
    found = table.trials(None, SWEEP, "m")
    assert found["best_m"].tolist() == [pd.NA, 0.9] and found["params.num_seeds"].tolist() == [7, 7]
    assert found["num_seeds"].tolist() == [pd.NA, 2] and str(found["num_seeds"].dtype) == "Int64"
    assert found["mean_m"].tolist() == [pd.NA, 0.75] and found["std_m"].tolist() == [pd.NA, 0.2]
    del runs[1]
    assert "mean_m" not in table.trials(None, SWEEP, "m")


def test_learning_curves_have_a_row_for_each_trial_epoch_and_metric(finished_uri: str) -> None:
    two = table.history(finished_uri, SWEEP, ["val_accuracy", "val_loss"])
    assert list(two) == list(table.HISTORY)
    assert len(two) == 2 * sum(range(1, 7))
    curve = two[(two["trial"] == 3) & (two["metric"] == "val_loss")]
    assert curve["epoch"].tolist() == [1, 2, 3, 4]
    assert curve["value"].tolist() == [names.clean_metric(1 / epoch) for epoch in range(1, 5)]
    every = table.history(finished_uri, SWEEP)
    assert set(every["metric"]) == set(metrics(1, 2))
    assert every[every["metric"].isin(["val_accuracy", "val_loss"])].reset_index(drop=True).equals(two)


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
