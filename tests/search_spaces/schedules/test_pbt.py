"""Population based training: who copies whom, how values change, and a schedule that no constant reaches."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from math import inf
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from search_spaces.criteria.constraints import Constraint, Criteria
from search_spaces.race.finals import Finals, finalists
from search_spaces.race.legs import Leg
from search_spaces.race.lineage import Stage, changes, lineage, told
from search_spaces.race.race import Race
from search_spaces.race.search import Search
from search_spaces.race.track import Exploited, Track
from search_spaces.schedules.contract import Continue, Exploit, Setting
from search_spaces.schedules.mutation import drawn, perturbed
from search_spaces.schedules.pbt import PbtParameters, PopulationBased
from search_spaces.schedules.standings import Standings
from search_spaces.simulation.clock import World, simulate
from search_spaces.space.domain_contract import Domain
from search_spaces.space.domains import Choice, Int, Uniform
from search_spaces.space.quantile_domains import Beta, Normal, Rounded
from search_spaces.space.requirement import Requirement
from search_spaces.space.space import Space
from search_spaces.study.study import Study
from search_spaces.types.values import Params
from tests.helpers.standings import Seen
from tests.helpers.toy_race import ACCURACY, Toy, curve, toy_sweep

SPACE = Space({"lr": Uniform(0.001, 1, log=True), "size": Choice((1, 2))})
PLAN = PopulationBased(Setting(epochs=6, space=SPACE), PbtParameters(population=4, interval=2))
RULES = {"pbt": {"type": "pbt", "population": 20, "interval": 1}, "none": {"type": "none"}}


def seen(number: int, value: float, epoch: int = 2, size: int = 1, **more: bool) -> Seen:
    return Seen(
        number=number,
        epoch=epoch,
        scores={2: value},
        params={"lr": 0.01 * (number + 1), "size": size},
        signature=(("size", size),),
        waiting=not more,
        **more,
    )


def at_2(*members: Seen, num_expected: int = 4) -> Standings:
    return Standings(PLAN.rungs, members, num_expected)


def test_the_worst_copies_the_best_and_never_the_first_trial_which_is_the_default() -> None:
    decisions = PLAN.decide(at_2(seen(0, 0.1), seen(1, 0.4), seen(2, 0.2), seen(3, 0.3)))
    assert isinstance(decisions.pop(2), Exploit), "the worst besides the default configuration"
    assert decisions == dict.fromkeys((0, 1, 3), Continue())

    decisions = PLAN.decide(at_2(seen(0, 0.3), seen(1, 0.4), seen(2, 0.2), seen(3, 0.1)))
    taken = decisions.pop(3)
    assert set(decisions.values()) == {Continue()}
    assert isinstance(taken, Exploit) and taken.source == 1 and taken.params.keys() == {"lr"}
    assert taken.params["lr"] != 0.04


def copied_by(seed: int, number: int = 3, epoch: int = 2, **rules: float) -> Exploit:
    """What a member takes over where 0 and 1 are the better half."""
    parameters = PbtParameters(population=4, interval=2, **{"quantile": 0.5, **rules})  # type: ignore[arg-type]
    plan = PopulationBased(Setting(epochs=6, space=SPACE, seed=seed), parameters)
    members = [seen(i, (0.3, 0.4, 0.2, 0.1)[i], epoch) for i in range(4)]
    members = [replace(member, scores={epoch: member.scores[2]}) for member in members]
    found = plan.decide(Standings(plan.rungs, members, 4))[number]
    assert isinstance(found, Exploit)
    return found


def test_each_seed_member_and_rung_draws_anew() -> None:
    seeds = range(12)
    assert len({str(copied_by(seed)) for seed in seeds}) > 3
    assert any(copied_by(seed, 2) != copied_by(seed, 3) for seed in seeds)
    assert any(copied_by(seed, epoch=2) != copied_by(seed, epoch=4) for seed in seeds)


def test_values_are_drawn_anew_as_often_as_asked_for() -> None:
    def rates(probability: float) -> set[float]:
        found = [copied_by(seed, quantile=0.25, resample_probability=probability) for seed in range(12)]
        return {round(float(str(one.params["lr"])), 6) for one in found}

    assert rates(0.0) == {0.016, 0.024} and len(rates(1.0)) == 12


def test_the_latest_value_counts_and_weights_come_from_where_the_best_was() -> None:
    track, other = Search(toy_sweep(trials=2), Toy, None).more([], 2, None)
    track.measure(2, 0.9)
    track.exploit(Exploited(epoch=2, source=1, params={"lr": 0.75}))
    track.measure(3, 0.5)
    assert (track.latest(2), track.latest(3), track.latest(4)) == (0.9, 0.5, 0.5)
    assert lineage(track, [track, other]) == [Stage(0, 0, track.initial)], "before it took others over"
    track.measure(4, 0.95)
    taken = {**track.initial, "lr": 0.75}
    assert lineage(track, [track, other]) == [Stage(0, 1, other.initial), Stage(2, 0, taken)]


def test_changed_values_satisfy_the_requirements_of_the_space() -> None:
    ruled = replace(SPACE, require=(Requirement("lr * size < limit", {"limit": 0.021}),))
    kept = 0
    for seed in range(30):
        plan = replace(PLAN, setting=Setting(epochs=6, space=ruled, seed=seed))
        taken = plan.decide(at_2(seen(0, 0.3), seen(1, 0.4), seen(2, 0.2), seen(3, 0.1)))[3]
        assert isinstance(taken, Exploit) and taken.source == 1
        assert ruled.contains({"size": 1, **taken.params})
        kept += taken.params == {"lr": 0.02}
    assert kept < 30
    barred = replace(SPACE, require=(Requirement("lr == best", {"best": 0.02}),))
    plan = replace(PLAN, setting=Setting(epochs=6, space=barred))
    taken = plan.decide(at_2(seen(0, 0.3), seen(1, 0.4), seen(2, 0.2), seen(3, 0.1)))[3]
    assert taken == Exploit(1, {"lr": 0.02}), "no change satisfies it: all is copied"


def test_equal_members_go_on_trying_and_what_breaks_a_constraint_is_not_copied() -> None:
    decisions = PLAN.decide(at_2(*(seen(number, 0.1) for number in range(4))))
    assert isinstance(decisions[3], Exploit), "a plateau would last to the end"

    track = Track(index=1, trial=1, seed=0, searched={}, params={}, signature=(), objective=ACCURACY)
    track.criteria = Criteria(constraints=[Constraint(metric="latency_ms", max=5)])
    track.measures.criteria = track.criteria
    track.measure(2, 0.9, {"latency_ms": 9.0})
    assert track.latest(2) == 0.9
    track.reached(2)
    assert track.latest(2) == -inf


def test_all_of_a_population_must_have_come_or_ended() -> None:
    early = [seen(0, 0.3), seen(1, 0.4), seen(3, 0.1)]
    assert PLAN.decide(at_2(*early)) == {}
    gone = Seen(number=2, ended=True, failed=True)
    assert isinstance(PLAN.decide(at_2(*early, gone))[3], Exploit)
    others = [seen(number, 0.1 * number) for number in range(4, 8)]
    assert PLAN.decide(at_2(*early, *others, num_expected=8)).keys() == {4, 5, 6, 7}, "each by itself"


def test_weights_that_do_not_fit_are_not_exchanged_nor_those_that_have_gone_on() -> None:
    alone = PLAN.decide(at_2(seen(0, 0.3), seen(1, 0.4), seen(2, 0.2), seen(3, 0.1, size=2)))
    assert alone[3] == Continue() and isinstance(alone[2], Exploit)
    gone = PLAN.decide(at_2(seen(0, 0.3), seen(1, 0.4, ended=True), seen(2, 0.2), seen(3, 0.1)))
    assert gone[3] == Continue()
    held = PLAN.decide(at_2(seen(0, 0.3), seen(1, 0.4, epoch=1), seen(2, 0.2), seen(3, 0.1)))
    assert held[3] == Continue(), "its weights are those of an earlier epoch"


DOMAINS: list[Domain] = [
    Uniform(1e-5, 1, log=True),
    Uniform(-1, 1),
    Uniform(0, 1, step=0.25),
    Int(1, 1000, log=True),
    Int(0, 9, step=3),
    Choice((32, 64, 128)),
    Choice(("a", "b"), (0.9, 0.1)),
    Choice((False, True)),
    Normal(0, 1),
    Normal(0, 1, log=True, low=0.5),
    Beta(2, 3),
    Rounded(Uniform(1, 100, log=True), 5),
]


@settings(max_examples=60, deadline=None)
@given(domain=st.sampled_from(DOMAINS), seed=st.integers(0, 10**6), share=st.sampled_from([0.01, 0.2, 0.9]))
def test_changed_values_lie_in_their_domain(domain: Domain, seed: int, share: float) -> None:
    random = Random(seed)
    value = drawn(domain, random)
    assert domain.contains(value)
    changed = perturbed(domain, value, share, random)
    assert domain.contains(changed) and type(changed) is type(value)
    if isinstance(changed, float) and domain.bounds and value not in (0.0, *domain.bounds):
        assert changed != value


def test_a_range_that_is_cut_to_a_few_values_keeps_to_them() -> None:
    domain = Uniform(1e-4, 1e-1, log=True, count=4)
    for seed in range(8):
        assert domain.contains(drawn(domain, Random(seed)))
        assert perturbed(domain, 1e-3, 0.2, Random(seed)) in (1e-4, 1e-2)
    assert isinstance(drawn(Int(1, 9, count=3), Random(0)), int)


def test_small_changes() -> None:
    def both(domain: Domain, value: float | str) -> set[object]:
        return {perturbed(domain, value, 0.2, Random(seed)) for seed in range(20)}

    assert both(Uniform(0, 1), 0.5) == {0.6, 0.4}
    assert both(Uniform(0, 0.5), 0.5) == {0.5, 0.4}
    assert both(Int(1, 9), 2) == {1, 3}, "a step where a fifth is less"
    assert both(Choice((64, 32, 128)), 64) == {32, 128}
    assert both(Choice(("a", "b")), "a") == {"a"}
    assert both(Choice((1, 2)), 7) <= {1, 2}, "what the space does not have is drawn anew"


def learn(params: Params, before: float | None) -> float:
    """Learn only with an ``lr`` near what is missing still: large at first, and smaller and smaller."""
    value, lr = before or 0.0, float(params["lr"] or 0.0)
    return value + 0.2 * (1 - value) * max(0.0, 1 - ((lr - (1 - value)) / 0.25) ** 2)


def race(seed: int, kind: str) -> Race:
    sweep = toy_sweep(
        space=Space({"lr": Uniform(0, 1)}),
        trials=20,
        epochs=30,
        seed=seed,
        train_together=1,
        early_terminate=RULES[kind],
    )
    race = Search(sweep, Toy, None).race(4)
    simulate(race, World(curve, learn=learn, num_lanes=4), moments=False)
    return race


raced = cache(race)


def best_constant() -> float:
    best = 0.0
    for lr in range(1001):
        value = 0.0
        for _ in range(30):
            value = learn({"lr": lr / 1000}, value)
        best = max(best, value)
    return best


def test_it_finds_a_schedule_that_no_constant_reaches() -> None:
    constant = best_constant()
    found = [raced(seed, "pbt").ranked()[0] for seed in range(2)]
    assert constant < 0.55 and all((track.best_value or 0) > 0.8 for track in found)
    assert all((raced(seed, "none").ranked()[0].best_value or 0) <= constant + 0.01 for seed in range(2))


def test_equal_seeds_give_equal_races_and_the_others_not() -> None:
    first, again, other = (
        [t.values for t in it.tracks] for it in (raced(1, "pbt"), race(1, "pbt"), raced(0, "pbt"))
    )
    assert first == again != other


def test_the_sampler_is_told_of_a_trial_s_own_configuration_alone() -> None:
    for track in raced(0, "pbt").tracks:
        seen_as = track.observation()
        if not track.exploits:
            assert seen_as.state == "done" and seen_as.values == track.values
            continue
        first = track.exploits[0].epoch
        assert seen_as.state == "paused" and seen_as.params == track.searched
        assert set(seen_as.values) == set(range(1, first + 1))
        assert seen_as.best_value == max(seen_as.values.values())


def replayed(stages: dict[int, Params], start: Params) -> float:
    value, params = 0.0, dict(start)
    for epoch in range(30):
        params |= stages.get(epoch, {})
        value = learn(params, value)
    return value


def test_the_final_evaluation_trains_with_the_values_that_changed(tmp_path: Path) -> None:
    search = raced(1, "pbt")
    best = search.ranked()[0]
    stages = lineage(best, search.tracks)
    assert len(stages) > 3 and stages[0].epoch == 0 and told(best)
    new = changes(best, search.tracks)
    assert replayed(new, stages[0].params) == pytest.approx(best.best_value)

    finals = Finals(Study("toy", "maximize", tmp_path / "journal.log"), 30, searched=search.tracks)
    chosen = finalists(search, 1)
    assert [track.trial for track in chosen] == [best.trial, 0]
    again = finals.race(chosen, [1, 2], search.rules)
    seen_params: dict[tuple[int, int], Params] = {}

    def epoch_s(leg: Leg) -> float:
        seen_params.update({(member.trial, leg.start): member.params for member in leg.members})
        return 1.0

    simulate(again, World(curve, learn=learn, epoch_s=epoch_s, num_lanes=2), moments=False)
    ends = {track.key: track.values[30] for track in again.tracks}
    assert ends[f"{best.key[:5]}-s1"] == pytest.approx(best.best_value)
    assert ends["t0000-s1"] == pytest.approx(replayed({}, {"lr": Toy().lr})), "the defaults never change"
    assert all(track.state == "done" for track in again.tracks)
    assert {start for trial, start in seen_params if trial == best.trial} >= new.keys()

    cut = finals.race(chosen, [1, 2], search.rules)
    assert [t.params for t in cut.tracks] == [t.params for t in again.tracks], "as a resumed one finds them"
    assert [t.values for t in cut.tracks] == [t.values for t in again.tracks]


def test_what_others_depend_on_is_copied_and_mutate_says_what_changes() -> None:
    space = Space(
        {"gate": Choice((False, True)), "lr": Uniform(0, 1), "decay": Uniform(0, 1)}, {"decay": {"gate": (True,)}}
    )

    def member(number: int, gate: bool) -> Seen:
        params: Params = {"gate": gate, "lr": 0.5, "decay": 0.5}
        return Seen(number=number, epoch=2, scores={2: float(-number)}, params=params, waiting=True)

    def taken(seed: int, best: bool, mutate: tuple[str, ...] = ()) -> Params:
        rules = PbtParameters(population=3, interval=2, resample_probability=0.0, mutate=mutate)
        plan = PopulationBased(Setting(epochs=6, seed=seed, space=space), rules)
        found = plan.decide(Standings(plan.rungs, [member(0, best), member(1, False), member(2, False)], 3))[2]
        assert isinstance(found, Exploit) and found.source == 0
        return found.params

    for seed in range(8):
        assert taken(seed, True).keys() == {"gate", "lr", "decay"} and taken(seed, True)["gate"] is True
        assert taken(seed, False).keys() == {"lr"}, "without the gate there is no decay"
        assert taken(seed, True, ("decay",)).keys() == {"gate", "decay"}
