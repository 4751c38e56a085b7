"""A lane: the process that trains legs one after the other. Tune sees one trial per leg, in a reused actor."""

from __future__ import annotations

import threading
import time
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any

from cluster.ray_internals.imports import importing

with importing():
    from ray import tune

    from cluster.lanes.leg_in_process import LegInProcess
    from cluster.sweep.messages import Report, Shared, taken
    from search_spaces.types.errors.users_traceback import users_traceback
    from search_spaces.types.failure import FailureReason, ScriptFailed

if TYPE_CHECKING:
    from workloads.data.streaming.stream import Shard, Stream


EARLY_S = 1.0
"""Seconds after which a lane reports epochs before the current one ends, which may take long, or never end."""


class Lane(tune.Trainable):
    """Tune trainable for legs. Configuration: ``leg``, an Order, and for final legs ``test``, the locked split."""

    # A thread trains, and continues while the driver reads a report: a report takes longer to Tune and back than
    # an epoch of a short leg.

    def setup(self, config: dict[str, Any], shared: Shared) -> None:  # type: ignore[override] # with_parameters
        """Start the training thread. It gets its first leg in ``step``: Tune may drop a lane that is late."""
        self._leg_in_process = LegInProcess(shared, _own_shard)
        self._orders: SimpleQueue[dict[str, Any]] = SimpleQueue()
        self._reports: SimpleQueue[Report] = SimpleQueue()
        threading.Thread(target=self._train, daemon=True, name="training").start()
        self._first: dict[str, Any] | None = taken(config)

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        """Give the training thread the next leg."""
        self._orders.put(taken(new_config))
        return True

    def step(self) -> dict[str, Any]:
        """Wait for the next report and return it. An exception of the workload's code is a report, too."""
        if self._first is not None:
            self._orders.put(self._first)
            self._first = None
        while True:
            try:
                return self._reports.get(timeout=EARLY_S).to_result()
            except Empty:
                if report := self._leg_in_process.early():
                    return report.to_result()

    def _train(self) -> None:
        while True:
            order, done = self._orders.get(), False
            while not done:
                report = self._portion(order)
                done = report.done
                self._reports.put(report)

    def _portion(self, order: dict[str, Any]) -> Report:
        begun = time.monotonic()
        try:
            return self._leg_in_process.step(order)
        except ScriptFailed as error:  # nothing of it is left in this process
            self._leg_in_process.forget()
            reason = FailureReason.told("raised", str(error))
            return Report(failure=reason, done=True, seconds=time.monotonic() - begun)
        except BaseException as error:  # noqa: BLE001 - told to the driver, which retries and in the end tells the user
            told = users_traceback(error)
            self._leg_in_process.forget(told)
            reason = FailureReason.told("raised", told)
            return Report(failure=reason, done=True, renew=True, seconds=time.monotonic() - begun)


def _own_shard(stream: Stream) -> Shard:
    from workloads.data.streaming.ray_data import own_shard  # 1,200 ms: torch

    return own_shard(stream)
