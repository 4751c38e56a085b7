"""Who wins the final evaluation, and what is told of it."""

from __future__ import annotations

import io
import json
import math
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import accuracy_score, f1_score, root_mean_squared_error

from cluster.driver.judging import _alike, _shown, judge
from cluster.driver.verdict import Finalists, lost, winner
from cluster.sweep.tracker import final_metrics
from cluster.sweep.tracker import finals as tags
from cluster.terminal.baseline_lines import sentences
from cluster.terminal.closing_summary import judgement, verdict_lines
from search_spaces.race.race import Race
from search_spaces.race.recommended import Tried
from search_spaces.race.track import Track
from search_spaces.types.failure import FailureReason
from search_spaces.types.objective import Objective
from tests.helpers.sweep_in_this_process import outcome
from tracking.results.intervals import TestScores, estimate

ACCURACY = Objective("val_accuracy", "maximize")


def member(trial: int, seed: int, value: float | None) -> Track:
    track = Track(
        index=100 * trial + seed, trial=trial, seed=seed, searched={}, params={}, signature=(), objective=ACCURACY
    )
    track.state = "failed" if value is None else "done"
    if value is not None:
        track.measure(1, value)
    return track


def finalists(members: list[Track], searched: dict[int, float]) -> Finalists:
    race = cast(Race, SimpleNamespace(tracks=members, rules=SimpleNamespace(objective=ACCURACY)))
    entries = {
        track.key: {"trial": track.trial, "seed": track.seed, "test": {"test_accuracy": track.best_value - 0.01}}
        for track in members
        if track.best_value is not None
    }
    return Finalists(race, entries, searched)


def told(found: Finalists) -> dict[str, Any]:
    case = found.case("mlp", "nowhere")
    assert case is not None
    return found.verdict(case, judge(case))


LUCKY = [member(3, 1, 0.94), *(member(3, seed, None) for seed in (2, 3))]
STEADY = [member(7, seed, 0.92 + 0.002 * seed) for seed in (1, 2, 3)]
DEFAULT = [member(0, seed, 0.90 + 0.001 * seed) for seed in (1, 2, 3)]


def test_a_finalist_with_all_seeds_goes_before_a_lucky_one() -> None:
    found = finalists([*LUCKY, *STEADY, *DEFAULT], {3: 0.95, 7: 0.93, 0: 0.9})
    chosen = winner(found.race)
    assert chosen is not None and (chosen.trial, chosen.seed) == (7, 3)
    verdict = told(found)
    assert verdict["winner"]["number"] == 7
    assert [(one["number"], one["failed_seeds"]) for one in verdict["finalists"]] == [(7, []), (0, []), (3, [2, 3])]
    assert verdict["why"] == (
        "t007 has the best mean val_accuracy of 2 finalists over 3 new seeds: 0.9240. "
        "t003, the best of the search with 0.9500, came to 0.9400 with 1."
    )


def test_defaults_that_were_moved_are_not_called_the_defaults() -> None:
    moved = [replace(track, searched={"lr": 0.1, "width": 64}) for track in DEFAULT]
    for track in moved:
        track.state = "done"
        track.measure(1, 0.9)
    found = replace(finalists([*STEADY, *moved], {7: 0.93, 0: 0.9}), defaults={"lr": 0.1, "width": 32, "depth": 2})
    verdict = told(found)
    assert verdict["default"]["moved"] == {"width": 64}
    assert judgement(verdict, ACCURACY).startswith("The champion is better than the nearest to the defaults:")
    assert tags(verdict) == {"t0007": "champion", "t0000": "near_defaults"}
    lines = [str(line) for line in verdict_lines(verdict, ACCURACY)]
    assert any(line.startswith("  nearest to defaults   t000 ") for line in lines)
    assert "  The defaults do not satisfy require: t000 is the nearest that does (width=64)." in lines
    plain = told(replace(found, defaults={"lr": 0.1, "width": 64}))
    assert "moved" not in plain["default"] and tags(plain)["t0000"] == "defaults"


def test_a_trial_that_failed_with_every_new_seed_is_still_the_best_of_the_search() -> None:
    failed = [member(3, seed, None) for seed in (1, 2, 3)]
    verdict = told(finalists([*failed, *STEADY, *DEFAULT], {3: 0.95, 7: 0.93, 0: 0.9}))
    assert verdict["why"].endswith(
        ": 0.9240. t003, the best of the search with 0.9500, failed with every new seed."
    )
    assert verdict["finalists"][-1]["failed_seeds"] == [1, 2, 3]
    assert "best of the search" not in told(finalists([*STEADY, *DEFAULT], {}))["why"]


def test_the_one_configuration_tried_is_no_best_of_a_search() -> None:
    only = [member(0, seed, 0.8) for seed in (1, 2, 3)]
    verdict = told(replace(finalists(only, {0: 0.9}), num_tried=1))
    assert verdict["why"] == "Mean val_accuracy of t000 over 3 new seeds: 0.8000."
    assert verdict["default"]["only_trial"]
    assert "only_trial" not in told(replace(finalists([*STEADY, *DEFAULT], {7: 0.93}), num_tried=9))["default"]


