"""Schedules: rungs and promotions by hand, and one walk with random scores for every row of the table."""

from __future__ import annotations

from dataclasses import fields
from math import inf
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from search_spaces.schedules.asha import Asha, AshaParameters
from search_spaces.schedules.catalogue import SCHEDULES, schedule
from search_spaces.schedules.contract import Schedule, Setting, next_rung
from search_spaces.schedules.full import Full
from search_spaces.schedules.hyperband import Hyperband
from search_spaces.schedules.standings import Standings
from search_spaces.schedules.stopping import MedianParameters, Percentile, StoppingAsha, StoppingAshaParameters
from tests.helpers.standings import halving, promoted, standings, stopped


@pytest.mark.parametrize(
    ("epochs", "min_iter", "eta", "rungs"),
    [
        (9, 1, 3, (1, 3, 9)),
        (10, 1, 3, (1, 3, 10)),
        (5, 1, 3, (1, 5)),
        (6, 1, 3, (1, 3, 6)),
        (81, 1, 3, (1, 3, 9, 27, 81)),
        (16, 2, 2, (2, 4, 8, 16)),
        (100, 5, 4, (5, 20, 100)),
        (10, 10, 3, (10,)),
        (3, 50, 3, (3,)),
        (1, 1, 3, (1,)),
    ],
)
def test_rungs(epochs: int, min_iter: int, eta: int, rungs: tuple[int, ...]) -> None:
    assert schedule("asha", Setting(epochs=epochs), {"min_iter": min_iter, "eta": eta}).rungs == rungs


def test_full_training_has_no_decisions() -> None:
    full = schedule("none", Setting(epochs=7), {})
    assert full == Full(7) and full.rungs == (7,)
    assert full.decide(standings({}, {}, 3)) == {} and full.reaching(3) == (3,)


def test_next_rung() -> None:
    assert [next_rung((1, 3, 9), epoch) for epoch in (0, 1, 2, 3, 8)] == [1, 3, 3, 9, 9]


def test_asha_by_hand() -> None:
    """Nine trials, eta 3: the example of Li et al. 2020, section 3.2, with scores that change their mind."""
    asha, scores = Asha(9), {0: 0.5, 1: 0.4}

    def standing(
        at_1: dict[int, float],
        away: set[int],
        at_3: dict[int, float] | None = None,
        num_expected: int = 9,
        done: tuple[int, ...] = (),
    ) -> Standings:
        waiting = {1: set(at_1) - away, 3: set(at_3 or {}) - {*done}}
        return standings({1: at_1, 3: at_3 or {}}, waiting, num_expected, done=done)

    assert promoted(asha, standing(scores, set())) == [], "two have come: nobody yet"
    scores |= {2: 0.6}
    assert promoted(asha, standing(scores, set())) == [2], "the best of three"
    assert promoted(asha, standing(scores, {2})) == [], "once"
    scores |= {3: 0.7, 4: 0.1, 5: 0.2}
    assert promoted(asha, standing(scores, {2})) == [3], "two of six, and one of them has gone"
    scores |= {6: 0.8, 7: 0.9, 8: 0.3}
    assert promoted(asha, standing(scores, {2, 3})) == [7, 6], "the best first, though 2 went before"
    at_3 = {2: 0.6, 3: 0.7, 6: 0.75}
    assert set(promoted(asha, standing(scores, {2, 3, 6}, at_3))) == {6, 7}
    all_at_3 = {**at_3, 7: 0.95}
    full = standing(scores, {2, 3, 6, 7}, all_at_3)
    assert promoted(asha, full) == [7]
    assert stopped(asha, full) == set(), "7 may fail"
    assert stopped(asha, standing(scores, {2, 3, 6, 7}, all_at_3, done=(7,))) == {0, 1, 4, 5, 8, 2, 3, 6}
    assert stopped(asha, standing(scores, {2, 3, 6, 7}, all_at_3, 30, (7,))) == set(), "with 21 more to come"


def test_a_trial_that_fails_gives_its_place_on_every_rung_back() -> None:
    asha = Asha(9)
    at_1, at_3 = {number: number / 20 for number in range(9)}, {7: 0.9, 8: 0.8, 6: 0.7}
    waiting = {1: set(range(6)), 3: {6, 8}}

    assert promoted(asha, standings({1: at_1, 3: at_3}, waiting, 9)) == [], "7 is on its way"
    assert promoted(asha, standings({1: at_1, 3: at_3}, waiting, 9, failed=[7])) == [5, 8]
    gone = standings({1: at_1, 3: at_3}, {1: set(range(6))}, 9, failed=[6, 7, 8])
    assert promoted(asha, gone) == [5, 4, 3] and stopped(asha, gone) == set()


def test_equal_scores_go_in_the_order_of_their_numbers() -> None:
    assert promoted(Asha(9), standings({1: dict.fromkeys((4, 2, 9), 0.5)}, {1: {2, 4, 9}}, 9)) == [2]


