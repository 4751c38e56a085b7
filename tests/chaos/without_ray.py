"""Runs ``paceline`` with lanes that are forked processes instead of Ray's actors: a life costs a tenth.

The driver is forked from a server that has imported everything, and so are its lanes. The driver, its races, study,
writer, stores and the lanes' own code are the real ones; Ray, Tune and the data's process are left out.
"""

from __future__ import annotations

import contextlib
import functools
import io
import os
import runpy
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from multiprocessing import forkserver, get_context, parent_process
from multiprocessing.connection import Connection, wait
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from tests.helpers.paths import ROOT
from tests.helpers.sweep_here import OneRay

IMPORTED = (
    "cluster.cli.commands.run",
    "cluster.doctor.stores",
    "cluster.driver.champion",
    "cluster.driver.driver",
    "cluster.lanes.lane",
    "cluster.lanes.tune",
    "cluster.terminal.views",
    "pandas",
    "sklearn.model_selection",
    "tests.chaos.without_ray",
    "tracking.store.sqlite",
    "workloads.data.metric_check",
    "workloads.data.prepare",
    "workloads.legs.runner",
    "workloads.models.custom.workload",
    "workloads.training.plain_loop",
    "workloads.training.process_group",
)
TURN_S = 0.05
LANE = "ray::Lane"
"""Name of lanes' processes, as Ray gives it."""
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))  # the server looks where this process does, in another folder
server = get_context("forkserver")
server.set_forkserver_preload(list(IMPORTED))


@dataclass(frozen=True)
class Command:
    """A running ``paceline``, with those attributes of a Popen that the harness needs."""

    process: Any

    @classmethod
    def begun(cls, words: Sequence[str], folder: Path, environment: Mapping[str, str], out: Path) -> Command:
        """Start ``paceline`` with these arguments in ``folder``; it writes to ``out``."""
        forkserver.ensure_running()
        address = forkserver._forkserver._forkserver_address  # type: ignore[attr-defined] # by name, as below
        order = (words, str(folder), dict(environment), str(out), address)
        process = server.Process(target=_command, args=order)
        process.start()
        return cls(process)

    @property
    def pid(self) -> int:
        """Process ID."""
        return int(self.process.pid)

    @property
    def returncode(self) -> int | None:
        """Exit code, or minus the signal; None while it runs."""
        code: int | None = self.process.exitcode
        return code

    def poll(self) -> int | None:
        """Return ``returncode``."""
        return self.returncode

    def kill(self) -> None:
        """Send SIGKILL."""
        self.send_signal(signal.SIGKILL)

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it has ended."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, number)


def _command(words: Sequence[str], folder: str, environment: Mapping[str, str], out: str, address: str) -> None:
    # The lanes come from the same server, as multiprocessing by itself would start another one.
    ours: Any = forkserver._forkserver  # type: ignore[attr-defined]
    ours._forkserver_address, ours.ensure_running = address, lambda: None
    os.setsid()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    file = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(file, 1)
    os.dup2(file, 2)
    sys.stdout, sys.stderr = (os.fdopen(number, "w", 1) for number in (1, 2))
    sys.argv = ["paceline", *words]
    sys.path.append(folder)
    _leave_ray_out()
    runpy.run_module("cluster.cli", run_name="__main__", alter_sys=True)


def _leave_ray_out() -> None:
    from cluster.driver import champion, driver
    from cluster.lanes import tune
    from cluster.sweep import data_process

    drive = driver.drive
    replaced: Any = SimpleNamespace(data=data_process, driver=driver, champion=champion, tune=tune)
    replaced.data.subprocess = SimpleNamespace(Popen=_DataHere, PIPE=subprocess.PIPE)
    replaced.driver.share = lambda loaded: SimpleNamespace(search=loaded.search, test=loaded.test)
    replaced.champion.ChampionProcess = _NoChampion
    replaced.tune.drive_legs = drive_legs
    replaced.driver.drive = lambda home, observer, more=None, process_ends=False: drive(
        home, observer, more, process_ends, joined=OneRay()
    )


@dataclass
class _NoChampion:
    home: Any
    sweep: Any
    data: Any

    def foresee(self, seen: object) -> None:
        """Do nothing: the harness's sweep has no final evaluation."""


