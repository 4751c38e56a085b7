"""Races of several objectives: who goes on, who is on the front, and what a resumed one knows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend

from search_spaces.criteria.constraints import Constraint
from search_spaces.race.finals import finalists
from search_spaces.race.legs import Leg, MemberEpoch, Saved
from search_spaces.race.race import Race
from search_spaces.race.roster import Roster
from search_spaces.race.search import Search
from search_spaces.samplers.catalogue import SAMPLERS
from search_spaces.spec.sweep import Metric, Sweep
from search_spaces.study.study import Study
from tests.helpers.toy_race import FINITE, METHODS, METRIC, Toy, curve, toy_sweep

METRICS = (Metric(name=METRIC, goal="maximize"), Metric(name="latency_ms", goal="minimize"))


def sweep(**changes: Any) -> Sweep:
    return toy_sweep(**{"metrics": METRICS, "trials": 24, "train_together": 1, **changes})


def latency(params: Any) -> float:
    return 1.0 + 2 * float(params["size"]) + float(params["lr"])


def train(race: Race, num_legs: int = 10_000) -> Race:
    while num_legs and (leg := race.next_leg()):
        num_legs -= 1
        for epoch in range(leg.start + 1, leg.stop + 1):
            race.reported(leg.id, [measured(leg, epoch, k) for k in range(len(leg.members))])
        race.saved(leg.id, [Saved(key=member.key, epoch=leg.stop, uri="nowhere") for member in leg.members])
        race.finished_leg(leg.id, 1.0)
    return race


def measured(leg: Leg, epoch: int, k: int) -> MemberEpoch:
    member = leg.members[k]
    told = {"latency_ms": latency(member.params)} if epoch == leg.start + 1 else {}
    return MemberEpoch(key=member.key, epoch=epoch, metrics={METRIC: curve(member.params, epoch), **told})


def raced(study: Study | None = None, num_legs: int = 10_000, **changes: Any) -> Race:
    return train(Search(sweep(**changes), Toy, study).race(num_lanes=1), num_legs)


ABLE = [name for name in METHODS if SAMPLERS[name].several]


@pytest.mark.parametrize("method", ABLE)
@pytest.mark.parametrize("rule", ["none", "asha", pytest.param("median", marks=pytest.mark.soak)])
def test_each_method_and_schedule_comes_to_a_front(method: str, rule: str) -> None:
    space = {"space": FINITE} if SAMPLERS[method].finite_only else {}
    race = raced(method=method, early_terminate={"type": rule}, **space)
    assert any(track.done for track in race.tracks)
    best, *others = ((-(track.best_value or 0), latency(track.params)) for track in race.ranked())
    assert not any(one != best and one[0] <= best[0] and one[1] <= best[1] for one in others)
    assert race.top() == [t for t in race.top() if not t.failed]


def test_a_rung_keeps_the_small_and_the_good() -> None:
    """By the first objective alone the fastest would be stopped at once."""
    race = raced(method="random")
    alone = train(Search(sweep(metrics=(), method="random"), Toy, None).race(num_lanes=1))
    fastest, alone_fastest = (min(latency(t.params) for t in one.tracks if t.done) for one in (race, alone))
    assert fastest < alone_fastest


def test_scores_at_a_rung_are_places_by_all_objectives() -> None:
    race = raced(method="random", early_terminate={"type": "asha"})
    there = [track for track in race.tracks if 1 in track.scores]
    assert sorted(-track.scores[1] for track in there) == list(range(len(there)))
    best = min(there, key=lambda track: -track.scores[1])
    assert not any(
        np.all(np.array(t.minimised(1)) <= best.minimised(1)) and t.minimised(1) != best.minimised(1) for t in there
    )


def test_a_population_copies_by_all_objectives() -> None:
    rule = {"type": "pbt", "population": 24, "interval": 3, "quantile": 0.5}
    race = raced(method="random", early_terminate=rule)
    taken = [(race.tracks[one.source], track, one.epoch) for track in race.tracks for one in track.exploits]
    assert all(source.scores[epoch] > track.scores[epoch] for source, track, epoch in taken)
    assert any(source.values[epoch] < track.values[epoch] for source, track, epoch in taken), "but a faster one"


def test_finalists_are_the_first_of_the_order_with_the_default() -> None:
    race = raced(method="random")
    assert finalists(race, 3)[:3] == race.ranked()[:3]
    assert len({latency(track.params) for track in race.ranked()[:3]}) > 1


@pytest.mark.parametrize("method", ["random", "tpe", "auto", "nsga2"])
@pytest.mark.parametrize("num_legs", [3, 20])
def test_a_resumed_race_ends_as_one_that_was_not_cut(method: str, num_legs: int, tmp_path: Path) -> None:
    goals = ("maximize", "minimize")
    wanted = [(t.searched, t.state, t.values, t.scores, t.vector()) for t in raced(method=method).tracks]
    raced(study := Study("toy", goals, tmp_path / "j"), num_legs, method=method)
    study.flush()
    race = raced(Study("toy", goals, tmp_path / "j"), method=method)
    found = [(t.searched, t.state, t.values, t.scores, t.vector()) for t in race.tracks]
    assert [one[:3] for one in found] == [one[:3] for one in wanted]
    assert [one[4] for one in found] == [one[4] for one in wanted]


def test_optuna_reads_the_study_with_all_directions_and_values(tmp_path: Path) -> None:
    race = raced(study := Study("toy", ("maximize", "minimize"), tmp_path / "j"))
    study.flush()
    kept = optuna.load_study(study_name="toy", storage=JournalStorage(JournalFileBackend(str(tmp_path / "j"))))
    assert [direction.name for direction in kept.directions] == ["MAXIMIZE", "MINIMIZE"]
    done = [track for track in race.tracks if track.done]
    assert [tuple(kept.trials[track.index].values) for track in done] == [track.vector() for track in done]
    assert kept.best_trials


def test_constraints_bound_the_front() -> None:
    race = raced(constraints=(Constraint(metric="latency_ms", max=4.0),))
    assert race.ranked() and all(latency(track.params) <= 4 for track in race.ranked())


def test_who_breaks_a_constraint_comes_behind_those_that_it_beats() -> None:
    plan = sweep(constraints=(Constraint(metric="gap", max=0.5),))
    better, other = tracks = Search(plan, Toy, None).more([], 2, None)
    better.measure(1, 0.9, {"latency_ms": 1.0, "gap": 0.9})
    other.measure(1, 0.1, {"latency_ms": 2.0, "gap": 0.1})
    roster = Roster(plan.objective, (1, 9), tracks, several=True)
    assert roster.in_order(tracks, 1) == roster.in_order(tracks) == [other, better]


def test_an_objective_counts_with_what_it_was_at_the_rung() -> None:
    (track,) = Search(sweep(metrics=(METRICS[0], Metric(name="training_s", goal="minimize"))), Toy, None).more(
        [], 1, None
    )
    for epoch in (1, 2, 3):
        track.measure(epoch, 0.1 * epoch, {"training_s": 10.0 * epoch})
    assert track.vector(1) == (0.1, 10.0) and track.minimised(1) == [-0.1, 10.0]
    assert track.vector() == (pytest.approx(0.3), 30.0)


def test_an_objective_that_was_not_measured_keeps_a_trial_out() -> None:
    other = (METRICS[0], Metric(name="params_m", goal="minimize"))
    race = raced(metrics=other)
    assert race.ranked() == [] and {str(track.failure) for track in race.tracks} == {
        "infeasible: params_m was not measured"
    }
