"""What every schedule owes a race with any sampler, whatever happens: luck, crashes, pauses, resumes."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from search_spaces.race.legs import Leg, MemberEpoch, Saved
from search_spaces.race.race import Race
from search_spaces.race.search import Search, sweep_schedule
from search_spaces.race.track import ENDS, Track
from search_spaces.samplers.catalogue import SAMPLERS
from search_spaces.schedules.catalogue import SCHEDULES
from search_spaces.schedules.hyperband import Hyperband
from search_spaces.schedules.standings import Standings
from search_spaces.simulation.clock import World as Simulated
from search_spaces.simulation.clock import simulate
from search_spaces.spec.keys.budget import Budget
from search_spaces.spec.sweep import Metric, Sweep
from search_spaces.study.study import Study
from tests.helpers.standings import Seen, halving
from tests.helpers.toy_race import METHODS, METRIC, Luck, Tally, Toy, World, curve, killed_after, toy_sweep

KINDS = sorted(SCHEDULES)
STOPPING = ("asha_stopping", "curves", "median", "percentile")
"""Schedules under which those who lead when others are given up may fail later."""
ENDLESS = [name for name in METHODS if not SAMPLERS[name].finite_only]
KEYS = {
    "pbt": {"population": 5, "interval": 2},
    "median": {"min_iter": 2},
    "percentile": {"min_iter": 2, "percentile": 40},
}
LUCK = st.builds(
    Luck,
    crash=st.sampled_from([0.0, 0.1]),
    save=st.sampled_from([0.0, 0.5, 1.0]),
    diverges=st.sampled_from([lambda params: None, lambda params: int(params["lr"] * 30) % 10 or None]),
    finishes=st.sampled_from([lambda params: None, lambda params: int(params["lr"] * 70) % 10 or None]),
)
FEW = settings(max_examples=12, deadline=None, derandomize=True)


def sweep_of(kind: str, seed: int = 0, **changes: object) -> Sweep:
    rule = {"type": kind, **KEYS.get(kind, {})}
    return toy_sweep(**{"trials": 10, "train_together": 2, "seed": seed, "early_terminate": rule, **changes})


def places(kind: str, rung: int, tracks: Sequence[Track], num_expected: int) -> set[int]:
    """Return the waiting tracks that may leave a rung, found in a plain way; of ``pbt`` and ``none`` all."""
    scores = {track.index: track.scores[rung] for track in tracks if rung in track.scores}
    able = [track.index for track in tracks if track.index in scores and not track.failed]
    ranked = sorted(able, key=lambda index: (-scores[index], index))
    num = len(scores)
    cut = len(ranked)
    if kind == "asha_stopping":
        cut = max(1, num // 3)
    elif kind in ("median", "percentile"):
        cut = num if num <= 5 else math.ceil(num * (0.5 if kind == "median" else 0.4))
    return {index for index in ranked if scores[index] >= scores[ranked[:cut][-1]]}


def promotable(kind: str, race: Race, num_expected: int) -> set[int]:
    """Return the tracks that the schedule's rule, read from its paper, lets go on now."""
    plan = race.schedule
    waiting = [track for track in race.tracks if track.waiting]
    if kind == "asha":
        return halving(plan, standing(race.tracks, plan.rungs, num_expected))[0]  # type: ignore[arg-type]
    if isinstance(plan, Hyperband):
        found: set[int] = set()
        for number, asha in enumerate(plan.brackets):
            those = [track for track in race.tracks if plan.bracket(track.index) == number]
            size = sum(plan.bracket(index) == number for index in range(num_expected))
            found |= halving(asha, standing(those, asha.rungs, size))[0]
            found |= {track.index for track in those if track.waiting and track.rung < asha.rungs[0]}
        return found
    return {track.index for track in waiting if track.index in places(kind, track.rung, race.tracks, num_expected)}


def standing(tracks: Sequence[Track], rungs: Sequence[int], num_expected: int) -> Standings:
    """Return the standings of tracks at rungs, put together anew."""
    members = [
        Seen(
            number=track.index,
            epoch=track.rung,
            scores={rung: score for rung, score in track.scores.items() if rung in rungs},
            waiting=track.waiting,
            ended=track.ended,
            failed=track.failed,
            done=track.done,
        )
        for track in tracks
    ]
    return Standings(rungs, members, num_expected)