class _DataHere:
    """A Popen of the data's process, which prepares the data in this process."""

    def __init__(self, *words: object, **options: object) -> None:
        self.stdin, self.returncode = self, 0
        self._order = b""

    def write(self, content: bytes) -> None:
        self._order += content

    def close(self) -> None:
        """Do nothing: the order is whole."""

    @functools.cached_property
    def stdout(self) -> io.BytesIO:
        from cluster.sweep import data_process

        told, kept = SimpleNamespace(buffer=io.BytesIO()), (sys.stdin, sys.stdout)
        sys.stdin, sys.stdout = SimpleNamespace(buffer=io.BytesIO(self._order)), told  # type: ignore[assignment]
        try:
            data_process._main()
        finally:
            sys.stdin, sys.stdout = kept
        return io.BytesIO(told.buffer.getvalue())

    def wait(self) -> int:
        """Return 0."""
        return 0

    def kill(self) -> None:
        """Do nothing."""


def _lane(orders: Connection, folder: str, environment: Mapping[str, str], shared: Any) -> None:
    """Train the legs that come, and end with the driver."""
    parent = parent_process()
    assert parent is not None
    threading.Thread(target=lambda: (parent.join(), os._exit(1)), daemon=True).start()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Path("/proc/self/comm").write_text(LANE)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.path.append(folder)
    from cluster.lanes import lane, leg_in_process
    from cluster.sweep.messages import Order

    leg_in_process.ray = SimpleNamespace(get=lambda data: data)  # type: ignore[attr-defined]
    here = lane.Lane.__new__(lane.Lane)
    with contextlib.suppress(EOFError, OSError):  # the driver has ended
        here.setup({"leg": Order(orders.recv())}, shared)
        while True:
            told = here.step()
            orders.send(told)
            if told["done"]:
                here.reset_config({"leg": Order(orders.recv())})


@dataclass
class _Crew:
    """The lanes of one sweep, and the leg of each that trains."""

    shared: Any
    size: int
    lanes: dict[Any, Any] = field(default_factory=dict)
    """The pipe of each lane, by process."""
    legs: dict[Any, Any] = field(default_factory=dict)
    """The handle of each running leg, by process."""

    def give(self, leg: Any) -> None:
        """Give the leg to an idle lane, or to a new one."""
        idle = next((lane for lane in self.lanes if lane not in self.legs), None) or self._hired()
        self.legs[idle] = (leg.purpose, leg.id)
        self.lanes[idle].send(leg.to_json())

    def _hired(self) -> Any:
        here, there = server.Pipe()
        lane = server.Process(target=_lane, args=(there, str(Path.cwd()), dict(os.environ), self.shared))
        lane.start()
        there.close()
        self.lanes[lane] = here
        return lane

    def dismiss(self, lane: Any) -> None:
        """End a lane."""
        lane.kill()
        lane.join()
        self.lanes.pop(lane).close()
        self.legs.pop(lane, None)


def drive_legs(coordinator: Any, lanes: Any, show: Callable[[], None]) -> None:
    """Train until the coordinator is finished or stopping, as ``cluster.lanes.tune.drive_legs`` does."""
    crew = _Crew(lanes.shared, lanes.size.count)
    try:
        _drive(coordinator, crew, show)
    finally:
        for lane in list(crew.lanes):
            crew.dismiss(lane)


def _drive(coordinator: Any, crew: _Crew, show: Callable[[], None]) -> None:
    while crew.legs or not (coordinator.finished or coordinator.stop.requested):
        show()
        while len(crew.legs) < crew.size and (leg := coordinator.next_leg()):
            crew.give(leg)
            coordinator.began((leg.purpose, leg.id))
        ready = wait([crew.lanes[lane] for lane in crew.legs], TURN_S)
        for lane in [lane for lane in crew.legs if crew.lanes[lane] in ready]:
            _take(coordinator, crew, lane)
        for handle in coordinator.overdue():
            for lane in [lane for lane, leg in crew.legs.items() if leg == handle]:
                lane.kill()


def _take(coordinator: Any, crew: _Crew, lane: Any) -> None:
    """Take a lane's report, or its death, to the coordinator."""
    from cluster.sweep.messages import Report
    from search_spaces.types.failure import FailureReason

    try:
        told = crew.lanes[lane].recv()
    except (EOFError, OSError):
        lane.join()
        handle = crew.legs[lane]
        crew.dismiss(lane)
        coordinator.fail(handle, FailureReason("lane_died", f"it ended with {lane.exitcode}"))
        return
    coordinator.report(crew.legs[lane], Report.from_result(told))
    if told["done"]:
        del crew.legs[lane]
    if told.get("renew"):
        crew.dismiss(lane)
