"""Spaces with conditions: what is asked, what exists, and every grid point once."""

from __future__ import annotations

import optuna
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from search_spaces.space.domain_contract import Domain, DomainFault
from search_spaces.space.domains import Choice, Int, Uniform
from search_spaces.space.quantile_domains import Normal
from search_spaces.space.space import Space

optuna.logging.set_verbosity(optuna.logging.ERROR)

SPACE = Space(
    {
        "nesterov": Choice((True, False)),
        "momentum": Uniform(0.5, 0.9),
        "lr": Uniform(1e-5, 1.0, log=True),
        "optimizer": Choice(("sgd", "adam", "adamw")),
        "dropout": Normal(0.2, 0.1, 0.0, 0.9),
        "width": Choice((32, 64), (0.25, 0.75)),
    },
    {"nesterov": {"momentum": (0.9,)}, "momentum": {"optimizer": ("sgd",)}},
)


def test_parents_are_asked_before_children_and_the_order_is_kept_otherwise() -> None:
    assert list(SPACE.domains) == ["lr", "optimizer", "momentum", "nesterov", "dropout", "width"]


@pytest.mark.parametrize(
    "sampler",
    [optuna.samplers.RandomSampler(seed=0), optuna.samplers.TPESampler(seed=0, n_startup_trials=5)],
    ids=["random", "tpe"],
)
def test_asked_configurations_lie_in_the_space_and_the_study_takes_them_back(
    sampler: optuna.samplers.BaseSampler,
) -> None:
    study, again = optuna.create_study(sampler=sampler), optuna.create_study()
    for _ in range(30):
        trial = study.ask()
        params = SPACE.ask(trial)
        assert SPACE.contains(params)
        assert ("momentum" in params) == (params["optimizer"] == "sgd")
        assert set(trial.params) == set(params)
        again.add_trial(
            optuna.trial.create_trial(
                params=SPACE.internal(params), distributions=SPACE.distributions(params), value=0.0
            )
        )
        assert again.trials[-1].distributions == trial.distributions
        study.tell(trial, params["lr"])


def test_enqueued_configurations_come_back() -> None:
    study = optuna.create_study()
    wanted = {"lr": 0.01, "optimizer": "adam", "dropout": 0.25, "width": 64}
    study.enqueue_trial(SPACE.internal(wanted))
    assert SPACE.ask(study.ask()) == pytest.approx(wanted)


def test_held_values_are_kept_to_the_digit() -> None:
    held = {"optimizer": "adam", "dropout": 0.123456789, "width": 32}
    inner = optuna.samplers.RandomSampler(seed=1)
    with pytest.warns(optuna.exceptions.ExperimentalWarning):
        sampler = optuna.samplers.PartialFixedSampler(SPACE.internal(held), inner)
    study = optuna.create_study(sampler=sampler)
    asked = [SPACE.ask(study.ask(), held) for _ in range(5)]
    assert all(params.items() >= held.items() for params in asked)
    assert len({params["lr"] for params in asked}) == 5


def test_what_lies_outside_is_left_out_of_what_the_study_is_told() -> None:
    params = {"lr": 5.0, "optimizer": "adam", "momentum": 0.6, "width": 32, "unknown": 1}
    assert set(SPACE.internal(params)) == set(SPACE.distributions(params)) == {"optimizer", "width"}


def test_only_whole_configurations_are_contained() -> None:
    good = {"lr": 0.1, "optimizer": "sgd", "momentum": 0.9, "nesterov": True, "dropout": 0.1, "width": 32}
    assert SPACE.contains(good)
    assert SPACE.active({**good, "optimizer": "adam"}).keys() == {"lr", "optimizer", "dropout", "width"}
    for wrong in ({"lr": 2.0}, {"optimizer": "adam"}, {"momentum": 0.6}, {"nesterov": 1}, {"extra": 1}):
        assert not SPACE.contains({**good, **wrong}), wrong
    assert not SPACE.contains({k: v for k, v in good.items() if k != "nesterov"})


@pytest.mark.parametrize(
    ("when", "field"),
    [
        ({"a": {"b": (1,)}, "b": {"c": (1,)}, "c": {"a": (1,)}}, "a.when"),
        ({"a": {"a": (1,)}}, "a.when"),
        ({"a": {"z": (1,)}}, "a.when.z"),
        ({"a": {"b": (1, 7)}}, "a.when.b"),
    ],
)
def test_conditions_that_cannot_hold_are_refused(when: dict[str, dict[str, tuple[int, ...]]], field: str) -> None:
    with pytest.raises(DomainFault) as caught:
        Space({name: Int(1, 3) for name in "abc"}, when)
    assert caught.value.field == field


@st.composite
def finite_spaces(draw: st.DrawFn) -> Space:
    names = draw(st.lists(st.sampled_from("abcde"), unique=True, min_size=1))
    domains: dict[str, Domain] = {name: Int(1, draw(st.integers(2, 4))) for name in names}
    when = {
        child: {draw(st.sampled_from(names[:k])): tuple(draw(st.sets(st.integers(1, 2), min_size=1)))}
        for k, child in enumerate(names)
        if k and draw(st.booleans())
    }
    return Space(domains, when)


@settings(deadline=None, max_examples=100)
@given(finite_spaces())
def test_the_grid_holds_each_configuration_once(space: Space) -> None:
    points = list(space.grid())
    assert len({frozenset(point.items()) for point in points}) == len(points) == space.size()
    assert all(space.contains(point) for point in points)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    assert all(space.ask(study.ask()) in points for _ in range(5))


def test_large_grids_are_counted_without_walking() -> None:
    space = Space({name: Int(1, 4096) for name in "abcd"}, {"d": {"a": (1,)}})
    assert space.size() == 4095 * 4096**2 + 4096**3
    assert SPACE.size() is None