def test_of_a_final_evaluation_that_failed_wholly_the_reason_is_told() -> None:
    failed = [member(3, seed, None) for seed in (1, 2)]
    failed[0].failure = FailureReason("raised", "Traceback ...\nKeyError: 'x'")
    race = finalists(failed, {}).race
    assert winner(race) is None
    assert lost(race, "ab12") == (
        "all 2 trainings of the final evaluation failed, the last by: KeyError: 'x'; once that is mended, "
        "`paceline resume ab12` trains the finalists again"
    )
    assert lost(finalists([*failed, member(3, 3, 0.9)], {}).race, "ab12") is None


def test_the_best_of_a_search_that_retests_gave_up_is_no_finalist_and_named() -> None:
    """It was said of the champion that it had been the best of the search, too."""
    found = finalists([*STEADY, *DEFAULT], {5: 0.97, 7: 0.93, 0: 0.9})
    verdict = told(replace(found, first=5, seeds={7: Tried(7, [0.93, 0.91])}))
    assert verdict["why"].endswith(
        ": 0.9240. Over 2 seeds of the search it had the mean 0.9200. t005, the best of the search with 0.9700, is "
        "no finalist: by all that further seeds came to, others are better."
    )


def test_finalists_that_are_as_good_as_the_champion_are_named() -> None:
    equal = [member(9, track.seed, track.best_value) for track in STEADY]
    verdict = told(finalists([*STEADY, *equal, *DEFAULT], {7: 0.93, 9: 0.91, 0: 0.9}))
    assert verdict["winner"]["number"] == 7
    assert "over 3 new seeds: 0.9240, the same as t009, which the search had behind it." in verdict["why"]


def test_a_test_value_that_is_not_finite_is_told_and_no_metric() -> None:
    found = finalists([*STEADY, *DEFAULT], {7: 0.93, 0: 0.9})
    for entry in found.entries.values():
        entry["test"]["test_accuracy"] = math.nan
    verdict = told(found)
    assert final_metrics(verdict, ACCURACY) == {}
    assert (
        judgement(verdict, ACCURACY) == "The champion's test_accuracy is no finite number: it cannot be compared."
    )


def test_a_seed_that_failed_with_the_defaults_is_left_out_of_the_difference_alone() -> None:
    """It was left out of the champion's score, too, which the finalists' line had otherwise."""
    default = [member(0, 1, 0.901), member(0, 2, 0.902), member(0, 3, None)]
    verdict = told(finalists([*STEADY, *default], {7: 0.93, 0: 0.9}))
    means = [verdict[name]["mean"] for name in ("winner", "default", "difference")]
    assert means == pytest.approx([0.914, 0.8915, (0.912 + 0.914 - 0.891 - 0.892) / 2])
    assert [verdict[name]["seeds"] for name in ("winner", "default", "difference")] == [3, 2, 2]
    champion = {name: verdict["winner"][name] for name in ("mean", "ci95", "seeds")}
    assert verdict["finalists"][0]["test"] == champion
    [line] = [str(line) for line in verdict_lines(verdict, ACCURACY) if "champion − defaults" in str(line)]
    assert line.endswith("  over the 2 seeds that both have")


def test_a_default_that_wins_differs_by_nothing_from_itself() -> None:
    verdict = told(finalists([*DEFAULT], {0: 0.9}))
    assert verdict["winner"]["number"] == 0 and verdict["difference"] == {
        "mean": 0.0,
        "ci95": [0.0, 0.0],
        "seeds": 3,
    }


def test_a_verdict_without_predictions_counts_the_seeds_and_says_so() -> None:
    verdict = told(finalists([*STEADY, *DEFAULT], {}))
    assert verdict["interval"] == {"over": "seeds", "rows": None, "parts": "rows"}
    assert verdict["baseline"] is None and verdict["predictions"] is None


def test_all_intervals_are_over_the_same() -> None:
    rows = np.random.default_rng(0).normal(0.9, 0.1, (2, 50))
    kept, lost = TestScores(by_seed={1: 0.9, 2: 0.8}, by_row=rows), TestScores(by_seed={1: 0.7, 2: 0.6})
    assert _alike({3: kept, 0: kept})[3].by_row is rows
    assert {estimate(scores).over for scores in _alike({3: kept, 0: lost}).values()} == {"seeds"}


def test_of_many_predictions_the_champions_are_kept() -> None:
    case = finalists([*STEADY, *DEFAULT, *(member(5, seed, 0.8) for seed in (1, 2, 3))], {}).case("mlp", "nowhere")
    assert case is not None
    members = {trial: dict.fromkeys((1, 2, 3)) for trial in (0, 5, 7)}
    kept = [list(_shown(case, members, num_rows)) for num_rows in (1000, 30_000, 60_000, 600_000)]
    assert kept == [[0, 5, 7], [0, 7], [7], [7]]


