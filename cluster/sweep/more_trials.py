"""Extends an ended or stopped sweep by more trials: computes the new total and checks that it is possible."""

from __future__ import annotations

from collections.abc import Sequence

from cluster.sweep.knowledge.search import search_of
from cluster.sweep.limits.extension import Extension, larger_budget
from cluster.sweep.limits.standing import standing
from cluster.sweep.reading import Reading
from cluster.terminal import formatting
from search_spaces.types.faults import Fault, SpecError, shown
from search_spaces.types.values import identity
from workloads.registry import is_users

Broken = tuple[str, str] | None
"""The broken rule and the suggested alternative; None if no rule is broken."""


def extension(read: Reading, trials: str | None, budget: Sequence[str]) -> Extension:
    """Return what `resume --trials` and ``--budget`` add. Raises SpecError."""
    limits = larger_budget(read, budget, trials is not None) if budget else None
    return Extension(None if trials is None else new_total(read, trials, limits is not None), limits)


def new_total(read: Reading, wanted: str, new_budget: bool = False) -> int:
    """Return the total number of trials that ``wanted`` asks for: ``+N``, N more, or ``N`` in all.

    ``+N`` counts from the planned number, or, where the search has ended, from the number of existing trials.
    Raises SpecError with one fault where the total would be below the existing trials, or nothing would change, as
    the budget is used up, unless there is a ``new_budget``.
    """
    total = _number(wanted)
    if wanted.strip().startswith("+"):
        total += _planned(read)
    broken = _too_many(read, total) or _too_few(read, total) or _planned_already(read, total)
    broken = broken or _ends_at_once(read, new_budget)
    if broken is not None:
        raise _refused(wanted, *broken)
    return total


def can_grow(read: Reading) -> bool:
    """Whether one more trial is possible.

    Whoever looks at a sweep may not be its owner, and runs no code of a user's: of such a workload it is judged by
    the trials that there are.
    """
    if is_users(read.sweep.workload):
        total, most = _planned(read) + 1, _most_by_trials(read)
        return not (
            (most is not None and total > most) or _planned_already(read, total) or _ends_at_once(read, False)
        )
    try:
        return new_total(read, "+1") > 0
    except SpecError:
        return False


def _planned(read: Reading) -> int:
    return len(read.rows) if read.facts.searched else read.sweep.trials


def _most_by_trials(read: Reading) -> int | None:
    """Return how many different trials there can be: those of the space, and those that lie outside of it."""
    space = read.sweep.space
    outside = {identity(row.params) for row in read.rows if not space.contains(row.params)}
    return None if (size := space.size()) is None else size + len(outside)


def _refused(wanted: str, rule: str, instead: str) -> SpecError:
    return SpecError([Fault("--trials", "", rule, shown(wanted), instead)])


def _number(wanted: str) -> int:
    digits = wanted.strip().removeprefix("+")
    if not (digits.isascii() and digits.isdecimal() and len(digits) < 10 and int(digits) > 0):
        raise _refused(wanted, "must be a whole number of trials in all, or + and how many more", "'+10'")
    return int(digits)


def _fewest(read: Reading) -> int:
    """Return the smallest total with which the sweep can continue."""
    return len(read.rows) + read.facts.searched


def _too_many(read: Reading, total: int) -> Broken:
    try:
        most = search_of(read.home, read.sweep, read.study).most_trials
    except LookupError as error:  # its code is gone, or in another folder
        raise SpecError([Fault(str(read.home.spec), "workload", str(error.args[0]))]) from error
    if most is None or total <= most:
        return None
    if most < _fewest(read):
        rule = f"must be left out: this space holds {formatting.count(most, 'trial')}, and all have been tried"
        return rule, _another(read, "parameters")
    instead = _resume(read) if most == read.sweep.trials else f"'{most}'"
    return f"must come to {most} or fewer: this space holds no more", instead


def _too_few(read: Reading, total: int) -> Broken:
    if total >= _fewest(read):
        return None
    there = formatting.count(len(read.rows), "trial")
    more = "+10" if total == len(read.rows) == read.sweep.trials else f"+{total}"  # N in all is what there is
    return f"must come to {_fewest(read)} or more, for {there} were tried already", repr(more)


def _planned_already(read: Reading, total: int) -> Broken:
    if read.facts.searched or total != read.sweep.trials:
        return None
    return f"must differ from the {total} that are planned already", _resume(read)


def _ends_at_once(read: Reading, new_budget: bool) -> Broken:
    """Return what would end a longer search at once, unless it is the budget, and there is a ``new_budget``."""
    found = standing(read, read.sweep)
    if found is None or (new_budget and found.key.startswith("budget.")):
        return None
    if found.key.startswith("budget."):
        return f"must come with a larger budget: {found.why}", f"--budget {found.key[7:]}=+N beside it"
    return f"must be left out: {found.why}", f"`paceline edit {read.home.id} {found.key}=...` before it"


def _resume(read: Reading) -> str:
    return f"`paceline resume {read.home.id}`"


def _another(read: Reading, key: str) -> str:
    return f"a new sweep, `paceline run {read.home.spec} {key}=...`"
