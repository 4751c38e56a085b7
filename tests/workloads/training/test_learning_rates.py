"""Learning-rate schedules against torch.optim.lr_scheduler, in both loops, and across checkpoints."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch.optim import lr_scheduler as theirs

from tests.helpers.workload_data import setup, train, trainee
from workloads.hyperparameters import SCHEDULE_NAMES, Training
from workloads.training.fused.loop import FusedLoop
from workloads.training.learning_rates import Plateau, RateSchedule, rate
from workloads.training.plain_loop import PlainLoop
from workloads.training.setup import Loop, Setup, Trainee

STEPS, EPOCHS = 7, 12
HP = Training(lr=0.2, lr_factor=0.3, lr_step_epochs=2, lr_decay=0.8, lr_floor=0.1, lr_cycle_epochs=4, lr_rise=0.4)
PER_EPOCH = ("step", "exponential")

THEIRS: dict[str, Callable[[torch.optim.Optimizer, int], Any]] = {
    "constant": lambda o, n: theirs.ConstantLR(o, factor=1.0),
    "step": lambda o, n: theirs.StepLR(o, 2, 0.3),
    "exponential": lambda o, n: theirs.ExponentialLR(o, 0.8),
    "linear": lambda o, n: theirs.LinearLR(o, 1.0, 0.1, n),
    "cosine": lambda o, n: theirs.CosineAnnealingLR(o, n, eta_min=0.02),
    "cyclic": lambda o, n: theirs.CyclicLR(o, 0.02, 0.2, step_size_up=2 * STEPS, cycle_momentum=False),
    "one_cycle": lambda o, n: theirs.OneCycleLR(o, 0.2, total_steps=n, pct_start=0.4, cycle_momentum=False),
}


def optimizer() -> torch.optim.Optimizer:
    return torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], 0.2)


def ours(hp: Training) -> list[float]:
    return [rate(hp, step, STEPS, EPOCHS) for step in range(EPOCHS * STEPS)]


def followed(by: torch.optim.Optimizer, schedule: Any, per_epoch: bool) -> list[float]:
    rates = []
    for step in range(EPOCHS * STEPS):
        rates.append(by.param_groups[0]["lr"])
        by.step()
        last = getattr(schedule, "total_steps", math.inf)
        if (not per_epoch or step % STEPS == STEPS - 1) and step + 1 < last:
            schedule.step()
    return rates


@pytest.mark.parametrize("name", THEIRS)
def test_a_schedule_is_torch_s(name: str) -> None:
    by = optimizer()
    expected = followed(by, THEIRS[name](by, EPOCHS * STEPS), name in PER_EPOCH)
    assert ours(replace(HP, lr_schedule=name)) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("name", THEIRS)
def test_a_warm_up_is_torch_s_and_the_schedule_follows_it(name: str) -> None:
    by, num_warm = optimizer(), 3 * STEPS
    expected = followed(by, theirs.LinearLR(by, 1 / num_warm, 1.0, num_warm - 1), False)[:num_warm]
    by = optimizer()
    expected += followed(by, THEIRS[name](by, EPOCHS * STEPS - num_warm), name in PER_EPOCH)[:-num_warm]
    assert ours(replace(HP, lr_schedule=name, warmup_epochs=3)) == pytest.approx(expected, rel=1e-9)


def test_a_warm_up_by_share_is_of_the_longest_training() -> None:
    linear = replace(HP, lr_schedule="linear", lr_floor=0.0)
    assert ours(replace(linear, warmup_share=0.25)) == ours(replace(linear, warmup_epochs=3))
    assert [rate(replace(linear, warmup_share=0.5), step, 3, 1) for step in range(3)] == pytest.approx(
        [0.1, 0.2, 0.2]
    ), "1.5 steps are 2"
    by = optimizer()
    expected = followed(by, theirs.LambdaLR(by, lambda step: max(0.0, 1 - step / (EPOCHS * STEPS))), False)
    assert ours(linear) == pytest.approx(expected), "as Hugging Face's linear schedule"


def test_every_schedule_is_compared_with_torch() -> None:
    assert {*THEIRS, "reduce_on_plateau"} == set(SCHEDULE_NAMES)


@pytest.mark.parametrize("threshold", [0.0, 0.3])
@pytest.mark.parametrize("patience", [0, 2])
def test_reduce_on_plateau_is_torch_s(threshold: float, patience: int) -> None:
    hp = Training(
        lr=0.2, lr_schedule="reduce_on_plateau", lr_factor=0.4, lr_floor=0.05, plateau_epochs=patience,
        min_improvement=threshold,
    )  # fmt: skip
    by = optimizer()
    schedule = theirs.ReduceLROnPlateau(
        by, factor=0.4, patience=patience, threshold=threshold, threshold_mode="abs", min_lr=0.01
    )
    values = [3.0, 2.0, 1.9, 1.9, 1.8, 1.2, math.nan, 1.2, 1.1, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0]
    pace = RateSchedule([hp, hp], STEPS, EPOCHS)
    for epoch, value in enumerate(values):
        rates = pace.rates(epoch)
        assert rates is not None and rates.shape == (STEPS, 2)
        assert rates.flatten().tolist() == pytest.approx([by.param_groups[0]["lr"]] * 2 * STEPS)
        by.step()
        schedule.step(value)
        pace.seen([value, value])
    assert Plateau.of(pace.state(1)["plateau"]).share < 1


@pytest.mark.parametrize("name", SCHEDULE_NAMES)
@pytest.mark.parametrize("horizon", [1, 2])
def test_short_trainings_have_finite_positive_rates(name: str, horizon: int) -> None:
    for warmup in ({}, {"warmup_epochs": 1}, {"warmup_epochs": 5}, {"warmup_share": 0.1}, {"warmup_share": 0.9}):
        hp = replace(HP, lr_schedule=name, **warmup)
        for steps in (1, 2, 3):
            rates = [rate(hp, step, steps, horizon) for step in range(horizon * steps)]
            assert all(0 < value <= 0.2 + 1e-12 for value in rates), (warmup, steps, rates)


def member(name: str, k: int = 0) -> Trainee:
    return trainee(
        "mlp", lr=0.01 * (k + 1), lr_schedule=name, warmup_epochs=k, lr_floor=0.1, lr_step_epochs=1,
        plateau_epochs=1, min_improvement=5, lr_cycle_epochs=2,
    )  # fmt: skip


def shared(horizon: int = 6) -> Setup:
    return replace(setup("mlp"), horizon=horizon)


def test_members_of_all_schedules_ride_in_one_cohort_and_agree_with_plain_trainings() -> None:
    members = [member(name, k % 3) for k, name in enumerate(SCHEDULE_NAMES)]
    fused = FusedLoop(shared(), members)
    records = train(fused, 5)
    for k, one in enumerate(members):
        plain = PlainLoop(shared(), one)
        for epoch, (expected,) in enumerate(train(plain, 5)):
            assert records[epoch][k]["train_loss"] == pytest.approx(expected["train_loss"], rel=1e-7)
            assert records[epoch][k]["lr"] == pytest.approx(expected["lr"], rel=1e-12)
        torch.testing.assert_close(fused.state(k), plain.state(0), rtol=1e-6, atol=1e-8)
    assert len({record["lr"] / one.hp.lr for record, one in zip(records[-1], members, strict=True)}) == len(members)


def test_the_logged_rate_is_the_mean_of_those_that_torch_would_use() -> None:
    one = trainee("mlp", lr=0.01, lr_schedule="cosine")
    by = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], 0.01)
    num_steps = shared().data.num_steps(one.hp.batch_size)
    schedule = theirs.CosineAnnealingLR(by, 4 * num_steps)
    for (record,) in train(PlainLoop(shared(4), one), 4):
        rates = []
        for _ in range(num_steps):
            rates.append(by.param_groups[0]["lr"])
            by.step()
            schedule.step()
        assert record["lr"] == pytest.approx(sum(rates) / num_steps)


@pytest.mark.parametrize("kind", ["plain", "fused"])
@pytest.mark.parametrize("name", ["linear", "cosine", "one_cycle", "reduce_on_plateau"])
def test_a_schedule_goes_on_from_a_checkpoint(name: str, kind: str) -> None:
    def loop() -> Loop:
        return PlainLoop(shared(), member(name)) if kind == "plain" else FusedLoop(shared(), [member(name)] * 2)

    expected = train(loop(), 6)[-1][0]
    begun, resumed = loop(), loop()
    train(begun, 3)
    for k in range(len(resumed.members)):
        resumed.load(k, begun.state(k))
    resumed.epoch_done = 3
    found = train(resumed, 3)[-1][0]
    assert found["lr"] == pytest.approx(expected["lr"], rel=1e-12) and found["lr"] < 0.01
    assert found["val_loss"] == pytest.approx(expected["val_loss"], rel=1e-9)
