"""Runs a leg inside a worker process, epoch by epoch, and returns a report at least every ``REPORT_EVERY_S``."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import ray

from cluster.ray_internals.imports import importing
from cluster.sweep.messages import Report, Shared
from cluster.sweep.model_loader import open_models_of
from search_spaces.race.legs import Exhibit, Leg, MemberEpoch, Saved

if TYPE_CHECKING:
    from workloads.data.streaming.stream import Shard, Stream
    from workloads.legs.runner import LegRunner
    from workloads.training.process_group import ProcessGroup

REPORT_EVERY_S = 0.5
"""Seconds of whole epochs before a lane reports: a report costs Tune several milliseconds."""
CHECKPOINT_EVERY_S = 2.0
"""Seconds between checkpoints of a long leg, more where saving would take over ``CHECKPOINT_SHARE`` of the time.

Every leg ends with a checkpoint. The first one of a process takes mostly imports, so it does not delay the second.
"""
CHECKPOINT_SHARE = 0.02


class _Draft:
    """Epochs that are not reported yet, and the time up to which seconds of work are: shared by two threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._epochs: list[MemberEpoch] = []
        self._last = self.counted_to = 0.0

    def begin(self, now: float) -> None:
        """Begin to count the seconds."""
        with self._lock:
            self._last = self.counted_to = now

    def add(self, epochs: Sequence[MemberEpoch]) -> None:
        """Add an epoch of each member."""
        with self._lock:
            self._epochs += epochs
            self._last = time.monotonic()

    def take(self) -> tuple[list[MemberEpoch], float]:
        """Remove and return the epochs, with the seconds that they took."""
        with self._lock:
            epochs, self._epochs = self._epochs, []
            seconds, self.counted_to = self._last - self.counted_to, self._last
        return epochs, seconds


class LegInProcess:
    """Trains the legs of one process. An ``order`` is a leg as JSON and, for final legs, the test split.

    All processes of a group train the same leg; the first one decides when to report and when to stop.
    ``shard`` returns this process's part of a stream. ``warned`` returns whether the process may soon be killed, so
    that it should save.
    """

    def __init__(
        self,
        shared: Shared,
        shard: Callable[[Stream], Shard],
        group: ProcessGroup | None = None,
        warned: Callable[[], bool] | None = None,
    ) -> None:
        self._shared, self._shard, self._group = shared, shard, group
        self._warned = warned or (lambda: False)
        self._runner: LegRunner | None = None
        self._leg: Leg | None = None
        self._save_at, self._num_unsaved, self._fused = 0.0, 0, 1
        self._has_saved = False
        self._draft = _Draft()

    def step(self, order: dict[str, Any]) -> Report:
        """Begin or continue the leg of ``order`` and return a report. Exceptions of the workload pass through.

        The seconds that a lane's first leg takes to import and load are not counted in the report.
        """
        begun = time.monotonic()
        is_new = self._runner is None
        leg, runner = self._started(order)
        begun = time.monotonic() if is_new else begun
        self._draft.begin(begun)
        exhibits: list[Exhibit] = []
        stopping, late = self._agreed(begun)
        while not (runner.done or stopping or late):
            self._draft.add(runner.epoch())
            exhibits += runner.exhibits()
            self._num_unsaved += 1
            stopping, late = self._agreed(begun)
        over = runner.done or stopping
        epochs, counted_s = self._draft.take()
        report = Report(
            epochs=epochs,
            saved=self._saved(runner, over),
            scored=runner.score() if runner.done and leg.purpose == "final" else (),
            exhibits=exhibits,
            messages=runner.take_messages(),
            fused=self._fused,
            done=over,
            seconds=counted_s + time.monotonic() - self._draft.counted_to,
        )
        if over:
            self._leg = None
        return report

    def early(self) -> Report | None:
        """Return the epochs that ``step`` has not reported yet, if any. For another thread than its own."""
        epochs, seconds = self._draft.take()
        return Report(epochs=epochs, seconds=seconds) if epochs else None

    def forget(self) -> None:
        """Drop the current leg, whose code raised."""
        self._leg = None
        self._draft.take()

    def _agreed(self, begun: float) -> tuple[bool, bool]:
        """Return whether to stop and whether a report is due, the same on all processes of the group."""
        now = time.monotonic()
        found = self._shared.stop_mark.exists(), now - begun >= REPORT_EVERY_S
        return found if self._group is None else self._group.agree(found)

    def _saved(self, runner: LegRunner, over: bool) -> Sequence[Saved]:
        begun = time.monotonic()
        due = over or self._warned() or begun > self._save_at
        if not self._num_unsaved or not (due if self._group is None else self._group.agree(due)):
            return ()
        saved, self._num_unsaved = runner.save(), 0
        ended = time.monotonic()
        cost_s = ended - begun if self._has_saved else 0.0
        self._save_at, self._has_saved = ended + max(CHECKPOINT_EVERY_S, cost_s / CHECKPOINT_SHARE), True
        return saved

    def _started(self, order: dict[str, Any]) -> tuple[Leg, LegRunner]:
        if self._runner is None:
            with importing():
                import torch

                from workloads.legs.runner import LegRunner, LegSetting  # 1,300 ms: torch
                from workloads.training.process_group import ALONE  # 1,200 ms: torch

            # Ray sets it when a process becomes a worker, which may be long after torch was imported.
            if threads := os.environ.get("OMP_NUM_THREADS"):
                torch.set_num_threads(int(threads))
            open_models_of(self._shared.tracking_uri)
            setting = LegSetting(**self._shared.setting)
            search = ray.get(self._shared.search)
            shard = None if search.stream is None else self._shard(search.stream)
            self._runner = LegRunner(setting, search, group=self._group or ALONE, shard=shard)
        if self._leg is None:
            test = order.get("test")
            self._runner.test = None if test is None else ray.get(test)[0]
            self._leg = Leg.from_json(order["leg"])
            self._runner.start(self._leg)
            self._fused = self._runner.fused
            self._save_at, self._num_unsaved = time.monotonic() + CHECKPOINT_EVERY_S, 0
        return self._leg, self._runner
