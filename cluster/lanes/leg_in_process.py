"""Runs a leg inside a worker process, epoch by epoch, and returns a report at least every ``REPORT_EVERY_S``."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import ray

from cluster.lanes.leftovers import Leftovers
from cluster.ray_internals.imports import importing
from cluster.sweep.messages import Report, Shared
from cluster.sweep.mlflow_models.opening import open_models_of
from search_spaces.race.legs import Exhibit, Leg, MemberEpoch, Saved
from search_spaces.types.module_path import users_folder
from workloads.legs.own_test import Untested
from workloads.models.custom.trial_log import LegLogs
from workloads.models.custom.workload import refuse_other
from workloads.registry import is_users, workload

if TYPE_CHECKING:
    from cluster.sweep.shared_storage import Mark
    from workloads.data.streaming.stream import Shard, Stream
    from workloads.legs.runner import LegRunner
    from workloads.training.process_group import ProcessGroup

REPORT_EVERY_S = 0.5
"""Seconds of whole epochs before a lane reports: a report costs Tune several milliseconds."""
MAX_AT_ONCE = 2**22
"""Characters of exhibits, of whole epochs, at which a lane reports: they are sent as one message."""
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
        self._leg_mark: Mark | None = None
        self._starts = False
        self._save_at, self._num_unsaved, self._fused = 0.0, 0, 1
        self._has_saved = self._has_trained = False
        self._state: AbstractContextManager[None] = nullcontext()
        self._leftovers: Leftovers | None = None
        self._draft = _Draft()
        self._log: LegLogs | None = None
        self._notes: list[str] = []

    def step(self, order: dict[str, Any]) -> Report:
        """Begin or continue the leg of ``order`` and return a report. Exceptions of the workload pass through.

        The seconds that a lane's first leg takes to import and load are not counted in the report. The leg of a
        member of users' code that has failed is handed back, unless this process is new.
        """
        begun = time.monotonic()
        is_new = self._runner is None
        runner = self._runner or self._made()
        if self._leg is None:
            leg = Leg.from_json(order["leg"])
            if leg.retry and self._leftovers and self._has_trained and self._shared.setting.get("command") is None:
                return Report(done=True, renew=True, handed_back=True)
            self._begin(leg, order.get("test"))
        with self._state:
            leg = self._started(runner)
            begun = time.monotonic() if is_new else begun
            report = self._trained(leg, runner, begun)
        if report.done:
            self._end_log()  # here, as the state that is put back has the log for its output
        return report

    def _trained(self, leg: Leg, runner: LegRunner, begun: float) -> Report:
        self._draft.begin(begun)
        exhibits: list[Exhibit] = []
        stopping, late = self._agreed(begun)
        full: str | None = None
        while not (runner.done or stopping or late or full):
            self._draft.add(runner.epoch())
            exhibits += runner.exhibits()
            self._num_unsaved += 1
            full = self._grown(runner)
            stopping, late = self._agreed(begun, sum(len(one.content) for one in exhibits) >= MAX_AT_ONCE)
        over = runner.done or stopping or full is not None
        epochs, counted_s = self._draft.take()
        notes, self._notes = self._notes, []
        saved, untested = self._saved(runner, over), None
        exhibits += runner.logged(over) if over else []
        try:
            scored = runner.score() if runner.done and leg.purpose == "final" else ()
        except Untested as error:
            untested = str(error)
        if untested:  # no checkpoint is named: the member is trained again, by code that measures itself
            report = Report(epochs=epochs, exhibits=exhibits, done=True, handed_back=True, untested=untested)
            return self._left(report, runner, full)
        report = Report(
            epochs=epochs,
            saved=saved,
            scored=scored,
            exhibits=exhibits,
            messages=[*runner.take_messages(), *notes],
            fused=self._fused,
            done=over,
            seconds=counted_s + time.monotonic() - self._draft.counted_to,
        )
        return self._left(report, runner, full) if over else report

    def _grown(self, runner: LegRunner) -> str | None:
        """Return what to say of the leg's memory, if it grows beyond its bound and training can go on elsewhere."""
        if self._leftovers is None or self._group is not None:
            return None
        grown = self._leftovers.memory.after_epoch()
        return grown if not runner.done and runner.resumable else None

    def _left(self, report: Report, runner: LegRunner, full: str | None) -> Report:
        """End the leg, and return the report with what it leaves behind in this process."""
        self._leg = None
        runner.leave()
        if self._leftovers is None:
            return report
        left = f"left behind {full}" if full else self._leftovers.told()
        if self._group is not None:
            left = next(filter(None, self._group.gathered(left)), None)
        return replace(report, left=left, renew=left is not None)

    def early(self) -> Report | None:
        """Return the epochs that ``step`` has not reported yet, if any. For another thread than its own."""
        epochs, seconds = self._draft.take()
        return Report(epochs=epochs, seconds=seconds) if epochs else None

    def forget(self, told: str = "") -> None:
        """Drop the current leg, whose code raised, which is ``told`` in the trial's log, too."""
        self._leg = None
        self._draft.take()
        if self._runner:
            self._runner.close()
        if self._log and told:
            self._log.raised(told)
        self._end_log()

    def _begin_log(self, leg: Leg) -> None:
        """Have what this process prints go to the trial's log until ``_end_log``."""
        self._end_log()
        if self._shared.logs:
            try:
                self._log = LegLogs(self._shared.logs, leg, self._group.rank if self._group else 0)
            except OSError as error:
                self._notes = [f"what it prints is not kept: {error}"]

    def _end_log(self) -> None:
        if self._log:
            self._log.close()
            self._log = None

    def _is_to_stop(self) -> bool:
        return self._shared.stop_mark.exists() or (self._leg_mark is not None and self._leg_mark.exists())

    def _agreed(self, begun: float, is_full: bool = False) -> tuple[bool, bool]:
        """Return whether to stop and whether a report is due, the same on all processes of the group.

        ``is_full``: there is so much to report that it is due.
        """
        now = time.monotonic()
        found = self._is_to_stop(), is_full or now - begun >= REPORT_EVERY_S
        return found if self._group is None else self._group.agree(found)

    def _saved(self, runner: LegRunner, over: bool) -> Sequence[Saved]:
        begun = time.monotonic()
        due = over or self._warned() or begun > self._save_at
        if not self._num_unsaved or not (due if self._group is None else self._group.agree(due)):
            return ()
        saved, self._num_unsaved = runner.save(over), 0
        ended = time.monotonic()
        cost_s = ended - begun if self._has_saved else 0.0
        self._save_at, self._has_saved = ended + max(CHECKPOINT_EVERY_S, cost_s / CHECKPOINT_SHARE), True
        return saved

    def _made(self) -> LegRunner:
        os.environ.update(self._shared.env)
        with importing():
            import torch

            from workloads.legs.runner import LegRunner, LegSetting  # 1,300 ms: torch
            from workloads.training.process_group import ALONE  # 1,200 ms: torch

        # Ray sets it when a process becomes a worker, which may be long after torch was imported.
        if threads := os.environ.get("OMP_NUM_THREADS"):
            torch.set_num_threads(int(threads))
        if self._shared.folder:
            users_folder(self._shared.folder, self._shared.packages)
        open_models_of(self._shared.tracking_uri)
        setting = LegSetting(**self._shared.setting)
        search = ray.get(self._shared.search)
        shard = None if search.stream is None else self._shard(search.stream)
        self._runner = LegRunner(setting, search, group=self._group or ALONE, shard=shard)
        self._leftovers = Leftovers() if is_users(setting.workload) else None
        refuse_other(workload(setting.workload), self._shared.interface)
        return self._runner

    def _begin(self, leg: Leg, test: Any) -> None:
        """Take the leg, with the split ``test`` of a final one, and a state of the process for users' code."""
        assert self._runner is not None
        self._runner.test = None if test is None else ray.get(test)[0]
        self._leg, self._starts, self._has_trained = leg, True, True
        self._leg_mark = self._shared.leg_marks.of(leg.purpose, leg.id)
        if self._leftovers:
            from workloads.models.custom.process_state import OwnState  # 1,200 ms: torch

            self._leftovers.memory.begin()
            if self._shared.folder:
                os.chdir(self._shared.folder)
            self._begin_log(leg)
            self._state = OwnState(leg.members[0].seed, leg.start)

    def _started(self, runner: LegRunner) -> Leg:
        """Start the leg unless it is under way, and return it."""
        assert self._leg is not None
        if self._starts:
            self._starts = False
            runner.stopped = self._is_to_stop
            runner.start(self._leg)
            self._fused = runner.fused
            self._save_at, self._num_unsaved = time.monotonic() + CHECKPOINT_EVERY_S, 0
        return self._leg