@dataclass
class Strict(World):
    """A world that holds each leg to the schedule, and each epoch to being trained once."""

    kind: str = "asha"
    trained: dict[int, int] = field(default_factory=dict)
    """Last epoch of each trial that was trained."""
    excused: set[int] = field(default_factory=set)
    """Trials whose epochs after the last checkpoint were lost."""

    def step(self) -> None:
        self.before = {track.index for track in self.race.tracks if track.waiting}
        self.may = promotable(self.kind, self.race, self.race.rules.num_tracks)
        super().step()

    def _take(self, leg: Leg) -> None:
        for member in leg.members:
            track = self.by_key[member.key]
            taken_over = any(exploited.epoch == leg.start for exploited in track.exploits)
            goes_on = leg.start == self.trained.get(track.index, 0)
            assert goes_on or taken_over or track.index in self.excused, "trained twice, or left out"
            if track.index in self.before and not any(each.held for each in self.race.tracks):
                assert track.index in self.may, f"{self.kind} promoted {track.key} from below the cut"
            self.trained[track.index] = leg.start
            self.excused.discard(track.index)
        super()._take(leg)

    def _train(self, out: object) -> None:
        before = len(self.out)
        super()._train(out)  # type: ignore[arg-type]
        assert before
        for track in self.race.tracks:
            self.trained[track.index] = max([self.trained.get(track.index, 0), *track.values])

    def _die(self, out: object) -> None:
        self.excused |= {member.trial for member in out.leg.members}  # type: ignore[attr-defined]
        super()._die(out)  # type: ignore[arg-type]


def world(sweep: Sweep, seed: int, luck: Luck, study: Study | None = None) -> Strict:
    tally, search = Tally(), Search(sweep, Toy, study)
    race = search.race(2, [tally])
    tally.ends.update(track.index for track in race.tracks if track.state in ENDS and not tally.ends[track.index])
    it = Strict(race, tally, luck, Random(seed), kind=sweep.early_terminate.type)
    it.excused = {track.index for track in race.tracks}
    return it


@FEW
@given(
    kind=st.sampled_from(KINDS),
    method=st.sampled_from(ENDLESS),
    seed=st.integers(0, 10**6),
    moments=st.lists(st.integers(1, 60), max_size=2),
    luck=LUCK,
)
def test_each_epoch_is_trained_once_nobody_below_the_cut_goes_on_and_everybody_ends(
    kind: str, method: str, seed: int, moments: list[int], luck: Luck
) -> None:
    sweep = sweep_of(kind, seed, method=method)
    it, records = killed_after(lambda study: world(sweep, seed, luck, study), [*moments, 5000])

    tracks = it.race.tracks
    assert it.race.finished and [record.outcome for record in records] == [track.state for track in tracks]
    assert all(track.state in ENDS and it.tally.ends[track.index] == 1 for track in tracks) and len(tracks) == 10
    if kind not in STOPPING or (luck.diverges({"lr": 0.1}) is None and not luck.crash):
        assert any(track.done for track in tracks) or all(track.failed for track in tracks)
    if kind in ("pbt", "none"):
        assert not any(track.state == "stopped" for track in tracks)


@FEW
@given(
    kind=st.sampled_from([kind for kind in KINDS if kind != "none"]),
    seed=st.integers(0, 10**6),
    epochs=st.integers(9, 40),
    luck=LUCK,
)
def test_a_budget_is_never_passed(kind: str, seed: int, epochs: int, luck: Luck) -> None:
    sweep = sweep_of(kind, seed, train_together=1, budget=Budget(epochs=epochs))
    tally = Tally()
    it = World(Search(sweep, Toy, None).race(2, [tally]), tally, luck, Random(seed))
    it.run()
    assert sum(len(track.values) for track in it.race.tracks) <= it.race.purse.epochs <= epochs
    assert all(track.state in ENDS for track in it.race.tracks)


