"""Any history is survived by any sampler, and a search for the least is the mirror of one for the most."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from search_spaces.samplers.catalogue import SAMPLERS, sampler
from search_spaces.samplers.history import History, Observation
from search_spaces.space.domains import Choice, Int, Uniform
from search_spaces.space.space import Space
from search_spaces.types.objective import Objective
from search_spaces.types.values import Params
from tests.helpers.toy_race import ACCURACY, METHODS

FINITE = Space({"lr": Uniform(0, 1, step=0.125), "width": Int(1, 8), "kind": Choice(("a", "b", "c"))})
TREE = Space(
    {
        "kind": Choice(("a", "b")),
        "lr": Uniform(1e-5, 1e-1, log=True),
        "share": Uniform(0, 1),
        "width": Int(16, 256, log=True),
    },
    {"share": {"kind": ("b",)}},
)
CASES = [
    pytest.param(method, space, id=f"{method}-{name}")
    for method in METHODS
    for name, space in (("finite", FINITE), ("tree", TREE))
    if not (SAMPLERS[method].finite_only and space is TREE)
]
RUNGS = (1, 3, 9)
LEAST = Objective(ACCURACY.name, "minimize")

Kind = Callable[[int], tuple[str, dict[int, float]]]
KINDS: dict[str, Kind] = {
    "equal": lambda i: ("done", {1: 0.5, 9: 0.5}),
    "huge": lambda i: ("paused", {1: (-1) ** i * 1e308 / (i + 1)}),
    "tiny": lambda i: ("done", {1: 0.0, 9: i * 5e-324}),
    "close": lambda i: ("done", {9: 1 + i * 2.3e-16}),
    "far apart": lambda i: ("done", {3: 10.0 ** (i * 7 - 200)}),
    "one value": lambda i: ("done", {9: 0.5}) if i == 0 else ("running", {}),
    "nothing yet": lambda i: ("running", {}),
    "paused without a value": lambda i: ("paused", {}),
    "all infeasible": lambda i: ("infeasible", {1: 0.5} if i % 2 else {}),
    "all crashed": lambda i: ("failed", {1: 0.5} if i % 2 else {}),
    "all but one infeasible": lambda i: ("done", {9: 0.5}) if i == 7 else ("infeasible", {}),
    "epochs between rungs": lambda i: ("running", {2: 0.1 * i}),
    "epochs after the last": lambda i: ("done", dict.fromkeys((9, 27), 0.1 * i)),
}


def seen(space: Space, kind: Kind, num: int = 30) -> list[Observation]:
    points = sampler("random", space, ACCURACY, 4).ask(History(), num, {})
    states = [kind(i) for i in range(len(points))]
    return [
        Observation(params, state, values, max(values.values(), default=None))  # type: ignore[arg-type]
        for params, (state, values) in zip(points, states, strict=True)
    ]


@pytest.mark.parametrize(("method", "space"), CASES)
@pytest.mark.parametrize("kind", KINDS)
def test_any_history_is_survived(method: str, space: Space, kind: str) -> None:
    history = History(seen(space, KINDS[kind]))
    for rungs in (RUNGS, (9,)):
        found = sampler(method, space, ACCURACY, 0, rungs).ask(history, 2, {})
        assert len(found) == 2 and found[0] != found[1]
        assert all(space.contains(params) and not history.has(params) for params in found)


@pytest.mark.parametrize(("method", "space"), CASES)
def test_a_search_for_the_least_mirrors_one_for_the_most(method: str, space: Space) -> None:
    states = ("done", "paused", "running", "infeasible", "failed")

    def kind(i: int) -> tuple[str, dict[int, float]]:
        value = (i * 37 % 30) / 30
        return states[i % 5], {} if i % 10 == 2 else {
            1: value / 2,
            3: value,
            **({9: value + 0.125} if i % 2 else {}),
        }

    most = seen(space, kind)
    least = [
        replace(
            one,
            values={epoch: -value for epoch, value in one.values.items()},
            best_value=None if one.best_value is None else -one.best_value,
        )
        for one in most
    ]

    def asked(objective: Objective, past: list[Observation], rungs: tuple[int, ...]) -> list[Params]:
        return sampler(method, space, objective, 3, rungs).ask(History(past), 4, {})

    for rungs in (RUNGS, (9,)):
        assert asked(ACCURACY, most, rungs) == asked(LEAST, least, rungs)


def test_cmaes_learns_past_trials_that_crashed_or_were_stopped_before_their_first_value() -> None:
    """Told as the worst, they would drive it from a good place; waited for, it would learn nothing any more."""
    line = Space({"x": Uniform(0, 1), "y": Uniform(0, 1)})
    history = History()
    for number in range(60):
        (params,) = sampler("cmaes", line, LEAST, 1).ask(history, 1, {})
        value = float(str(params["x"])) + float(str(params["y"]))
        lost = {1: Observation(params, "failed", {}), 2: Observation(params, "paused", {})}
        history.put(number, lost.get(number) or Observation(params, "done", {9: value}, value))
    assert sum(one.best_value or 9.0 for one in list(history.seen.values())[-12:]) / 12 < 0.4


@pytest.mark.parametrize("share", [0.15, 0.4])
def test_huge_values_before_trials_diverge_leave_the_good_ones_their_scale(share: float) -> None:
    line = Space({"x": Uniform(0, 1)})
    values = [(x, (x / share - 0.4) ** 2 if x < share else 1e6 * (1 + x)) for x in (i / 40 for i in range(40))]
    past = [Observation({"x": x}, "done", {9: value}, value) for x, value in values]
    history = History([*past, Observation({"x": 0.999}, "infeasible", {})])
    (found,) = sampler("gp", line, LEAST, 0, RUNGS).ask(history, 1, {})
    assert abs(float(str(found["x"])) / share - 0.4) < 0.15
