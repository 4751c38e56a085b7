"""Writes a sweep to MLflow from a thread of its own: a call takes microseconds, its event outlasts any outage."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from search_spaces.types.error_text import first_line
from search_spaces.types.failure import FailureReason
from search_spaces.types.values import Params
from tracking import names
from tracking.store.errors import Away, Stuck
from tracking.store.records import PARENT, Best, RunFacts, SweepHeader
from tracking.writer.events import (
    ContentKept,
    EpochMeasured,
    EpochsWithdrawn,
    Event,
    Reconciled,
    StateChanged,
    SweepSummarized,
    TextKept,
    TrialBegan,
    TrialsRanked,
)
from tracking.writer.sender import Sender
from tracking.writer.spool import Spool

FLUSH_S: Final = 1.0
RETRY_S: Final = (0.5, 1.0, 2.0, 4.0)
"""Pauses between attempts while the store is away; the last one repeats."""
MAX_STUCK: Final = 3
"""Number of failures in a row that only a user can mend, after which a writer that closes does not wait."""

PART: Final = 1 << 18
"""Characters, at the least, of each part of a long text but the last."""


@dataclass
class _Seen:
    """Members and epochs that the spool already holds; the writer ignores them when they are repeated."""

    trials: set[str] = field(default_factory=set)
    last_epoch: dict[str, int] = field(default_factory=dict)

    def note(self, event: Event) -> None:
        if isinstance(event, TrialBegan):
            self.trials.add(event.key)
        elif isinstance(event, EpochMeasured):
            self.last_epoch[event.key] = max(event.epoch, self.last_epoch.get(event.key, 0))
        elif isinstance(event, EpochsWithdrawn):
            self.last_epoch[event.key] = event.kept
        elif isinstance(event, Reconciled):  # it deletes runs that the study does not know: they may start anew
            self.trials = set(event.expected)
            self.last_epoch = {
                key: max([*facts.history, self.last_epoch.get(key, 0)]) for key, facts in event.expected.items()
            }


class Writer:
    """Writes one sweep to MLflow. All methods but ``close`` return at once.

    Events are first written to ``spool`` (a folder of this sweep alone), then sent in order, each run's together.
    What a crash left unsent is sent when the next Writer opens the same folder. ``on_message`` gets messages for
    the user, from the writer's thread.
    """

    def __init__(self, uri: str, spool: Path, header: SweepHeader, on_message: Callable[[str], None]) -> None:
        self._spool = Spool(spool)
        self._seen = _Seen()
        self._confirmed: dict[str, int] = {}
        self._metric, self._told = header.objective.name, dict[str, dict[int, float]]()
        self._ahead: dict[str, dict[int, float]] = {}
        self._message = on_message
        self._sender = Sender(uri, self._spool, header, on_message)
        self._look_back()
        self._closing = threading.Event()
        self._deadline = math.inf
        self._tries = 0
        self._drained = False
        self.text(names.SPEC_FILE, header.spec_text)
        self._thread = threading.Thread(target=self._run, name="mlflow-writer", daemon=True)
        self._thread.start()

    def _look_back(self) -> None:
        """Read what earlier writers left in the spool. Members of which something was refused are not checked."""
        for told in self._spool.mended:
            self._message(f"{told}; MLflow gets what the study has of it")
        refused = self._spool.refused()
        for entry in self._spool.all():
            if isinstance(entry.event, Event):
                self._seen.note(entry.event)
                self._note_value(entry.event)
                if entry.end <= self._spool.sent and entry.event.key not in refused:
                    self._sender.already(entry.event)

    def _note_value(self, event: Event) -> None:
        """Note the objective's values of members that have not ended, to compare them where they train again."""
        if isinstance(event, EpochMeasured) and self._metric in event.metrics:
            self._told.setdefault(event.key, {})[event.epoch] = event.metrics[self._metric]
        elif isinstance(event, StateChanged) and event.state not in names.LIVE_STATES:
            self._told.pop(event.key, None)

    def trial(self, key: str, number: int, role: names.Role, params: Params) -> None:
        """Record a member's start: key ``t0004`` for a trial of the search, ``t0004-s1`` for a final member."""
        if key not in self._seen.trials:
            self._put(TrialBegan(key=key, number=number, role=role, params=dict(params)))

    def knows(self, key: str) -> bool:
        """Return whether the member's start was recorded."""
        return key in self._seen.trials

    @property
    def begun(self) -> set[str]:
        """Keys of the members whose start was recorded, by this driver or an earlier one."""
        return set(self._seen.trials)

    @property
    def used(self) -> bool:
        """Whether any member's start was recorded, by this driver or an earlier one."""
        return bool(self._seen.trials)

    def epoch(self, key: str, epoch: int, metrics: Mapping[str, float]) -> None:
        """Record the metrics of one epoch.

        One that is trained again after a crash keeps its first values, unless its objective is another one now.
        """
        if key in self._confirmed:
            self._confirmed[key] = max(epoch, self._confirmed[key])
        told, now = self._ahead.get(key, {}).pop(epoch, None), metrics.get(self._metric)
        if told is not None and now is not None and names.clean_metric(told) != names.clean_metric(now):
            self._ahead.pop(key)
            self._put(EpochsWithdrawn(key=key, kept=epoch - 1))
        if epoch > self._seen.last_epoch.get(key, 0):
            self._put(EpochMeasured(key=key, epoch=epoch, metrics=dict(metrics)))

    def state(
        self,
        key: str,
        state: names.TrialState,
        summary: Mapping[str, float],
        failure: FailureReason | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> None:
        """Record that a member has entered ``state``, with metrics of its whole training.

        One that has ended has no epochs but those that the study has confirmed.
        """
        if state not in names.LIVE_STATES:
            kept, told = self._confirmed.pop(key, None), self._seen.last_epoch.get(key, 0)
            if kept is not None and kept < told:
                self._put(EpochsWithdrawn(key=key, kept=kept))
        self._put(StateChanged(key=key, state=state, summary=dict(summary), failure=failure, tags=dict(tags or {})))

    def summary(
        self,
        state: names.SweepState,
        best: Best | None,
        metrics: Mapping[str, float],
        tags: Mapping[str, str] | None = None,
    ) -> None:
        """Record the sweep's own state, best trial, metrics and tags."""
        self._put(SweepSummarized(state=state, best=best, metrics=dict(metrics), tags=dict(tags or {})))

    def rank(
        self,
        order: Sequence[str],
        finals: Mapping[str, str],
        metrics: Mapping[str, Mapping[str, float]] | None = None,
        champion: tuple[str, str] = ("", ""),
    ) -> None:
        """Record the order of the trials, by key, the best first; the leaderboard is sorted by it from now on.

        ``finals`` says of some keys what the final evaluation made of the trial, such as ``champion``, and
        ``metrics`` what is known of it over several seeds. ``champion`` is the key of the champion's own run, whose
        model is registered, with the note that it gets.
        """
        told, (key, note) = dict(metrics or {}), champion
        self._put(TrialsRanked(order=list(order), finals=dict(finals), metrics=told, champion=key, note=note))

    def text(self, artifact_path: str, text: str, key: str = PARENT) -> None:
        """Record ``text`` as an artifact of the sweep's own run, or of the member ``key``."""
        self._put(TextKept(key=key, path=artifact_path, text=text))

    def describe(self, header: SweepHeader) -> None:
        """Describe the sweep anew: runs that begin from now on, its spec and its note go by this ``header``."""
        self._sender.describe(header)
        self.text(names.SPEC_FILE, header.spec_text)

    def long_text(self, artifact_path: str, lines: Iterable[str]) -> None:
        """Record a text artifact of the sweep's own run in parts: as a whole it is at no time in memory."""
        start, part = 0, ""
        for line in lines:
            part += line
            if len(part) >= PART:
                self._put(TextKept(path=artifact_path, text=part, start=start, more=True))
                start, part = start + len(part.encode()), ""
        self._put(TextKept(path=artifact_path, text=part, start=start))

    def content(self, artifact_path: str, content: str, key: str = PARENT) -> None:
        """Record bytes, given as base64, as an artifact of the sweep's own run, or of the member ``key``."""
        self._put(ContentKept(key=key, path=artifact_path, content=content))

    def reconcile(self, expected: Mapping[str, RunFacts]) -> None:
        """Make MLflow's runs of the sweep exactly ``expected``, by key; called after a resume.

        Missing runs are created, duplicate and unknown ones moved to the bin, states and objectives corrected.
        Epochs that a driver told before it died, and its study does not have, stay if they are trained again before
        the member ends, to the same values.
        """
        live = {key: facts for key, facts in expected.items() if facts.state in names.LIVE_STATES}
        self._confirmed = {key: max(facts.history, default=0) for key, facts in live.items()}
        self._told = self._ahead = {
            key: {epoch: value for epoch, value in self._told.get(key, {}).items() if epoch > confirmed}
            for key, confirmed in self._confirmed.items()
        }
        told = {key: self._seen.last_epoch.get(key, 0) for key in live}
        self._put(Reconciled(expected=dict(expected), lost=self._spool.take_lost(), told=told))

    @property
    def lost(self) -> bool:
        """Whether the spool has lost events that MLflow may not have, and nothing was reconciled since."""
        return self._spool.lost

    @property
    def run_ids(self) -> dict[str, str]:
        """IDs of the members' runs that MLflow has so far, by key."""
        return {key: run for key, run in self._sender.run_ids.copy().items() if key != PARENT}

    @property
    def parent_run_id(self) -> str | None:
        """ID of the sweep's own run; None until the store was reached."""
        return self._sender.run_ids.get(PARENT)

    @property
    def experiment_id(self) -> str | None:
        """ID of the sweep's experiment; None until the store was reached."""
        return self._sender.experiment_id

    def close(self, timeout_s: float) -> bool:
        """Send the remaining events, for at most about ``timeout_s`` seconds. Returns whether all were sent.

        If not, a message names the spool that keeps the rest. What the spool has lost waits for ``reconcile``.
        """
        self._deadline = time.monotonic() + timeout_s
        self._closing.set()
        self._thread.join(timeout_s + 1.0)
        for told in self._spool.harmed():
            self._message(told)
        self._drained &= not self._spool.lost
        if not self._drained:
            size = self._spool.size - self._spool.sent
            if size or not self._spool.lost:
                what = (
                    f"{size} bytes of results are not in MLflow yet; they"
                    if size
                    else "MLflow may lack results, which"
                )
                self._message(f"{what} wait in {self._spool.folder}")
            if self._spool.lost:
                self._message(f"MLflow lacks what {self._spool.folder} has lost until the sweep is resumed")
        if not self._thread.is_alive():
            self._spool.close()
        return self._drained

    def _put(self, event: Event) -> None:
        self._seen.note(event)
        self._spool.append(event)

    def _run(self) -> None:
        try:
            while not self._turn():
                pass
            self._sender.close()
        except BaseException as error:
            self._message(f"logging to MLflow stopped: {type(error).__name__}: {first_line(error)}")
            raise

    def _turn(self) -> bool:
        """Take one step and pause. Returns whether the writer is to end."""
        try:
            more = self._sender.step()
            self._tries = 0
            if self._closing.is_set() and not more:
                more = not self._sender.whole()
        except Away as error:
            self._tries += 1
            self._sender.lost(error, self._tries)
            more = False
            if self._closing.is_set() and isinstance(error, Stuck) and self._tries >= MAX_STUCK:
                return True
        if self._closing.is_set():
            self._drained = not more and not self._tries
            if self._drained or time.monotonic() > self._deadline:
                return True
            time.sleep(0.1 if self._tries else 0.0)
        elif not more:
            self._closing.wait(RETRY_S[min(self._tries, len(RETRY_S)) - 1] if self._tries else FLUSH_S)
        return False