def trained(race: Race, num_legs: int) -> None:
    """Train so many legs one after the other, each to its end."""
    for _ in range(num_legs):
        if (leg := race.next_leg()) is None:
            return
        params = {member.key: member.params for member in leg.members}
        found = [
            MemberEpoch(key=key, epoch=epoch, metrics={METRIC: curve(given, epoch)})
            for epoch in range(leg.start + 1, leg.stop + 1)
            for key, given in params.items()
        ]
        race.reported(leg.id, found)
        race.saved(leg.id, [Saved(key=key, epoch=leg.stop, uri=f"{key}/{leg.stop}") for key in params])
        race.finished_leg(leg.id, 60.0)


def outcome(race: Race) -> list[tuple[object, ...]]:
    return [(track.searched, track.state, track.values, track.exploits) for track in race.tracks]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("method", ["random", "tpe", "auto"])
def test_a_race_that_is_paused_and_resumed_is_the_same_race(kind: str, method: str, tmp_path: Path) -> None:
    sweep = sweep_of(kind, 3, method=method, train_together=1)
    whole = Search(sweep, Toy, None).race(1)
    trained(whole, 999)
    for num_legs in (7, 9, 999):
        study = Study("toy", "maximize", tmp_path / "journal.log")
        cut = Search(sweep, Toy, study).race(1)
        trained(cut, num_legs)
        study.flush()
    assert outcome(cut) == outcome(whole) and whole.finished


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("method", ["tpe", "cmaes", "evolution", "auto"])
def test_minimise_mirrors_maximise(kind: str, method: str) -> None:
    def raced(goal: str, sign: float) -> list[tuple[object, ...]]:
        sweep = sweep_of(kind, 2, method=method, train_together=1, metric=Metric(name=METRIC, goal=goal))
        race = Search(sweep, Toy, None).race(2)
        simulate(race, Simulated(lambda params, epoch: sign * curve(params, epoch), num_lanes=2), moments=False)
        return [(track.searched, track.state, sorted(track.values), track.exploits) for track in race.tracks]

    assert raced("maximize", 1.0) == raced("minimize", -1.0)


TOLD = {
    "asha": {("stopped", "paused"), ("done", "done"), ("failed", "infeasible")},
    "asha_stopping": {("stopped", "paused"), ("done", "done"), ("failed", "infeasible")},
    "curves": {("stopped", "paused"), ("done", "done"), ("failed", "infeasible")},
    "hyperband": {("stopped", "paused"), ("done", "done"), ("failed", "infeasible")},
    "median": {("stopped", "paused"), ("done", "done"), ("failed", "infeasible")},
    "none": {("done", "done"), ("failed", "infeasible")},
    "pbt": {("done", "done"), ("done", "paused"), ("failed", "infeasible")},
    "percentile": {("stopped", "paused"), ("done", "done"), ("failed", "infeasible")},
}
"""By schedule: how trials end, and as what the sampler sees them. One that took weights over is seen as before."""


@pytest.mark.parametrize("kind", KINDS)
def test_what_the_sampler_is_told_after_each_schedule(kind: str) -> None:
    def diverging(params: dict[str, object], epoch: int) -> float:
        return math.nan if int(float(str(params["lr"])) * 10) == 8 and epoch == 1 else curve(params, epoch)

    sweep = sweep_of(kind, 1, trials=20, train_together=1)
    search = Search(sweep, Toy, None)
    race = search.race(2)
    simulate(race, Simulated(diverging, num_lanes=2), moments=False)  # type: ignore[arg-type]
    search.more(race.tracks, 0, None)
    seen = {number: observation.state for number, observation in search.history.seen.items()}
    told = Counter((track.state, seen[track.index]) for track in race.tracks)
    assert set(told) == TOLD[kind], told
    for track in race.tracks:
        values, last = search.history.seen[track.index].values, track.exploits[0].epoch if track.exploits else 9
        assert values == {epoch: value for epoch, value in track.values.items() if epoch <= last}


def test_rungs_of_every_schedule_are_those_that_it_previews() -> None:
    for kind in KINDS:
        plan = sweep_schedule(sweep_of(kind))
        reaching: Collection[int] = plan.reaching(10)
        assert len(reaching) == len(plan.rungs) and list(reaching) == sorted(reaching, reverse=True)
        assert max(reaching) <= 10 and min(reaching) >= 1
