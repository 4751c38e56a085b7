"""Baselines beside the verdict: one that wins is said to win, none is measured twice, and none holds a sweep up."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pandas as pd
import pytest
import ray

from cluster.driver import baselines_aside
from cluster.driver.baselines_aside import BaselinesAside, measure_here
from cluster.driver.beside import beside
from cluster.driver.judging import Case, judge
from cluster.sweep.tracker import final_metrics
from cluster.terminal.closing_summary import verdict_lines
from search_spaces.spec.schema import Final
from search_spaces.types.objective import Objective
from tests.helpers.baseline_data import split_of
from tests.helpers.sweep_in_this_process import outcome
from tracking.results.intervals import TestScores, crossed
from workloads.baselines import tables
from workloads.baselines.measure import found, measure

RINGS = """
name: rings
workload: softmax
data: {csv: rings.csv, target: ring}
method: random
trials: 1
epochs: 1
final: {top: 1, seeds: 2}
parameters: {lr: {min: 0.001, max: 0.01}}
"""


def test_a_baseline_that_wins_is_said_to_win(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rings, which no line divides: trees find them, and a linear model cannot."""
    monkeypatch.chdir(tmp_path)
    a, b = np.random.default_rng(0).normal(size=(2, 400))
    pd.DataFrame({"a": a, "b": b, "ring": np.where(a**2 + b**2 < 1.4, "in", "out")}).to_csv(
        "rings.csv", index=False
    )
    spec = tmp_path / "spec.yaml"
    spec.write_text(RINGS)
    (tmp_path / "home").mkdir()
    verdict, objective = outcome(spec, tmp_path / "home").verdict, Objective("val_accuracy", "maximize")
    first, trees = verdict["baselines"]
    assert verdict["baseline"]["name"] == first["name"] == "majority class" and not first["trained"]
    assert trees["mean"] > 0.9 > verdict["winner"]["mean"] and trees["difference"]["ci95"][1] < 0
    said = trees["said"]
    assert said.startswith("The champion does NOT beat gradient boosting (HistGradientBoosting): it is worse by ")
    assert said in verdict["warnings"]
    lines = verdict_lines(verdict, objective)
    assert [str(line.style) for line in lines if str(line).strip() == said] == ["bold red"]
    shown = f"  baseline                     {trees['mean']:.4f}  ["
    assert sum(str(line).startswith(shown) for line in lines) == 1
    metrics = final_metrics(verdict, objective)
    assert metrics["test_accuracy_baseline"] == trees["mean"]
    assert metrics["test_accuracy_gain_vs_baseline"] == pytest.approx(verdict["winner"]["mean"] - trees["mean"])


def case_of(root: Path, **how: Any) -> Case:
    scores = {1: {7: 0.9, 8: 0.8}, 0: {7: 0.5, 8: 0.6}}
    return Case(
        workload="mlp",
        metric="test_accuracy",
        checkpoints=str(root),
        champion=1,
        default=0,
        scores=scores,
        keys={1: {7: "t0001-s7", 8: "t0001-s8"}, 0: {7: "t0000-s7"}},
        **how,
    )


def test_a_baseline_that_fails_is_told_with_its_reason_and_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    split, root = split_of("table", tmp_path), tmp_path / "checkpoints"

    def broken(*_: object) -> None:
        raise ValueError("no trees today")

    with monkeypatch.context() as patch:
        patch.setattr(tables, "fit_native", broken)
        measure_here("mlp", "test_accuracy", str(root), split.search, split.test)
    judged = judge(case_of(root), split.search, split.test)
    assert [(one.name, one.failed) for one in judged.baselines] == [
        ("majority class", None),
        ("gradient boosting (HistGradientBoosting)", "no trees today"),
    ]
    measure(split, str(root))
    assert [one.failed for one in judge(case_of(root), split.search, split.test).baselines] == [None, None]


def test_what_needs_no_model_is_told_where_it_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    split = split_of("table", tmp_path)
    monkeypatch.setattr(type(split.task), "metrics", lambda *_: {"accuracy": np.nan})
    (one,) = judge(case_of(tmp_path), split.search, split.test).baselines
    assert one.failed == "its accuracy is no finite number" and not one.trained