OWN = """
import numpy as np

def train(run, *, lr: float = 0.01):
    for epoch in range(run.epoch, run.num_epochs):
        w = np.linalg.lstsq(run.x_train * (1 - lr) ** epoch, run.y_train, rcond=None)[0]
        error = run.x_val @ w - run.y_val
        run.report(lambda folder: np.save(folder / "w.npy", w), val_rmse=float(np.sqrt(np.mean(error**2))))

def predict(folder, x):
    return x @ np.load(folder / "w.npy")

train.metrics = {"val_rmse": "minimize"}
"""
MANY = "{series: many.csv, series_id: id, time: t, value: v, window: 12, horizon: 2, season: 4}"
SPEC = """
name: numbers
workload: {workload}
data: {data}
method: random
metric: {{name: {metric}}}
trials: 2
epochs: 2
final: {{top: 1, seeds: 2}}
parameters: {{lr: {{min: 0.001, max: 0.01}}, {more}}}
"""


@pytest.mark.parametrize(
    ("workload", "data", "metric", "more", "name", "parts"),
    [
        ("mlp", "{name: digits}", "val_accuracy", "depth: 1", "majority class", "rows"),
        ("mlp", "{name: digits}", "val_f1_macro", "depth: 1", "majority class", "rows"),
        ("mlp", "{name: diabetes}", "val_rmse", "depth: 1", "mean of the training targets", "rows"),
        (
            "least_squares:train",
            "{csv: own.csv, target: y}",
            "val_rmse",
            "",
            "mean of the training targets",
            "rows",
        ),
        ("recurrent", MANY, "val_rmse", "width: 2", "seasonal naive forecast", "blocks"),
    ],
)
def test_rows_and_seeds_count_in_the_verdict_of_a_sweep(
    workload: str, data: str, metric: str, more: str, name: str, parts: str, tmp_path: Path, monkeypatch: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    write_files(tmp_path)
    spec = tmp_path / "spec.yaml"
    spec.write_text(SPEC.format(workload=workload, data=data, metric=metric, more=more))
    scratch = tmp_path / "home"
    scratch.mkdir()
    found = outcome(spec, scratch)
    verdict = found.verdict
    assert json.loads(json.dumps(verdict)) == verdict
    assert verdict["interval"]["over"] == "rows and seeds" and verdict["interval"]["parts"] == parts
    assert verdict["baseline"]["name"] == name and verdict["predictions"] == "verdict/predictions.parquet"
    first, *others = verdict["baselines"]
    assert first["name"] == name and not first["trained"] and any(one["trained"] for one in others)
    for one in verdict["baselines"]:
        assert one["failed"] is None and one["said"] and one["rows"] == one["of_rows"]
        assert one["difference"]["mean"] == pytest.approx(verdict["winner"]["mean"] - one["mean"])
        assert one["ci95"][0] < one["mean"] < one["ci95"][1] and one["seeds"] == 1
    assert tuple(one["said"] for one in others) == tuple(sentences(verdict))
    parts_told = ("winner", "default") if verdict["winner"]["number"] == 0 else ("winner", "default", "difference")
    for part in parts_told:
        low, high = verdict[part]["ci95"]
        assert low < verdict[part]["mean"] < high
    for one in verdict["finalists"]:
        low, high = one["test"]["ci95"]
        assert low < one["test"]["mean"] < high
        assert again(found.predictions, metric, one["number"]) == pytest.approx(one["test"]["mean"], rel=1e-5)


def write_files(folder: Path) -> None:
    """Write the function and the data that the specs name."""
    (folder / "least_squares.py").write_text(OWN)
    a, b = np.random.default_rng(0).normal(size=(2, 200))
    pd.DataFrame({"a": a, "b": b, "y": 50 + 20 * a + 6 * b**2}).to_csv(folder / "own.csv", index=False)
    months, step = np.tile(pd.date_range("2001-01-01", periods=240, freq="MS"), 2), np.arange(480)
    many = pd.DataFrame({"id": step // 240, "t": months, "v": np.sin(step) + step // 240})
    many.to_csv(folder / "many.csv", index=False)


def again(predictions: bytes, metric: str, trial: int) -> float:
    """Return a finalist's mean test score as scikit-learn measures it, from the artifact alone."""
    measures = {
        "val_accuracy": accuracy_score,
        "val_f1_macro": lambda truth, predicted: f1_score(truth, predicted, average="macro"),
        "val_rmse": root_mean_squared_error,
    }
    table, values = pd.read_parquet(io.BytesIO(predictions)), []
    for _, rows in table[table["trial"] == trial].groupby("seed"):
        pairs = (rows.filter(regex=f"^{part}").to_numpy().ravel() for part in ("truth", "predicted"))
        values.append(measures[metric](*pairs))
    return float(np.mean(values))
