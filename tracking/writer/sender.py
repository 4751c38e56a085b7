"""The writer's thread at work: reads the spool, gathers whole runs, sends them, sets aside what is refused."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tracking import names
from tracking.store.errors import Away, Refused, first_line
from tracking.store.open import open_store, open_sweep
from tracking.store.records import Best, Birth, Place, RunChange, SweepHeader, birth, now_ms
from tracking.ui import shared_view
from tracking.writer.reconcile import execute, from_json
from tracking.writer.spool import Entry, Event, Spool

if TYPE_CHECKING:
    from tracking.store.open import Store

GATHERED: Final = {"trial", "epoch", "state", "summary"}
"""Events that are changes of runs and can be sent together; the others are done one by one, in their place."""


class Sender:
    """One step at a time. Every method but ``step`` may be called from any thread."""

    def __init__(self, uri: str, spool: Spool, header: SweepHeader, on_message: Callable[[str], None]) -> None:
        self.run_ids: dict[str, str] = {}
        self.experiment_id: str | None = None
        self.num_refused = 0
        self.busy_s = self.connect_s = self.max_lag_s = 0.0
        self._uri, self._spool, self._header, self._message = uri, spool, header, on_message
        self._store: Store | None = None
        self._place: Place | None = None
        self._away = False
        self._odd: set[str] = set()

    @property
    def num_requests(self) -> int:
        """To the store, so far."""
        return 0 if self._store is None else self._store.num_requests

    def step(self) -> bool:
        """Sends about a second's worth. True when more is waiting. Raises Away."""
        began = time.thread_time()
        if self._place is None:
            self._connect()
            self.connect_s += time.thread_time() - began
            began = time.thread_time()
        self._apply(self._spool.waiting())
        self.busy_s += time.thread_time() - began
        return self._spool.sent < self._spool.size

    def lost(self, reason: str, tries: int) -> None:
        """The store is away: tells it once, at the second failure in a row, and has the runs looked up again."""
        self._place = None
        if tries == 2:
            self._away = True
            self._message(
                f"MLflow at {self._uri} is away ({reason}); results are kept in {self._spool.folder} and sent later"
            )

    def close(self) -> None:
        """Gives the store back, in the thread that used it."""
        if self._store is not None:
            self._store.close()

    def _connect(self) -> None:
        try:
            if self._store is None:
                self._store = open_store(self._uri)
            place = open_sweep(self._store, self._header, self.run_ids)
        except Refused as error:
            raise Away(first_line(error)) from error
        self._show(self._store, place)
        self._place, self.experiment_id = place, place.experiment_id
        if self._away:
            self._away = False
            self._message(f"MLflow at {self._uri} is back")

    def _show(self, store: Store, place: Place) -> None:
        try:
            store.tag_experiment(place.experiment_id, shared_view.shared_views(self._header))
        except Refused as error:  # the results matter more than how they are shown
            self._message(f"MLflow refused the sweep's view, its page shows all runs: {error}")

    def _apply(self, entries: Sequence[Entry]) -> None:
        group: list[Event] = []
        for entry in entries:
            if entry.event is None:
                self._message(f"passed over a torn line in {self._spool.folder}")
            elif entry.event["kind"] in GATHERED:
                group.append(entry.event)
            else:
                self._flush(group)
                group = []
                self._guarded([entry.event], self._act)
                self._spool.acknowledge(entry.end)
        self._flush(group)
        if entries:
            self._spool.acknowledge(entries[-1].end)

    def _flush(self, group: Sequence[Event]) -> None:
        if group:
            self._guarded(group, self._send)
            self.max_lag_s = max(self.max_lag_s, (now_ms() - group[0]["time"]) / 1000)

    def _guarded(self, group: Sequence[Event], action: Callable[[Sequence[Event]], None]) -> None:
        """Does it; of a refused group halves are tried until the culprits are found, and only they stay behind."""
        try:
            action(group)
        except Refused as error:
            if len(group) > 1:
                half = len(group) // 2
                self._guarded(group[:half], action)
                self._guarded(group[half:], action)
                return
            self.num_refused += 1
            self._spool.refuse(group[0], str(error))
            self._message(f"MLflow refused {_title(group[0])}: {error}; kept in {self._spool.folder}/refused.jsonl")

    def _send(self, group: Sequence[Event]) -> None:
        assert self._store is not None and self._place is not None
        changes = self._gather(group)
        unknown = [key for key, change in changes.items() if change.title is None and key not in self.run_ids]
        if unknown:
            raise Refused(f"no trial was announced as {', '.join(unknown)}")
        self._store.send(self._place, list(changes.values()), self.run_ids)

    def _act(self, group: Sequence[Event]) -> None:
        assert self._store is not None and self._place is not None
        [event] = group
        if event["kind"] == "reconcile":
            expected = from_json(event["expected"])
            todo, self.run_ids = execute(self._store, self._place, self._header, expected)
            if str(todo):
                self._message(f"MLflow's runs agree with the study again: {todo}")
            return
        run_id = self.run_ids.get(event["key"])
        if run_id is None:
            raise Refused(f"no trial was announced as {event['key']}")
        self._store.log_bytes(run_id, _content(event), event["path"])

    def _gather(self, group: Sequence[Event]) -> dict[str, RunChange]:
        """The events of each run as one change, runs in the order of their first event."""
        changes: dict[str, RunChange] = {}
        for event in group:
            change = changes.setdefault(event["key"], RunChange(key=event["key"]))
            getattr(self, f"_add_{event['kind']}")(change, event)
        return changes

    def _add_trial(self, change: RunChange, event: Event) -> None:
        wanted = {name: event[name] for name in ("key", "number", "role", "params")}
        birth(self._header, Birth(**wanted, timestamp_ms=event["time"]), change)

    def _add_epoch(self, change: RunChange, event: Event) -> None:
        self._measure(change, event["metrics"], (event["time"], event["epoch"]))

    def _add_state(self, change: RunChange, event: Event) -> None:
        self._measure(change, event["summary"], (event["time"], 0))
        change.enter(names.TRIAL_STATE, event["state"], event["time"])
        if event["error"]:
            change.tag(names.TRIAL_ERROR, event["error"])

    def _add_summary(self, change: RunChange, event: Event) -> None:
        self._measure(change, event["metrics"], (event["time"], 0))
        change.enter(names.SWEEP_STATE, event["state"], event["time"])
        leader = None if event["best"] is None else Best(**event["best"])
        change.tag(names.NOTE, shared_view.note(self._header, leader))
        for key, value in event["tags"].items():
            change.tag(key, value)

    def _measure(self, change: RunChange, metrics: dict[str, Any], when: tuple[int, int]) -> None:
        odd = change.measure(metrics, *when)
        if odd and change.key not in self._odd:
            self._odd.add(change.key)
            self._message(
                f"{change.key}: {', '.join(odd)} not finite at epoch {when[1]}: told by tags, not by metrics"
            )


def _content(event: Event) -> bytes:
    """Of an artifact."""
    if event["kind"] == "text":
        return str(event["text"]).encode()
    if event["kind"] == "content":
        return base64.b64decode(event["content"])
    try:
        return Path(event["local"]).read_bytes()
    except OSError as error:
        raise Refused(f"{event['local']} cannot be read: {error.strerror}") from error


def _title(event: Event) -> str:
    return f"{event['kind']} of {event['key'] or 'the sweep'}"
