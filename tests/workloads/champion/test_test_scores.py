"""Scores by test row: their mean is the metric, the jackknife's spread is the known one, yardsticks are right."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.metrics import f1_score, roc_auc_score

from search_spaces.types.problems import Problem
from tests.helpers.workload_data import blobs, search_data
from tracking.results.intervals import Sample, crossed
from workloads.arrays import Arrays, DataShape
from workloads.baselines.measure import found
from workloads.champion.by_row import by_row, units
from workloads.champion.test_scores import TestSplit
from workloads.data.prepare import SearchData
from workloads.data.statistics import fit
from workloads.legs import predictions
from workloads.tasks.by_problem import task_of
from workloads.tasks.classification import Classification
from workloads.tasks.contract import Task
from workloads.tasks.metrics import roc_auc, roc_auc_by_row
from workloads.tasks.regression import Regression

NUM_ROWS, NUM_SEEDS = 240, 3


def kept(folder: Path, task: Task, values: dict[str, torch.Tensor], y: torch.Tensor) -> list[dict[str, np.ndarray]]:
    """What members leave behind, read again."""
    found = []
    for seed in range(NUM_SEEDS):
        one = {name: value[seed : seed + 1] for name, value in values.items()}
        assert not predictions.keep(str(folder), f"t0001-s{seed}", task, one, y)
        read = predictions.kept(str(folder), f"t0001-s{seed}")
        assert read is not None
        found.append(read)
    return found


@pytest.mark.parametrize("metric", ["accuracy", "loss", "f1_macro", "balanced_accuracy", "roc_auc"])
@pytest.mark.parametrize("grouped", [False, True])
def test_the_mean_over_rows_is_the_metric_of_each_seed(metric: str, grouped: bool, tmp_path: Path) -> None:
    torch.manual_seed(0)
    y = torch.arange(NUM_ROWS) % 3
    logits = torch.randn(NUM_SEEDS, NUM_ROWS, 3) + 1.5 * torch.nn.functional.one_hot(y, 3)
    task = Classification(roc_auc=True)
    values = {
        "logits": logits,
        "loss": torch.nn.functional.cross_entropy(logits.mT, y.expand(3, -1), reduction="none"),
    }
    groups = np.arange(NUM_ROWS) // 6 if grouped else None
    parts = units(Arrays(np.zeros((NUM_ROWS, 1)), y.numpy(), groups=groups), DataShape((1,), 3))
    rows = by_row(task, kept(tmp_path, task, values, y), y, metric, parts)
    assert rows is not None and rows.shape[0] == NUM_SEEDS and rows.shape[1] == (40 if grouped else rows.shape[1])
    assert rows.mean(1) == pytest.approx(task.metrics(values, y)[metric].numpy(), abs=0.01)
    if parts.single and metric in ("accuracy", "loss"):
        assert rows.shape[1] == NUM_ROWS
        assert rows.mean(1) == pytest.approx(task.metrics(values, y)[metric].numpy(), abs=1e-6)


@pytest.mark.parametrize("metric", ["f1_macro", "roc_auc"])
def test_the_jackknifes_interval_agrees_with_a_bootstrap_of_scikit_learns_metric(
    metric: str, tmp_path: Path
) -> None:
    torch.manual_seed(1)
    y = (torch.rand(NUM_ROWS) < 0.4).long()
    one = torch.randn(1, NUM_ROWS, 2) + 1.2 * torch.nn.functional.one_hot(y, 2)
    logits = one.expand(NUM_SEEDS, -1, -1)
    task = Classification(roc_auc=True)
    found = kept(tmp_path, task, {"logits": logits, "loss": logits[..., 0]}, y)
    rows = by_row(task, found, y, metric, units(Arrays(np.zeros((NUM_ROWS, 1)), y.numpy()), DataShape((1,), 2)))
    assert rows is not None
    low, high = crossed(rows)
    rng, drawn = np.random.default_rng(0), []
    scores, truth = one[0].softmax(-1)[:, 1].numpy(), y.numpy()
    for _ in range(1000):
        at = rng.integers(0, NUM_ROWS, NUM_ROWS)
        ours = f1_score(truth[at], scores[at] > 0.5, average="macro") if metric == "f1_macro" else None
        drawn.append(roc_auc_score(truth[at], scores[at]) if ours is None else ours)
    assert high - low == pytest.approx(2 * 1.96 * np.std(drawn), rel=0.15)


@pytest.mark.parametrize("num_classes", [2, 3])
def test_the_pseudo_values_of_the_area_are_those_of_leaving_out_each_row(num_classes: int) -> None:
    torch.manual_seed(2)
    y = torch.arange(31) % num_classes
    scores = (torch.randn(2, 31, num_classes) * 2).round().softmax(-1)  # with ties
    found = roc_auc_by_row(scores, y)
    whole = roc_auc(scores, y)
    assert found.mean(1) == pytest.approx(whole.numpy())
    for row in range(31):
        rest = [k for k in range(31) if k != row]
        assert found[:, row] == pytest.approx((31 * whole - 30 * roc_auc(scores[:, rest], y[rest])).numpy())


def test_groups_of_unequal_sizes_count_by_their_rows() -> None:
    """Of a mean the jackknife's values are those that the rows give themselves."""
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(8), [20, 20, 20, 20, 5, 5, 5, 5])
    y, error = torch.zeros(len(groups), 1), torch.from_numpy(rng.normal(size=(2, len(groups), 1)))
    task, parts = Regression(), units(Arrays(y.numpy(), y.numpy(), groups=groups), DataShape((1,), 1, "regression"))
    outputs = [{"error": one.numpy()} for one in error]
    means = [{"loss:mean": one.square().mean(1).numpy()} for one in error]
    found, known = (by_row(task, kept, y, "loss", parts) for kept in (outputs, means))
    assert found is not None and known is not None
    assert found == pytest.approx(known) and found.mean(1) == pytest.approx(error.square().mean((1, 2)).numpy())
    assert parts.free == pytest.approx(1700**2 / (4 * 20**4 + 4 * 5**4) - 1)


