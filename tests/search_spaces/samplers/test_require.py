"""No sampler proposes a configuration that does not satisfy the requirements of its space."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from search_spaces.race.search import Search
from search_spaces.samplers.catalogue import SAMPLERS, sampler
from search_spaces.samplers.history import History, Observation
from search_spaces.simulation.clock import World, simulate
from search_spaces.space.domains import Choice, Int, Uniform
from search_spaces.space.requirement import Requirement
from search_spaces.space.share import share
from search_spaces.space.space import Space
from search_spaces.types.values import Params
from tests.helpers.toy_race import ACCURACY, FINITE, METHODS, Toy, curve, toy_sweep

ENDLESS = [name for name in METHODS if not SAMPLERS[name].finite_only]
DOMAINS = {
    "kind": Choice(("a", "b")),
    "lr": Uniform(1e-4, 1e-1, log=True),
    "share": Uniform(0, 1),
    "width": Int(8, 64, step=8),
    "heads": Choice((1, 2, 4, 8)),
}
WHEN = {"share": {"kind": ("b",)}}
RULES = (
    "width >= 4 * heads",
    "lr < 0.02 or width < 32",
    "share < lr * 20",
    "kind == 'a' or heads > 1",
    "width % 16 == 0",
)
NARROW = Space(
    {name: Uniform(0, 1) for name in "abc"}, {}, tuple(map(Requirement, ("a + b < c / 4", "abs(a - b) < 0.1")))
)
"""About a hundredth of the cube."""


def seen(space: Space, num: int, known: bool) -> History:
    points = sampler("random", space, ACCURACY, 9).ask(History(), num, {})
    values = [{9: i / num} if known and i % 4 else {} for i in range(num)]
    states = ("running", "done", "paused", "infeasible")
    return History(
        Observation(params, states[i % 4], values[i], max(values[i].values(), default=None))
        for i, params in enumerate(points)
    )


@given(
    st.sampled_from(ENDLESS),
    st.lists(st.sampled_from(RULES), min_size=1, max_size=4, unique=True),
    st.sampled_from(({}, {"heads": 2}, {"kind": "b", "width": 32})),
    st.sampled_from((0, 4, 24)),
    st.integers(0, 99),
)
@settings(max_examples=16, deadline=None)
def test_every_proposal_satisfies_them(method: str, rules: list[str], held: Params, num: int, seed: int) -> None:
    space = Space(DOMAINS, WHEN, tuple(map(Requirement, rules)))
    found = sampler(method, space, ACCURACY, seed, (1, 3, 9)).ask(seen(space, num, True), 3, held)
    assert len(found) == 3 and all(space.contains(params) and held.items() <= params.items() for params in found)


@pytest.mark.parametrize("method", ENDLESS)
def test_a_narrow_space_is_searched_to_the_end_and_the_same_way_after_a_resume(method: str) -> None:
    assert 0.003 < share(NARROW).value < 0.02
    it = sampler(method, NARROW, ACCURACY, 1, (9,))
    history = seen(NARROW, 12, True)
    for number in range(12, 15):
        (params,) = it.ask(history, 1, {})
        assert NARROW.contains(params)
        if number == 14:
            again = History(history.seen.values())
            assert sampler(method, NARROW, ACCURACY, 1, (9,)).ask(again, 1, {}) == [params]
        history.put(number, Observation(params, "done", {9: -float(str(params["a"]))}, -float(str(params["a"]))))


@pytest.mark.parametrize("method", METHODS)
def test_a_race_tries_each_point_that_satisfies_them_once_with_the_defaults_moved(method: str) -> None:
    space = replace(
        FINITE, require=(Requirement("lr * size <= 0.5"), Requirement("kind == 'b' or lr > unit", {"unit": 0.6}))
    )
    expected = [p for p in FINITE.grid() if p["lr"] * p["size"] <= 0.5 and (p["kind"] == "b" or p["lr"] > 0.6)]
    sweep = toy_sweep(
        method=method, space=space, trials=99, epochs=1, early_terminate={"type": "none"}, train_together=3
    )
    race = Search(sweep, Toy, None).race(2)
    simulate(race, World(curve, num_lanes=2))

    found = [dict(track.searched) for track in race.tracks]
    assert found[0] == {"lr": 0.5, "size": 1, "kind": "b"}, "of the defaults lr=0.5 size=1 kind=a, one has changed"
    assert sorted(map(str, found)) == sorted(map(str, expected))


def test_a_sampler_that_learns_does_so_within_them() -> None:
    """The best point that satisfies them lies at their edge; the best of the whole square does not satisfy them."""
    space = Space({"x": Uniform(0, 1), "y": Uniform(0, 1)}, {}, (Requirement("x + y <= 0.8"),))

    def best(method: str) -> float:
        values = []
        for seed in range(2):
            it, history = sampler(method, space, ACCURACY, seed, (1,)), History()
            for number in range(25):
                (params,) = it.ask(history, 1, {})
                value = float(str(params["x"])) + 2 * float(str(params["y"]))
                history.put(number, Observation(params, "done", {1: value}, value))
                values.append(value)
        return sorted(values)[-6]

    assert best("gp") > 1.5 > best("random")
