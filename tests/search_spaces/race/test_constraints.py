"""Constraints in the race: who breaks one ends as soon as that is certain, and is never recommended."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from search_spaces.criteria.constraints import Constraint, Criteria
from search_spaces.criteria.measures import Measures
from search_spaces.criteria.unreported import Unreported
from search_spaces.race.finals import finalists
from search_spaces.race.legs import Leg, MemberEpoch, Saved
from search_spaces.race.race import Race
from search_spaces.race.search import Search
from search_spaces.spec.keys.budget import Budget
from search_spaces.study.study import Study
from tests.helpers.toy_race import METRIC, Toy, curve, toy_sweep

LATENCY = Constraint(metric="latency_ms", max=5.0)
SECONDS = Constraint(metric="training_s", max=4.5)
GAP = Constraint(metric="gap", max=0.4)


def measured(leg: Leg, epoch: int) -> list[MemberEpoch]:
    """Latency and gap grow with ``size`` and ``lr``, seconds with the epochs; latency is told once a leg."""
    found = []
    for member in leg.members:
        lr, size = float(member.params["lr"] or 0), float(member.params["size"] or 0)
        metrics = {METRIC: curve(member.params, epoch), "gap": lr, "training_s": 0.5 * epoch * (1 + size)}
        if epoch == leg.start + 1:
            metrics |= {"latency_ms": 2.0 + 2 * size, "params_m": 0.1}
        found.append(MemberEpoch(key=member.key, epoch=epoch, metrics=metrics))
    return found


def train(race: Race, num_legs: int = 10_000) -> Race:
    while num_legs and (leg := race.next_leg()):
        num_legs -= 1
        for epoch in range(leg.start + 1, leg.stop + 1):
            race.reported(leg.id, measured(leg, epoch))
            assert all(track.criteria.keeps(track.measured) for track in race.ranked()), "nor meanwhile"
        race.saved(leg.id, [Saved(key=member.key, epoch=leg.stop, uri="nowhere") for member in leg.members])
        race.finished_leg(leg.id, 1.0)
    return race


def raced(*constraints: Constraint, study: Study | None = None, num_legs: int = 10_000, **changes: Any) -> Race:
    sweep = toy_sweep(constraints=constraints, trials=24, **changes)
    return train(Search(sweep, Toy, study).race(num_lanes=1), num_legs)


def test_what_belongs_to_the_model_ends_a_trial_in_its_first_epoch() -> None:
    race = raced(LATENCY)
    large = [track for track in race.tracks if track.params["size"] == 2]
    assert large and all(track.failure and track.failure.kind == "constraint" for track in large)
    assert {len(track.values) for track in large} == {1}
    assert str(large[0].failure) == "infeasible: latency_ms is 6, and must be at most 5"
    assert any(track.done for track in race.tracks)


def test_what_grows_ends_a_trial_when_it_is_passed() -> None:
    race = raced(SECONDS, early_terminate={"type": "none"})
    for track in race.tracks:
        most = math.floor(4.5 / (0.5 * (1 + float(track.params["size"]))))
        assert len(track.values) == min(9, most + 1)
        assert track.done == (most >= 9), track


@pytest.mark.parametrize(("kind", "epochs"), [("asha", 20), ("hyperband", 33), ("hyperband", 60)])
def test_the_rest_of_a_budget_goes_to_who_keeps_the_constraints(kind: str, epochs: int) -> None:
    """The trials that break one have the best values."""
    wide = Constraint(metric="gap", min=0.6)
    race = raced(wide, budget=Budget(epochs=epochs), method="random", early_terminate={"type": kind})
    assert race.closing and any(track.done for track in race.tracks)


def test_what_may_change_is_judged_at_the_end_and_never_leads_meanwhile() -> None:
    race = raced(GAP, early_terminate={"type": "none"})
    for track in race.tracks:
        assert len(track.values) == 9 and track.done == (float(track.params["lr"]) <= 0.4)
    assert race.ranked() and all(float(track.params["lr"]) <= 0.4 for track in race.ranked())


@pytest.mark.parametrize("method", ["random", "tpe", "gp", "evolution", "cmaes"])
@pytest.mark.parametrize("rule", ["none", "asha", "asha_stopping", "median", "hyperband"])
def test_nobody_infeasible_leads_or_is_judged(method: str, rule: str) -> None:
    race = raced(LATENCY, GAP, method=method, early_terminate={"type": rule})
    bad = {t.index for t in race.tracks if t.params["size"] == 2 or float(t.params["lr"]) > 0.4}
    assert bad and not bad & {track.index for track in [*race.ranked(), *finalists(race, 5), *race.top()]}
    assert {track.index for track in race.tracks if track.failed} == bad
    assert race.ranked()[0].done


def test_nobody_copies_one_that_breaks_a_constraint() -> None:
    race = raced(GAP, early_terminate={"type": "pbt", "population": 24, "interval": 3, "quantile": 0.5})
    taken = [(race.tracks[one.source], one.epoch) for track in race.tracks for one in track.exploits]
    assert taken and not any(source.breaks(epoch) for source, epoch in taken)


def test_a_target_counts_only_where_the_constraints_are_kept() -> None:
    sweep = toy_sweep(constraints=(LATENCY,), trials=24)
    target = sweep.metric.model_copy(update={"target": 0.5})
    race = train(Search(sweep.model_copy(update={"metric": target}), Toy, None).race(num_lanes=1))
    reached = [track for track in race.tracks if track.best_value and track.best_value >= 0.5]
    assert race.closing and [track.index for track in reached if not track.failed] == [reached[-1].index]


def test_a_sampler_is_shown_the_infeasible_as_the_worst_with_their_excess() -> None:
    race = raced(LATENCY)
    seen = next(track for track in race.tracks if track.params["size"] == 2).observation()
    assert (seen.state, dict(seen.values), seen.best_value) == ("infeasible", {}, None)
    assert seen.constraints == {"latency_ms <= 5": 1.0} and seen.teaches
    kept = next(track for track in race.tracks if track.done).observation()
    assert kept.state == "done" and max(kept.constraints.values()) <= 0


@pytest.mark.parametrize("num_legs", [1, 7, 20])
def test_a_resumed_race_ends_as_one_that_was_not_cut(num_legs: int, tmp_path: Path) -> None:
    one = {"train_together": 1}
    wanted = [(t.searched, t.state, t.values, t.failure) for t in raced(LATENCY, GAP, **one).tracks]
    raced(LATENCY, GAP, study=(study := Study("toy", "maximize", tmp_path / "j")), num_legs=num_legs, **one)
    study.flush()
    race = raced(LATENCY, GAP, study=(again := Study("toy", "maximize", tmp_path / "j")), **one)
    assert [(t.searched, t.state, t.values, t.failure) for t in race.tracks] == wanted
    again.flush()
    kept = Search(toy_sweep(constraints=(LATENCY, GAP), trials=24), Toy, again).race(1)
    assert [t.measured for t in kept.tracks] == [t.measured for t in race.tracks]


def test_the_first_latency_stays_and_the_largest_memory_counts() -> None:
    bounds = (LATENCY, Constraint(metric="peak_memory_mib", max=100), GAP)
    measures = Measures(Criteria(constraints=bounds))
    measures.record(1, {"latency_ms": 4.0, "peak_memory_mib": 90.0, "gap": 0.1, "other": 1.0})
    measures.record(2, {"latency_ms": 6.0, "peak_memory_mib": 80.0, "gap": math.nan})
    measures.record(3, {"gap": 0.3})
    costs = {"latency_ms": 4.0, "peak_memory_mib": 90.0}
    assert measures.at(1, 3) == {**costs, "gap": 0.1} and measures.at(2, 2) == costs
    assert measures.at(3, 3) == {**costs, "gap": 0.3} and measures.at(None, 0) == {}


@pytest.mark.parametrize(
    ("bounds", "value", "excess", "shown"),
    [
        ({"max": 5.0}, 7.0, 2.0, "x <= 5"),
        ({"min": 0.9}, 0.8, 0.1, "x >= 0.9"),
        ({"min": 1.0, "max": 3.0}, 2.5, -0.5, "1 <= x <= 3"),
    ],
)
def test_a_constraint_s_excess(bounds: dict[str, float], value: float, excess: float, shown: str) -> None:
    one = Constraint(metric="x", **bounds)
    assert one.excess(value) == pytest.approx(excess) and str(one) == shown


def test_what_grows_breaks_an_upper_bound_alone_for_good() -> None:
    one = Constraint(metric="training_s", min=2.0, max=5.0)
    assert [one.is_final(value) for value in (1.0, 3.0, 6.0)] == [False, False, True]
    assert [Constraint(metric="latency_ms", min=2.0).is_final(value) for value in (1.0, 3.0)] == [True, False]


def test_a_metric_that_was_not_measured_is_not_kept() -> None:
    criteria = Criteria(constraints=(GAP, LATENCY))
    assert criteria.keeps({"gap": 0.1, "latency_ms": 1.0}) and not criteria.keeps({"gap": 0.1})
    assert criteria.broken({"gap": 0.9}) is None
    assert criteria.broken({"gap": 0.9}, at_end=True) == (
        "gap is 0.9, and must be at most 0.4; latency_ms was not measured, and must be at most 5"
    )


def test_a_metric_that_nobody_reports_is_named_after_the_first_leg() -> None:
    found = Unreported(Criteria(constraints=(GAP, Constraint(metric="latncy_ms", max=5.0))))
    assert not found.found(over=True) and found.names == []  # all of its members crashed
    found.saw({"gap": 0.1, "latency_ms": 2.0})
    assert not found.found(over=False)
    assert found.found(over=True)
    [fault] = found.faults("sweep.yaml", "a1b2")
    assert str(fault).startswith("sweep.yaml: constraints.1.metric: nobody reports this metric; the first trial")
    assert "gap, latency_ms: name one" in str(fault) and "did you mean 'latency_ms'?" in str(fault)
    assert "`paceline resume a1b2`" in str(fault)


def test_a_metric_that_may_come_late_is_missed_after_a_whole_training_or_where_it_is_mistyped() -> None:
    found = Unreported(Criteria(constraints=(Constraint(metric="f1", max=5.0),), sparse=True))
    found.saw({"gap": 0.1})
    assert not found.found(over=True, whole=False)
    assert found.found(over=True, whole=True)
    found = Unreported(Criteria(constraints=(Constraint(metric="latncy_ms", max=5.0),), sparse=True))
    found.saw({"gap": 0.1, "latency_ms": 2.0})
    assert found.found(over=True, whole=False)


def test_a_metric_that_is_reported_now_and_then_counts_with_its_last_value() -> None:
    measures = Measures(Criteria(constraints=(GAP,), sparse=True))
    for epoch, metrics in enumerate(({}, {"gap": 0.3}, {}, {"gap": 0.1}, {}), 1):
        measures.record(epoch, metrics)
    assert [measures.at(best, 5) for best in (1, 2, 3, 5)] == [
        {"gap": 0.3},
        {"gap": 0.3},
        {"gap": 0.3},
        {"gap": 0.1},
    ]
    assert measures.at(1, 1) == {}


def test_finalists_that_cannot_be_judged_end_the_sweep_with_a_way_on() -> None:
    found = Unreported(Criteria())
    assert not found.found(over=True)
    found.untested = "mine:train ended a training without test_acc"
    assert found.found(over=False)
    [fault] = found.faults("sweep.yaml", "a1b2")
    assert str(fault) == (
        "sweep.yaml: final: mine:train ended a training without test_acc; then `paceline resume a1b2` trains the "
        "finalists again (or final: none in a new sweep)"
    )
