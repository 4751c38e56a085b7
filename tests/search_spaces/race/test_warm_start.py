"""What a search takes from earlier sweeps' trials, and what its samplers make of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from search_spaces.criteria.constraints import Constraint
from search_spaces.race.earlier.warm_start import (
    EarlierSweep,
    EarlierTrial,
    Taken,
    WarmStart,
    earlier_trial,
    warm_start,
)
from search_spaces.race.search import Search
from search_spaces.samplers.catalogue import SAMPLERS
from search_spaces.simulation.clock import World, simulate
from search_spaces.space.domains import Choice, Uniform
from search_spaces.space.space import Space
from search_spaces.spec.sweep import Metric
from search_spaces.study.contract import Record
from search_spaces.study.study import Study
from search_spaces.types.values import Params, identity
from tests.helpers.toy_race import FINITE, METRIC, Toy, curve, toy_sweep

EPOCHS = 9


def earlier(*trials: EarlierTrial, digest: str = "same", epochs: int = EPOCHS) -> EarlierSweep:
    return EarlierSweep(id="a1b2", name="old", digest=digest, epochs=epochs, trials=trials)


def trial(number: int, params: Params, **rest: Any) -> EarlierTrial:
    values = {epoch: curve(params, epoch) for epoch in range(1, EPOCHS + 1)}
    return EarlierTrial(**{"number": number, "params": params, "state": "done", "values": values, **rest})


def grown(num: int = 24, digest: str = "same") -> EarlierSweep:
    """An earlier sweep that has found out that a ``lr`` of 0.3 and the largest size are best."""
    return earlier(*(trial(i, {"lr": (i + 0.5) / num, "size": i % 3}) for i in range(num)), digest=digest)


def taken(sweep: Any, *sweeps: EarlierSweep, digest: str = "same") -> WarmStart:
    return warm_start(sweep, Toy, sweeps, digest)


def test_each_earlier_trial_is_taken_or_counted() -> None:
    space = Space({"lr": Uniform(0.1, 0.5), "kind": Choice(("a", "b"))})
    sweep = toy_sweep(space=space, constants={"size": 2})
    warm = taken(
        sweep,
        earlier(
            trial(0, {"lr": 0.2, "size": 2}),  # its kind was the default, a
            trial(1, {"lr": 0.2, "size": 2, "kind": "c"}),  # a kind that is not searched
            trial(2, {"lr": 0.6, "size": 2}),
            trial(3, {"lr": 0.2, "size": 1}),  # another constant than the new one
            trial(4, {"lr": 0.3, "size": 2, "kind": "b"}, state="failed"),
            trial(5, {"lr": 0.4, "size": 2, "kind": "b"}, state="infeasible", values={}),
            trial(6, {"lr": 0.4, "size": 2, "width": 8}),  # a hyperparameter that the workload no longer has
            trial(7, {"lr": 0.05, "size": 2}),
            trial(8, {"lr": 0.4, "size": 2}, state="open", values={}),
        ),
    )
    assert [seen.params for seen in warm.shown] == [{"lr": 0.2, "kind": "a"}, {"lr": 0.4, "kind": "b"}]
    assert [seen.state for seen in warm.shown] == ["done", "infeasible"]
    assert list(warm.history().seen) == [-2, -1], "before the search's own"
    assert warm.taken == (Taken(sweep="a1b2", name="old", same_data=True, shown=2, outside=5, no_value=2),)


@pytest.mark.parametrize(
    ("epochs", "values", "state", "seen", "settles"),
    [
        (9, {1: 0.1, 2: 0.4, 3: 0.3, 4: 0.9}, "done", {1: 0.1, 2: 0.4, 3: 0.3}, True),  # more epochs than now
        (2, {1: 0.1, 2: 0.2}, "done", {1: 0.1, 2: 0.2}, False),  # fewer
        (9, {1: 0.2, 2: 0.1}, "done", {1: 0.2, 2: 0.1, 3: 0.2}, True),  # patience ended it
        (9, {1: 0.1}, "stopped", {1: 0.1}, True),
        (9, {1: 0.1}, "open", {1: 0.1}, False),
        (9, {1: 0.1, 2: float("nan")}, "open", {1: 0.1}, False),
    ],
)
def test_epochs_are_counted_by_the_new_sweep(
    epochs: int, values: dict[int, float], state: Any, seen: dict[int, float], settles: bool
) -> None:
    sweep = toy_sweep(epochs=3)
    warm = taken(sweep, earlier(trial(0, {"lr": 0.2, "size": 1}, values=values, state=state), epochs=epochs))
    [shown] = warm.shown
    assert (shown.values, shown.best_value) == (seen, max(seen.values()))
    assert shown.settles == settles


@pytest.mark.parametrize("method", [name for name, row in SAMPLERS.items() if row.learns and name != "gp"])
def test_a_sampler_begins_where_the_earlier_sweep_had_come_to(method: str) -> None:
    """Its first trials are good ones at once, and none of them is the earlier sweep's."""
    sweep = toy_sweep(method=method, trials=9, early_terminate={"type": "none"}, epochs=3)
    warm = taken(sweep, grown())

    def mean(search: Search) -> float:
        race = search.race(1)
        simulate(race, World(curve), moments=False)
        assert len(race.tracks) == 9, "the earlier trials are none of this sweep"
        assert not {identity(t.searched) for t in race.tracks[1:]} & {identity(s.params) for s in warm.shown}
        return sum(track.best_value or 0.0 for track in race.tracks[1:]) / 8

    assert mean(Search(sweep, Toy, None, warm)) > mean(Search(sweep, Toy, None))