def test_a_few_big_groups_leave_the_interval_its_width() -> None:
    """Rows of a group share an error; every tenth group has twenty times the rows."""
    rng, task, held = np.random.default_rng(0), Regression(), 0
    truth = np.sqrt(2 / np.pi)
    for _ in range(200):
        sizes = rng.integers(2, 8, 20) * np.where(rng.random(20) < 0.1, 20, 1)
        groups = np.repeat(np.arange(20), sizes)
        errors = np.abs(
            np.sqrt(0.4) * rng.normal(size=20)[groups] + np.sqrt(0.6) * rng.normal(size=(3, len(groups)))
        )
        y = np.zeros((len(groups), 1))
        parts = units(Arrays(y, y, groups=groups), DataShape((1,), 1, "regression"))
        rows = by_row(task, [{"mae:mean": one} for one in errors], torch.from_numpy(y), "mae", parts)
        assert rows is not None
        low, high = crossed(rows, "error", Sample(free=parts.free))
        held += low <= truth <= high
    assert held >= 182, "91 %; 95 % are meant, without unequal sizes in mind it is 82"


def test_rare_classes_leave_the_interval_its_width(tmp_path: Path) -> None:
    """Six rows of the rare class, each found with a chance of 0.9: balanced accuracy is 0.95 in truth."""
    rng, held = np.random.default_rng(0), 0
    y = np.repeat([0, 1], [54, 6])
    search = replace(search_data(), train=Arrays(np.zeros((2, 1)), np.arange(2)), num_outputs=2)
    its = TestSplit.of("mlp", "balanced_accuracy", search, Arrays(np.zeros((60, 1)), y))
    assert its.kind == "rate" and its.num_rows == pytest.approx(4 / (1 / 54 + 1 / 6))
    for _ in range(60):
        right = rng.random(60) < np.where(y == 1, 0.9, 1.0)
        logits = np.eye(2, dtype=np.float32)[np.where(right, y, 1 - y)]
        rows = its.by_row([{"logits": logits, "loss": np.zeros(60, np.float32)}])
        assert rows is not None
        low, high = crossed(rows, "rate", Sample(num_rows=its.num_rows))
        held += low <= 0.95 <= high
    assert held >= 54


def test_several_series_are_counted_in_blocks_of_time() -> None:
    """Five series over 100 months: windows of one month stand in one block, which is a season or longer."""
    times = np.repeat(np.arange(100), 5)
    test = Arrays(np.zeros((500, 10, 1)), np.zeros((500, 2)), groups=times)
    parts = units(test, DataShape((10, 1), 2, "forecast", season=12))
    assert parts.kind == "blocks" and parts.count == 8
    spans = [np.unique(times[parts.of_row == k]) for k in range(8)]
    assert sum(map(len, spans)) == 100 and min(map(len, spans)) >= 12


