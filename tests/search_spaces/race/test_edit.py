"""A search that goes on in an edited space, at once or behind a resume."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from search_spaces.race.earlier.warm_start import NOTHING_KNOWN
from search_spaces.race.legs import MemberEpoch, Saved
from search_spaces.race.race import Race
from search_spaces.race.search import Search
from search_spaces.simulation.clock import World, simulate
from search_spaces.space.domains import Choice, Uniform
from search_spaces.space.space import Space
from search_spaces.spec.edit import noted
from search_spaces.spec.keys.budget import Budget, StopWhen
from search_spaces.spec.sweep import Sweep
from search_spaces.study.study import Study
from tests.helpers.toy_race import FINITE, METRIC, Toy, curve, toy_sweep

WORLD = World(curve, epoch_s=lambda leg: 1000.0)
FIRST = toy_sweep(method="tpe", trials=12, train_together=1, early_terminate={"type": "none"}, epochs=2)
NARROW = Space({"lr": Uniform(0.2, 0.4), "kind": Choice(("a", "b"))})
"""The size is fixed, and the kind, which was the default, is searched."""


def after(sweep: Sweep, num_trials: int, **changes: Any) -> Sweep:
    return noted(sweep, sweep.model_copy(update=changes), ["parameters=..."], num_trials, "an edit")


@pytest.mark.parametrize("method", ["tpe", "evolution"])
@pytest.mark.parametrize("resumed", [False, True], ids=["running", "resumed"])
def test_trials_behind_an_edit_are_of_the_new_space(method: str, resumed: bool, tmp_path: Path) -> None:
    first = FIRST.model_copy(update={"method": method, "trials": 6})
    study = Study("toy", "maximize", tmp_path / "journal.log")
    search = Search(first, Toy, study)
    race = search.race(1)
    simulate(race, WORLD, moments=False)
    before = [dict(track.params) for track in race.tracks]

    new = after(first, 6, space=NARROW, constants={"size": 1}, trials=12)
    search = Search(new, Toy, study)
    race = search.race(1)
    if not resumed:  # as if the edit had come between two questions
        search = Search(first.model_copy(update={"trials": 12}), Toy, study)
        race = search.race(1)
        search.more(race.tracks, 0, None)  # its sampler knows all trials so far
        search.edit(new, NOTHING_KNOWN, race)
    simulate(race, WORLD, moments=False)
    assert [dict(track.params) for track in race.tracks[:6]] == before
    assert all(NARROW.contains(track.searched) and track.params["size"] == 1 for track in race.tracks[6:])
    assert len(race.tracks) == 12 == len(study.records())
    fit = [i for i, full in enumerate(before) if full["size"] == 1 and 0.2 <= float(full["lr"] or 0) <= 0.4]
    assert [number for number in search.history.seen if number < 6] == fit
    assert all(search.history.seen[number].params["kind"] == "a" for number in fit)
    assert len(search.outside()) == 6 - len(fit)


def test_trials_keep_the_constants_of_their_time(tmp_path: Path) -> None:
    study = Study("toy", "maximize", tmp_path / "journal.log")
    first = FIRST.model_copy(update={"trials": 2, "constants": {"kind": "b"}})
    simulate(Search(first, Toy, study).race(1), WORLD, moments=False)
    race = Search(after(first, 2, constants={"kind": "c"}, trials=4), Toy, study).race(1)
    simulate(race, WORLD, moments=False)
    assert [track.params["kind"] for track in race.tracks] == ["b", "b", "c", "c"]


def test_an_edited_search_asks_the_same_at_once_and_behind_a_resume(tmp_path: Path) -> None:
    found = []
    for resumed in (False, True):
        study = Study("toy", "maximize", tmp_path / f"journal{resumed}.log")
        simulate(Search(FIRST.model_copy(update={"trials": 6}), Toy, study).race(1), WORLD, moments=False)
        new = after(FIRST, 6, space=NARROW, constants={"size": 1})
        search = Search(new if resumed else FIRST, Toy, study)
        race = search.race(1)
        if not resumed:
            search.edit(new, NOTHING_KNOWN, race)
        simulate(race, WORLD, moments=False)
        found.append([track.searched for track in race.tracks])
    assert found[0] == found[1]


def test_a_widened_finite_space_is_counted_with_what_lies_outside(tmp_path: Path) -> None:
    first = toy_sweep(method="grid", space=FINITE, trials=30, train_together=1, epochs=2)
    study = Study("toy", "maximize", tmp_path / "journal.log")
    race = Search(first, Toy, study).race(1)
    simulate(race, WORLD, moments=False)
    assert len(race.tracks) == 30
    space = Space({**FINITE.domains, "size": Choice((1, 2, 3))})
    new = after(first, 30, space=space, trials=40)
    search = Search(new, Toy, study)
    assert search.most_trials == 40, "30 points, and 10 trials of size 0"
    race = search.race(1)
    simulate(race, WORLD, moments=False)
    assert len(race.tracks) == 40
    assert sorted(track.params["size"] or 0 for track in race.tracks) == [0] * 10 + [1] * 10 + [2] * 10 + [3] * 10


def test_a_search_that_had_used_up_its_space_goes_on_in_a_larger_one() -> None:
    search = Search(toy_sweep(space=FINITE, trials=60, train_together=60), Toy, None)
    race = search.race(1)
    assert race.next_leg() is not None and len(race.tracks) == 30, "all that there are"
    new = after(search.sweep, 30, space=Space({**FINITE.domains, "size": Choice((0, 1, 2, 3))}))
    search.edit(new, NOTHING_KNOWN, race)
    while race.next_leg():
        pass
    assert [track.params["size"] for track in race.tracks[30:]] == [3] * 10


def part(sweep: Sweep, num_trials: int) -> tuple[Search, Race]:
    """Begin a search, and run it until it has so many trials, at the moment of a question."""
    search = Search(sweep, Toy, None)
    race = search.race(1)
    while len(race.tracks) < num_trials:
        go_on(race, 1)
    return search, race


def go_on(race: Race, most_legs: int = 1000) -> None:
    while most_legs and (leg := race.next_leg()):
        most_legs -= 1
        for epoch in range(leg.start + 1, leg.stop + 1):
            points = [
                MemberEpoch(key=m.key, epoch=epoch, metrics={METRIC: curve(m.params, epoch)}) for m in leg.members
            ]
            race.reported(leg.id, points)
        race.saved(leg.id, [Saved(key=member.key, epoch=leg.stop, uri="nowhere") for member in leg.members])
        race.finished_leg(leg.id, 1.0)


def test_limits_change_while_the_search_runs() -> None:
    limited = FIRST.model_copy(update={"trials": 20, "budget": Budget(epochs=20), "method": "random"})
    for limit, num_trials in ((30, 15), (12, 6), (None, 20)):
        search, race = part(limited, 6)
        budget = limit and Budget(epochs=limit)
        search.edit(after(limited, 6, budget=budget), NOTHING_KNOWN, race)
        go_on(race)
        assert len(race.tracks) == num_trials
        assert race.closing == (limit and f"the budget of {limit} epochs is used up")


def test_a_search_ends_by_rules_that_came_later_and_not_by_those_that_went() -> None:
    first = FIRST.model_copy(update={"trials": 20, "method": "random"})
    search, race = part(first, 6)
    search.edit(after(first, 6, stop_when=StopWhen(no_improvement=4)), NOTHING_KNOWN, race)
    go_on(race)
    assert race.closing and race.closing.endswith("trials in a row have brought no better value")
    ending = first.model_copy(update={"stop_when": StopWhen(no_improvement=4, regret_below=1e9)})
    search, race = part(ending, 6)
    search.edit(after(ending, 6, stop_when=None), NOTHING_KNOWN, race)
    go_on(race)
    assert race.closing is None and len(race.tracks) == 20 and len(race._observers) == 1


def test_a_target_that_came_later_ends_the_search_as_it_is_reached() -> None:
    first = FIRST.model_copy(update={"trials": 20, "method": "random"})
    _, whole = part(first, 20)
    go_on(whole)
    later = [track.best_value or 0 for track in whole.tracks[3:-1]]
    search, race = part(first, 3)
    metric = first.metric.model_copy(update={"target": max(later)})
    search.edit(after(first, 3, metric=metric), NOTHING_KNOWN, race)
    go_on(race)
    assert race.closing == f"the target of {max(later):g} is reached" and 3 < len(race.tracks) < 20


def test_another_method_goes_on_with_what_is_known() -> None:
    first = FIRST.model_copy(update={"trials": 20})
    search, race = part(first, 6)
    search.edit(after(first, 6, method="qmc"), NOTHING_KNOWN, race)
    go_on(race)
    resumed = Search(after(first, 6, method="qmc"), Toy, None)
    assert len(race.tracks) == 20 and type(search.sampler) is type(resumed.sampler)
    assert len(search.history.seen) >= 19


@pytest.mark.parametrize("space", [NARROW, Space({"lr": Uniform(0, 1), "size": Choice((0, 2))})])
def test_a_bound_of_the_regret_knows_the_trials_of_the_space_alone(space: Space) -> None:
    """A trial outside of it, as the defaults may be, ended the driver with StopIteration or KeyError."""
    constants = {} if "size" in space.domains else {"size": 1}
    first = FIRST.model_copy(update={"method": "random", "trials": 30, "stop_when": StopWhen(regret_below=1e-12)})
    search, race = part(first, 4)
    search.edit(after(first, 4, space=space, constants=constants), NOTHING_KNOWN, race)
    go_on(race)
    assert len(race.tracks) == 30 and race.closing is None