def test_the_best_goes_on_where_fewer_than_eta_come() -> None:
    asha = Asha(9)

    def two(num_expected: int, ended: tuple[int, ...] = ()) -> Standings:
        return standings({1: {0: 0.5, 1: 0.6}}, {1: {0, 1}}, num_expected, ended)

    assert promoted(asha, two(3)) == [], "one more is to come"
    assert promoted(asha, two(2)) == [1] and stopped(asha, two(2)) == set(), "1 may fail"
    assert promoted(asha, two(3, (2,))) == [1], "the third one failed"
    alone = standings({1: {0: 0.5, 1: 0.6, 2: 0.7}, 3: {2: 0.8}}, {3: {2}}, 3, (0, 1))
    assert promoted(asha, alone) == [2], "it waits at the next rung, and nobody else will come"


def test_a_preview_counts_one_of_eta_at_each_rung() -> None:
    assert Asha(9).reaching(20) == (20, 6, 2)


def test_a_preview_counts_on_one_trial_that_is_trained_to_the_end() -> None:
    assert Asha(27).reaching(5) == (5, 1, 1, 1)


def test_stopping_asha_decides_as_trials_arrive() -> None:
    asha, at_1 = StoppingAsha(9, StoppingAshaParameters()), {0: 0.5}

    def arrived(number: int, score: float) -> tuple[list[int], set[int]]:
        at_1[number] = score
        seen = standings({1: at_1}, {1: {number}}, 9)
        return promoted(asha, seen), stopped(asha, seen)

    assert arrived(0, 0.5) == ([0], set()), "the first one"
    assert arrived(1, 0.4) == ([], {1}) and arrived(2, 0.6) == ([2], set())
    assert arrived(3, 0.45) == ([], {3}) and arrived(4, 0.1) == ([], {4})
    assert arrived(5, 0.55) == ([5], set()), "the second of six"
    at_1.clear()
    at_1 |= {number: number / 10 for number in range(6)}
    assert promoted(asha, standings({1: at_1}, {1: {3}}, 9, failed=[5])) == [3], "six have come, and one has failed"


def test_the_median_stops_the_worse_half_of_those_at_the_same_epoch() -> None:
    median = Percentile(6, MedianParameters(min_iter=2, every=2, min_trials=4))
    assert median.rungs == (2, 4, 6)
    scores = {number: number / 10 for number in range(4)}
    early = standings({2: scores, 4: {}}, {2: set(scores)}, 9)
    assert promoted(median, early) == [3, 2, 1, 0], "not before there are min_trials others"
    five = standings({2: {**scores, 4: 0.15}, 4: {}}, {2: {0}}, 9)
    assert stopped(median, five) == {0}, "as soon as there are"
    scores |= {4: 0.15, 5: 0.25}
    late = standings({2: scores, 4: {}}, {2: {4, 5}}, 9)
    assert (promoted(median, late), stopped(median, late)) == ([5], {4})
    keys = {"min_iter": 2, "every": 2, "min_trials": 4, "percentile": 25}
    quarter = schedule("percentile", Setting(epochs=6), keys)
    assert stopped(quarter, late) == {4} and promoted(quarter, late) == [5], "of six the best two"


@pytest.mark.parametrize(
    "plan",
    [StoppingAsha(9, StoppingAshaParameters()), Percentile(9, MedianParameters(min_iter=1, every=8, min_trials=1))],
)
def test_none_of_equal_trials_is_stopped_for_having_come_later(plan: Schedule) -> None:
    equal = {**dict.fromkeys(range(9), 0.5), 9: 0.4}
    seen = standings({1: equal}, {1: set(equal)}, 20)
    assert (set(promoted(plan, seen)), stopped(plan, seen)) == (set(range(9)), {9})
    broken = {0: 0.5, **dict.fromkeys(range(1, 9), -inf)}
    seen = standings({1: broken}, {1: set(broken)}, 20)
    assert 8 in stopped(plan, seen), "what breaks a constraint is not saved by others that do"


def test_hyperband_deals_trials_to_brackets() -> None:
    band = Hyperband(27)
    assert [asha.rungs for asha in band.brackets] == [(1, 3, 9, 27), (3, 9, 27), (9, 27), (27,)]
    dealt = [band.bracket(number) for number in range(98)]
    assert [dealt.count(b) for b in range(4)] == [54, 24, 12, 8]
    assert {0, 1, 2, 3} == set(dealt[:12]), "each bracket early on"
    assert band.reaching(49) == (49, 31, 17, 8)


def test_hyperband_compares_within_a_bracket_alone() -> None:
    band = Hyperband(9)
    first = [number for number in range(60) if band.bracket(number) == 0][:3]
    late = [number for number in range(60) if band.bracket(number) == 1][:2]
    scores = {first[0]: 0.1, first[1]: 0.2, first[2]: 0.3, late[0]: 0.01, late[1]: 0.9}
    seen = standings({1: scores}, {1: set(scores)}, 60)
    assert set(promoted(band, seen)) == {first[2], *late}, "the best of three, and all that stop later"