@pytest.mark.parametrize(("problem", "length"), [("forecast", 30), ("language", 30)])
def test_windows_that_share_values_are_counted_in_blocks(problem: Problem, length: int) -> None:
    y = np.zeros((NUM_ROWS, 4))
    shape = DataShape((10, 1), 4, problem, season=12)
    parts = units(Arrays(np.zeros((NUM_ROWS, 10, 1)), y), shape)
    sizes = np.bincount(parts.of_row)
    assert (np.diff(parts.of_row) >= 0).all() and sizes.min() >= length and not parts.single


def test_a_metric_that_is_not_defined_without_some_row_has_no_rows(tmp_path: Path) -> None:
    y = torch.tensor([0] * 20 + [1])
    logits = torch.randn(NUM_SEEDS, 21, 2)
    task = Classification(roc_auc=True)
    found = kept(tmp_path, task, {"logits": logits, "loss": logits[..., 0]}, y)
    assert (
        by_row(task, found, y, "roc_auc", units(Arrays(np.zeros((21, 1)), y.numpy()), DataShape((1,), 2))) is None
    )


def split(problem: Problem, metric: str) -> TestSplit:
    if problem == "classification":
        return TestSplit.of("mlp", metric, search_data(), blobs(30, 2))
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(60, 2)), rng.normal(5.0, 3.0, (60, 1))
    train, test = Arrays(x[:40], y[:40]), Arrays(x[40:], y[40:])
    search = SearchData(train, train, fit(train.x), 1, problem)
    return TestSplit.of("mlp", metric, search, test)


def test_the_yardstick_of_classes_is_the_most_frequent_one() -> None:
    its = split("classification", "accuracy")
    (one,) = found(its, None)
    rows = its.by_row([one.values])
    assert one.name == "majority class" and one.score == pytest.approx(1 / 3) and rows is not None
    assert rows.tolist() == [[1.0 if k % 3 == 0 else 0.0 for k in range(30)]]


def test_the_yardstick_of_numbers_is_the_mean_of_the_training_targets() -> None:
    its = split("regression", "rmse")
    (one,), truth = found(its, None), np.random.default_rng(0)
    truth.normal(size=(60, 2))
    y = truth.normal(5.0, 3.0, (60, 1))
    assert one.score == pytest.approx(float(np.sqrt(np.mean((y[40:] - y[:40].mean()) ** 2))), rel=1e-6)


def test_outputs_that_are_too_large_to_be_kept_are_told_and_means_by_row_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(predictions, "MAX_BYTES", 2**20)
    y = torch.zeros(100, dtype=torch.int64)
    values = {"logits": torch.randn(1, 100, 3000), "loss": torch.rand(1, 100)}
    (told,) = predictions.keep(str(tmp_path), "t0001-s0", Classification(), values, y)
    assert told.startswith("the outputs on the test rows are not kept: 1 MiB, and at most 1 MiB are; metrics that")
    kept_ones = predictions.kept(str(tmp_path), "t0001-s0")
    assert kept_ones is not None and set(kept_ones) == {"accuracy:mean", "loss:mean"}


def test_all_predictions_stand_in_a_table_in_the_sources_words_and_units(tmp_path: Path) -> None:
    its = split("regression", "rmse")
    task = task_of(its.search.shape(), "val_rmse")
    assert isinstance(task, Regression)
    predictions.keep(str(tmp_path), "t0002-s1", task, {"error": torch.full((1, 20, 1), 0.5)}, its.y)
    members = its.read(str(tmp_path), {1: "t0002-s1", 2: "t0002-s2"})
    assert list(members) == [1], "of seed 2 nothing was kept"
    table = pd.read_parquet(io.BytesIO(its.table({2: members}, rows=range(100, 120))))
    assert table.columns.tolist() == ["trial", "seed", "row", "truth", "predicted", "loss", "mae"]
    assert table["row"].tolist() == list(range(100, 120)) and set(table["trial"]) == {2}
    std = its.search.shape().target_std
    assert (table["predicted"] - table["truth"]).to_numpy() == pytest.approx(0.5 * std, rel=1e-5)
    assert np.sqrt(np.mean((table["predicted"] - table["truth"]) ** 2)) == pytest.approx(0.5 * std, rel=1e-5)
