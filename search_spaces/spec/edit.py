"""Edits of a sweep that has begun: which of its keys may change, and the sweep as it is then.

What the values of its trials mean must stay: an edit changes the space and the limits of the search alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

from search_spaces.space.domain_contract import Domain
from search_spaces.space.domains import Choice
from search_spaces.spec.keys.budget import Budget
from search_spaces.spec.overrides import OTHER_NAMES
from search_spaces.spec.sweep import Edit, Sweep, parse_sweep
from search_spaces.types.catalogue import Catalogue
from search_spaces.types.faults import Fault, SpecError, nearest, shown
from search_spaces.types.values import distinct

TARGET: Final = "metric.target"
EDITABLE: Final = (
    "parameters", "require", "method", "trials", "timeout", "budget", "cost_per_hour", "stop_when", "final", TARGET,
)  # fmt: skip
MEANING: Final = (
    "workload",
    "data",
    "metric",
    "metrics",
    "epochs",
    "seed",
    "resources",
    "early_terminate",
    "repeats",
)
"""Keys on which it depends what the values of the trials so far are worth."""
ELSEWHERE: Final = {
    "max_concurrent": "is changed by `paceline lanes ID N` while the sweep runs",
    "constraints": "cannot be edited, as trials have ended by them; begin a new sweep with warm_start",
}
"""What is said of further keys that stay."""
FIELDS: Final = (
    "space", "constants", "method", "trials", "timeout_s", "budget", "cost_per_hour", "stop_when", "metric", "final"
)  # fmt: skip
"""Fields of a ``Sweep`` that an edit may change; of the metric its target alone."""
_MORE = re.compile(r"\s*(trials|run_cap|budget\.[a-z_]+)\s*=\s*\+\s*(\d{1,9}(?:\.\d{1,9})?)\s*")
"""A change by so much more: its key, and how much."""


def edited(sweep: Sweep, changes: Sequence[str], catalogue: Catalogue, fixed_choices: bool = False) -> Sweep:
    """Return ``sweep`` with the changes, each a ``key=value`` of its spec. Raises SpecError with every fault.

    With ``fixed_choices`` the values of a choice may not change: Optuna's databases do not hold that.
    """
    faults = [*_locked(changes), *_without_limit(sweep, changes), *_judged(sweep, changes)]
    totals = [one for one in in_all(sweep, changes) if not _MORE.fullmatch(one)]
    allowed = [one for one in totals if _key(one) in EDITABLE or "=" not in one]
    base = _without_count(sweep, allowed)
    text = base.model_copy(update={"start_from": (), "edits": ()}).to_text()
    new = sweep
    try:
        found = parse_sweep(text, f"sweep {sweep.name}", None, allowed, catalogue=catalogue)
        new = sweep.model_copy(update={name: getattr(found, name) for name in FIELDS})
        faults += _other_kinds(sweep, new, fixed_choices)
        if not faults and all(getattr(new, name) == getattr(sweep, name) for name in FIELDS):
            faults.append(Fault(f"edit {' '.join(changes)}", "", "must change something: the sweep is so already"))
    except SpecError as error:
        origin = f"sweep {sweep.name}:"  # of a text that nobody has written
        found_faults = [replace(f, place="edit") if f.place.startswith(origin) else f for f in error.faults]
        faults += [replace(f, rule=_of_scale(sweep, f)) for f in found_faults]
    if faults:
        raise SpecError(faults)
    return new


def in_all(sweep: Sweep, changes: Sequence[str]) -> list[str]:
    """Return the changes with ``trials=+20`` and ``budget.epochs=+200``, which are so much more, as totals."""
    return [_total(sweep, change) or change for change in changes]


def _total(sweep: Sweep, change: str) -> str | None:
    """Return a change by so much more as one to a total; None for others, and where there is nothing to add to."""
    if (more := _MORE.fullmatch(change)) is None:
        return None
    limits = {**(sweep.budget.given if sweep.budget else {}), "trials": float(sweep.trials)}
    there = limits.get(_of(more[1]))
    return None if there is None else f"{more[1]}={there + float(more[2]):.12g}"


def _judged(sweep: Sweep, changes: Sequence[str]) -> Iterator[Fault]:
    """Yield a fault for each change of a final evaluation that is there: its finalists may have begun."""
    for change in changes:
        if _key(change) == "final" and sweep.final is not None and "=" in change:
            rule = "cannot be edited: the sweep has one; only one that has none gets one"
            yield Fault(f"override {change[:100]}", "final", rule, shown(change.partition("=")[2]))


def _of(key: str) -> str:
    return OTHER_NAMES.get(key, key).removeprefix("budget.")


def _without_limit(sweep: Sweep, changes: Sequence[str]) -> Iterator[Fault]:
    """Yield a fault for each limit that is to be raised and is not there."""
    for change in changes:
        if (more := _MORE.fullmatch(change)) and _of(more[1]) in Budget.model_fields and not _total(sweep, change):
            there = ", ".join(sweep.budget.given) if sweep.budget else "none"
            rule = f"has no limit to raise (the budget has {there}): write how much in all"
            yield Fault(
                f"override {change[:100]}", more[1], rule, shown(f"+{more[2]}"), repr(f"{more[1]}={more[2]}")
            )


def noted(old: Sweep, new: Sweep, changes: Sequence[str], num_trials: int, edit_id: str) -> Sweep:
    """Return ``new`` with the record that it was ``old`` for the first ``num_trials`` trials."""
    edit = Edit(
        id=edit_id,
        at=datetime.now(UTC).isoformat(timespec="seconds"),
        changes=tuple(changes),
        trials=num_trials,
        space=old.space,
        constants=dict(old.constants),
    )
    return new.model_copy(update={"edits": (*old.edits, edit)})


def _key(change: str) -> str:
    path = change.partition("=")[0].strip()
    key = TARGET if path == TARGET else path.split(".")[0]
    return OTHER_NAMES.get(key, key)


def _locked(changes: Sequence[str]) -> Iterator[Fault]:
    """Yield a fault for each change of a key that must stay as it is."""
    for change in changes:
        key = _key(change)
        if key in EDITABLE or "=" not in change:
            continue
        if key in MEANING:
            rule = (
                "must stay: other values than so far would mean something else; begin a new sweep with warm_start"
            )
        elif key in ELSEWHERE:
            rule = ELSEWHERE[key]
        elif key in Sweep.model_fields or key == "grace" or key == "trial_timeout":
            rule = "cannot be edited; begin a new sweep with warm_start"
        else:
            rule = f"unknown key (an edit changes {', '.join(EDITABLE)})"
        close = nearest(key, EDITABLE)
        meant = close if close and key not in Sweep.model_fields else None
        yield Fault(f"override {change[:100]}", key, rule, shown(change.partition("=")[2]), meant and repr(meant))


def _of_scale(sweep: Sweep, fault: Fault) -> str:
    """Return a fault's rule; of another scale without the distribution, which only the stored spec names."""
    inside, _, key = fault.path.rpartition(".")
    domain = sweep.space.domains.get(inside.rpartition(".")[2])
    return fault.rule if key != "log" or domain is None else _KIND.format(domain)


