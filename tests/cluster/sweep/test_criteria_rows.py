"""What is shown while a sweep runs: nobody leads that breaks a constraint, and the front is that of the study."""

from __future__ import annotations

from pathlib import Path

import pytest

from cluster.sweep import reading
from cluster.terminal.criteria import constraints, front_lines, infeasible_lines, pareto_front, placed
from cluster.terminal.records import Row, best_of, ranked
from search_spaces.race.legs import Saved
from search_spaces.race.search import Search
from search_spaces.study.study import Study
from tests.helpers.toy_race import ACCURACY, Toy, toy_sweep
from tests.search_spaces.race.test_constraints import GAP, LATENCY, SECONDS, measured
from tests.search_spaces.race.test_several_objectives import METRICS


@pytest.mark.parametrize("several", [False, True])
@pytest.mark.parametrize("rule", ["none", "asha"])
def test_no_infeasible_trial_ever_leads(rule: str, several: bool, tmp_path: Path) -> None:
    sweep = toy_sweep(
        constraints=(LATENCY, GAP, SECONDS),
        metrics=METRICS if several else (),
        trials=16,
        early_terminate={"type": rule},
    )
    study = Study("toy", sweep.goals, tmp_path / "journal.log")
    race = Search(sweep, Toy, study).race(num_lanes=1)
    led = set()
    while leg := race.next_leg():
        for epoch in range(leg.start + 1, leg.stop + 1):
            race.reported(leg.id, measured(leg, epoch))
            found = reading.rows(study, ACCURACY, True, criteria=sweep.criteria)
            front = pareto_front(found, ACCURACY, sweep.criteria)
            shown = {one["number"] for one in front["trials"]} if front else set()
            assert bool(shown) <= several
            for row in (best_of(found, ACCURACY), *(row for row in found if row.number in shown)):
                if row is not None:
                    led.add(row.number)
                    assert float(row.params["lr"]) <= 0.4 and row.params["size"] != 2, row
                    assert 0.5 * row.epochs * (1 + float(row.params["size"])) <= 4.5, row
        race.saved(leg.id, [Saved(key=member.key, epoch=leg.stop, uri="nowhere") for member in leg.members])
        race.finished_leg(leg.id, 1.0)
    assert led


def test_the_best_in_search_is_the_first_of_the_leaderboard_and_its_volume_can_be_computed_again() -> None:
    """It was one that another is better than, where both have the best first objective."""
    base = {"state": "done", "epochs": 1, "params": {}}
    values = [(0.8, 5.25112), (1.0, 0.8), (1.0, 0.27512), (0.5, 4.0)]
    found = [
        Row(number=number, value=best, best_value=best, beside={"latency_ms": cost}, **base)
        for number, (best, cost) in enumerate(values)
    ]
    criteria = toy_sweep(metrics=METRICS).criteria
    found = placed(found, ACCURACY, criteria)
    first = best_of(found, ACCURACY)
    assert first is not None and first.number == 2 == ranked(found, ACCURACY)[0].number and first.on_front
    head, line = map(str, front_lines(pareto_front(found, ACCURACY, criteria)))
    assert head.endswith("hypervolume 2.488 from val_accuracy 0.5, latency_ms 5.25112") and "0.27512" in line


def test_the_front_and_the_constraints_in_words(tmp_path: Path) -> None:
    sweep = toy_sweep(metrics=METRICS, constraints=(LATENCY,), trials=16)
    study = Study("toy", sweep.goals, tmp_path / "journal.log")
    race = Search(sweep, Toy, study).race(num_lanes=1)
    while leg := race.next_leg():
        for epoch in range(leg.start + 1, leg.stop + 1):
            race.reported(leg.id, measured(leg, epoch))
        race.saved(leg.id, [Saved(key=member.key, epoch=leg.stop, uri="nowhere") for member in leg.members])
        race.finished_leg(leg.id, 1.0)
    found = reading.rows(study, ACCURACY, False, criteria=sweep.criteria)
    front = pareto_front(found, ACCURACY, sweep.criteria)
    assert front is not None
    on = [row for row in ranked(found, ACCURACY) if row.on_front]
    assert {row.number for row in on} == {one["number"] for one in front["trials"]}
    assert [row.order for row in on] == list(range(len(on)))
    first, *others = map(str, front_lines(front))
    assert first.startswith("front (maximize val_accuracy and minimize latency_ms): ") and len(others) == len(on)
    broken = sum(row.state == "infeasible" for row in found)
    assert [one["num_broken"] for one in constraints(found, sweep.criteria)] == [broken]
    one, *hopeless = map(str, infeasible_lines(constraints(found, sweep.criteria), hopeless=True))
    assert one == f"{broken} trials break the constraint latency_ms <= 5"
    assert "no trial keeps all constraints" in hopeless[0]
    assert list(map(str, infeasible_lines(constraints(found, sweep.criteria)))) == [one]
    wide = {**front, "trials": [{**front["trials"][0], "params": {f"p{i}": i for i in range(200)}}]}
    assert str(front_lines(wide)[1]).endswith("p11=11 and 188 more")