def test_of_other_data_the_best_are_tried_first_behind_those_of_the_spec() -> None:
    start = {"lr": 0.9, "size": 0}
    sweep = toy_sweep(trials=20, start_from=(start,))
    warm = taken(sweep, grown(digest="other"))
    race = Search(sweep, Toy, None, warm).race(1)
    simulate(race, World(curve), moments=False)
    ranked = sorted(grown().trials, key=lambda one: -one.values[EPOCHS])
    assert [t.searched for t in race.tracks[:4]] == [
        {"lr": 0.5, "size": 1},
        start,
        *[one.params for one in ranked[:2]],
    ]
    assert (warm.shown, warm.taken[0].tried_first, warm.taken[0].same_data) == ((), 2, False)


def test_unknown_data_is_taken_as_the_same_and_several_other_sweeps_share_the_first_places() -> None:
    sweep = toy_sweep(trials=20)
    assert warm_start(sweep, Toy, [grown(digest="other")], None).taken[0].same_data
    others = [earlier(*(trial(i, {"lr": x, "size": 2}) for i, x in enumerate(found)), digest="other")
              for found in ((0.2,), (0.3, 0.4, 0.5))]  # fmt: skip
    warm = taken(sweep, *others)
    assert [one.tried_first for one in warm.taken] == [1, 1] and len(warm.first) == 2


def test_points_of_a_finite_space_that_were_tried_are_left_out() -> None:
    first = toy_sweep(method="grid", space=FINITE, trials=30, epochs=3)
    known = list(FINITE.grid())[:24]
    warm = taken(first, earlier(*(trial(i, params) for i, params in enumerate(known))))
    search = Search(first, Toy, None, warm)
    race = search.race(1)
    simulate(race, World(curve), moments=False)
    tried = [track.searched for track in race.tracks]
    default = {"lr": 0.5, "size": 1, "kind": "a"}
    assert tried == [default, *(point for point in FINITE.grid() if point not in known)]
    assert search.most_trials == len(tried) == 7
    assert Search(first, Toy, None).most_trials == 30


def test_a_resumed_search_asks_what_the_first_driver_would_have_asked(tmp_path: Path) -> None:
    sweep = toy_sweep(method="tpe", trials=8, train_together=1, early_terminate={"type": "none"}, epochs=2)
    warm, world = taken(sweep, grown()), World(curve, epoch_s=lambda leg: 1000.0)  # too long to sample ahead
    whole = Search(sweep, Toy, None, warm).race(1)
    simulate(whole, world, moments=False)
    study = Study("toy", "maximize", tmp_path / "journal.log")
    simulate(Search(sweep.model_copy(update={"trials": 4}), Toy, study, warm).race(1), world, moments=False)
    race = Search(sweep, Toy, study, warm).race(1)
    simulate(race, world, moments=False)
    assert [track.searched for track in race.tracks] == [track.searched for track in whole.tracks]
    assert len(study.records()) == 8


def test_a_record_becomes_an_earlier_trial() -> None:
    failed = {"progress": {"failure": {"kind": "diverged", "text": "loss is nan"}}}
    record = Record(number=3, params={"lr": 0.1}, values={1: 0.5}, outcome="failed", attributes=failed)
    found = earlier_trial(record, {"size": 2})
    assert (found.params, found.state, found.values) == ({"size": 2, "lr": 0.1}, "infeasible", {1: 0.5})
    crashed = {"progress": {"failure": {"kind": "raised", "text": "boom"}}}
    assert (
        earlier_trial(Record(number=3, params={}, values={}, outcome="failed", attributes=crashed), {}).state
        == "failed"
    )
    took = {"progress": {"exploits": [{"epoch": 2, "source": 1, "params": {}}]}}
    found = earlier_trial(
        Record(number=3, params={}, values={1: 0.1, 2: 0.2, 3: 0.9}, outcome="done", attributes=took), {}
    )
    assert (found.state, found.values) == ("open", {1: 0.1, 2: 0.2}), "what it came to with its own weights"


def test_an_earlier_trial_keeps_constraints_at_its_best_epoch_and_the_least_may_be_the_best() -> None:
    bound = Constraint(metric="gap", max=0.5)
    found = trial(0, {"lr": 0.2, "size": 1}, values={1: 0.5, 2: 0.9}, measured={1: {"gap": 0.1}, 2: {"gap": 0.9}})
    [seen] = taken(toy_sweep(constraints=(bound,), epochs=2), earlier(found, epochs=2)).shown
    assert seen.state == "infeasible"
    least = toy_sweep(trials=20, metric=Metric(name=METRIC, goal="minimize"))
    ranked = sorted(grown().trials, key=lambda one: min(one.values.values()))
    assert taken(least, grown(digest="other")).first == tuple(one.params for one in ranked[:2])


