"""Repeats in the race: trials are trained with further seeds, and count with the mean, unless clearly worse."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace
from pathlib import Path
from random import Random
from statistics import fmean
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from search_spaces.criteria.constraints import Constraint
from search_spaces.race.earlier.known_results import NO_RESULTS, KnownResult, KnownResults
from search_spaces.race.legs import Leg, MemberEpoch, Saved
from search_spaces.race.race import Race
from search_spaces.race.recommended import PREFIX
from search_spaces.race.search import Search
from search_spaces.race.seeds.repeats import FurtherSeeds
from search_spaces.race.seeds.worse import clearly_worse, wanting
from search_spaces.race.steering import Deed, refusal
from search_spaces.space.hyperparameters import complete
from search_spaces.spec.keys.budget import Budget
from search_spaces.spec.schema import Repeats
from search_spaces.spec.sweep import Metric
from search_spaces.study.study import Study
from search_spaces.types.failure import FailureReason
from search_spaces.types.values import identity
from tests.helpers.toy_race import METRIC, Toy, curve, toy_sweep

NONE = {"type": "none"}


def test_who_is_behind_by_more_than_the_noise_gets_no_further_seed() -> None:
    """Lower is better here. The incumbent's values differ by 0.1, so 0.5 is far and 0.2 is not."""
    group = {0: [0.0, 0.1, 0.05], 1: [0.5], 2: [0.12], 3: [0.3, 0.35]}
    assert clearly_worse(group[1], group) and not clearly_worse(group[2], group)
    assert wanting(group, [1, 2, 3]) == [2]
    two = {0: [0.0, 0.2]}  # by hand: 0.1 + 6.314 * sqrt(0.02 * (1 + 1 / 2)) = 1.1935
    assert [clearly_worse([value], two) for value in (1.19, 1.2)] == [False, True]
    assert wanting({0: [0.3], 1: [0.1], 2: [0.2]}, [0, 1, 2]) == [1], "the best shows the noise"


def test_a_seed_that_failed_does_not_count() -> None:
    track, seed = Search(toy_sweep(trials=2), Toy, None).more([], 2, None)
    for one, value in ((track, 0.5), (seed, 0.9)):
        one.measure(9, value)
        one.state = "done"
    track.further = [seed]
    assert track.best_value == pytest.approx(0.7)
    seed.state = "failed"
    assert track.best_value == 0.5


class Toys:
    """A toy search with repeats on so many lanes, which may be cut off after ``most`` legs and resumed."""

    def __init__(
        self,
        folder: Path,
        most: int = 10_000,
        noise: float = 0.02,
        lanes: int = 1,
        cache: KnownResults = NO_RESULTS,
        luck: int = 0,
        patience: bool = False,
        **changes: Any,
    ) -> None:
        sweep = toy_sweep(**{"repeats": Repeats(seeds=3), "train_together": 1, **changes})
        self.study = Study("toy", "maximize", folder / "journal.log")
        self.search = Search(sweep, Toy, self.study, cache=cache)
        self.race = self.search.race(lanes)
        self.further = FurtherSeeds(self.study, sweep.epochs, seeds=3, search=self.search, race=self.race)
        self.own = self.further.begin([])
        self.noise, self.trained = noise, Counter[tuple[str, int]]()
        out: list[tuple[Race, Leg]] = []
        random, self.patience = Random(luck), patience
        asked = 0
        while most and not (self.race.finished and not self.further.busy):
            asked += 1
            assert asked < 3000, "nobody ends it"
            if leg := self.further.next_leg():
                out.append((self.own if leg.purpose == "repeat" else self.race, leg))
            assert leg or out or (self.race.finished and not self.further.busy), "nothing runs, and nothing comes"
            if len(out) == lanes or (not leg and out):
                self.train(*out.pop(random.randrange(len(out))))
                most -= 1
        self.study.flush()

    def value(self, key: str, params: Any, epoch: int) -> float:
        return curve(params, epoch) + Random(key).gauss(0, self.noise)

    def train(self, race: Race, leg: Leg) -> None:
        for epoch in range(leg.start + 1, leg.stop + 1):
            self.trained.update((member.key, epoch) for member in leg.members)
            last = self.patience and epoch >= 1 + Random(leg.members[0].key).randrange(14)
            race.reported(
                leg.id,
                [MemberEpoch(key=m.key, epoch=epoch, metrics={METRIC: self.value(m.key, m.params, epoch)},
                             finished=last) for m in leg.members],
            )  # fmt: skip
            if last:
                break
        race.saved(leg.id, [Saved(key=m.key, epoch=epoch, uri=f"{m.key}/{epoch}") for m in leg.members])
        race.finished_leg(leg.id)

    @property
    def seeds(self) -> list[int]:
        return [len(track.with_seeds(9)) for track in self.race.tracks if track.done]


