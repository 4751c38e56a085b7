"""Sends a sweep to MLflow from a thread of its own: putting an event costs microseconds and outlasts any outage."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Final

from search_spaces.types.values import Params
from tracking import names
from tracking.store.errors import Away, first_line
from tracking.store.records import PARENT, Best, RunFacts, SweepHeader, now_ms
from tracking.writer.reconcile import to_json
from tracking.writer.sender import Sender
from tracking.writer.spool import Event, Spool

FLUSH_S: Final = 1.0
RETRY_S: Final = (0.5, 1.0, 2.0, 4.0)
"""Pauses between tries while the store is away; the last one repeats."""


@dataclass(frozen=True, kw_only=True)
class WriterStats:
    """What logging cost, in CPU time of the thread; ``connect_s`` holds MLflow's import."""

    num_events: int = 0
    num_requests: int = 0
    num_refused: int = 0
    num_waiting_bytes: int = 0
    busy_s: float = 0.0
    connect_s: float = 0.0
    max_lag_s: float = 0.0
    """Longest time from an event to its arrival in the store."""


@dataclass
class _Seen:
    """What the spool already holds: a repeated trial or epoch is passed over."""

    trials: set[str] = field(default_factory=set)
    last_epoch: dict[str, int] = field(default_factory=dict)

    def note(self, event: Event) -> None:
        if event["kind"] == "trial":
            self.trials.add(event["key"])
        elif event["kind"] == "epoch":
            self.last_epoch[event["key"]] = max(event["epoch"], self.last_epoch.get(event["key"], 0))
        elif event["kind"] == "reconcile":  # runs that the study does not know are gone, and may come anew
            self.trials = set(event["expected"])
            self.last_epoch = {
                key: max([*map(int, facts["history"]), self.last_epoch.get(key, 0)])
                for key, facts in event["expected"].items()
            }


