"""Names, spool, tables, comparisons, links and the registered model."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from tests.tracking_help import HEADER, SWEEP, metrics, open_writer, runs_of, write_trial
from tracking import compare, names, table, ui, views
from tracking.changes import Best
from tracking.spool import Spool


@pytest.fixture(scope="module")
def uri(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A finished sweep of six trials."""
    folder = tmp_path_factory.mktemp("store")
    uri = f"sqlite:///{folder / 'mlflow.db'}"
    writer = open_writer(uri, folder / "spool")
    for number, state in enumerate(["done", "stopped", "failed", "done", "stopped", "done"]):
        write_trial(writer, number, epochs=number + 1, state=state)
    writer.trial("t0006", 6, "trial", {"lr": 0.5, "width": None, "seconds": 3, "optimizer": "sgd"})
    writer.trial("t0003-s1", 3, "final", {"lr": 0.5})
    assert writer.close(60)
    return uri


@settings(deadline=None, max_examples=50)
@given(st.text(max_size=300))
def test_every_cleaned_key_is_one_that_mlflow_takes(text: str) -> None:
    from mlflow.utils.validation import _validate_metric_name, _validate_param_name, _validate_tag_name

    key = names.clean_key(text)
    for validate in (_validate_metric_name, _validate_param_name, _validate_tag_name):
        validate(key)
    assert 0 < len(key) <= names.MAX_KEY
    assert names.clean_key(key) == key


@pytest.mark.parametrize("key", ["val_acc", "hp/log10_lr", "cost/params_M", "a b-c.d"])
def test_good_keys_stay_as_they_are(key: str) -> None:
    assert names.clean_key(key) == key


@settings(deadline=None, max_examples=50)
@given(st.floats())
def test_metrics_keep_the_precision_of_a_float32(value: float) -> None:
    clean = names.clean_metric(value)
    if not math.isfinite(value):
        assert clean is None
    else:
        assert clean == pytest.approx(value, rel=1e-6, abs=0)


def test_a_run_is_named_by_what_was_searched() -> None:
    params = {"lr": 2e-3, "dropout": 0.25, "width": 64, "arch": "wide"}
    assert names.trial_title("t0004", params, ("lr", "width")) == "t004 lr=2.0e-03 width=64"
    assert names.trial_title("t0012-s1", params, ("arch", "missing")) == "t012-s1 arch=wide"


