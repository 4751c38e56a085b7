"""Edits a sweep that has begun: by its driver, where one drives it, else in its files, for the next driver.

A driver gets an edit as a file in the sweep's home, or as a letter in its study's database, and answers it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from cluster.sweep.files.inbox import Message, new_id, send, waiting
from cluster.sweep.home import SweepHome
from cluster.sweep.knowledge.search import search_of
from cluster.sweep.limits.extension import EXTENDED, reopen
from cluster.sweep.limits.spending import uses
from cluster.sweep.limits.standing import Standing, standing
from cluster.sweep.reading import NO_VERDICT, Reading, epochs_trained
from cluster.sweep.restore import note_spec
from search_spaces.spec.edit import edited, in_all, noted
from search_spaces.study.study import Study
from search_spaces.types.driver_errors import Unreadable
from search_spaces.types.faults import Fault, SpecError, shown
from workloads.registry import catalogue

if TYPE_CHECKING:
    from cluster.sweep.steering.order import Sent
    from search_spaces.race.earlier.warm_start import WarmStart
    from search_spaces.spec.sweep import Edit, Sweep
    from search_spaces.study.letters import Letter

KIND: Final = "edit"
PATIENCE_S: Final = 15.0
REFUSED: Final = "an edit was refused: "
"""Beginning of a driver's answer to an edit that cannot be made any more."""
LIMITS: Final = ("timeout_s", "budget", "stop_when", "metric")
"""Fields of a ``Sweep`` that may have ended its search."""


class Refused(Exception):
    """Error: the driver has not made an edit; the text is its answer."""


@dataclass(frozen=True)
class Request:
    """An edit that was sent to a sweep's driver, and what brought it."""

    id: str
    changes: tuple[str, ...]
    brought_by: Message | Letter

    @classmethod
    def of(cls, brought: Message | Letter) -> Request:
        """Return the edit of a message; of one that is none, as another version's, without changes."""
        own = brought.id if isinstance(brought, Message) else ""
        changes = brought.content.get("changes") or ()
        return cls(str(brought.content.get("id") or own), tuple(map(str, changes)), brought)


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
        return _told(self.edit)


def _told(edit: Edit) -> str:
    outside = f"; {edit.outside} of the {edit.trials} trials so far lie outside of the space now"
    return f"edited behind {edit.trials} trials: {' '.join(edit.changes)}{outside if edit.outside else ''}"


def change(read: Reading, changes: Sequence[str]) -> list[str]:
    """Edit the sweep, by its driver or in its files, and return what to tell the user.

    Raises SpecError with every fault, Refused where its driver makes it no more, and Busy where one comes up now.
    """
    if read.lost:
        raise Unreadable(f"sweep {read.home.id} cannot be edited before it is repaired")
    name, resume = f"sweep {read.home.id}", f"`paceline resume {read.home.id}`"
    if read.live:
        sent = ask(read, changes)
        if read.facts.searched:
            return [f"{name}: its search is over; when its final evaluation is, too, {resume} takes the edit up"]
        answer = sent.answered(PATIENCE_S)
        if answer is not None and answer.startswith(REFUSED):
            raise Refused(f"{name}: {answer}")
        late = f"its driver has not taken the edit up yet; it does when it next asks for trials, else {resume} does"
        return [f"{name}: {answer or late}"]
    with read.home.driven():
        now = Reading.of(read.home)
        found = edit_files(now, changes)
    return [f"{name} {found.told}", _way_on(Reading.of(read.home), resume)]


def _way_on(read: Reading, resume: str) -> str:
    """Return what a sweep that nobody drives does with an edit."""
    judged = any(change.startswith("final") for change in read.sweep.edits[-1].changes)
    if judged or not (read.facts.searched or read.complete or read.facts.ended_by):
        return f"{resume} continues it"
    if len(read.rows) >= read.sweep.trials or not read.facts.ended_by:
        return f"its trials are all there: {resume[:-1]} --trials +20` trains more, as edited"
    return f"its search is over, as {read.facts.ended_by}: an edit of that limit lets it go on"


def ask(read: Reading, changes: Sequence[str]) -> Sent:
    """Ask the sweep's driver to take up an edit. Raises SpecError with every fault."""
    home, sweep = read.home, read.sweep
    for request in unknown(home, sweep):
        sweep = _edited(home, sweep, request.changes)
    _check(read, _edited(home, sweep, changes), changes)
    content = {"changes": list(changes), "id": new_id()}
    if isinstance(home.study, str):
        from search_spaces.study.letters import send as send_letter  # 320 ms: SQLAlchemy

        return send_letter(home.study, home.id, KIND, content)
    return send(home, KIND, content)


def edit_files(read: Reading, changes: Sequence[str]) -> Edited:
    """Edit a sweep that nobody drives, for the next driver. Raises SpecError with every fault.

    The caller holds ``home.driven()``.
    """
    with _editing(read) as editing:
        editing.settle()
        new = _edited(read.home, editing.sweep, changes)
        _check(read, new, changes)
        if new.trials > editing.sweep.trials and (found := standing(read, new)):
            raise SpecError([_ends_at_once(changes, new.trials, found)])
        return editing.make(changes, new_id())