class Writer:
    """The sweep's only way to MLflow. All methods but ``close`` and ``connected`` return at once.

    Events are kept in ``spool`` (a folder of this sweep alone) before anything else and sent in order, whole runs
    at a time. What a crash left unsent is sent when the next Writer opens the same folder. ``on_message`` is called
    from the writer's thread.
    """

    def __init__(self, uri: str, spool: Path, header: SweepHeader, on_message: Callable[[str], None]) -> None:
        self._spool = Spool(spool)
        self._seen = _Seen()
        self._num_events = 0
        for entry in self._spool.all():
            if entry.event is not None:
                self._seen.note(entry.event)
        self._message = on_message
        self._sender = Sender(uri, self._spool, header, on_message)
        self._closing = threading.Event()
        self._connected = threading.Event()
        self._deadline = math.inf
        self._tries = 0
        self.text(names.SPEC_FILE, header.spec_text)
        self._thread = threading.Thread(target=self._run, name="mlflow-writer", daemon=True)
        self._thread.start()

    def trial(self, key: str, number: int, role: names.Role, params: Params) -> None:
        """A member appears: ``t0004`` for a trial of the search, ``t0004-s1`` for a final one."""
        if key not in self._seen.trials:
            self._put({"kind": "trial", "key": key, "number": number, "role": role, "params": dict(params)})

    def knows(self, key: str) -> bool:
        """Whether the member has appeared."""
        return key in self._seen.trials

    @property
    def used(self) -> bool:
        """Whether any member has appeared, in this life of the sweep or in an earlier one."""
        return bool(self._seen.trials)

    def epoch(self, key: str, epoch: int, metrics: Mapping[str, float]) -> None:
        """What one epoch measured. One given before (trained again after a crash) keeps its old values."""
        if epoch > self._seen.last_epoch.get(key, 0):
            self._put({"kind": "epoch", "key": key, "epoch": epoch, "metrics": dict(metrics)})

    def state(self, key: str, state: str, summary: Mapping[str, float], error: str | None = None) -> None:
        """A member is now ``running``, ``paused``, ``done``, ``stopped`` or ``failed``."""
        assert state in names.STATUS, state
        self._put({"kind": "state", "key": key, "state": state, "summary": dict(summary), "error": error})

    def summary(
        self, state: str, best: Best | None, metrics: Mapping[str, float], tags: Mapping[str, str] | None = None
    ) -> None:
        """The sweep's own run: ``running``, ``finished``, ``interrupted`` or ``failed``, and its leader."""
        assert state in names.STATUS, state
        leader = None if best is None else asdict(replace(best, params=dict(best.params)))
        extra = {"state": state, "best": leader, "metrics": dict(metrics), "tags": dict(tags or {})}
        self._put({"kind": "summary", "key": PARENT, **extra})

    def text(self, artifact_path: str, text: str, key: str = PARENT) -> None:
        """Keeps ``text`` as an artifact of the sweep's run, or of the member ``key``."""
        self._put({"kind": "text", "key": key, "path": artifact_path, "text": text})

    def content(self, artifact_path: str, content: str, key: str = PARENT) -> None:
        """Keeps bytes, given as base64, as an artifact; the spool holds them, too, until they have arrived."""
        self._put({"kind": "content", "key": key, "path": artifact_path, "content": content})

    def file(self, local: Path, artifact_path: str, key: str = PARENT) -> None:
        """Keeps a file as an artifact; it is read when it is sent."""
        self._put({"kind": "file", "key": key, "path": artifact_path, "local": str(local.absolute())})

    def reconcile(self, expected: Mapping[str, RunFacts]) -> None:
        """After a resume: from here on MLflow's runs of this sweep are exactly ``expected``, by key.

        Missing runs are made, twins and unknown runs moved to the bin, states and objectives put right.
        """
        self._put({"kind": "reconcile", "key": PARENT, "expected": to_json(expected)})

    @property
    def run_ids(self) -> dict[str, str]:
        """MLflow's run of every member that has arrived so far, by key."""
        return {key: run for key, run in self._sender.run_ids.copy().items() if key != PARENT}

    @property
    def parent_run_id(self) -> str | None:
        """The sweep's own run; None until the store was reached."""
        return self._sender.run_ids.get(PARENT)

    @property
    def experiment_id(self) -> str | None:
        """None until the store was reached."""
        return self._sender.experiment_id

    def connected(self, timeout_s: float) -> bool:
        """Waits until the store has been reached once."""
        return self._connected.wait(timeout_s)

    @property
    def stats(self) -> WriterStats:
        """So far."""
        return WriterStats(
            num_events=self._num_events,
            num_requests=self._sender.num_requests,
            num_refused=self._sender.num_refused,
            num_waiting_bytes=self._spool.size - self._spool.sent,
            busy_s=self._sender.busy_s,
            connect_s=self._sender.connect_s,
            max_lag_s=self._sender.max_lag_s,
        )

    def close(self, timeout_s: float) -> bool:
        """Sends what is left. False, and a message that names the spool, when the store stayed away."""
        self._deadline = time.monotonic() + timeout_s
        self._closing.set()
        self._thread.join(timeout_s + 1.0)
        drained = not self._thread.is_alive() and self._spool.sent == self._spool.size
        if not drained:
            size = self._spool.size - self._spool.sent
            self._message(f"{size} bytes of results are not in MLflow yet; they wait in {self._spool.folder}")
        if not self._thread.is_alive():
            self._spool.close()
        return drained

    def _put(self, event: Event) -> None:
        event["time"] = now_ms()
        self._seen.note(event)
        self._spool.append(event)
        self._num_events += 1

    def _run(self) -> None:
        try:
            while not self._turn():
                pass
            self._sender.close()
        except BaseException as error:
            self._message(f"logging to MLflow stopped: {type(error).__name__}: {first_line(error)}")
            raise

    def _turn(self) -> bool:
        """One step and the pause after it. True when there is no more to do."""
        try:
            more = self._sender.step()
            self._connected.set()
            self._tries = 0
        except Away as error:
            self._tries += 1
            self._sender.lost(first_line(error), self._tries)
            more = False
        if self._closing.is_set():
            if (not more and not self._tries) or time.monotonic() > self._deadline:
                return True
            time.sleep(0.1 if self._tries else 0.0)
        elif not more:
            self._closing.wait(RETRY_S[min(self._tries, len(RETRY_S)) - 1] if self._tries else FLUSH_S)
        return False