def test_a_spool_gives_back_what_was_not_acknowledged(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    for number in range(10):
        spool.append({"kind": "epoch", "number": number, "value": math.inf})
    first = spool.waiting(limit=100)
    assert 0 < len(first) < 10
    spool.acknowledge(first[-1].end)
    spool.close()
    with (tmp_path / "events.jsonl").open("ab") as file:
        file.write(b'{"torn')
    again = Spool(tmp_path)
    again.append({"kind": "last"})
    rest = [entry.event for entry in again.waiting()]
    assert [event["number"] for event in rest[:-2] if event] == list(range(len(first), 10))
    assert rest[-2:] == [None, {"kind": "last"}]
    assert len(list(again.all())) == 12
    again.close()


def test_the_table_has_one_typed_row_per_trial(uri: str) -> None:
    trials = table.trials(uri, SWEEP, "val_acc")
    fixed = {**table.FIXED, "val_acc": "Float64", "best_val_acc": "Float64"}
    assert list(trials)[:11] == [*list(table.FIXED)[:5], "val_acc", "best_val_acc", *list(table.FIXED)[7:]]
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
    assert trials["state"].tolist() == ["done", "stopped", "failed", "done", "stopped", "done", "running"]
    assert trials.loc[2, "error"] == "ValueError: no luck"
    assert trials.loc[1, "val_acc"] == names.clean_metric(metrics(1, 2)["val_acc"])
    assert trials["width"].isna().tolist() == [False] * 6 + [True]
    assert trials["run_id"].tolist() == [runs_of(uri)[f"t{n:04d}"][0].info.run_id for n in range(7)]
    assert table.trials(uri, SWEEP, "val_acc", role="final")["key"].tolist() == ["t0003-s1"]


def test_an_unknown_sweep_is_an_empty_table_of_the_same_schema(uri: str) -> None:
    nothing, something = (table.trials(uri, sweep, "val_acc") for sweep in ("nope", SWEEP))
    assert len(nothing) == 0
    assert list(nothing.dtypes) == list(something.dtypes)[:11]
    assert len(table.history(uri, "nope", ["val_acc"])) == 0
    with pytest.raises(FileNotFoundError):
        table.trials("sqlite:////nowhere/mlflow.db", SWEEP, "val_acc")


def test_history_is_long_form(uri: str) -> None:
    history = table.history(uri, SWEEP, ["val_acc", "val_loss"])
    assert len(history) == 2 * sum(range(1, 7))
    curve = history[(history["trial"] == 3) & (history["metric"] == "val_loss")]
    assert curve["epoch"].tolist() == [1, 2, 3, 4]
    assert curve["value"].tolist() == [names.clean_metric(1 / epoch) for epoch in range(1, 5)]


def test_the_leaderboard_as_artifacts(uri: str) -> None:
    board = table.leaderboard(table.trials(uri, SWEEP, "val_acc"), "val_acc", "maximize")
    assert board["trial"].tolist() == [5, 4, 3, 2, 1, 0, 6]
    assert table.to_csv(board).splitlines()[1].startswith("5,t0005,trial,done,6,")
    split = json.loads(table.to_json(board))
    assert split["columns"] == list(board)
    assert split["data"][0][:4] == [5, "t0005", "trial", "done"]


@pytest.mark.parametrize(
    ("texts", "dtype", "values"),
    [
        (["1", "2", None], "Int64", [1, 2, pd.NA]),
        (["1", "2.5", "1e-4"], "Float64", [1.0, 2.5, 1e-4]),
        (["True", "False", "None"], "boolean", [True, False, pd.NA]),
        (["1", "relu"], "string", ["1", "relu"]),
        ([None, None], "Int64", [pd.NA, pd.NA]),
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
    low, high = stats.t.interval(0.95, len(values) - 1, loc=np.mean(values), scale=sem) if sem > 0 else made.ci95
    assert made.mean == pytest.approx(np.mean(values), abs=1e-6)
    assert made.ci95 == pytest.approx((low, high), rel=1e-6, abs=1e-5)
    assert made.low <= made.mean <= made.high


def test_the_difference_is_paired_by_seed() -> None:
    winner, default = {1: 0.9, 2: 0.8, 3: 0.7, 7: 0.1}, {1: 0.85, 2: 0.76, 3: 0.63, 9: 0.9}
    verdict = compare.verdict("test_acc", winner, default)
    test = stats.ttest_rel([0.9, 0.8, 0.7], [0.85, 0.76, 0.63]).confidence_interval(0.95)
    assert verdict.difference.num_seeds == 3
    assert verdict.difference.ci95 == pytest.approx((test.low, test.high))
    assert verdict.winner.num_seeds == 4


def test_one_seed_has_no_interval_and_none_no_mean() -> None:
    one, none, odd = compare.estimate([0.5]), compare.estimate([]), compare.estimate([0.5, math.nan])
    assert one.mean == 0.5 and math.isnan(one.low) and math.isnan(one.high)
    assert math.isnan(none.mean) and none.num_seeds == 0
    assert math.isnan(odd.mean) and odd.num_seeds == 2


def test_ranking_and_incumbent_pass_over_what_is_not_finite() -> None:
    values = {0: 0.5, 1: None, 2: 0.9, 3: math.nan, 4: 0.9, 5: math.inf}
    assert compare.rank(values, "maximize") == [2, 4, 0]
    assert compare.rank(values, "minimize") == [0, 2, 4]
    steps = compare.incumbent(list(values.items()), "maximize")
    assert [(step.position, step.number, step.value) for step in steps] == [(1, 0, 0.5), (3, 2, 0.9)]
    assert compare.incumbent([(0, None)], "minimize") == []


def test_the_shared_view_shows_this_sweep(uri: str) -> None:
    from mlflow import MlflowClient

    client = MlflowClient(uri)
    experiment = client.get_experiment_by_name("digits")
    assert experiment.tags["mlflow.experimentKind"] == "custom_model_development"
    view = json.loads(experiment.tags[f"mlflow.sharedViewState.{SWEEP}"])
    found = client.search_runs(
        [experiment.experiment_id], view["searchFilter"], order_by=[f"{view['orderByKey']} DESC"]
    )
    assert [run.data.tags["trial.number"] for run in found] == ["5", "4", "3", "2", "1", "0", "6"]
    first = found[0].data
    for column in view["selectedColumns"]:
        kind, _, key = column.partition(".")
        assert key.strip("`") in getattr(first, kind)
    charts = {chart["type"]: chart for chart in view["compareRunCharts"]}
    assert charts["PARALLEL"]["selectedParams"] == ["optimizer"]
    assert charts["PARALLEL"]["selectedMetrics"] == ["hp/log10_lr", "hp/width", "best_val_acc"]
    assert set(charts["PARALLEL"]["selectedMetrics"]) <= set(first.metrics)


def test_a_view_of_many_long_parameters_fits_mlflows_tag() -> None:
    searched = tuple(f"{'very_long_name' * 10}{number}" for number in range(200))
    header = HEADER.__class__(**{**HEADER.__dict__, "searched": searched})
    [view] = views.shared_views(header).values()
    assert len(view) <= views.MAX_VIEW
    assert "No trial" in views.note(header, None)
    assert views.note(header, Best(number=3, value=0.25, params={"lr": 0.1})).startswith(
        "**Best: trial 3, val_acc 0.25**"
    )


def test_links() -> None:
    link = ui.leaderboard_url("http://host:5000/", "7", SWEEP)
    assert link == f"http://host:5000/#/experiments/7/runs?workflowType=machine_learning&viewStateShareKey={SWEEP}"
    assert ui.charts_url("http://host:5000", "7", SWEEP) == f"{link}&compareRunsMode=CHART"
    plain = ui.plain_url("http://host:5000", "7", SWEEP, "val_loss", "minimize")
    assert "orderByKey=metrics.%60best_val_loss%60&orderByAsc=true" in plain


def test_serving_what_cannot_be_served_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no MLflow store here yet"):
        ui.serve(f"sqlite:///{tmp_path / 'none.db'}", 0, tmp_path / "log")
    with pytest.raises(ValueError, match="server already"):
        ui.serve("http://localhost:5000", 0, tmp_path / "log")
    (tmp_path / "junk.db").write_text("this is no database, whatever its name says" * 100)
    with pytest.raises(ChildProcessError):
        ui.serve(f"sqlite:///{tmp_path / 'junk.db'}", 0, tmp_path / "log")


def test_the_winner_is_registered_once(uri: str) -> None:
    import mlflow
    import torch
    from torch import nn

    from tracking.models import Candidate, load, register

    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3)).eval()
    example = np.random.default_rng(0).normal(size=(5, 4)).astype("float32")
    run_id = runs_of(uri)["t0003-s1"][0].info.run_id
    candidate = Candidate(name="digits-mlp", sweep_id=SWEEP, run_id=run_id, metadata={"test_acc": "0.9"})
    first, second = (register(uri, candidate, model, example) for _ in range(2))
    assert first == second
    other = register(uri, Candidate(**{**candidate.__dict__, "sweep_id": "next"}), model, example)
    assert int(other.version) == int(first.version) + 1

    client = mlflow.MlflowClient(uri)
    assert len(client.search_model_versions("name = 'digits-mlp'")) == 2
    champion = client.get_model_version_by_alias("digits-mlp", "champion")
    assert (str(champion.version), champion.run_id, champion.tags["test_acc"]) == (other.version, run_id, "0.9")
    assert client.get_run(run_id).info.status == "RUNNING"
    loaded = load(uri, other.uri)
    batch = torch.randn(11, 4)
    torch.testing.assert_close(loaded(batch), model(batch))


def test_tracking_imports_neither_torch_nor_mlflow_until_it_must() -> None:
    code = """
import sys
import tracking.changes, tracking.compare, tracking.models, tracking.names, tracking.reconcile, tracking.spool
import tracking.table, tracking.ui, tracking.views, tracking.writer
print([name for name in ("torch", "mlflow", "pandas", "sqlalchemy", "scipy") if name in sys.modules])
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=Path(__file__).parent.parent
    )
    assert (done.stdout.strip(), done.stderr) == ("[]", "")
