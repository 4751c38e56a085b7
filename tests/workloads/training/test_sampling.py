"""The weighted sampler: all classes equally often, in the order of mini-batches, alike in both loops."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
import torch

from cluster.sweep.data_process import check_first
from search_spaces.spec.data import Data
from tests.helpers.workload_data import setup, train, trainee
from workloads.arrays import DataError
from workloads.data.epoch_order import balancing, epoch_order
from workloads.data.prepare import prepare
from workloads.training.fused.loop import FusedLoop
from workloads.training.plain_loop import PlainLoop

CPU = torch.device("cpu")


def test_an_epoch_draws_every_class_equally_often() -> None:
    y = torch.tensor([0] * 9000 + [1] * 900 + [2] * 100)
    order = epoch_order([3], 0, len(y), CPU, balancing(y))
    assert len(order) == len(y)
    shares = torch.bincount(y[order]) / len(y)
    assert shares == pytest.approx([1 / 3] * 3, abs=0.02)
    assert len(set(order[y[order] == 2].tolist())) == 100, "each rare example is met"
    assert order.max() < len(y)


def test_orders_are_functions_of_seed_and_epoch_and_never_of_the_others_aboard() -> None:
    weights = balancing(torch.tensor([0] * 30 + [1] * 3))
    both = epoch_order([1, 2], 4, 33, CPU, weights)
    assert torch.equal(both[0], epoch_order([1], 4, 33, CPU, weights))
    assert torch.equal(both[1], epoch_order([2], 4, 33, CPU, weights))
    assert not torch.equal(both[0], epoch_order([1], 5, 33, CPU, weights))


def test_without_weights_every_example_is_met_once() -> None:
    assert sorted(epoch_order([0], 0, 50, CPU).tolist()) == list(range(50))


@pytest.mark.parametrize("name", ["softmax", "mlp"])
def test_both_loops_draw_the_same_examples(name: str) -> None:
    members = [trainee(name, seed=1, sampling="balanced", lr=lr) for lr in (0.002, 0.01)]
    fused = train(FusedLoop(setup(name), members), 3)
    for k, member in enumerate(members):
        for ours, theirs in zip(train(PlainLoop(setup(name), member), 3), fused, strict=True):
            assert ours[0]["train_loss"] == pytest.approx(theirs[k]["train_loss"], rel=1e-6)
            assert ours[0]["val_loss"] == pytest.approx(theirs[k]["val_loss"], rel=1e-6)
    (plain,) = train(PlainLoop(setup(name), trainee(name, seed=1)), 1)
    assert plain[0]["train_loss"] != pytest.approx(fused[0][0]["train_loss"])


@pytest.mark.parametrize("constants", [{"sampling": "balanced"}, {"class_weights": "balanced"}])
def test_balancing_numbers_is_refused_before_anything_starts(constants: Mapping[str, str]) -> None:
    search = prepare(Data(name="diabetes"), "regression").search
    check_first("mlp", {}, search)
    check_first("mlp", dict.fromkeys(constants, "none"), search)
    with pytest.raises(DataError, match=r"parameters\.(sampling|class_weights): has no effect on regression"):
        check_first("mlp", constants, search)
    with pytest.raises(DataError, match="has no effect on regression"):
        check_first("mlp", {}, search, searched=constants)
    check_first("mlp", constants, prepare(Data(name="wine")).search)