def test_a_trial_counts_with_the_mean_and_who_is_clearly_worse_has_one_seed(tmp_path: Path) -> None:
    toys = Toys(tmp_path, early_terminate=NONE)
    assert len(toys.race.tracks) == 12 == len(toys.study.records())
    assert set(toys.seeds) == {1, 2, 3} or set(toys.seeds) == {1, 3}
    by_mean = sorted(toys.race.tracks, key=lambda track: fmean(seed.best_until(9) for seed in track.with_seeds(9)))
    assert len(by_mean[0].with_seeds(9)) == 3, "the best has all of its seeds"
    assert toys.race.ranked() == by_mean
    for track, record in zip(toys.race.tracks, toys.study.records(), strict=True):
        assert record.outcome == "done" and track.best_value == pytest.approx(
            fmean(toys.value(f"t{track.trial:04d}-s{seed.seed}", track.params, 9) for seed in track.with_seeds(9))
        )
    seen = toys.race.tracks[by_mean[0].index].observation()
    assert seen.num_seeds == 3 and seen.best_value == by_mean[0].best_value == max(seen.values.values())
    assert max(toys.trained.values()) == 1, "no epoch is trained twice"


@pytest.mark.parametrize("schedule", ["hyperband", "none"])
def test_a_seed_that_breaks_a_constraint_is_one_of_the_trial_s(schedule: str, tmp_path: Path) -> None:
    """Its trial got others in its place: three seeds where two were asked for."""
    kept = Constraint(metric=METRIC, min=0.6)
    toys = Toys(tmp_path, noise=0.2, early_terminate={"type": schedule}, constraints=(kept,))
    assert any(not seed.feasible for track in toys.race.tracks for seed in track.further)
    assert max(len(track.further) for track in toys.race.tracks) == 2


def test_rungs_decide_on_the_mean_of_what_is_there(tmp_path: Path) -> None:
    toys = Toys(tmp_path, noise=0.05, early_terminate={"type": "asha"})
    best = toys.race.ranked()[0]
    assert best.done and len(best.further) == 2 and all(seed.done for seed in best.further)
    pruned = [track for track in toys.race.tracks if track.state == "stopped"]
    assert pruned and all(seed.ended and not seed.done for track in pruned for seed in track.further)
    for track in toys.race.tracks:
        for rung, score in track.scores.items():
            assert score == pytest.approx(fmean(-seed.best_until(rung) for seed in track.with_seeds(rung)))


@pytest.mark.parametrize("schedule", ["none", "asha", "median"])
@pytest.mark.parametrize("lanes", [1, 3])
def test_a_search_that_was_cut_off_ends_with_the_same_seeds(tmp_path: Path, schedule: str, lanes: int) -> None:
    rule = {"early_terminate": {"type": schedule}, "lanes": lanes}
    (tmp_path / "whole").mkdir()
    whole = Toys(tmp_path / "whole", **rule)
    if lanes > 1:
        assert not whole.further.busy and whole.race.finished
        return
    for legs in (1, 7, 8, 20):
        folder = tmp_path / str(legs)
        folder.mkdir()
        Toys(folder, legs, **rule)
        resumed = Toys(folder, **rule)
        assert [(t.state, t.best_value) for t in resumed.race.tracks] == [
            (t.state, t.best_value) for t in whole.race.tracks
        ]
        keys = {key for key in whole.study.facts() if key.startswith(PREFIX)}
        assert {key for key in resumed.study.facts() if key.startswith(PREFIX)} == keys
        assert all(record.outcome for record in resumed.study.records())


def test_a_seed_that_fails_ends_the_repeats_of_its_trial_alone(tmp_path: Path) -> None:
    class Failing(Toys):
        def train(self, race: Race, leg: Leg) -> None:
            if leg.purpose == "repeat" and leg.members[0].trial == 0:
                race.reported(
                    leg.id,
                    [
                        MemberEpoch(
                            key=leg.members[0].key, epoch=1, failure=FailureReason("diverged", "loss is nan")
                        )
                    ],
                )
                race.finished_leg(leg.id)
            else:
                super().train(race, leg)

    toys = Failing(tmp_path, early_terminate=NONE, trials=4)
    first = toys.race.tracks[0]
    assert first.done and len(first.further) <= 1 and len(first.with_seeds(9)) == 1
    assert all(record.outcome == "done" for record in toys.study.records())


def test_repeats_count_for_the_budget(tmp_path: Path) -> None:
    toys = Toys(tmp_path, early_terminate=NONE, trials=40, budget=Budget(epochs=90))
    assert 80 <= sum(toys.trained.values()) <= 90
    assert any(seeds > 1 for seeds in toys.seeds)
    assert toys.race.closing and all(record.outcome for record in toys.study.records())


