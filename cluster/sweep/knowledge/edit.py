"""Edits a sweep that has begun: by its driver, where one drives it, else in its files, for the next driver."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from cluster.sweep.files.inbox import Message, new_id, send, waiting
from cluster.sweep.home import SweepHome
from cluster.sweep.knowledge.search import search_of
from cluster.sweep.reading import ENDED, Reading
from cluster.sweep.restore import note_spec
from search_spaces.spec.edit import edited, noted
from search_spaces.study.study import Study
from search_spaces.types.driver_errors import Busy
from search_spaces.types.faults import Fault, SpecError, shown
from workloads.registry import catalogue

if TYPE_CHECKING:
    from search_spaces.race.earlier.warm_start import WarmStart
    from search_spaces.spec.sweep import Edit, Sweep

KIND: Final = "edit"


@dataclass(frozen=True)
class Edited:
    """An edited sweep and what it knows of earlier ones."""

    sweep: Sweep
    warm: WarmStart

    @property
    def edit(self) -> Edit:
        """The edit that made it."""
        return self.sweep.edits[-1]

    @property
    def told(self) -> str:
        """The edit, and what it means, in words."""
        edit = self.edit
        outside = f"; {edit.outside} of the {edit.trials} trials so far lie outside of the space now"
        return f"edited behind {edit.trials} trials: {' '.join(edit.changes)}{outside if edit.outside else ''}"


def ask(read: Reading, changes: Sequence[str]) -> Message:
    """Ask the sweep's driver to take up an edit. Raises SpecError with every fault.

    Raises Busy where the driver has another home.
    """
    home, sweep = read.home, read.sweep
    for message in unknown(home, sweep):
        sweep = _edited(home, sweep, message.content["changes"])
    _check(read, _edited(home, sweep, changes), changes)
    if home.driver_pid() is None:
        raise Busy(f"sweep {home.id} is being driven from another folder: edit it there, or stop it first")
    return send(home, KIND, {"changes": list(changes)})


def edit_files(read: Reading, changes: Sequence[str]) -> Edited:
    """Edit a sweep that nobody drives, for the next driver. Raises SpecError with every fault.

    The caller holds ``home.driven()``.
    """
    home, sweep = read.home, read.sweep
    study = Study(home.id, sweep.goals, home.study)
    try:
        for message in unknown(home, sweep):
            sweep = take_up(home, study, sweep, message.content["changes"], message.id).sweep
            message.done()
        _check(read, _edited(home, sweep, changes), changes)
        found = take_up(home, study, sweep, changes, new_id())
        if found.sweep.trials > read.sweep.trials:
            for name in ("verdict", ENDED):
                study.set(name, None)
            study.set("searched", False)
            study.set("complete", False)
            study.flush()
    finally:
        study.close()
    return found


def unknown(home: SweepHome, sweep: Sweep) -> list[Message]:
    """Return the edits that were sent to the sweep's driver and are not of ``sweep`` yet.

    Those that are, as a driver died behind them, are done with.
    """
    known = {edit.id for edit in sweep.edits}
    waits = waiting(home, KIND)
    for message in waits:
        if message.id in known:
            message.done()
    return [message for message in waits if message.id not in known]


def take_up(home: SweepHome, study: Study, sweep: Sweep, changes: Sequence[str], edit_id: str) -> Edited:
    """Edit the sweep in the study, and then in its home. Raises SpecError."""
    new = noted(sweep, _edited(home, sweep, changes), changes, len(study.records()), edit_id)
    search = search_of(home, new, study)
    last = new.edits[-1].model_copy(update={"outside": len(search.outside())})
    new = new.model_copy(update={"edits": (*sweep.edits, last)})
    note_spec(home, study, new)
    study.flush()
    home.keep(new)
    return Edited(new, search.warm)


def _edited(home: SweepHome, sweep: Sweep, changes: Sequence[str]) -> Sweep:
    return edited(sweep, changes, catalogue(), fixed_choices=isinstance(home.study, str))


def _check(read: Reading, new: Sweep, changes: Sequence[str]) -> None:
    """Raise SpecError where the number of trials is below what there is."""
    there = len(read.rows) + (read.facts.searched and new.trials != read.sweep.trials)
    if new.trials < there:
        rule = f"must be {there} or more, for {len(read.rows)} trials were tried already"
        raise SpecError([Fault(f"edit {' '.join(changes)}", "trials", rule, shown(new.trials))])
