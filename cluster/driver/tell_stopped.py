"""Tells MLflow that a sweep is stopped whose driver was killed, and could not tell it itself."""

from __future__ import annotations

from cluster.doctor.stores import attempt
from cluster.sweep.home import Busy, SweepHome
from cluster.sweep.reading import Reading
from cluster.sweep.restore import CARD, kept_card
from cluster.sweep.tracker import Tracker
from cluster.terminal.records import Observer
from search_spaces.race.finals import final_entries
from search_spaces.race.seeds.retests import retest_entries
from search_spaces.race.track import ENDS
from search_spaces.study.study import Study
from search_spaces.types.trial_names import trial_key

CLOSE_TIMEOUT_S = 30.0


def tell_stopped(home: SweepHome, observer: Observer) -> bool:
    """Give the sweep's runs in MLflow the states that a clean stop leaves; return whether there was one to give.

    Nothing is told of a sweep that is driven now, or whose driver has told its end, or never reached MLflow.
    Raises StudyAway where the study cannot be reached.
    """
    read = Reading.of(home)
    if read.live or read.facts.phase in ("finished", "stopped") or not home.spool.exists():
        return False
    try:
        with home.driven():
            _tell(read, observer)
    except Busy:  # resumed in the meantime
        return False
    return True


def _tell(read: Reading, observer: Observer) -> None:
    home, sweep = read.home, read.sweep
    study = Study(home.id, sweep.goals, home.study, attempt=attempt())
    try:
        card = study.facts().get(CARD)
        card = kept_card(home) if card is None else card
        if card is None:  # it had not begun
            return
        tracker = Tracker(home, sweep, study, observer, card)
        for key in sorted(tracker.writer.begun - ended_keys(study)):
            tracker.writer.state(key, "paused", {})
        tracker.conclude("stopped", study.facts().get("verdict"))
        study.set("phase", "stopped")
        tracker.close(CLOSE_TIMEOUT_S)
    finally:
        study.close()


def ended_keys(study: Study) -> set[str]:
    """Return the keys of the MLflow runs of the members that have ended."""
    trials = {trial_key(record.number) for record in study.records() if record.outcome is not None}
    members = {**final_entries(study), **retest_entries(study)}
    return trials | {key for key, entry in members.items() if entry["state"] in ENDS}
