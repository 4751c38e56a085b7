"""PB2: a bandit chooses the values with which members of a population go on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from random import Random
from statistics import fmean

import numpy as np
import pytest

from search_spaces.race.search import Search
from search_spaces.schedules.contract import Exploit, Setting
from search_spaces.schedules.pb2 import Interval, Question, chosen, intervals
from search_spaces.schedules.pbt import PbtParameters, PopulationBased
from search_spaces.schedules.standings import Standings
from search_spaces.space.cube import Cube
from search_spaces.space.domains import Choice, Int, Uniform
from search_spaces.space.requirement import Requirement
from search_spaces.space.space import Space
from search_spaces.spec.sweep import parse_sweep
from search_spaces.study.study import Study
from search_spaces.types.faults import SpecError
from tests.benchmarks.population import PROBLEMS
from tests.benchmarks.population import best as searched
from tests.helpers.standings import Seen
from tests.helpers.toy_race import Luck, Tally, Toy, World, killed_after, toy_sweep
from tests.search_spaces.schedules.test_pbt import best_constant
from workloads.registry import catalogue

RULE = {"type": "pbt", "population": 4, "interval": 2}
SPACE = Space({"lr": Uniform(0.001, 1, log=True), "depth": Int(1, 9), "word": Choice(("a", "b"))})


def best(seed: int, explore: str) -> float:
    return searched(PROBLEMS["planted"], seed, population=4, interval=2, explore=explore)


def test_a_small_population_finds_a_schedule_that_no_constant_reaches() -> None:
    """Only an ``lr`` that falls as it should learns on: of four members one may change at a time."""
    bandit, perturbed = ([best(seed, explore) for seed in range(2)] for explore in ("pb2", "perturb"))
    assert best_constant() < 0.55 and min(bandit) > 0.95
    assert fmean(bandit) > fmean(perturbed)


def test_a_race_that_is_killed_goes_on_with_the_same_choices() -> None:
    sweep = toy_sweep(space=Space({"lr": Uniform(0, 1)}), trials=6, train_together=2)
    sweep = sweep.model_copy(
        update={"early_terminate": type(sweep.early_terminate)(**RULE, explore="pb2", quantile=0.5)}
    )

    def begin(study: Study | None) -> World:
        tally = Tally()
        race = Search(sweep, Toy, study).race(2, [tally])
        tally.ends.update(track.index for track in race.tracks if track.ended)
        return World(race, tally, Luck(save=1.0), Random(3))

    whole = begin(None)
    whole.run()
    cut, _ = killed_after(begin, (20, 21, 13, 5000))
    exploits = [track.exploits for track in whole.race.tracks]
    assert sum(map(len, exploits)) >= 4, "the test would show nothing"
    assert exploits == [track.exploits for track in cut.race.tracks]


def member(number: int, lr: float, curve: dict[int, float], waiting: bool = True, **more: object) -> Seen:
    params = {"lr": lr, "depth": 5, "word": "a"}
    scores = {epoch: value for epoch, value in curve.items() if epoch % 2 == 0}
    return Seen(number=number, epoch=4, scores=scores, params=params, values=curve, waiting=waiting, **more)  # type: ignore[arg-type]


GROUP = [member(number, 10 ** (-0.5 * number), {1: 0.0, 2: 0.1, 4: 0.1 + 0.1 * number}) for number in range(6)]


def test_numbers_are_chosen_and_words_follow_the_plain_rule() -> None:
    space = replace(SPACE, require=(Requirement("lr * depth < limit", {"limit": 0.03}),))
    keys = PbtParameters(population=6, interval=2, explore="pb2", resample_probability=0.0)
    for seed in range(3):
        plan = PopulationBased(Setting(epochs=8, seed=seed, space=space), keys)
        taken = plan.decide(Standings(plan.rungs, GROUP, 6))[1]
        assert isinstance(taken, Exploit) and taken.source == 5
        changed = {**GROUP[5].params, **taken.params}
        assert space.contains(changed) and changed["word"] == "a"
        plain = PopulationBased(plan.setting, replace(keys, explore="perturb"))
        assert plain.decide(Standings(plan.rungs, GROUP, 6))[1] != taken


def test_what_is_learned_is_the_change_from_the_weights_that_were_taken_over() -> None:
    class Copier(Seen):
        def source_at(self, epoch: int) -> int:
            return 1 if epoch == 2 else self.number

    copier = Copier(number=0, values={1: 0.0, 2: 0.1, 3: 0.6, 4: 0.7}, params={"lr": 0.5})
    leader = Seen(number=1, values={1: 0.2, 2: 0.5}, params={"lr": 0.1})
    found = intervals([copier, leader], (2, 4, 6), 4, {0: copier, 1: leader}.__getitem__)
    assert found == [Interval({"lr": 0.5}, 2, 0.5, pytest.approx(0.2))], "one that its patience ended has none"


@pytest.mark.parametrize("kind", ["equal", "one", "huge", "twins"])
def test_any_changes_are_survived(kind: str) -> None:
    gains = {"equal": [0.1] * 8, "one": [0.1] * 4, "huge": [-1e300, 1e300] * 4, "twins": [0.1, 0.2] * 4}[kind]
    seen = [
        Interval({"lr": 0.01 if kind == "twins" else 0.1 / (i + 1), "depth": 3}, 2 * i, 0.1 * i, gain)
        for i, gain in enumerate(gains)
    ]
    cube = Cube(Space({name: SPACE.domains[name] for name in ("lr", "depth")}))
    start = Interval({"lr": 0.01, "depth": 9}, 16, 0.9)
    question = Question(start, seen, [start, start], lambda params: True)
    found = chosen(cube, question, np.random.default_rng(0))
    assert found and all(SPACE.domains[name].contains(value) for name, value in found.items())
    assert chosen(cube, replace(question, allowed=lambda params: False), np.random.default_rng(0)) is None


def test_the_key_in_a_spec() -> None:
    def read(rule: str) -> object:
        text = f"{{workload: mlp, data: {{name: digits}}, epochs: 9, early_terminate: {rule}}}"
        return parse_sweep(text, "s.yaml", Path("/"), catalogue=catalogue()).early_terminate.parameters["explore"]

    assert (read("{type: pbt}"), read("{type: pbt, explore: pb2}")) == ("perturb", "pb2")
    with pytest.raises(SpecError, match=r"early_terminate.explore.*pb2"):
        read("{type: pbt, explore: pb3}")
    with pytest.raises(SpecError, match="has no effect with type asha"):
        read("{type: asha, explore: pb2}")