@settings(max_examples=15, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(
    kind=st.sampled_from(["asha", "curves", "hyperband", "median", "none"]),
    lanes=st.integers(1, 3),
    luck=st.integers(0, 10**6),
    epochs=st.sampled_from([None, 9, 23, 52]),
)
def test_with_patience_and_a_budget_every_seed_ends_and_no_epoch_is_above_it(
    kind: str, lanes: int, luck: int, epochs: int | None
) -> None:
    budget = None if epochs is None else Budget(epochs=epochs)
    together = 1 + luck % 2
    rule = {"early_terminate": {"type": kind}, "train_together": together, "seed": luck % 100, "budget": budget}
    with TemporaryDirectory() as folder:
        toys = Toys(Path(folder), lanes=lanes, luck=luck, patience=together == 1, **rule)
        assert all(track.ended for track in (*toys.race.tracks, *toys.own.tracks))
        assert max(toys.trained.values()) == 1 and sum(toys.trained.values()) <= (epochs or math.inf)
        assert [record.outcome for record in toys.study.records()] == [t.state for t in toys.race.tracks]


def test_a_target_is_reached_by_the_mean_over_all_seeds(tmp_path: Path) -> None:
    """One lucky seed is not enough."""

    class Lucky(Toys):
        def value(self, key: str, params: Any, epoch: int) -> float:
            return super().value(key, params, epoch) + (0.5 if key == "t0005-s0" else 0.0)

    def toys(name: str, target: float | None) -> Toys:
        (tmp_path / name).mkdir()
        metric = Metric(name=METRIC, goal="maximize", target=target)
        return Lucky(tmp_path / name, noise=0.1, early_terminate=NONE, metric=metric)

    whole = toys("whole", None).race
    lucky = max(track.own_best or 0.0 for track in whole.tracks)
    mean = max(track.best_value or 0.0 for track in whole.tracks if len(track.with_seeds(9)) == 3)
    assert mean < lucky
    assert toys("lucky", lucky - 1e-6).race.closing is None
    reached = toys("mean", mean - 1e-6).race
    assert reached.closing == f"the target of {mean - 1e-6:g} is reached"
    assert any(len(t.with_seeds(9)) == 3 and (t.best_value or 0.0) >= mean - 1e-6 for t in reached.tracks)


class Steered(Toys):
    """Users stop, pause and boost trials at random; the leg of a trial, or of its seeds, ends at the next epoch."""

    random = Random(0)

    def train(self, race: Race, leg: Leg) -> None:
        track = self.random.choice(self.race.tracks)
        deed: Deed = self.random.choice(["stop", "pause", "pause", "unpause", "boost", "unboost"])
        mine = {member.key for member in (track, *track.further)}
        if not refusal(track, deed) and self.random.random() < 0.4:
            self.race.steer(track, deed, f"{deed} by ann")
            if deed in ("stop", "pause") and mine & {member.key for member in leg.members}:
                leg = replace(leg, stop=leg.start + 1)
        super().train(race, leg)


@pytest.mark.parametrize("schedule", ["asha", "hyperband", "pbt"])
def test_further_seeds_obey_with_their_trial_and_the_search_ends(tmp_path: Path, schedule: str) -> None:
    for seed in range(5):
        Steered.random, folder = Random(seed), tmp_path / str(seed)
        folder.mkdir()
        Steered(folder, seed % 3 * 8, early_terminate={"type": schedule}, lanes=1 + seed % 2)
        toys = Steered(folder, early_terminate={"type": schedule}, lanes=1 + seed % 2)
        assert all(record.outcome for record in toys.study.records())
        assert all(member.ended for member in toys.own.tracks)
        for track in (track for track in toys.race.tracks if track.withdrawn):
            assert all(seed.state in ("stopped", "done") for seed in track.further)


def test_retests_after_the_search_are_no_repeats(tmp_path: Path) -> None:
    toys = Toys(tmp_path, early_terminate=NONE, trials=4)
    repeats = {key: entry for key, entry in toys.study.facts().items() if key.startswith(PREFIX)}
    key, entry = next(iter(repeats.items()))
    toys.study.set(key.replace("-s", "-s9"), {name: value for name, value in entry.items() if name != "repeat"})
    toys.study.flush()
    assert len(Toys(tmp_path, most=0, early_terminate=NONE, trials=4).own.tracks) == len(repeats)


def test_a_trial_whose_result_is_known_and_waits_for_further_seeds_goes_on_after_a_resume(tmp_path: Path) -> None:
    """It is done without a checkpoint, and Optuna is not told yet."""
    full = complete(Toy, {})
    known = KnownResult(sweep="a1b2", trial=0, values={epoch: curve(full, epoch) for epoch in range(1, 10)})
    cache = KnownResults({identity(full): known})
    Toys(tmp_path, 1, early_terminate=NONE, trials=3, cache=cache)
    toys = Toys(tmp_path, early_terminate=NONE, trials=3, cache=cache)
    assert [record.outcome for record in toys.study.records()] == ["done"] * 3
    assert not any(key.startswith("t0000-s0") for key, _ in toys.trained), "it is not trained"


def test_values_beyond_all_squares_do_not_end_the_driver(tmp_path: Path) -> None:
    class Huge(Toys):
        def value(self, key: str, params: Any, epoch: int) -> float:
            return super().value(key, params, epoch) * (1e308 if "t0001" in key else 1.0)

    toys = Huge(tmp_path, early_terminate=NONE, trials=4)
    assert len(toys.race.ranked()) == 4
