"""One run of a trial's script: starts it with its files, follows its epochs, and says in words how it ended."""

from __future__ import annotations

import shutil
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

from search_spaces.criteria.metric_names import on_test
from search_spaces.types.failure import ScriptFailed
from search_spaces.types.trial_names import trial_name
from workloads.models.script.child import Child
from workloads.models.script.epochs import EPOCH, Ahead, Epoch, Epochs, Report
from workloads.models.script.lane_guard import Guarded
from workloads.models.script.logged_files import LoggedFiles
from workloads.models.script.mlflow_store import OTHER_EXPERIMENT, MlflowStore
from workloads.models.script.printed import Printed
from workloads.models.script.report_file import ReportFile
from workloads.models.script.sources import SETTLE_S, SHORT_SETTLE_S, WORDS, Name, Sources, first
from workloads.models.script.start import Folders, Order, started

QUIET_S, LONG_QUIET_S = 0.25, 5.0
"""Seconds after which no more metrics of an epoch are expected; the latter where no rung waits for them."""
LOOK_S, FAST_LOOK_S = 0.05, 0.005
"""Seconds between two looks at the files; the latter where the script is halted at each epoch."""
ASK_S = 0.25
"""Seconds between two looks whether the training is to end here."""
GRACE_S = 15.0
"""Seconds that a script has to end once it has got SIGTERM."""
MOST_NAMES = 12
"""Number of logged names that a message lists."""
NOTHING_LEFT = "{} went on from what it had saved, and ended without another {}: it is done with epoch {}"
ONLY_FIRST = "{} stands more than once in a line that is printed: the first value counts"
ONLY_ONE_RUN = "further runs of MLflow have {}, too, nested or beside the first: only what that one logs counts"


class Interrupted(Exception):
    """Raised where the training is not to go on here, and nothing of the present epoch is kept."""


class Refused(Exception):
    """Raised where MLflow has refused a rank's script the run that it found: all ranks are to start again."""


