"""The contract: a fused cohort and as many plain trainings give the same losses and weights."""

from __future__ import annotations

import dataclasses
import itertools
import math
from typing import Any

import pytest
import torch
from torch.testing import assert_close

from search_spaces.types.plain import VARIABLE
from tests.helpers.soak import pairs
from tests.helpers.workload_data import setup, train, trainee
from workloads.hyperparameters import ACTIVATION_NAMES, OPTIMIZER_NAMES
from workloads.registry import WORKLOADS, workload
from workloads.training.choose_width import make_loop
from workloads.training.fused.loop import FusedLoop
from workloads.training.fused.mlp_by_hand import is_sequence
from workloads.training.plain_loop import PlainLoop
from workloads.training.setup import Trainee

TIMING = "examples_per_s"
OWN = ["tests.helpers.networks:Perceptron", "tests.helpers.networks:Convolutional", "tests.helpers.networks:Tied"]
"""Classes as a user's own."""
FUSABLE = [*(name for name in WORKLOADS if workload(name).fusable), *OWN]
BY_GRADIENT = [name for name in WORKLOADS if "batch_size" in workload(name).hyperparameters.__dataclass_fields__]
"""Trees are trained on all rows at once, by no optimizer; their own tests are those of boosted_trees."""
CLASSIFIERS = [name for name in BY_GRADIENT if "val_accuracy" in workload(name).metrics(None)]
ACTIVATED = [name for name in FUSABLE if "activation" in workload(name).hyperparameters.__dataclass_fields__]
CASES = [
    *pairs(FUSABLE, [("optimizer", name) for name in OPTIMIZER_NAMES]),
    *pairs(ACTIVATED, [("activation", name) for name in ACTIVATION_NAMES]),
]
PAIRS_OF_LOOPS = [
    (name, *pair)
    for name in CLASSIFIERS
    for pair in itertools.product(("plain", "fused"), repeat=2)
    if name in FUSABLE or "fused" not in pair
]


def cohort(name: str, seeds: tuple[int, ...] = (0, 0, 0, 0), **params: Any) -> list[Trainee]:
    numbers = {
        "lr": (0.001, 0.002, 0.003, 0.004),
        "momentum": (0.9, 0.5, 0.0, 0.8),
        "weight_decay": (0.0, 0.01, 0.1, 0.0),
        "label_smoothing": (0.0, 0.1, 0.0, 0.2),
    }
    return [
        trainee(name, seed, **{key: values[k] for key, values in numbers.items()}, **params)
        for k, seed in enumerate(seeds)
    ]


def assert_agree(name: str, members: list[Trainee], num_epochs: int = 2) -> None:
    shared = setup(name)
    fused = FusedLoop(shared, members)
    fused_records = train(fused, num_epochs)
    for k, member in enumerate(members):
        plain = PlainLoop(shared, member)
        for epoch, (record,) in enumerate(train(plain, num_epochs)):
            expected = {key: value for key, value in record.items() if key != TIMING}
            found = {key: value for key, value in fused_records[epoch][k].items() if key != TIMING}
            assert found == pytest.approx(expected, rel=1e-7, abs=1e-9)
        assert_states_close(fused.state(k), plain.state(0))


def assert_states_close(found: Any, expected: Any) -> None:
    assert_close(found.model, expected.model, rtol=1e-6, atol=1e-8)
    assert_close(found.optimizer, expected.optimizer, rtol=1e-6, atol=1e-8)


WAYS = [
    pytest.param(*case.values, way, marks=case.marks)
    for way in ("fast", "plain")
    for case in CASES
    if way == "fast" or case.values[0] in ("softmax", "mlp")
]
"""Other workloads' plain way is their fast one, but for the loss."""


