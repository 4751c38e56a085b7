"""The sampler ``auto``: what it proposes, where it hands over to TPE, and that a resume changes nothing."""

from __future__ import annotations

import itertools
import random
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from search_spaces.race.race import Race
from search_spaces.race.search import Search
from search_spaces.samplers.catalogue import NUM_START, sampler
from search_spaces.samplers.history import History, Observation
from search_spaces.samplers.model.model_sampler import ModelSampler
from search_spaces.samplers.optuna_sampler import OptunaSampler
from search_spaces.simulation.clock import World, simulate
from search_spaces.space.domains import Choice, Int, Uniform
from search_spaces.space.space import Space
from search_spaces.study.study import Study
from search_spaces.types.values import Params
from tests.helpers.toy_race import ACCURACY, FINITE, METHODS, Toy, curve, toy_sweep

LINE = Space({"x": Uniform(0, 1)})


def asked(
    space: Space, seen: Sequence[Observation], count: int = 1, rungs: tuple[int, ...] = (1, 3, 9)
) -> list[Params]:
    return sampler("auto", space, ACCURACY, 0, rungs).ask(History(seen), count, {})


def within(sampler: Any) -> Any:
    """The sampler within its wrappers."""
    return within(sampler.inner) if hasattr(sampler, "inner") else sampler


def test_it_is_a_model_and_with_conditions_tpe() -> None:
    """And answers as those do: the contracts of all samplers need not look at it."""
    tree = Space({"kind": Choice(("a", "b")), "x": Uniform(0, 1)}, {"x": {"kind": ("a",)}})
    for space, kind, name in ((LINE, ModelSampler, "gp"), (tree, OptunaSampler, "tpe")):
        points = sampler("random", space, ACCURACY, 1).ask(History(), 14, {})
        history = History(Observation(p, "done", {1: i / 9, 3: i / 7}, i / 7) for i, p in enumerate(points))
        for rungs in ((1, 3), (9,)):
            asked = sampler("auto", space, ACCURACY, 0, rungs)
            assert type(within(asked)) is kind
            assert asked.ask(history, 2, {}) == sampler(name, space, ACCURACY, 0, rungs).ask(history, 2, {})


def test_it_starts_with_points_spread_over_the_space() -> None:
    found = [params["x"] for params in asked(LINE, [], NUM_START)]
    eighths = sorted(int(8 * float(str(x))) for x in found)
    assert eighths == list(range(8)), "one in each eighth, as a Sobol sequence has it"


def test_a_conditional_space_is_searched_by_a_model_too_where_that_is_asked_for() -> None:
    tree = Space({"kind": Choice(("a", "b")), "x": Uniform(0, 1)}, {"x": {"kind": ("a",)}})
    seen = [
        Observation({"kind": "a", "x": i / 10}, "done", {9: -abs(i / 10 - 0.7)}, -abs(i / 10 - 0.7))
        for i in range(10)
    ]
    seen.append(Observation({"kind": "b"}, "done", {9: -0.5}, -0.5))
    (found,) = sampler("gp", tree, ACCURACY, 0, (9,)).ask(History(seen), 1, {})
    assert found["kind"] == "a" and abs(float(str(found["x"])) - 0.7) < 0.1


def halved(best: float) -> list[Observation]:
    """Twenty trials after epochs 1, 3 and 9 of which a third goes on each time: longer trainings are better."""
    order = sorted(range(20), key=lambda i: abs(i / 20 - best))
    found = []
    for i in range(20):
        rank, x = order.index(i), i / 20
        rungs = (1, 3, 9)[: 1 + (rank < 7) + (rank < 3)]
        values = {epoch: 0.3 * level - abs(x - best) for level, epoch in enumerate(rungs)}
        found.append(Observation({"x": x}, "done" if rank < 3 else "paused", values, max(values.values())))
    return found


@pytest.mark.parametrize("best", [0.2, 0.6])
def test_short_trainings_tell_it_of_long_ones(best: float) -> None:
    """Most trials have shown but one epoch, and all of these are worse than those that went on."""
    assert float(str(asked(LINE, halved(best))[0]["x"])) == pytest.approx(best, abs=0.05)