class ScriptRun:
    """A running script. ``epochs`` says where it goes on; ``saved`` is a folder that it finds its files in."""

    def __init__(
        self, order: Order, epochs: Epochs, saved: Path | None, stopped: Callable[[], bool] = lambda: False
    ) -> None:
        self.order, self.epochs, self._stopped = order, epochs, stopped
        self.ended: bool
        """Whether it has ended by itself, all epochs told."""
        self.meanwhile: Callable[[], object] = bool
        """Called again and again while it waits for an epoch; what that raises passes through."""
        self.ended = self._has_told = self._has_told_runs = self._closed = False
        self._goes_on, self._is_through = epochs.done > 0, False
        self.temporary = Path(mkdtemp(prefix="paceline-"))
        self.checkpoint = order.shared or self.temporary / "checkpoint"
        self._folders = Folders(self.temporary, self.checkpoint)
        try:
            if saved is not None:
                shutil.copytree(saved, self.checkpoint)
            elif order.command.checkpoint:
                self.checkpoint.mkdir(exist_ok=True)
            self._mlflow = MlflowStore(self._folders.mlflow, trial_name(order.trial))
            self.reports = ReportFile(self._folders.reports)
            self.logged = LoggedFiles(self.reports, self._mlflow, self._folders.own)
            counter = order.command.steps.name if order.command.steps else EPOCH
            wanted = (order.metric, on_test(order.metric), *order.others, counter)
            self._printed = Printed(order.command.pattern, wanted, counter)
            self.sources = self._sources()
            self._child = self._started()
        except BaseException:
            shutil.rmtree(self.temporary, ignore_errors=True)
            raise

    def _sources(self) -> Sources:
        new: dict[Name, Callable[[], list[Report]]] = {"printed": self._printed.new}
        if not self.order.command.pattern:  # else the spec says where they are
            new |= {"reports": self.reports.new, "mlflow": self._mlflow.new}
        settle_s = SHORT_SETTLE_S if self.order.command.checkpoint else SETTLE_S
        return Sources(self.order.metric, new, self.order.learnt.source, settle_s)

    def _started(self) -> Child:
        more = self._mlflow.environment(self.order.learnt.own_experiment)
        return started(self.order, self._folders, more, self._printed.line)

    def next_epoch(self) -> Epoch | None:
        """Wait for the end of the next epoch; None where it has ended by itself before.

        Raises ScriptFailed with the reason where it failed, and Interrupted where it is not to go on here.
        """
        halts = self.order.command.checkpoint
        self._child.thaw()
        last, asked = time.monotonic(), time.monotonic()
        while True:
            now = time.monotonic()
            quiet = self.epochs.pending and now - last > self._quiet_s and not self._at_end()
            found = self._taken(halts, quiet) or (self.epochs.next(over=True) if quiet else None)
            if found is not None:
                self._has_told = True
                return found
            if self._child.code is not None:
                return self._last()
            if now - asked > ASK_S:
                asked = now
                if self._stopped():
                    raise Interrupted
            self.meanwhile()
            before = self.epochs.pending
            self._child.wait(FAST_LOOK_S if halts else LOOK_S)
            if self._take() or not before:
                last = time.monotonic()

    def _at_end(self) -> bool:
        """Whether the epoch that is pending is the last one: all that it reports until its end is of that one."""
        return self.epochs.upcoming >= self.order.stop and self.order.stop == self.order.horizon

    def _is_next_its_last(self) -> bool:
        """Whether its last epoch is next, which is told at its end: a test metric may come with a later number."""
        return self.epochs.last_ready >= self.order.stop == self.order.horizon

    @property
    def _quiet_s(self) -> float:
        """Seconds after which no more metrics of the pending epoch are expected."""
        command = self.order.command
        if command.checkpoint:  # it trains on meanwhile
            return QUIET_S
        return LONG_QUIET_S if command.open_ended or not self.epochs.complete else QUIET_S

    def _taken(self, halts: bool, quiet: bool) -> Epoch | None:
        self._take()
        found = None if self._is_next_its_last() else self.epochs.next()
        if found is None and halts and (self.epochs.complete or quiet) and not self._at_end():
            self._child.freeze()
            self._child.wait(0)
            self._take()
            found = self.epochs.next(over=True)
            if found is None:  # it is told already, and trained again
                self._child.thaw()
        elif found is not None and halts:
            self._child.freeze()
        return found

    def _take(self, over: bool = False) -> bool:
        before, reports = self.sources.chosen, self.sources.take(over)
        chosen = self.sources.chosen
        if before and chosen != before:
            self.epochs.restart()
        for report in reports:
            self.epochs.add(report)
        if chosen and chosen != before:
            self._tell_source(chosen, before)
        for name in {self.order.metric, *self.order.others} & self._printed.again if chosen == "printed" else ():
            self.epochs.messages += self.order.learnt.news(ONLY_FIRST.format(name))
        if self.order.metric in self._mlflow.left_out and not self._has_told_runs:
            self._has_told_runs = True
            self.epochs.messages.append(ONLY_ONE_RUN.format(self.order.metric))
        return bool(reports)

    def _tell_source(self, chosen: Name, before: Name | None) -> None:
        """Note where the metric is found, and say so where it is news."""
        known = self.order.learnt.source
        self.order.learnt.source = first([chosen, *([known] if known else [])])
        if before or chosen != known:
            behind = f" from epoch {self.epochs.known + 1} on, and no longer from {WORDS[before]}" if before else ""
            self.epochs.messages.append(f"{self.order.metric} is read from {WORDS[chosen]}{behind}")

    def _last(self) -> Epoch | None:
        """Return what is left to tell of a script that has ended; None where there is nothing, which is its end."""
        code = self._child.code
        self._child.close()
        self._take(over=True)
        if code != 0 and self.is_refused:
            if self.order.rank is not None:
                raise Refused
            self.goes_its_own_way()
            self._child.guarded.end()
            self._child = self._started()
            return self.next_epoch()
        if code != 0:
            assert code is not None
            raise ScriptFailed(self.failed(code))
        self._is_through = True
        self._sum_up()
        found = self.epochs.next() or self.epochs.next(over=True)
        self._has_told |= found is not None
        if not (self._has_told or self._goes_on):
            raise ScriptFailed(self._missing())
        if not self._has_told:
            self.epochs.messages.append(NOTHING_LEFT.format(self.order.name, self.order.metric, self.epochs.done))
        self.ended = not self.epochs.pending and not self.epochs.num_ready
        return found

    def watch(self, seconds: float) -> int | None:
        """Let it run for so long, or until it ends, whatever it reports; return its exit code, None if it runs."""
        self._child.thaw()
        deadline = time.monotonic() + seconds
        while self._child.code is None and (left_s := deadline - time.monotonic()) > 0:
            self._child.wait(left_s)
        if self._child.code is not None:
            self._child.close()
        return self._child.code

    @property
    def is_refused(self) -> bool:
        """Whether MLflow has refused it the run that it found as the active one, for the first time."""
        told = not self._has_told and any(OTHER_EXPERIMENT in line for line in self._child.tail)
        return told and not self.order.learnt.own_experiment

    def goes_its_own_way(self) -> None:
        """Note that it sets an experiment of its own: from now on it finds no run."""
        self.order.learnt.own_experiment = True

    def _sum_up(self) -> None:
        """Take up what it says of the whole run: what was not reported otherwise."""
        has_any = self._has_told or self._goes_on
        left_out = {*self.epochs.names, *([self.order.metric] if has_any else [])}
        if summary := {name: value for name, value in self.reports.summary.items() if name not in left_out}:
            self.epochs.add(Report(summary))

    @property
    def last_lines(self) -> Sequence[str]:
        """The last lines that it printed."""
        return [*self._child.tail]

    def failed(self, code: int) -> str:
        """Return how it failed, in a sentence; ``code`` is its exit code."""
        after = f" after epoch {self.epochs.done}" if self.epochs.done else ""
        said = next((line.strip() for line in reversed(self._child.tail) if line.strip()), "it printed nothing")
        return f"{self.order.name} {how_ended(code)}{after}: {said[:500]}"

    def _missing(self) -> str:
        names = list(dict.fromkeys([*self.reports.names, *self._mlflow.names, *self._printed.names]))
        shown = ", ".join(names[:MOST_NAMES]) + (" ..." if len(names) > MOST_NAMES else "")
        missing = f"{self.order.name} ended without reporting {self.order.metric}"
        real = self.order.command.wandb == "real"
        unread = "; with 'wandb: real' what wandb.log gets is not read: print it as well" if real else ""
        further = f"; {ONLY_ONE_RUN.format('it')}" if self.order.metric in self._mlflow.left_out else ""
        return f"{missing}; it logged: {shown or 'nothing'}{further}{unread}"

    @property
    def rest(self) -> Mapping[str, float]:
        """What it reported since the last epoch, without the sweep's metric."""
        return self.epochs.rest

    def ahead(self) -> Ahead:
        """Return what it has reported since the last epoch, and whether it has ended by itself.

        It must stand still, or be over.
        """
        if not self.over:
            self._child.wait(0)
            self._is_through = self._child.code == 0
        self._take(over=self.over or self._is_through)
        if self._is_through:
            self._sum_up()
        return Ahead.of(*self.epochs.ahead(), ended=self._is_through)

    def take_messages(self) -> list[str]:
        """Return the messages for people since the last call, and forget them."""
        taken, self.epochs.messages = self.epochs.messages, []
        return taken

    @property
    def over(self) -> bool:
        """Whether all of its processes have ended."""
        return self._child.over

    def freeze(self) -> None:
        """Halt it until the next epoch is asked for."""
        self._child.freeze()

    def end(self, grace_s: float = GRACE_S) -> bool:
        """End it with all that it has started; return whether it ended by itself within the grace."""
        return self._child.end(grace_s)

    def close(self) -> None:
        """End it, and have its files removed."""
        self._child.end(0.0 if self.ended else GRACE_S)
        if not self._closed:
            self._closed = True
            _removing().submit(_remove, self.temporary, self._child.guarded)  # some 30 ms on a disk


def how_ended(code: int) -> str:
    """Return how a process ended, by its exit code: minus a signal's number, or 128 more, as shells say it."""
    number = -code if code < 0 else code - 128
    try:
        name = signal.Signals(number).name
    except ValueError:
        return f"ended with exit code {code}"
    memory = ", as where memory ends" if number == signal.SIGKILL else ""
    return f"was killed by {name}{memory}" if code < 0 else f"ended with exit code {code} ({name}{memory})"


@cache
def _removing() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(1, "script files")


def _remove(folder: Path, guarded: Guarded) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    guarded.end()
