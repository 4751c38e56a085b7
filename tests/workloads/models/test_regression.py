"""Regression from the spec to the score: a data set that asks for it, and models that predict numbers."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from search_spaces.race.legs import Leg, Member
from search_spaces.spec.data import Data
from search_spaces.spec.sweep import parse_sweep
from search_spaces.types.faults import SpecError
from search_spaces.types.objective import Objective
from workloads.data.prepare import prepare
from workloads.legs.runner import LegRunner, LegSetting
from workloads.registry import catalogue, workload
from workloads.training.batches import resident
from workloads.training.fused.loop import FusedLoop
from workloads.training.plain_loop import PlainLoop
from workloads.training.setup import Setup, Trainee

SMALL = {"batch_size": 50, "width": 8, "depth": 1}


def test_a_data_set_that_asks_for_numbers_gives_the_default_metric() -> None:
    sweep = parse_sweep("{workload: mlp, data: {name: diabetes}}", "sweep.yaml", None, catalogue=catalogue())
    assert (sweep.metric.name, sweep.metric.goal, sweep.problem) == ("val_rmse", "minimize", "regression")
    with pytest.raises(SpecError, match="unknown metric"):
        text = "{workload: mlp, data: {name: diabetes}, metric: {name: val_accuracy}}"
        parse_sweep(text, "sweep.yaml", None, catalogue=catalogue())


def test_numbers_are_predicted_better_than_by_their_mean(tmp_path: Path) -> None:
    prepared = prepare(Data(name="diabetes"), "regression")
    lane = LegRunner(
        LegSetting("mlp", Objective("val_rmse", "minimize"), str(tmp_path), device="cpu"),
        prepared.search,
        prepared.test,
    )
    params = {**SMALL, "lr": 0.02}
    lane.start(
        Leg(id=0, start=0, stop=20, horizon=20, members=(Member(trial=0, seed=0, params=params),), purpose="final")
    )
    while not lane.done:
        (told,) = lane.epoch()
    assert told.failure is None
    (scored,) = lane.score()
    assert scored.metrics["val_r2"] > 0.4
    assert scored.metrics["test_rmse"] < prepared.test.y.std()


@pytest.mark.parametrize("seeds", [(0, 0), (1, 2)])
def test_cohorts_of_regressions_agree_with_plain_ones(seeds: tuple[int, ...]) -> None:
    search = prepare(Data(name="diabetes"), "regression").search
    shared = Setup(workload("mlp"), resident(search, torch.device("cpu"), torch.float64))
    cls = workload("mlp").hyperparameters
    members = [Trainee(seed, cls(lr=0.01 * (k + 1), **SMALL)) for k, seed in enumerate(seeds)]
    fused = FusedLoop(shared, members).epoch()
    for k, member in enumerate(members):
        (plain,) = PlainLoop(shared, member).epoch()
        for name in ("train_loss", "train_rmse", "val_rmse", "val_mae", "val_r2", "grad_norm"):
            assert fused[k][name] == pytest.approx(plain[name], rel=1e-6)


@pytest.mark.parametrize("batch_size", [1000, 50, 7])
@pytest.mark.parametrize("micro_batch", [0, 3, 1])
def test_the_training_error_is_the_root_of_the_mean_over_all_rows(batch_size: int, micro_batch: int) -> None:
    """However the rows are divided: a mean of roots would be smaller. The weights stand still."""
    search = prepare(Data(name="diabetes"), "regression").search
    shared = Setup(workload("mlp"), resident(search, torch.device("cpu"), torch.float64))
    sizes = {"batch_size": batch_size, "micro_batch": micro_batch}
    hp = workload("mlp").hyperparameters(lr=1e-300, optimizer="sgd", **{**SMALL, **sizes})
    loop = PlainLoop(shared, Trainee(0, hp))
    with torch.no_grad():
        errors = loop.model(shared.data.x_train) - shared.data.y_train
    expected = float(errors.square().mean().sqrt()) * shared.data.shape.target_std
    assert loop.epoch()[0]["train_rmse"] == pytest.approx(expected, rel=1e-9)
    assert FusedLoop(shared, [Trainee(0, hp)]).epoch()[0]["train_rmse"] == pytest.approx(expected, rel=1e-9)
