"""A lane's thread: it trains ahead of whoever reads its reports, and tells whatever ends a leg."""

from __future__ import annotations

import pickle
import threading
from copy import deepcopy
from types import SimpleNamespace
from typing import Any, cast

import pytest
from ray.tune.utils import flatten_dict

from cluster.lanes import lane
from cluster.lanes.lane import Lane
from cluster.lanes.tune import LegSearcher, Watch
from cluster.sweep.messages import Order, Report, taken
from search_spaces.race.legs import Leg, Member
from tests.helpers.waiting import PATIENCE_S


class Legs:
    """Stands for a stint: every order is trained in two portions, unless it is a fault, which is raised."""

    def __init__(self) -> None:
        self.threads: set[threading.Thread] = set()
        self.num_begun, self.num_forgotten, self.begun = 0, 0, threading.Semaphore(0)

    def step(self, order: dict[str, Any]) -> Report:
        self.threads.add(threading.current_thread())
        self.num_begun += 1
        self.begun.release()
        if isinstance(order["leg"], BaseException):
            raise order["leg"]
        return Report(messages=[f"{order['leg']} {self.num_begun}"], done=self.num_begun % 2 == 0)

    def forget(self, told: str = "") -> None:
        self.num_forgotten += 1


@pytest.fixture
def legs(monkeypatch: pytest.MonkeyPatch) -> Legs:
    found = Legs()
    monkeypatch.setattr(lane, "LegInProcess", lambda *_: found)
    return found


def started(leg: object) -> Lane:
    it = Lane.__new__(Lane)
    it.setup({"leg": Order(cast(Any, leg))}, cast(Any, None))
    return it


def report(it: Lane) -> Report:
    return Report.from_result(it.step())


def test_it_trains_on_while_a_report_is_on_its_way(legs: Legs) -> None:
    it = started("first")
    assert not legs.begun.acquire(timeout=0.1), (
        "a lane that Tune drops as another one was there first trains nothing"
    )
    first = report(it)
    assert all(legs.begun.acquire(timeout=PATIENCE_S) for _ in range(2)), "the second portion, with no report read"
    assert [(told.messages, told.done) for told in (first, report(it))] == [
        (["first 1"], False),
        (["first 2"], True),
    ]
    assert not legs.begun.acquire(timeout=0.1), "a leg that is over is not trained on"
    assert it.reset_config({"leg": Order("second")})
    assert [report(it).messages for _ in range(2)] == [["second 3"], ["second 4"]]
    assert len(legs.threads) == 1 and threading.main_thread() not in legs.threads


@pytest.mark.parametrize("fault", [ValueError("odd"), SystemExit(3), KeyboardInterrupt()], ids=repr)
def test_what_the_code_raises_ends_the_leg_and_not_the_lane(legs: Legs, fault: BaseException) -> None:
    it = started(fault)
    told = report(it)
    assert told.done and told.failure is not None and repr(fault).split("(")[0] in told.failure.text
    assert legs.num_forgotten == 1
    it.reset_config({"leg": Order("next")})
    assert report(it).messages == ["next 2"]


def test_tune_carries_a_leg_to_one_lane_and_keeps_none_that_is_over() -> None:
    leg = Leg(id=3, start=0, stop=5, horizon=5, members=(Member(trial=0, seed=0, params={"lr": 0.1}),))
    coordinator = cast(Any, SimpleNamespace(next_leg=lambda: leg, report=lambda *_: None))
    lanes = SimpleNamespace(sharing=None, size=SimpleNamespace(count=1), wanted=lambda: 1)
    searcher = LegSearcher(coordinator, cast(Any, lanes), careful=False)
    config = deepcopy(searcher.suggest("a_00000"))
    assert flatten_dict(config).keys() == {"leg"} and str(config) == "{'leg': leg}"
    sent = pickle.loads(pickle.dumps(config))
    assert Leg.from_json(taken(sent)["leg"]) == leg and sent["leg"].take() is None, "results do not bring it back"
    searcher.on_trial_complete("a_00000", Report(done=True).to_result())
    assert config["leg"].take() is None and not searcher.legs


def test_tune_s_trials_that_have_ended_are_not_walked() -> None:
    legs = {f"a_{number:05}": ("search", 9 - number) for number in (5, 6, 7)}
    searcher = cast(Any, SimpleNamespace(legs=legs, hands_back=False))
    coordinator = cast(Any, SimpleNamespace(overdue=list, began=lambda handle: None))
    watch = Watch(coordinator, searcher, 2, lambda: None)
    named = {f"a_{number:05}": SimpleNamespace(trial_id=f"a_{number:05}", status="PENDING") for number in (7, 5, 6)}
    named["a_00005"].status = "RUNNING"
    tune = cast(Any, SimpleNamespace(get_live_trials=lambda: list(named.values())))
    assert watch.choose_trial_to_run(tune) is named["a_00007"], "the oldest leg that waits"
