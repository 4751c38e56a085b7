"""What ends a trial as diverged: the objective, the losses and the weights, and no other metric."""

from __future__ import annotations

from typing import cast

import pytest

from search_spaces.race.legs import Member, MemberEpoch
from search_spaces.types.objective import Objective
from workloads.legs.checkpoint import Progress
from workloads.legs.member import TrainingMember
from workloads.training.setup import Loop

NAN, INF = float("nan"), float("inf")


def told(metrics: dict[str, float], objective: str = "val_accuracy", *, finite: bool = True) -> MemberEpoch:
    member = Member(trial=0, seed=0, params={})
    aboard = TrainingMember(member, None, Progress(epoch=0, seed=0, params={}), cast(Loop, None))
    return aboard.measured({"val_accuracy": 0.5, **metrics}, finite, Objective(objective, "maximize"))


@pytest.mark.parametrize("name", ["val_r2", "val_roc_auc", "grad_norm", "train_rmse", "val_my_own"])
@pytest.mark.parametrize("value", [NAN, INF, -INF])
def test_another_metric_may_be_undefined(name: str, value: float) -> None:
    report = told({name: value})
    assert report.failure is None and report.metrics[name] is value


@pytest.mark.parametrize("name", ["val_accuracy", "train_loss", "val_loss"])
@pytest.mark.parametrize("value", [NAN, INF])
def test_the_objective_and_the_losses_decide(name: str, value: float) -> None:
    assert str(told({name: value}).failure) == f"diverged: {name} is {value}"


def test_the_weights_decide() -> None:
    assert str(told({}, finite=False).failure) == "diverged: weights are not finite"