@pytest.fixture(params=["fast", "plain"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Gradients that are written out, and autograd's; torch's own kernels, and its public operations."""
    monkeypatch.setenv(VARIABLE, str(int(request.param == "plain")))
    return str(request.param)


def test_the_plain_way_writes_no_gradient_out(way: str) -> None:
    loop = FusedLoop(setup("mlp"), cohort("mlp"))
    assert (loop.direct is None, is_sequence(loop.model), loop.optimizer._rows is None) == (
        (True, False, True) if way == "plain" else (False, True, False)
    )


@pytest.mark.parametrize(("name", "hyperparameter", "choice", "way"), WAYS, indirect=["way"])
def test_a_fused_cohort_agrees_with_plain_trainings(name: str, hyperparameter: str, choice: str, way: str) -> None:
    assert_agree(name, cohort(name, **{hyperparameter: choice}))


@pytest.mark.parametrize("name", FUSABLE)
def test_the_plain_way_gives_the_same_weights(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """To rounding."""
    states = []
    for switch in ("0", "1"):
        monkeypatch.setenv(VARIABLE, switch)
        loop = FusedLoop(setup(name), cohort(name, seeds=(3, 1, 4, 1)))
        train(loop, 2)
        states.append([loop.state(k) for k in range(4)])
    for fast, slow in zip(*states, strict=True):
        assert_states_close(fast, slow)


@pytest.mark.parametrize("name", FUSABLE)
def test_members_of_different_seeds_agree_with_plain_trainings(name: str, way: str) -> None:
    assert_agree(name, cohort(name, seeds=(3, 1, 4, 1)))


@pytest.mark.parametrize("name", ["mlp", "cnn", "recurrent", *OWN])
def test_dropout_agrees_exactly_where_seeds_are_shared(name: str, way: str) -> None:
    rates = (0.0, 0.2, 0.5, 0.7)
    members = [
        dataclasses.replace(m, hp=dataclasses.replace(m.hp, dropout=r))
        for m, r in zip(cohort(name), rates, strict=True)
    ]
    assert_agree(name, members)


@pytest.mark.parametrize("name", ["mlp", "cnn", "recurrent"])
def test_dropout_of_different_seeds_has_the_same_statistics(name: str) -> None:
    """The mean of the training loss over 30 members is that of 30 plain trainings, within four standard errors."""
    shared = setup(name)
    members = [trainee(name, seed, dropout=0.5) for seed in range(30)]
    fused = torch.tensor([record["train_loss"] for record in FusedLoop(shared, members).epoch()])
    plain = torch.tensor([PlainLoop(shared, member).epoch()[0]["train_loss"] for member in members])
    difference = fused - plain
    assert difference.abs().max() > 0
    assert difference.mean().abs() < 4 * difference.std() / math.sqrt(len(members))


def test_batch_norm_can_be_left_out() -> None:
    assert_agree("cnn", cohort("cnn", batch_norm=False, kernel_size=2, depth=2))


@pytest.mark.parametrize("pooling", ["max", "average", "none"])
@pytest.mark.parametrize("padding", ["same", "valid"])
def test_every_padding_pooling_and_stride_is_fused(padding: str, pooling: str) -> None:
    shape = {"blocks": 1, "stride": 2, "kernel_size": 3}
    assert_agree("cnn", cohort("cnn", padding=padding, pooling=pooling, **shape), num_epochs=1)


@pytest.mark.parametrize("name", FUSABLE)
def test_a_diverging_member_leaves_the_others_unharmed(name: str) -> None:
    shared = setup(name, torch.float32)
    calm = [trainee(name, lr=0.001), trainee(name, lr=0.002)]
    wild = trainee(name, optimizer="sgd", lr=1e30)
    calm = [Trainee(0, dataclasses.replace(member.hp, optimizer="sgd")) for member in calm]
    together = FusedLoop(shared, [calm[0], wild, calm[1]])
    records = together.epoch()
    assert not math.isfinite(records[1]["train_loss"]) or not together.finite()[1]
    together.keep([0, 2])
    later = together.epoch()
    apart = FusedLoop(shared, calm)
    expected = train(apart, 2)
    for k, place in enumerate((0, 2)):
        assert records[place]["train_loss"] == pytest.approx(expected[0][k]["train_loss"], rel=1e-5)
        assert later[k]["val_loss"] == pytest.approx(expected[1][k]["val_loss"], rel=1e-5)
        assert_close(together.state(k).model, apart.state(k).model)


@pytest.mark.parametrize(("name", "first", "second", "optimizer"), pairs(PAIRS_OF_LOOPS, OPTIMIZER_NAMES))
def test_a_state_goes_on_in_either_loop(name: str, first: str, second: str, optimizer: str) -> None:
    params = {} if name == "softmax" else {"dropout": 0.3}
    shared, member = setup(name), trainee(name, optimizer=optimizer, **params)

    def loop(kind: str) -> PlainLoop | FusedLoop:
        return PlainLoop(shared, member) if kind == "plain" else FusedLoop(shared, [member])

    whole = PlainLoop(shared, member)
    expected = train(whole, 3)[2][0]
    begun, resumed = loop(first), loop(second)
    begun.epoch()
    resumed.load(0, begun.state(0))
    resumed.epoch_done = 1
    found = train(resumed, 2)[1][0]
    assert found["train_loss"] == pytest.approx(expected["train_loss"], rel=1e-9)
    assert_states_close(resumed.state(0), whole.state(0))


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_training_learns_and_equal_seeds_are_equal(name: str) -> None:
    shared, member = setup(name, torch.float32), trainee(name, lr=0.02)
    one, other = (train(make_loop(shared, [member]), 12) for _ in range(2))
    assert one[-1][0]["val_accuracy"] >= 0.9
    assert one[-1][0]["train_loss"] < one[0][0]["train_loss"]
    assert [r[0]["val_loss"] for r in one] == [r[0]["val_loss"] for r in other]