def test_what_was_measured_is_not_measured_again_and_of_another_metric_it_is(tmp_path: Path) -> None:
    split, root = split_of("table", tmp_path), tmp_path / "checkpoints"
    measure(split, str(root))
    file = root / "baseline-boosted-trees" / "baseline.json"
    record = json.loads(file.read_text())
    assert record["num_rows"] == record["of_rows"] == len(split.search.train) and record["failed"] is None
    file.write_text(json.dumps(record | {"seconds": 123.0}))
    measure(split, str(root))
    assert found(split, str(root))[1].seconds == 123.0
    measure(split_of("table", tmp_path, "f1_macro"), str(root))
    assert json.loads(file.read_text())["metric"] == "f1_macro" and len(found(split, str(root))) == 1


def test_without_trained_ones_and_where_they_were_cut_off(tmp_path: Path) -> None:
    split, root = split_of("table", tmp_path), tmp_path / "checkpoints"
    cut = judge(case_of(root, cut_off="it took longer than 180 s"), split.search, split.test).baselines
    assert [one.failed for one in cut] == [None, "it took longer than 180 s"]
    measure(split, str(root))
    without = judge(case_of(root, trained_baselines=False), split.search, split.test).baselines
    assert [one.name for one in without] == ["majority class"]


def test_the_interval_of_the_difference_is_over_rows_and_seeds(tmp_path: Path) -> None:
    split, root = split_of("table", tmp_path), str(tmp_path / "checkpoints")
    measure(split, root)
    rows = np.random.default_rng(0).integers(0, 2, (3, len(split.test))).astype(float)
    champion = TestScores(by_seed=dict(enumerate(rows.mean(1))), by_row=rows, kind="share")
    trees = beside(split, champion, root, "")[1]
    hits = split.by_row([found(split, root)[1].values])
    assert hits is not None and trees.score.over == "rows" and trees.score.ci95 == crossed(hits, "share")
    assert trees.difference.over == "rows and seeds"
    assert trees.difference.ci95 == crossed(rows - hits, "difference")
    seeds_alone = beside(split, TestScores(by_seed={1: 0.5, 2: 0.6}), root, "")[1]
    assert seeds_alone.difference.over == "seeds" and seeds_alone.score.over == ""


DEFAULT = Final()


def aside(final: Final | None = DEFAULT, **how: Any) -> BaselinesAside:
    data = SimpleNamespace(given=how.pop("given", True))
    sweep = SimpleNamespace(
        workload="mlp", final=final, data=data, metric=SimpleNamespace(name="val_accuracy"), **how
    )
    return BaselinesAside(cast(Any, SimpleNamespace(checkpoints="there")), cast(Any, sweep))


def test_they_are_measured_only_where_they_are_asked_for() -> None:
    assert aside().wanted
    assert not aside(Final(baselines=False)).wanted and not aside(None).wanted and not aside(given=False).wanted


@pytest.mark.parametrize("how", ["slow", "dead", "done"])
def test_the_end_waits_for_them_within_a_bound(how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    killed: list[bool] = []

    def get(_: object) -> None:
        if how == "dead":
            raise ray.exceptions.RayError("the actor died: out of memory")

    monkeypatch.setattr(
        baselines_aside,
        "ray",
        SimpleNamespace(
            wait=lambda them, timeout: ([], them) if how == "slow" else (them, []),
            get=get,
            cancel=lambda _: None,
            kill=lambda _, no_restart: killed.append(no_restart),
            exceptions=ray.exceptions,
        ),
    )
    begun: list[tuple[Any, ...]] = []
    remote = SimpleNamespace(remote=lambda *order: begun.append(order) or "going")
    worker = SimpleNamespace(measure=SimpleNamespace(options=lambda max_task_retries: remote))
    its, told = aside(), []
    assert its.wait(worker, told.append) == "", "they have not begun"
    its.begin(worker, "search", "test")
    its.begin(worker, "search", "test")
    assert begun == [("mlp", "test_accuracy", "there", "search", "test")]
    assert (
        its.wait(worker, told.append)
        == {
            "slow": "it took longer than 180 s",
            "dead": "the actor died: out of memory",
            "done": "",
        }[how]
    )
    assert killed == ([False] if how == "slow" else [])
    assert (
        told
        == {
            "slow": ["waiting for baselines, at most 180 s (`final: {baselines: false}` turns them off)"],
            "dead": ["baselines could not be measured: the actor died: out of memory"],
            "done": [],
        }[how]
    )
