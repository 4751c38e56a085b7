"""One contract for every sampler of the table."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import replace
from math import inf, nan
from typing import Any

import pytest

from search_spaces.race.search import Search
from search_spaces.samplers.catalogue import SAMPLERS, TPE_BLIND, sampler
from search_spaces.samplers.contract import Sampler
from search_spaces.samplers.history import History, Observation
from search_spaces.samplers.optuna_trials import frozen_trial
from search_spaces.samplers.shown_trials import NUM_GOOD, NUM_OTHERS, ShownTrials
from search_spaces.simulation.clock import World, simulate
from search_spaces.space.domain_contract import DomainFault
from search_spaces.space.domains import Choice, Int, Uniform
from search_spaces.space.space import Space
from search_spaces.types.failure import FailureReason
from search_spaces.types.objective import LOSS
from search_spaces.types.values import Params
from tests.helpers.toy_race import ACCURACY, FINITE, METHODS, Toy, curve, toy_sweep

ENDLESS = [name for name in METHODS if not SAMPLERS[name].finite_only]
TREE = Space(
    {
        "optimizer": Choice(("sgd", "adam")),
        "momentum": Uniform(0, 0.9, step=0.3),
        "width": Int(1, 3),
        "depth": Choice((1, 2), probabilities=(0.25, 0.75)),
    },
    {"momentum": {"optimizer": ("sgd",)}, "depth": {"width": (2, 3)}},
)
"""(4 + 1) * (1 + 2 * 2) = 25 configurations."""
WIDE = Space(
    {
        "kind": Choice(("a", "b")),
        "lr": Uniform(1e-5, 1e-1, log=True),
        "share": Uniform(0, 1),
        "units": Int(16, 256, log=True),
        "odd": Choice(("x", "y", "z"), probabilities=(0.1, 0.2, 0.7)),
    },
    {"share": {"kind": ("b",)}},
)
STATES = ("done", "paused", "failed", "running", "infeasible")


def past(configurations: Sequence[Params]) -> list[Observation]:
    """A history with every kind of trial: ended, waiting, failed with and without a value, running."""
    found = []
    for i, params in enumerate(configurations):
        state = STATES[i % 5]
        values = {} if i % 10 in (2, 3, 4) else {1: 0.1 * i, 2: 0.1 * i + 0.05}
        found.append(Observation(params, state, values, max(values.values(), default=None)))
    return found


def asked(it: Sampler, rounds: int, count: int) -> list[Params]:
    found: list[Params] = []
    for _ in range(rounds):
        found += it.ask(History(past(found)), count, {})
    return found


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("space", [TREE, WIDE], ids=["tree", "wide"])
@pytest.mark.parametrize("count", [1, 4])
def test_suggestions_lie_in_the_space(method: str, space: Space, count: int) -> None:
    if SAMPLERS[method].finite_only and space.size() is None:
        with pytest.raises(DomainFault, match="needed"):
            sampler(method, space, ACCURACY, 0).ask(History(), 1, {})
        return
    found = asked(sampler(method, space, ACCURACY, 0), 16 // count, count)

    assert len(found) == 16
    assert all(space.contains(params) for params in found)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("count", [1, 7])
def test_a_finite_space_is_gone_through_without_twins(method: str, count: int) -> None:
    assert TREE.size() == 25
    found = asked(sampler(method, TREE, LOSS, 3), 25 // count + 2, count)

    assert len(found) == 25
    assert {frozenset(p.items()) for p in found} == {frozenset(p.items()) for p in TREE.grid()}


@pytest.mark.parametrize("method", METHODS)
def test_held_parameters_keep_their_values_until_there_is_no_more(method: str) -> None:
    it, held = sampler(method, TREE, ACCURACY, 1), {"optimizer": "sgd", "width": 3, "depth": 2}
    found = it.ask(History(), 9, held)

    assert sorted(params["momentum"] for params in found) == [0.0, 0.3, 0.6, 0.9]
    assert all(held.items() <= dict(params).items() for params in found)
    assert it.ask(History(past(found)), 3, held) == []
    assert it.ask(History(), 2, found[0]) in ([], [found[0]]), "all held: one at most"


@pytest.mark.parametrize("method", ENDLESS)
def test_held_values_do_not_suffer_from_rounding(method: str) -> None:
    held = {"lr": 0.1 + 0.2 - 0.29, "odd": "y"}
    found = sampler(method, WIDE, ACCURACY, 1).ask(History(), 3, held)
    assert [(params["lr"], params["odd"]) for params in found] == [(held["lr"], "y")] * 3


@pytest.mark.parametrize("method", METHODS)
def test_equal_seeds_give_equal_sweeps(method: str, seed: int = 2**32 - 1) -> None:
    def sweep(seed: int) -> list[Params]:
        race = Search(toy_sweep(method=method, space=FINITE, seed=seed, trials=20), Toy, None).race(2)
        simulate(race, World(curve, num_lanes=2), moments=False)
        return [track.searched for track in race.tracks]

    found = sweep(seed)
    assert found == sweep(seed) and len(found) == 20
    if method != "grid":
        assert found != sweep(seed - 1)


@pytest.mark.parametrize("method", METHODS)
def test_a_sweep_larger_than_its_space_ends_with_the_space(method: str) -> None:
    sweep = toy_sweep(
        method=method, space=FINITE, trials=99, epochs=1, early_terminate={"type": "none"}, train_together=4
    )
    race = Search(sweep, Toy, None).race(2)
    simulate(race, World(curve, num_lanes=2), moments=False)

    assert len(race.tracks) == 30 and {track.state for track in race.tracks} == {"done"}
    assert len({frozenset(track.searched.items()) for track in race.tracks}) == 30


@pytest.mark.parametrize("method", METHODS)
def test_what_diverges_is_survived(method: str) -> None:
    sweep = toy_sweep(method=method, space=FINITE, trials=20)
    race = Search(sweep, Toy, None).race(2)
    world = World(lambda params, epoch: float("nan") if params["lr"] > 0.5 else curve(params, epoch), num_lanes=2)
    simulate(race, world)

    assert len(race.tracks) == 20
    assert {track.index for track in race.tracks if track.state == "failed"} == {
        track.index for track in race.tracks if track.params["lr"] > 0.5
    }


def test_tpe_learns_where_chance_does_not() -> None:
    """For the least; a search for the most is its mirror, as tests of histories show."""
    space = Space({"lr": Uniform(0, 1), "size": Choice((0, 1, 2))})

    def late_mean(method: str) -> float:
        found = []
        for seed in range(8):
            sweep = toy_sweep(
                space=space, method=method, trials=40, epochs=1, seed=seed, early_terminate={"type": "none"}
            )
            sweep = sweep.model_copy(update={"metric": sweep.metric.model_copy(update={"goal": "minimize"})})
            race = Search(sweep, Toy, None).race(1)
            simulate(race, World(lambda params, _: abs(params["lr"] - 0.8) + params["size"]), moments=False)
            found += [abs(track.params["lr"] - 0.8) + track.params["size"] for track in race.tracks[20:]]
        return statistics.fmean(found)

    assert late_mean("tpe") < 0.6 * late_mean("random")


@pytest.mark.parametrize(
    ("seen", "told"),
    [
        (("running", {}), ("RUNNING", None)),
        (("running", {1: 0.2, 3: 0.4}), ("COMPLETE", 0.4)),
        (("paused", {1: 0.5, 3: 0.4}), ("COMPLETE", 0.5)),
        (("done", {1: 0.6, 9: 0.5}), ("COMPLETE", 0.6)),
        (("infeasible", {1: 0.9}), ("COMPLETE", -inf)),
        (("infeasible", {}), ("COMPLETE", -inf)),
        (("failed", {1: 0.9}), ("FAIL", None)),
    ],
)
def test_what_a_sampler_of_optuna_is_told(
    seen: tuple[Any, dict[int, float]], told: tuple[str, float | None]
) -> None:
    params = {"kind": "a", "lr": 0.01, "units": 32, "odd": "z"}
    state, values = seen
    observation = Observation(params, state, values, max(values.values(), default=None))
    record = frozen_trial(WIDE, observation, [ACCURACY])

    assert (record.state.name, record.value, record.intermediate_values) == (*told, values)
    if state == "infeasible":
        assert frozen_trial(WIDE, observation, [LOSS]).value == inf


@pytest.mark.parametrize("kind", ["diverged", "out_of_memory", "timed_out", "infeasible", "raised", "lane_died"])
def test_what_a_configuration_is_to_blame_for_is_the_worst_there_is(kind: Any) -> None:
    search = Search(toy_sweep(trials=1), Toy, None)
    (track,) = search.more([], 1, None)
    track.measure(1, 0.9)
    track.state, track.failure = "failed", FailureReason(kind, "")

    assert track.observation().state == ("failed" if kind in ("raised", "lane_died") else "infeasible")


def test_tpe_leaves_where_trials_diverge() -> None:
    """A third of the space diverges, next to the best: told as nothing, TPE goes there again and again."""
    diverged = []
    for seed in range(4):
        sweep = toy_sweep(method="tpe", trials=40, epochs=1, seed=seed, train_together=1)
        race = Search(sweep.model_copy(update={"space": Space({"lr": Uniform(0, 1)})}), Toy, None).race(1)
        simulate(race, World(lambda params, _: nan if params["lr"] > 0.67 else params["lr"]))
        diverged += [track.failed for track in race.tracks[10:]]
    assert statistics.fmean(diverged) < 0.5


def test_of_thousands_of_trials_the_good_ones_and_a_steady_sample_are_shown() -> None:
    history = History(Observation({"x": i / 2000}, "done", {1: i / 2000}, i / 2000) for i in range(2000))
    shown = ShownTrials(Space({"x": Uniform(0, 1)}), [ACCURACY], 5, history)
    before = {record.params["x"] for record in shown.trials()}
    history.put(2000, Observation({"x": 0.99999}, "running", {}))
    after = {record.params["x"] for record in shown.trials()}

    assert len(before) == len(after) == NUM_GOOD + NUM_OTHERS
    assert {(2000 - i) / 2000 for i in range(1, NUM_GOOD + 1)} <= before
    assert len(before - after) <= 1
    assert 0.4 < statistics.fmean(before) < 0.65
    again = ShownTrials(Space({"x": Uniform(0, 1)}), [ACCURACY], 5, History(history.seen.values()))
    assert {record.params["x"] for record in again.trials()} == after


def test_a_sampler_that_was_asked_before_answers_as_a_new_one() -> None:
    asked = sampler("tpe", WIDE, ACCURACY, 3)
    history = [Observation(params, "running", {}) for params in asked.ask(History(), 24, {})]
    for state, value in (("running", None), ("paused", 0.2), ("done", 0.7), ("failed", None)):
        values = {} if value is None else {1: value}
        history[::4] = [replace(seen, state=state, values=values, best_value=value) for seen in history[::4]]
        history[1::2] = [replace(seen, state="done", best_value=0.1 * i) for i, seen in enumerate(history[1::2])]
        assert asked.ask(History(history), 3, {}) == sampler("tpe", WIDE, ACCURACY, 3).ask(History(history), 3, {})
        history.append(Observation(asked.ask(History(history), 1, {"kind": "a"})[0], "running", {}))


@pytest.mark.parametrize(("method", "cohort", "held"), [("tpe", None, 0), ("tpe", 4, 3), ("random", None, 3)])
def test_a_random_start_is_held_to_no_signature_unless_users_say_so(
    method: str, cohort: int | None, held: int
) -> None:
    search = Search(toy_sweep(method=method, trials=40, train_together=cohort), Toy, None)
    tracks = search.more([], 12, None)
    for number, track in enumerate(tracks[:12]):
        more = search.more(tracks, 3, tracks[0])
        assert len(more) == (held if number < TPE_BLIND else 3)
        tracks += more
        track.measure(1, float(number))
        track.state = "done"
        search.ended(track)