def test_constraints_are_those_of_the_new_sweep() -> None:
    bound = Constraint(metric="latency_ms", max=5)
    sweep = toy_sweep(constraints=(bound,), epochs=2)
    broken = {"progress": {"failure": {"kind": "constraint", "text": "latency_ms is 9"}}}
    records = [
        Record(
            number=i,
            params={"lr": 0.1 * i, "size": 1},
            values={1: 0.5, 2: 0.6},
            outcome="failed" if latency == 9 else "done",
            attributes={
                **(broken if latency == 9 else {}),
                **({"measured:2": {"latency_ms": latency}} if latency else {}),
            },
        )
        for i, latency in enumerate((4.0, 9.0, None))
    ]
    old = earlier(*(earlier_trial(record, {}) for record in records))
    warm = taken(sweep, old)
    assert [(seen.state, dict(seen.constraints)) for seen in warm.shown] == [
        ("done", {str(bound): -1.0}),
        ("infeasible", {str(bound): 4.0}),
    ]
    assert warm.taken[0].no_value == 1, "nobody knows the third one's latency"
    assert [seen.state for seen in taken(toy_sweep(epochs=2), old).shown] == ["done"] * 3


SEVERAL = (Metric(name="val_accuracy", goal="maximize"), Metric(name="latency_ms", goal="minimize"))


def two(number: int, lr: float, latency: float | None = None, **rest: Any) -> EarlierTrial:
    """An earlier trial that measured its latency in the first epoch, or never."""
    measured = {} if latency is None else {epoch: {"latency_ms": latency} for epoch in range(1, EPOCHS + 1)}
    return trial(number, {"lr": lr, "size": 1}, measured=measured, **rest)


def test_samplers_know_all_objectives_of_earlier_trials() -> None:
    old = earlier(two(0, 0.1, 3.0), two(1, 0.3, 4.0), two(2, 0.5, 5.0), two(3, 0.7))
    warm = taken(toy_sweep(metrics=SEVERAL), old)
    assert warm.taken[0].shown == 3 and warm.taken[0].no_value == 1, "nobody knows the last one's latency"
    for seen, one in zip(warm.shown, old.trials, strict=False):
        best = max(one.values.values())
        assert seen.vector == [best, one.measured[1]["latency_ms"]] and list(seen.vectors) == list(seen.values)
    again = [seen.vector for seen in taken(toy_sweep(), old).shown]
    assert again == [None] * 4, "a sweep of the first alone knows that one"


def test_what_patience_ended_keeps_the_metrics_of_its_best_epoch() -> None:
    measured = {1: {"val_f1": 0.4}, 2: {"val_f1": 0.9}, 3: {"val_f1": 0.1}}
    metrics = (SEVERAL[0], Metric(name="val_f1", goal="maximize"))
    old = earlier(trial(0, {"lr": 0.1, "size": 1}, values={1: 0.2, 2: 0.7, 3: 0.5}, measured=measured))
    [seen] = taken(toy_sweep(metrics=metrics), old).shown
    assert (seen.state, seen.vectors) == ("done", {1: [0.2, 0.4], 2: [0.7, 0.9], 3: [0.7, 0.9], 9: [0.7, 0.9]})
    bound = Constraint(metric="val_f1", min=0.5)
    [seen] = taken(toy_sweep(constraints=(bound,)), old).shown
    assert seen.state == "done" and seen.constraints[str(bound)] == pytest.approx(-0.4)


def test_of_another_data_set_the_front_is_tried_first() -> None:
    """The second is dominated, and by the first metric alone it would come before the fastest."""
    old = earlier(two(0, 0.3, 9.0), two(1, 0.35, 9.5), two(2, 0.9, 1.0), digest="another")
    first = taken(toy_sweep(metrics=SEVERAL, trials=20), old).first
    assert [params["lr"] for params in first] == [0.3, 0.9]


@pytest.mark.parametrize("method", [name for name, row in SAMPLERS.items() if row.several and row.learns])
def test_each_sampler_of_several_objectives_takes_them(method: str) -> None:
    old = earlier(*(two(i, (i + 0.5) / 24, 1.0 + i % 5) for i in range(24)))
    sweep = toy_sweep(metrics=SEVERAL, method=method)
    search = Search(sweep, Toy, None, taken(sweep, old))
    found = search.more([], 4, None)
    assert len(found) == 4 and len({track.params["lr"] for track in found}) == 4


def test_a_constraint_on_the_objective_is_told_by_its_values() -> None:
    sweep = toy_sweep(constraints=(Constraint(metric=METRIC, max=1e6),))
    assert taken(sweep, earlier(trial(0, {"lr": 0.2, "size": 2}))).taken[0].shown == 1