def settle_waiting(read: Reading) -> list[str]:
    """Make the edits that no driver has taken up, for the next driver; return what to tell of each.

    The caller holds ``home.driven()``.
    """
    if not (waiting(read.home, KIND) or (isinstance(read.home.study, str) and read.facts.searched)):
        return []
    with _editing(read) as editing:
        return editing.settle()


@dataclass
class _Editing:
    """Edits of a sweep that nobody drives, in its study and its home."""

    read: Reading
    study: Study
    sweep: Sweep

    def settle(self) -> list[str]:
        """Make the edits that no driver has taken up; return what came of each."""
        told = []
        for request in unknown(self.read.home, self.sweep, self.study):
            try:
                told.append(self.make(request.changes, request.id).told)
            except SpecError as error:
                told.append(f"{REFUSED}{error}")
            _done(request, told[-1])
        return told

    def make(self, changes: Sequence[str], edit_id: str) -> Edited:
        """Make an edit, and open the search again where that has ended and can go on. Raises SpecError."""
        before, home = self.sweep, self.read.home
        found = take_up(home, self.study, before, changes, edit_id)
        self.sweep = found.sweep
        if found.sweep.final != before.final:
            self.study.set("complete", False)
            self.study.set(NO_VERDICT, None)
            self.study.flush()
        if self._goes_on(before):
            reopen(home, self.study, found.sweep, self.study.facts().get(EXTENDED))
            self.study.set("complete", False)
            self.study.flush()
        return found

    def _goes_on(self, before: Sweep) -> bool:
        """Whether the edit has given an ended search more trials, or lifted what had ended it."""
        facts, now = self.read.facts, self.sweep
        if not (facts.searched or facts.complete or facts.ended_by) or len(self.read.rows) >= now.trials:
            return False
        lifted = facts.ended_by and any(getattr(now, name) != getattr(before, name) for name in LIMITS)
        return bool(now.trials > before.trials or lifted) and standing(self.read, now) is None


@contextmanager
def _editing(read: Reading) -> Iterator[_Editing]:
    study = Study(read.home.id, read.sweep.goals, read.home.study)
    try:
        yield _Editing(read, study, read.sweep)
    finally:
        study.close()


def unknown(home: SweepHome, sweep: Sweep, study: Study | None = None) -> list[Request]:
    """Return the edits that were sent to the sweep's driver and are not of ``sweep`` yet.

    Those that are, as a driver died behind them, are done with. Letters are known to the holder of the ``study``.
    """
    known = {edit.id: edit for edit in sweep.edits}
    brought = [*waiting(home, KIND), *(study.letters(KIND) if study else ())]
    found = [Request.of(one) for one in brought]
    for request in found:
        if request.id in known:
            _done(request, _told(known[request.id]))
    return [request for request in found if request.id not in known]


def _done(request: Request, told: str) -> None:
    """Remove an edit for which nobody waits any more."""
    if isinstance(request.brought_by, Message):
        request.brought_by.done()
    else:
        request.brought_by.answer(told)


def take_up(home: SweepHome, study: Study, sweep: Sweep, changes: Sequence[str], edit_id: str) -> Edited:
    """Edit the sweep in the study, and then in its home. Raises SpecError."""
    new, num_trials = _edited(home, sweep, changes), len(study.records())
    if new.trials < num_trials and new.trials < sweep.trials:
        raise SpecError([_too_few(changes, new.trials, num_trials, num_trials)])
    new = noted(sweep, new, in_all(sweep, changes), num_trials, edit_id)
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
    """Raise SpecError where a limit is below what there is."""
    place, faults, facts = f"edit {' '.join(changes)}", list[Fault](), read.facts
    there = len(read.rows) + (facts.searched and new.trials != read.sweep.trials)
    if new.trials < there:
        faults.append(_too_few(changes, new.trials, there, len(read.rows)))
    trained = epochs_trained(read.rows)
    for use in uses(new, facts.cost, trained) if new.budget != read.sweep.budget else ():
        if use.limit is not None and use.used >= use.limit:
            rule = f"must be above the {use.used:g} that the search has used"
            faults.append(Fault(place, f"budget.{use.name}", rule, shown(use.limit)))
    target, old = new.metric.target, read.sweep.metric.target
    if target is not None and target != old and any(new.objective.reaches(r.best_value, target) for r in read.rows):
        rule = f"is reached already: `paceline stop {read.home.id}` ends the sweep"
        faults.append(Fault(place, "metric.target", rule, shown(target)))
    if faults:
        raise SpecError(faults)


def _too_few(changes: Sequence[str], wanted: int, least: int, num_trials: int) -> Fault:
    rule = f"must be {least} or more, for {num_trials} trials were tried already"
    return Fault(f"edit {' '.join(changes)}", "trials", rule, shown(wanted))


def _ends_at_once(changes: Sequence[str], wanted: int, found: Standing) -> Fault:
    rule = f"would end at once: {found.why}"
    return Fault(f"edit {' '.join(changes)}", "trials", rule, shown(wanted), f"{found.key}=... beside it")
