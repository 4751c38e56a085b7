"""A lane whose legs are trained by several processes: one long-lived Ray Train run trains leg after leg."""

from __future__ import annotations

import threading
import time
import traceback
from dataclasses import replace
from functools import partial
from typing import Any

import ray
from ray import tune

from cluster.lanes.mailbox import Mailbox
from cluster.lanes.worker_loop import fell, work
from cluster.ray_internals.spare_workers import environment, modules_of
from cluster.sweep.messages import Report, Shared, taken
from search_spaces.types.failure import FailureReason
from workloads.legs.ray_train import WorkerGroup, hush, on_loopback, train

PATIENCE_S = 2.0
"""Longest wait in seconds before a lane reports to Tune, with or without news."""
LEAVE_S = 10.0
MAX_FALLS = 2
"""Number of deaths in a row, of a group that has not begun its work, that a leg which waits for it survives."""
FORM_S = 300.0
"""Seconds after which a leg fails whose group has not formed, unless the cluster has no room for it."""


class MultiWorkerLane(tune.Trainable):
    """Tune trainable like ``Lane`` whose legs are trained by a worker group: it says hello, takes legs, reports.

    A group that lost or gained a worker starts again: it says hello again, and the current leg is over. Orders
    carry the token of the group that they are for, so that no later group takes them.
    """

    def setup(self, config: dict[str, Any], shared: Shared, crew: WorkerGroup) -> None:  # type: ignore[override]
        """Store the first leg and create the mailbox."""
        self._shared, self._crew, self._order = shared, crew, taken(config)
        self._mailbox = Mailbox.new()
        self._thread: threading.Thread | None = None
        self._error: FailureReason | None = None
        self._token: str | None = None
        self._handed = False
        self._size = self._falls = 0
        self._waits_since = time.monotonic()

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        """Store the next leg."""
        self._order = taken(new_config)
        return True

    def step(self) -> dict[str, Any]:
        """Send the leg to the worker group once that is ready, and wait for a report on it."""
        begun = time.monotonic()
        report = self._turn(begun + PATIENCE_S)
        if report.done:
            self._handed = False
        return replace(report, seconds=time.monotonic() - begun).to_result()

    def cleanup(self) -> None:
        """End the worker group, which frees its resources."""
        if self._token is not None:
            self._mailbox.put("orders", self._token, None)
        if self._thread is not None:
            self._thread.join(LEAVE_S)

    def _turn(self, deadline: float) -> Report:
        if self._thread is None or not self._thread.is_alive():
            if self._error is not None:
                told, self._error, self._thread, self._token = self._error, None, None, None
                return Report(failure=told, done=True)
            self._token, self._handed, self._waits_since = None, False, time.monotonic()
            self._engage()
        if self._token is not None and not self._handed:
            self._mailbox.put("orders", self._token, self._order)
            self._handed = True
        while (left := deadline - time.monotonic()) > 0:
            letter = self._mailbox.get("news", left)
            report = None if letter is None else self._heard(*letter)
            if report is not None:
                return report
        return self._waited_too_long() or Report(waiting=not self._handed)

    def _waited_too_long(self) -> Report | None:
        if self._token is not None or time.monotonic() - self._waits_since < FORM_S:
            return None
        self._waits_since = time.monotonic()
        if _lacks_room(self._crew):
            return None
        text = f"no group of {self._crew.least} workers was there after {FORM_S:.0f} s"
        return Report(failure=FailureReason("lane_died", text), done=True)

    def _heard(self, kind: str, token: str, content: Any) -> Report | None:
        """Translate a message of the worker group into a report; None where the driver need not know of it."""
        if kind == "report":
            return Report.from_result(content) if token == self._token else None
        if kind == "fell":
            self._token, lost, self._waits_since = None, self._handed, time.monotonic()
            self._falls += 1
            return Report(failure=content, done=True) if lost or self._falls > MAX_FALLS else None
        interrupted, self._token, self._falls = self._handed, token, 0
        before, self._size = self._size, content
        words = f"{before} -> {content} workers" if before else f"{content} workers"
        if interrupted:  # the crew was given another size
            return Report(done=True, messages=[f"{words}; on from the last checkpoint"])
        return Report(messages=[words]) if before != content else Report()

    def _engage(self) -> None:
        mailbox, shared, crew = self._mailbox, self._shared, self._crew
        config = {
            "wires": mailbox,
            "shared": shared,
            "strategy": crew.strategy,
            "spare": (crew.cpus, crew.gpus) if crew.spares else None,
        }
        search = ray.get(shared.search)
        modules = modules_of(shared.setting["workload"], table=bool(search.train.columns))
        crew = replace(crew, environment=environment([work.__module__, *modules], shared.env))

        def run() -> None:
            try:
                train(work, config, crew, partial(fell, mailbox), search.stream)
            except Exception:  # noqa: BLE001 - told whole to the driver at the next turn
                self._error = FailureReason.told("raised", traceback.format_exc())

        hush()
        self._thread = threading.Thread(target=run, daemon=True, name="crew")
        self._thread.start()


def _lacks_room(group: WorkerGroup) -> bool:
    """Whether the group waits for others to leave a cluster, or for it to grow; never on a Ray of our own."""
    if on_loopback():
        return False
    free = ray.available_resources()  # type: ignore[no-untyped-call] # Ray's
    each = {"CPU": group.cpus, "GPU": group.gpus, **group.custom}
    needed = {name: group.least * amount for name, amount in each.items()}
    if any(free.get(name, 0.0) < amount for name, amount in needed.items()):
        return True
    groups = ray.util.placement_group_table().values()
    return any(each["state"] == "PENDING" for each in groups)