def test_those_of_one_question_are_not_one_guess_many_times() -> None:
    """The best is at 0.3 in all six; what trains is believed to come out as expected, and others are tried."""
    names, rng = "abcdef", random.Random(3)
    points = [{name: rng.random() for name in names} for _ in range(30)]
    values = [-sum((x - 0.3) ** 2 for x in point.values()) for point in points]
    seen = [Observation(p, "done", {9: value}, value) for p, value in zip(points, values, strict=True)]
    found = asked(Space({name: Uniform(0, 1) for name in names}), seen, 8)

    for one, other in itertools.combinations(found, 2):
        assert max(abs(float(str(one[name])) - float(str(other[name]))) for name in names) > 0.02
    assert max(-sum((float(str(x)) - 0.3) ** 2 for x in one.values()) for one in found) > max(values)


def test_it_leaves_where_trials_diverge() -> None:
    seen = [
        Observation({"x": i / 20}, "done", {9: i / 20}, i / 20)
        if i < 12
        else Observation({"x": i / 20}, "infeasible", {})
        for i in range(20)
    ]
    assert max(float(str(params["x"])) for params in asked(LINE, seen, 4)) < 0.65
    crashed = [Observation(one.params, "failed", {}) if one.state == "infeasible" else one for one in seen]
    assert max(float(str(params["x"])) for params in asked(LINE, crashed, 4)) > 0.65


@pytest.mark.parametrize("early_terminate", [{"type": "asha"}, {"type": "none"}])
@pytest.mark.parametrize("method", ["auto", "evolution", "cmaes"])
def test_it_learns_where_chance_does_not(method: str, early_terminate: dict[str, Any]) -> None:
    """For the least; a search for the most is its mirror, as tests of histories and schedules show."""
    space, num = Space({"lr": Uniform(0, 1), "size": Int(0, 9)}), 30 if method == "auto" else 80

    def late_mean(method: str) -> float:
        found = []
        for seed in range(2):
            sweep = toy_sweep(space=space, method=method, trials=num, seed=seed, early_terminate=early_terminate)
            sweep = sweep.model_copy(update={"metric": sweep.metric.model_copy(update={"goal": "minimize"})})
            race = Search(sweep, Toy, None).race(1)
            simulate(race, World(lambda p, epoch: abs(p["lr"] - 0.8) + p["size"] / 9 - epoch / 9), moments=False)
            last = [track.params for track in race.tracks[num // 2 :]]
            found += [abs(params["lr"] - 0.8) + params["size"] / 9 for params in last]
        return statistics.fmean(found)

    assert late_mean(method) < (0.5 if num == 30 else 0.7) * late_mean("random")


LONG = World(curve, epoch_s=lambda leg: 1000.0)
"""Trainings so long that no question is asked ahead of need, which depends on the clock."""


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("kind", ["asha", "none"])
def test_a_resumed_search_goes_on_as_if_it_had_not_been_cut(tmp_path: Path, method: str, kind: str) -> None:
    """Cut after 3 legs, and once more after 14 others."""
    sweep = toy_sweep(
        method=method, space=FINITE, trials=20, epochs=3, early_terminate={"type": kind}, train_together=1, seed=5
    )
    whole = Search(sweep, Toy, None).race(1)
    simulate(whole, LONG, moments=False)
    study = Study("toy", "maximize", tmp_path / "journal.log")
    for num_legs in (3, 14, 999):
        resumed = Search(sweep, Toy, study).race(1)
        simulate(Cut(resumed, num_legs), LONG, moments=False)  # type: ignore[arg-type]

    assert [(t.searched, t.state, t.values) for t in resumed.tracks] == [
        (t.searched, t.state, t.values) for t in whole.tracks
    ]


class Cut:
    """A race that is over after some legs."""

    def __init__(self, race: Race, num_legs: int) -> None:
        self._race, self._left = race, num_legs

    @property
    def finished(self) -> bool:
        return self._left == 0 or self._race.finished

    def finished_leg(self, *arguments: Any) -> None:
        self._left -= 1
        self._race.finished_leg(*arguments)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._race, name)