PROMOTING = ("asha", "hyperband", "none")
"""Schedules under which a trial that was overtaken may still go on, as those before it fail."""


class Walk:
    """Trials with random scores go through a schedule's rungs in random order; some fail on the way.

    With ``patient`` those that the schedule gives up keep waiting, otherwise they end.
    """

    def __init__(
        self, plan: Schedule, num_trials: int, random: Random, fails: float, patient: bool = False
    ) -> None:
        self.plan, self.num_trials, self.random = plan, num_trials, random
        self.fails, self.patient = fails, patient
        self.scores: dict[int, dict[int, float]] = {rung: {} for rung in plan.rungs[:-1]}
        self.at: dict[int, int] = dict.fromkeys(range(num_trials), 0)
        self.moving, self.waiting = set(self.at), set[int]()
        self.stopped, self.failed, self.done = set[int](), set[int](), set[int]()

    def standings(self) -> Standings:
        waiting = {rung: {t for t in self.waiting if self.at[t] == rung} for rung in self.scores}
        return standings(self.scores, waiting, self.num_trials, self.stopped, self.failed, self.done)

    def step(self) -> None:
        """A moving trial fails or arrives, or one that may go on is sent on."""
        promotable = promoted(self.plan, self.standings())
        assert len(set(promotable)) == len(promotable) and set(promotable) <= self.waiting
        if promotable and (not self.moving or self.random.random() < 0.5):
            trial = self.random.choice(sorted(promotable))
            self.waiting.remove(trial)
            self.moving.add(trial)
            return
        trial = self.random.choice(sorted(self.moving))
        self.moving.remove(trial)
        if self.random.random() < self.fails:
            self.failed.add(trial)
        else:
            self.arrive(trial)
        if not self.patient:
            self.give_up()

    def arrive(self, trial: int) -> None:
        self.at[trial] = next_rung(self.plan.rungs, self.at[trial])
        if self.at[trial] == self.plan.rungs[-1]:
            self.done.add(trial)
        else:
            self.scores[self.at[trial]][trial] = self.random.choice([self.random.random(), 0.5])
            self.waiting.add(trial)

    def give_up(self) -> None:
        hopeless = stopped(self.plan, self.standings())
        assert hopeless <= self.waiting
        self.waiting -= hopeless
        self.stopped |= hopeless

    def over(self) -> bool:
        return not self.moving and not promoted(self.plan, self.standings())


@settings(max_examples=120, deadline=None)
@given(
    kind=st.sampled_from(sorted(SCHEDULES)),
    eta=st.integers(2, 4),
    num_trials=st.integers(1, 40),
    fails=st.sampled_from([0.0, 0.2, 0.6]),
    seed=st.integers(0, 10**6),
)
def test_somebody_is_trained_to_the_end_and_nobody_waits_for_nothing(
    kind: str, eta: int, num_trials: int, fails: float, seed: int
) -> None:
    keys = {field.name for field in fields(SCHEDULES[kind].parameters)}
    parameters = {key: value for key, value in {"eta": eta, "every": 4, "interval": 4}.items() if key in keys}
    walk = Walk(schedule(kind, Setting(epochs=27), parameters), num_trials, Random(seed), fails)
    while not walk.over():
        walk.step()

    assert not walk.waiting
    assert walk.done | walk.failed | walk.stopped == set(range(num_trials))
    if kind in PROMOTING or not fails:
        assert walk.done or walk.failed == set(range(num_trials)), "as long as anybody lives"
    if kind == "none":
        assert not walk.stopped


@settings(max_examples=40, deadline=None)
@given(num_trials=st.integers(1, 40), seed=st.integers(0, 10**6))
def test_giving_up_early_changes_no_promotion(num_trials: int, seed: int) -> None:
    """A race that ends the hopeless at once promotes the same trials as one that lets them wait."""
    patient = Walk(Asha(27), num_trials, Random(seed), 0.0, patient=True)
    strict = Walk(Asha(27), num_trials, Random(seed), 0.0)
    while not patient.over():
        patient.step()
        strict.step()

    assert strict.over() and strict.done == patient.done and strict.scores == patient.scores


@settings(max_examples=100, deadline=None)
@given(
    eta=st.integers(2, 4),
    min_iter=st.integers(1, 3),
    num_trials=st.integers(1, 40),
    fails=st.sampled_from([0.0, 0.2, 0.6]),
    seed=st.integers(0, 10**6),
)
def test_asha_decides_as_its_two_rules_do_apart(
    eta: int, min_iter: int, num_trials: int, fails: float, seed: int
) -> None:
    asha = Asha(27, AshaParameters(eta=eta, min_iter=min_iter))
    walk = Walk(asha, num_trials, Random(seed), fails)
    while not walk.over():
        seen = walk.standings()
        assert (set(promoted(asha, seen)), stopped(asha, seen)) == halving(asha, seen)
        walk.step()