def _without_count(sweep: Sweep, changes: Sequence[str]) -> Sweep:
    """Return the sweep with room for all points of an edited grid, if the changes do not say how many."""
    if sweep.method != "grid" or any(_key(change) in ("trials", "method") for change in changes):
        return sweep
    return sweep.model_copy(update={"trials": 100_000})


def _other_kinds(old: Sweep, new: Sweep, fixed_choices: bool) -> Iterator[Fault]:
    """Yield a fault for each parameter that Optuna's study has had as another kind."""
    for name, domain in new.space.domains.items():
        for space in (old.space, *(edit.space for edit in reversed(old.edits))):
            if name in space.domains and (rule := _rule(space.domains[name], domain, fixed_choices)):
                yield Fault("edit", f"parameters.{name}", rule, shown(str(domain)))
                break


_KIND: Final = "must stay of the kind that it was in this sweep ({}), as its study holds one kind"


def _rule(before: Domain, now: Domain, fixed_choices: bool) -> str | None:
    if type(before) is not type(now) or before.log != now.log:
        return _KIND.format(before)
    if isinstance(before, Choice) and isinstance(now, Choice):
        if (before.probabilities is None) != (now.probabilities is None):
            return _KIND.format(before)
        if fixed_choices and before.probabilities is None and _values(before) != _values(now):
            return f"must keep its values ({before}): Optuna's databases hold one list of choices a parameter"
    return None


def _values(choice: Choice) -> list[object]:
    return [distinct(value) for value in choice.values]
