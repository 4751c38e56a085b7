"""Sends the spool to MLflow, in the writer's thread: gathers each run's events and sets refused ones aside."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import takewhile
from typing import TypeVar, assert_never

from search_spaces.types.error_text import first_line
from search_spaces.types.plain import ASKED_FOR
from search_spaces.types.trial_names import name_of_key
from tracking import names
from tracking.store.errors import Away, Refused, Stuck, sorted_trouble
from tracking.store.open import Store, open_store, open_sweep, sqlite_path, why_slow
from tracking.store.records import PARENT, Birth, Place, RunChange, RunFacts, SweepHeader, birth
from tracking.store.sqlite import WITHOUT
from tracking.ui import experiment_note, shared_view
from tracking.writer.acknowledged import Acknowledged
from tracking.writer.events import (
    Artifact,
    ContentKept,
    EpochMeasured,
    EpochsWithdrawn,
    Event,
    Reconciled,
    RunEvent,
    StateChanged,
    SweepSummarized,
    TextKept,
    TrialBegan,
    TrialsRanked,
)
from tracking.writer.pictures import Pictures
from tracking.writer.reconcile import execute
from tracking.writer.spool import Spool, SpoolEntry, Unknown

E = TypeVar("E", bound=Event)


def _file(uri: str) -> tuple[int, int] | None:
    """Return device and inode of a SQLite store, None for any other and where there is none."""
    path = sqlite_path(uri)
    try:
        found = path and path.stat()
    except OSError:
        return None
    return (found.st_dev, found.st_ino) if found else None


def _kept(events: Iterable[Event], end: EpochsWithdrawn, metric: str) -> list[RunEvent | Artifact]:
    """Return what was told of a member before ``end``, without the epochs that this or an earlier one withdraws."""
    kept: list[RunEvent | Artifact] = []
    for event in (*takewhile(lambda one: one != end, events), end):
        if isinstance(event, Reconciled):
            facts = event.expected.get(end.key)
            kept = [] if facts is None else [*kept, *_lacking(kept, event, (end.key, facts), metric)]
        elif event.key != end.key:
            continue
        elif isinstance(event, EpochsWithdrawn):
            kept = [one for one in kept if not isinstance(one, EpochMeasured) or one.epoch <= event.kept]
        elif isinstance(event, RunEvent | Artifact):
            kept.append(event)
    return sorted(kept, key=lambda one: not isinstance(one, TrialBegan))


def _lacking(
    kept: Sequence[Event], event: Reconciled, wanted: tuple[str, RunFacts], metric: str
) -> Iterator[RunEvent]:
    """Yield what the study knew of a member and the spool has not: it was damaged, or is newer than the member."""
    (key, facts), time_ms = wanted, event.time_ms
    has_begun = any(isinstance(one, TrialBegan) for one in kept)
    if not has_begun:
        yield TrialBegan(key=key, number=facts.number, role=facts.role, params=facts.params, time_ms=time_ms)
    if event.lost or not has_begun:
        for epoch in sorted(facts.history.keys() - {one.epoch for one in kept if isinstance(one, EpochMeasured)}):
            yield EpochMeasured(key=key, epoch=epoch, metrics={metric: facts.history[epoch]}, time_ms=time_ms)


class Sender:
    """Sends the events of a spool step by step; ``step``, ``lost`` and ``close`` belong to the writer's thread."""

    def __init__(self, uri: str, spool: Spool, header: SweepHeader, on_message: Callable[[str], None]) -> None:
        self.run_ids: dict[str, str] = {}
        self.experiment_id: str | None = None
        self._uri, self._spool, self._header, self._message = uri, spool, header, on_message
        self._store: Store | None = None
        self._place: Place | None = None
        self._away = self._doubting = False
        self._odd: set[str] = set()
        self._acknowledged, self._pictures = Acknowledged(header.objective.name), Pictures()
        self._file: tuple[int, int] | None = None
        self._rewound, self._ranked = False, 0

    def already(self, event: Event) -> None:
        """Take note of an event that an earlier writer has sent."""
        self._acknowledged.note(event)
        self._pictures.note(event)

    def step(self) -> bool:
        """Send about 2 MiB of the spool. Returns whether more is waiting. Raises Away while the store is away.

        After an error that no store should raise it is opened anew. Events that raise it again are set aside.
        """
        try:
            for told in self._spool.harmed():
                self._message(told)
            if self._store is not None and self._file != _file(self._uri):
                self._message(f"{self._uri} was removed or replaced: what it lacks is written again")
                self._reopen()
            if self._place is None:
                self._connect()
            self._apply(self._spool.waiting())
        except Away:
            raise
        except Exception as error:
            self._doubting = True
            self._reopen()
            raise Away(f"{type(error).__name__}: {first_line(error)}") from error
        self._doubting = False
        return self._spool.sent < self._spool.size

    def lost(self, error: Away, tries: int) -> None:
        """Take note of a failed step, after which the runs are looked up again; ``tries`` counts them in a row.

        The user is told at the second failure in a row, of what only a user can mend at the first, once.
        """
        self._place = None
        stuck = isinstance(error, Stuck)
        if not self._away and tries >= (1 if stuck else 2):
            self._away = True
            what = first_line(error) if stuck else f"is away ({first_line(error)})"
            self._message(f"MLflow at {self._uri} {what}; results are kept in {self._spool.folder} and sent later")

    def whole(self) -> bool:
        """Return whether the store has all that it acknowledged; if not, ``step`` has to send the spool again.

        What the store lacks even then is told, and no longer waited for. Raises Away.
        """
        if self._place is None:
            return False
        assert self._store is not None
        missing = self._acknowledged.lost(self._store.found(self._place, self._header.sweep_id))
        if missing and not self._rewound:
            self._rewind(missing)
            self._rewound, self._place = True, None
            return False
        if missing:
            some = ", ".join(map(name_of_key, missing[:8]))
            self._message(f"MLflow at {self._uri} does not have all of {len(missing)} runs ({some}); the spool has")
        return True

    def _rewind(self, missing: Sequence[str]) -> None:
        self._message(f"MLflow at {self._uri} has lost values of {len(missing)} runs: they are sent again")
        self._spool.rewind()
        self._acknowledged.epochs.clear()

    def _without_run(self) -> set[str]:
        """Return the keys of members whose run may just have been deleted, to be made anew by what is sent next."""
        waiting = (entry.event for entry in self._spool.waiting())
        return {event.key for event in waiting if isinstance(event, EpochsWithdrawn)}

    def close(self) -> None:
        """Close the store, in the thread that used it."""
        if self._store is not None:
            self._store.close()

    def _reopen(self) -> None:
        """Forget the store and the place in it, so that the next step connects anew."""
        store, self._store, self._place = self._store, None, None
        if store is not None:
            with contextlib.suppress(Exception):  # it is in doubt, and nothing is lost with it
                store.close()

    def _connect(self) -> None:
        try:
            if self._store is None:
                self._store = open_store(self._uri)
                self._file = _file(self._uri)
                if (why := why_slow(self._uri)) not in (None, ASKED_FOR):
                    self._message(f"{why}: {WITHOUT}")
            place = open_sweep(self._store, self._header, self.run_ids)
            missing = self._acknowledged.lost(self._store.found(place, self._header.sweep_id))
            if missing and (missing := sorted(set(missing) - self._without_run())):
                self._rewind(missing)
        except Refused as error:
            raise Away(first_line(error)) from error
        self._show(self._store, place)
        self._place, self.experiment_id = place, place.experiment_id
        if self._away:
            self._away = False
            self._message(f"MLflow at {self._uri} is back")

    def _show(self, store: Store, place: Place) -> None:
        try:
            views = shared_view.shared_views(self._header, self._ranked, self._pictures.epochs)
            store.tag_experiment(place.experiment_id, views | shared_view.all_sweeps(self._header))
            experiment_note.keep_note(store, place)
        except Refused as error:  # the results matter more than how they are shown
            self._message(f"MLflow refused the sweep's view or the experiment's note: {error}")

    def _apply(self, entries: Sequence[SpoolEntry]) -> None:
        """Send ``entries`` in their order: neighbouring changes of runs together, other events one by one."""
        group: list[RunEvent] = []
        for entry in entries:
            event = entry.event
            if isinstance(event, RunEvent):
                group.append(event)
                continue
            self._flush(group)
            group = []
            # Sent before, it must not be repeated: it would bin the runs of members that began after it.
            if not (isinstance(event, Reconciled) and entry.end <= self._spool.repeated_until):
                self._act(event)
            self._spool.acknowledge(entry.end)
        self._flush(group)
        if entries:
            self._spool.acknowledge(entries[-1].end)

    def _flush(self, group: Sequence[RunEvent]) -> None:
        if group:
            self._guarded(group, self._send)

    def _act(self, event: Artifact | EpochsWithdrawn | Reconciled | TrialsRanked | Unknown | None) -> None:
        match event:
            case TextKept() | ContentKept():
                self._guarded([event], self._keep)
            case EpochsWithdrawn():
                self._guarded([event], self._withdraw)
            case Reconciled():
                self._guarded([event], self._reconcile)
            case TrialsRanked():
                self._guarded([event], self._rank)
            case Unknown():
                self._set_aside(event, "this version cannot read an event", event.reason)
            case None:
                self._message(f"{self._spool.folder} has rotted while it was read: a line of it was left out")
            case _:
                assert_never(event)

    def _guarded(self, group: Sequence[E], action: Callable[[Sequence[E]], None]) -> None:
        """Call ``action``; a refused group is halved until its refused events are found, which are set aside.

        While the sender is doubting, so is what raises any other error than Away.
        """
        try:
            action(group)
            for event in group:
                self._acknowledged.note(event)
        except Away:
            raise
        except Exception as error:
            if not isinstance(error, Refused) and not self._doubting:
                raise
            if len(group) > 1:
                half = len(group) // 2
                self._guarded(group[:half], action)
                self._guarded(group[half:], action)
                return
            [event] = group
            title = f"{event.kind} of {name_of_key(event.key) or 'the sweep'}"
            reason = str(error) if isinstance(error, Refused) else f"{type(error).__name__}: {first_line(error)}"
            self._set_aside(event, f"MLflow refused {title}", reason)

    def _set_aside(self, event: Event | Unknown, what: str, reason: str) -> None:
        kept = self._spool.refuse(event, reason)
        self._message(f"{what}: {reason}" + (f"; kept in {self._spool.folder}/refused.jsonl" if kept else ""))

    def _send(self, group: Sequence[RunEvent]) -> None:
        assert self._store is not None and self._place is not None
        changes = self._gather(group)
        unknown = [key for key, change in changes.items() if change.title is None and key not in self.run_ids]
        if unknown:
            raise Refused(f"no trial was announced as {', '.join(map(name_of_key, unknown))}")
        self._store.send(self._place, list(changes.values()), self.run_ids)
        if any(isinstance(event, SweepSummarized) and event.state != "running" for event in group):
            self._show(self._store, self._place)

    def _reconcile(self, group: Sequence[Reconciled]) -> None:
        assert self._store is not None and self._place is not None
        [event] = group
        todo, self.run_ids = execute(self._store, self._place, self._header, event)
        if str(todo):
            self._message(f"MLflow's runs agree with the study again: {todo}")
        if event.lost:
            self._spool.forget_lost()

    def _withdraw(self, group: Sequence[EpochsWithdrawn]) -> None:
        """Give the member a new run, with all but the epochs withdrawn: MLflow takes no value back."""
        assert self._store is not None
        [event] = group
        told = _kept(self._spool.about(event.key), event, self._header.objective.name)
        if not any(isinstance(one, TrialBegan) for one in told):
            raise Refused("the spool has lost the run's beginning")
        if (ahead := self.run_ids.pop(event.key, None)) is not None:
            self._store.delete(ahead)
        self._acknowledged.epochs.pop(event.key, None)
        self._guarded([one for one in told if isinstance(one, RunEvent)], self._send)
        for one in told:
            if isinstance(one, Artifact):
                self._guarded([one], self._keep)

    def _rank(self, group: Sequence[TrialsRanked]) -> None:
        """Give each trial its place, and sort the leaderboard by it: of equals MLflow puts the newest first."""
        assert self._store is not None and self._place is not None
        [event] = group
        changes = []
        for place, key in enumerate(event.order, 1):
            change = RunChange(key=key)
            change.measure({names.PLACE: place, **event.metrics.get(key, {})}, event.time_ms, 0)
            change.tag(names.TRIAL_FINAL, event.finals.get(key, ""))  # empty, too: it may have been champion before
            changes.append(change)
        changes += self._crowned(event)
        self._store.send(self._place, [change for change in changes if change.key in self.run_ids], self.run_ids)
        self._ranked = len(event.order)
        self._show(self._store, self._place)

    def _crowned(self, event: TrialsRanked) -> Iterator[RunChange]:
        """Yield the changes to the champion's own run, and to the run of an earlier one, which is none any more."""
        assert self._store is not None and self._place is not None
        if not event.champion:  # it is not known, as in a driver that only tells a stop
            return
        change = RunChange(key=event.champion)
        change.tag(names.TRIAL_FINAL, names.CHAMPION)
        change.tag(names.NOTE, event.note)
        yield change
        for run in self._store.found(self._place, self._header.sweep_id):
            if run.role == "final" and run.key != event.champion and run.tags.get(names.TRIAL_FINAL):
                change = RunChange(key=run.key)
                change.tag(names.TRIAL_FINAL, "")
                change.tag(names.NOTE, "")
                yield change

    def _keep(self, group: Sequence[Artifact]) -> None:
        assert self._store is not None and self._place is not None
        [event] = group
        run_id = self.run_ids.get(event.key)
        if run_id is None:
            raise Refused(f"no trial was announced as {name_of_key(event.key)}")
        if isinstance(event, TextKept) and (event.start or event.more):
            with sorted_trouble():
                whole = self._spool.join(event)
            if not event.more:
                self._store.log_file(run_id, whole, event.path)
            return
        self._store.log_bytes(run_id, event.data, event.path)
        self._pictures.keep(self._store, self._place, event, run_id)

    def _gather(self, group: Sequence[RunEvent]) -> dict[str, RunChange]:
        """Return the events of each run as one change, by key, in the order of the runs' first events."""
        changes: dict[str, RunChange] = {}
        for event in group:
            self._add(event, changes.setdefault(event.key, RunChange(key=event.key)))
        return changes

    def _add(self, event: RunEvent, change: RunChange) -> None:
        match event:
            case TrialBegan():
                birth(self._header, self._born(event), change)
            case EpochMeasured():
                self._measure(change, event.metrics, event.time_ms, event.epoch)
            case StateChanged():
                self._measure(change, event.summary, event.time_ms)
                change.enter_trial(event.state, event.time_ms)
                change.fail(event.failure)
                for key, value in event.tags.items():
                    change.tag(key, value)
            case SweepSummarized():
                self._measure(change, event.metrics, event.time_ms)
                change.enter_sweep(event.state, event.time_ms)
                change.tag(names.NOTE, shared_view.note(self._header, event.best))
                if event.state != "running":
                    change.rename = shared_view.title(self._header, event.best)
                for key, value in event.tags.items():
                    change.tag(key, value)
            case _:
                assert_never(event)

    def describe(self, header: SweepHeader) -> None:
        """Go on by another description of the same sweep."""
        self._header = header

    def _born(self, event: TrialBegan) -> Birth:
        return Birth(
            key=event.key,
            parent_run_id=self.run_ids[PARENT],
            number=event.number,
            role=event.role,
            params=event.params,
            timestamp_ms=event.time_ms,
        )

    def _measure(self, change: RunChange, metrics: Mapping[str, float], time_ms: int, epoch: int = 0) -> None:
        odd = change.measure(metrics, time_ms, epoch)
        if odd and change.key not in self._odd:
            self._odd.add(change.key)
            found = f"{name_of_key(change.key)}: {', '.join(odd)} not finite at epoch {epoch}"
            self._message(f"{found}: told by tags, not by metrics")
