"""A lane's thread: it trains ahead of whoever reads its reports, and tells whatever ends a leg."""

from __future__ import annotations

import threading
from typing import Any, cast

import pytest

from cluster.lanes import lane
from cluster.lanes.lane import Lane
from cluster.sweep.messages import Report
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

    def forget(self) -> None:
        self.num_forgotten += 1


@pytest.fixture
def legs(monkeypatch: pytest.MonkeyPatch) -> Legs:
    found = Legs()
    monkeypatch.setattr(lane, "LegInProcess", lambda *_: found)
    return found


def started(leg: object) -> Lane:
    it = Lane.__new__(Lane)
    it.setup({"leg": leg}, cast(Any, None))
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
    assert it.reset_config({"leg": "second"})
    assert [report(it).messages for _ in range(2)] == [["second 3"], ["second 4"]]
    assert len(legs.threads) == 1 and threading.main_thread() not in legs.threads


@pytest.mark.parametrize("fault", [ValueError("odd"), SystemExit(3), KeyboardInterrupt()], ids=repr)
def test_what_the_code_raises_ends_the_leg_and_not_the_lane(legs: Legs, fault: BaseException) -> None:
    it = started(fault)
    told = report(it)
    assert told.done and told.failure is not None and repr(fault).split("(")[0] in told.failure.text
    assert legs.num_forgotten == 1
    it.reset_config({"leg": "next"})
    assert report(it).messages == ["next 2"]
