"""A sweep with a budget as it is read, extended, and ended by the hours of its workers; no Ray, no training."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from cluster.job import _more
from cluster.sweep import reading
from cluster.sweep.document import document
from cluster.sweep.limits.closing import by_time
from cluster.sweep.limits.extension import reopen
from cluster.sweep.limits.spending import SPENT, Spending, Use, line, metrics
from cluster.sweep.limits.standing import Standing, standing
from cluster.sweep.more_trials import extension, new_total
from cluster.sweep.reading import Reading, snapshot
from search_spaces.race.search import Search
from search_spaces.spec.keys.budget import Budget
from search_spaces.study.study import Study
from search_spaces.types.faults import SpecError
from tests.helpers.finished_sweep_without_ray import raced
from tests.helpers.toy_race import Toy, toy_sweep

USED_UP = "the budget of 30 epochs is used up"
COST = {"seconds": 65.0, "lanes": 1, SPENT: {"epochs": 30, "lane_s": 7200.0, "final_lane_s": 3600.0, "trials": 9}}
SPENDING = ("trials=40", "budget={epochs: 30, lane_hours: 8, cost: 10}", "cost_per_hour.cpu=0.5")


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def used_up(*changes: str, **facts: Any) -> Reading:
    return Reading.of(raced(*SPENDING, *changes, **{"cost": COST, "ended_by": USED_UP, **facts}))


def refusal(read: Reading, *wanted: str, trials: str | None = None) -> list[str]:
    with pytest.raises(SpecError) as found:
        extension(read, trials, wanted)
    return [str(fault) for fault in found.value.faults]


def test_use_is_told_in_a_line_in_json_and_in_mlflow() -> None:
    read = used_up()
    assert line(read.sweep, COST, 0) == (
        "30 of 30 epochs · 2 of 8 lane-hours · cost 1 of 10; final evaluation 0.5 (enough for about 9 of 40 trials)"
    )
    assert "enough" not in snapshot(read).budget, "the search is over"
    assert document(read)["budget"] == {
        "epochs": {"used": 30, "limit": 30, "final_evaluation": 0.0},
        "lane_hours": {"used": 2.0, "limit": 8.0, "final_evaluation": 1.0},
        "cost": {"used": 1.0, "limit": 10.0, "final_evaluation": 0.5},
    }
    assert metrics(read.sweep, COST, 0) == {
        "sweep/used_epochs": 30,
        "sweep/used_lane_hours": 2.0,
        "sweep/used_cost": 1.0,
    }


def test_large_numbers_of_epochs_are_not_rounded() -> None:
    assert Use(name="epochs", used=1_234_567, limit=2_000_000, final=0.0).told == "1234567 of 2000000 epochs"


def test_sweep_without_a_budget_says_nothing_of_one() -> None:
    read = Reading.of(raced())
    assert document(read)["budget"] is None
    assert reading.snapshot(read).budget == ""


def test_larger_budget_of_one_that_is_used_up() -> None:
    read = used_up()
    assert extension(read, None, ["epochs=+20", "cost=25"]).budget == Budget(epochs=50, lane_hours=8, cost=25)
    more = extension(read, "+4", ["epochs=90"])
    assert (more.trials, more.of(read.sweep).budget) == (
        len(read.rows) + 4,
        Budget(epochs=90, lane_hours=8, cost=10),
    )
    assert not extension(read, None, [])


def test_every_fault_of_a_larger_budget_is_told_at_once() -> None:
    read = used_up()
    assert refusal(read, "epoch=3", "gpu_hours=2", "epochs=many", "lane_hours=1") == [
        "--budget: must be one of epochs, lane_hours, gpu_hours, cost, with =N or =+N behind it, "
        "received 'epoch=3', did you mean 'epochs=3'?",
        "--budget: gpu_hours: has no limit to raise: the sweep's budget has epochs, lane_hours, cost, "
        f"received 'gpu_hours=2', did you mean a new sweep, `paceline run {read.home.spec} budget.gpu_hours=...`?",
        "--budget: epochs: must be a number above 0, in all, or + and how much more, received 'many', "
        "did you mean 'epochs=+30'?",
        "--budget: lane_hours: must be above the 2 that the search has used, received '1', "
        "did you mean 'lane_hours=+1'?",
    ]


def test_more_trials_need_a_larger_budget_where_it_is_used_up() -> None:
    [told] = refusal(used_up(), trials="+4")
    assert told.startswith(f"--trials: must come with a larger budget: {USED_UP}, received '+4'")
    [told] = refusal(used_up(ended_by=None), trials="+4")
    assert USED_UP in told, "all trials were done by then, and more would end at once"
    cost = {**COST, SPENT: {**COST[SPENT], "epochs": 28}}
    [told] = refusal(used_up("early_terminate={type: none}", ended_by=None, cost=cost), trials="+4")
    assert f"{USED_UP} but for 2, too few for another trial" in told
    cost = {**COST, SPENT: {**COST[SPENT], "epochs": 20}}
    assert new_total(used_up(ended_by=None, cost=cost), "+4")


def test_the_limit_that_ended_the_search_is_the_one_to_raise() -> None:
    why = "the budget of cost 10 is used up but for 3 %, too little for another trial"
    spent = {SPENT: {"epochs": 20, "lane_s": 7200.0, "final_lane_s": 0.0}}
    read = used_up(ended_by=why, cost={"seconds": 65.0, **spent})
    assert refusal(read, trials="+4")[0].endswith("did you mean --budget cost=+N beside it?")
    assert extension(read, "+4", ["cost=+5"]).trials
    raised = [read.sweep.model_copy(update={"budget": Budget(epochs=e, cost=c)}) for e, c in ((60, 10), (30, 11))]
    assert [standing(read, one) for one in raised] == [Standing(why, "budget.cost"), None]


def test_larger_budget_needs_more_trials_where_all_were_tried() -> None:
    read = Reading.of(raced("budget.epochs=300", cost=COST))
    rule = "must come with --trials: all 9 trials were tried"
    assert refusal(read, "epochs=+20") == [f"--budget: {rule}, received 'epochs=+20', did you mean '--trials +20'?"]
    assert extension(read, "+4", ["epochs=+20"]).trials == 13


def test_hours_that_are_used_up_end_the_legs_that_run() -> None:
    sweep = toy_sweep(budget=Budget(lane_hours=1))
    race = Search(sweep, Toy, None).race(1)
    assert race.next_leg() and by_time(sweep, race, 0.0) is None
    race.purse.lane_s = 3600.0
    assert by_time(sweep, race, 0.0) == "the budget of 1 lane-hours is used up"


def test_use_counts_from_what_earlier_drivers_left() -> None:
    race = cast(Any, SimpleNamespace(purse=SimpleNamespace(epochs=9, lane_s=70.0, had=lambda e, s: None)))
    spending = Spending({"epochs": 20, "lane_s": 50.0, "final_lane_s": 5.0})
    spending.begin(race)
    spending.add("search", 10.0)
    spending.add("final", 2.0)
    race.purse.most_tracks = lambda num: num - 1
    assert spending.now(race, 12, 0, 1.0, 0.5) == {
        "epochs": 9,
        "repeat_epochs": 0,
        "lane_s": 81.0,
        "final_lane_s": 7.5,
        "trials": 11,
    }


def test_job_that_is_restarted_adds_nothing_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    """A cluster starts the job of a submission anew, with all of its environment, after a failure."""
    home = raced("budget.epochs=300", cost=COST)
    monkeypatch.setenv("PACELINE_TRIALS", "+4")
    more = _more(home, "2")
    assert more and more.trials == 13
    study = Study(home.id, "maximize", home.journal)
    reopen(home, study, more.of(home.sweep()), more.origin)
    assert _more(home, "2") is None
    again = _more(home, "3")
    assert again and again.trials == 17, "another submission adds more"
