"""Runs from Python: what a driver tells its caller, how it ends, and what the caller then has."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Callable
from multiprocessing import Pipe
from pathlib import Path
from typing import Any

import pytest

import paceline
from cluster.driver import driver
from cluster.python.driver_process import DriverProcess
from cluster.python.driving import drive_for
from cluster.python.events import Event
from cluster.python.result import Running
from cluster.python.specs import sweep_of
from cluster.sweep.home import SweepHome
from search_spaces.types.driver_errors import Busy, NoData
from search_spaces.types.faults import Fault, SpecError
from tests.helpers.sweep_here import OneRay
from workloads.arrays import DataError

SPEC = {"workload": "softmax", "data": {"name": "iris"}, "trials": 2, "epochs": 1, "final": "none"}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


class Ended:
    """A process that has ended, as ``subprocess`` has it."""

    def __init__(self, code: int) -> None:
        self.code = code

    def wait(self) -> int:
        return self.code


def driven(
    monkeypatch: pytest.MonkeyPatch, drive: Callable[..., int], code: int = 0
) -> tuple[Running, list[Event]]:
    """Drive a new sweep in this process by ``drive``, followed as one that another process drives."""
    home = SweepHome.create(sweep_of(SPEC, {"max_concurrent": 1}))
    heard: list[Event] = []
    ours, its = Pipe()
    running = Running(DriverProcess(home, ours, Ended(0)), heard.append)  # type: ignore[arg-type]
    monkeypatch.setattr(driver, "drive", drive)
    drive_for(home, its, None)
    its.close()
    return running, heard


def test_a_sweep_is_followed_to_its_result(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    drive = driver.drive
    running, heard = driven(
        monkeypatch,
        lambda home, view, more, process_ends: drive(home, view, more, joined=OneRay.started()),  # type: ignore[arg-type]
    )
    result = running.result(60)
    assert (result.state, len(result.trials), len(result.history["trial"].unique())) == ("finished", 2, 2)
    assert result.best is not None and running.done and asyncio.run(_awaited(running)).id == result.id
    kinds = [kind for kind, _ in heard]
    assert {"snapshot", "link", "message"} <= set(kinds), "all but the end is for the view"
    assert heard[-1][1].phase == "finished"
    assert result.resume().id == result.id, "nothing is left to do"


async def _awaited(running: Running) -> paceline.Result:
    return await running


@pytest.mark.parametrize(
    ("raised", "wanted", "told"),
    [
        (SpecError([Fault("s.yaml:3", "lr", "must be small")]), SpecError, "s.yaml:3: lr: must be small"),
        (DataError("data.csv: no rows"), paceline.Unable, "data.csv: no rows"),
        (Busy("sweep x is being driven by process 3"), paceline.Unable, "by process 3; `paceline show"),
        (NoData("it died"), paceline.BrokeOff, "it died"),
        (ZeroDivisionError("odd"), paceline.BrokeOff, "ZeroDivisionError: odd; the whole of it is in "),
    ],
)
def test_what_a_driver_raises_is_raised_by_the_caller(
    monkeypatch: pytest.MonkeyPatch, raised: Exception, wanted: type[Exception], told: str
) -> None:
    def drive(*_: Any, **__: Any) -> int:
        raise raised

    running, _ = driven(monkeypatch, drive)
    with pytest.raises(wanted) as caught:
        running.result(10)
    assert told in str(caught.value)


def test_an_interrupted_driver_has_a_result(monkeypatch: pytest.MonkeyPatch) -> None:
    def drive(*_: Any, **__: Any) -> int:
        raise KeyboardInterrupt

    running, _ = driven(monkeypatch, drive)
    assert running.result(10).state == "stopped"


@pytest.mark.parametrize("code", [-signal.SIGKILL, 1])
def test_a_driver_that_died_is_told(code: int) -> None:
    home = SweepHome.create(sweep_of(SPEC, {}))
    ours, its = Pipe()
    running = Running(DriverProcess(home, ours, Ended(code)), print)  # type: ignore[arg-type]
    its.close()
    with pytest.raises(paceline.BrokeOff, match=r"ended with (SIGKILL|exit code 1); paceline\.load"):
        running.result(10)


def test_a_display_that_fails_does_not_end_the_sweep(monkeypatch: pytest.MonkeyPatch) -> None:
    home = SweepHome.create(sweep_of(SPEC, {}))
    ours, its = Pipe()

    def broken(event: Event) -> None:
        raise ValueError("no such display")

    with pytest.warns(UserWarning, match="is not shown any more: ValueError"):
        running = Running(DriverProcess(home, ours, Ended(0)), broken)  # type: ignore[arg-type]
        for event in (("message", "one"), ("message", "two"), ("ended", 0)):
            its.send(event)
        its.close()
        assert running.result(10).id == home.id


def test_faults_of_a_spec_are_told_at_once_and_the_module_path_is_left_alone() -> None:
    before = list(sys.path)
    with pytest.raises(SpecError) as refused:
        paceline.run({**SPEC, "trails": 3}, {"parameters.lr.max": "much"}, epochs=0)
    assert set(str(refused.value).splitlines()) == {
        "spec: trails: unknown key, received 'trails', did you mean 'trials'?",
        "override epochs=0: epochs: must be >= 1, received 0",
        "override parameters.lr.max=much: parameters.lr.max: must be a number, received 'much'",
    }
    assert sys.path == before and not Path(".paceline").exists()
    Path("sweep.yaml").write_text("workload: softmax\ndata: {name: iris}\n")
    assert (
        paceline.check("sweep.yaml", trials=7).trials
        == paceline.check(paceline.check("sweep.yaml"), trials=7).trials
    )
    assert paceline.check(**SPEC, max_concurrent=1).trials == 2
    with pytest.raises(ValueError, match="progress must be one of auto, live, lines, quiet, received 'bar'"):
        paceline.run(SPEC, progress="bar")
    with pytest.raises(LookupError, match="there is no sweep"):
        paceline.load()


def test_an_end_in_the_middle_of_an_event_is_an_end() -> None:
    home = SweepHome.create(sweep_of(SPEC, {}))
    ours, its = Pipe()
    running = Running(DriverProcess(home, ours, Ended(1)), print)  # type: ignore[arg-type]
    its.send_bytes(b"half of an event")
    with pytest.raises(paceline.BrokeOff, match="ended with exit code 1"):
        running.result(10)
    its.close()


def test_a_sweep_runs_from_its_start_to_its_end() -> None:
    """Its driver takes a second to begin, in which nothing on disk says so."""
    home = SweepHome.create(sweep_of(SPEC, {}))
    ours, its = Pipe()
    running = Running(DriverProcess(home, ours, Ended(0)), print)  # type: ignore[arg-type]
    so_far = running.so_far()
    assert so_far.state == "running"
    its.send(("ended", 0))
    its.close()
    assert running.result(10).state == so_far.state == "stopped"


class Stoppable(Ended):
    """A process that notes what it is told."""

    stopped = 0

    def terminate(self) -> None:
        self.stopped += 1


def test_a_task_that_is_cancelled_only_stops_waiting_and_an_interrupt_stops_the_sweep() -> None:
    home = SweepHome.create(sweep_of(SPEC, {}))
    ours, its = Pipe()
    process = Stoppable(0)
    running = Running(DriverProcess(home, ours, process), print)  # type: ignore[arg-type]

    async def impatient() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(running, 0.02)
        waits = asyncio.gather(running, running)
        await asyncio.sleep(0)
        waits.cancel()

    asyncio.run(impatient())
    assert not process.stopped and not running.done
    handler = signal.getsignal(signal.SIGINT)

    async def interrupted() -> None:
        asyncio.get_running_loop().call_later(0.02, signal.raise_signal, signal.SIGINT)
        await running

    with pytest.raises(KeyboardInterrupt):
        asyncio.run(interrupted())
    assert process.stopped == 1 and signal.getsignal(signal.SIGINT) is handler
    its.send(("ended", 0))
    its.close()
    assert asyncio.run(_awaited(running)).id == home.id
