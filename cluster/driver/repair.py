"""Repairs a sweep that no one drives: its study, the other files of its home, and its runs in MLflow."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from cluster.doctor.stores import attempt
from cluster.driver.tell_stopped import CLOSE_TIMEOUT_S
from cluster.sweep.coordinator import Coordinator
from cluster.sweep.files.kept import bears_its_mark, is_right, write_whole
from cluster.sweep.files.rebuild import rebuild
from cluster.sweep.files.spec_left import spec_left
from cluster.sweep.home import SweepHome
from cluster.sweep.knowledge.search import search_of
from cluster.sweep.reading import Reading
from cluster.sweep.restore import CARD, kept_card, lost_journal, note_spec
from cluster.sweep.stop import Stop
from cluster.sweep.tracker import Tracker
from cluster.terminal.records import Observer
from search_spaces.study.study import Study
from search_spaces.types.driver_errors import Damaged, Unreadable
from search_spaces.types.faults import SpecError
from search_spaces.types.files.broken import keep_broken
from search_spaces.types.files.sealed import sealed
from tracking import names
from tracking.store.uris import unfit
from tracking.writer.events import TextKept
from tracking.writer.spool import read as read_spool

if TYPE_CHECKING:
    from search_spaces.spec.sweep import Sweep


def repair(home: SweepHome, observer: Observer) -> bool:
    """Make the sweep's files whole and MLflow agree with them; return whether MLflow has everything.

    What could not be had back is said, by trial. Raises Busy where a process drives the sweep, Unreadable where too
    little is left or MLflow's file is itself damaged, and StudyAway.
    """
    with home.driven():
        _mend_study(home, observer.message)
        read = replace(Reading.of(home), live=False)
        if read.wrong:
            observer.message(read.wrong)
            _keep_damaged(home)
            home.keep(read.sweep)
        study = Study(home.id, read.sweep.goals, home.study, attempt=attempt())
        try:
            note_spec(home, study, read.sweep)
            card = _mend_card(home, study, observer.message)
            study.flush()
            return card is None or _tell(read, study, card, observer)
        finally:
            study.close()


def _keep_damaged(home: SweepHome) -> None:
    """Keep files of the spec that are not as they were written, ``.broken``."""
    if home.document.exists() and not is_right(home.document):
        keep_broken(home.document)
    if home.spec.exists() and not bears_its_mark(home.spec, home.id):
        keep_broken(home.spec)


def _mend_study(home: SweepHome, say: Callable[[str], None]) -> None:
    sweep = _spec(home, say)
    if sweep.storage.study:
        return
    lost = lost_journal(home)
    try:
        mended = "" if lost else Study(home.id, sweep.goals, home.journal).mended
    except Damaged as error:
        lost = str(error)
    if lost:
        say(lost.partition(";")[0].partition(": `")[0])
        rebuild(home, sweep, say)
    elif mended:
        say(mended)


def _spec(home: SweepHome, say: Callable[[str], None]) -> Sweep:
    """Return the spec; where the home's files have lost it they get it anew. Raises Unreadable."""
    try:
        return home.sweep()
    except SpecError as error:
        sweep, place = spec_left(home, error)
        say(f"{home.document} and {home.spec.name} were damaged or gone, and are had back from {place}")
        _keep_damaged(home)
        home.keep(sweep)
        return sweep


def _mend_card(home: SweepHome, study: Study, say: Callable[[str], None]) -> Mapping[str, Any] | None:
    """Return the data card, and store it where it is missing: in the study and in the home; None without any."""
    known, splits = study.facts().get(CARD), _splits(home)
    if (known or splits) and not home.has_data:
        if home.data.exists():
            keep_broken(home.data)
        if splits and known in (None, splits["card"]):
            write_whole(home.data, sealed(json.dumps(splits)))
            say(f"{home.data} was damaged or gone, and is had back from the spool")
        else:
            say(f"{home.data} is damaged or gone: the next resume writes it anew from the data")
    card: Mapping[str, Any] | None = kept_card(home) if known is None else known
    if card is not None and known is None:
        study.set(CARD, dict(card))
    return card


def _splits(home: SweepHome) -> dict[str, Any] | None:
    """Return the data card and the splits' row numbers as the spool has told them to MLflow."""
    found: dict[str, Any] | None = None
    for event in read_spool(home.spool):
        if isinstance(event, TextKept) and event.path == names.SPLITS_FILE:
            found = json.loads(event.text)
    return found


def _tell(read: Reading, study: Study, card: Mapping[str, Any], observer: Observer) -> bool:
    """Give MLflow what the study says, as a driver does that is stopped at once."""
    home, sweep = read.home, read.sweep
    if why := unfit(sweep.tracking.uri):
        raise Unreadable(f"the sweep's files are whole; MLflow {why}")
    tracker = Tracker(home, sweep, study, observer, card)
    coordinator = Coordinator(
        sweep=sweep,
        home=home,
        study=study,
        search=search_of(home, sweep, study),
        writer=tracker.writer,
        num_lanes=1,
        say=observer.message,
        stop=Stop(home.stop_mark, requested=True),
    )
    coordinator.pause()
    state = read.state
    if state == "stopped":
        study.set("phase", "stopped")
    tracker.conclude(state, read.facts.verdict)
    return tracker.close(CLOSE_TIMEOUT_S)
