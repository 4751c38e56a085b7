"""What `resume` may add to a sweep: trials, and a larger budget; checks that the search could use it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cluster.sweep.limits.spending import uses
from cluster.sweep.reading import ENDED, NO_VERDICT
from cluster.sweep.restore import note_spec
from search_spaces.race.ending.plateau import ANEW, INCUMBENT
from search_spaces.spec.keys.budget import Budget
from search_spaces.types.faults import Fault, SpecError, nearest, shown

if TYPE_CHECKING:
    from cluster.sweep.home import SweepHome
    from cluster.sweep.reading import Reading
    from search_spaces.spec.sweep import Sweep
    from search_spaces.study.study import Study

FLAG = "--budget"
EXTENDED = "extended_by"
"""Attribute of the study: the ``origin`` of its latest extension."""


@dataclass(frozen=True)
class Extension:
    """The sweep's new number of trials and its new budget; None: as before."""

    trials: int | None = None
    budget: Budget | None = None
    origin: str | None = None
    """Submission that asks for it, whose job may be restarted behind it; None: a command here, which is not."""

    def __bool__(self) -> bool:
        return self.trials is not None or self.budget is not None

    def of(self, sweep: Sweep) -> Sweep:
        """Return the sweep with what is new."""
        changed = {"trials": self.trials, "budget": self.budget}
        return sweep.model_copy(update={name: value for name, value in changed.items() if value is not None})


def reopen(home: SweepHome, study: Study, sweep: Sweep, origin: str | None) -> None:
    """Store the sweep's new plan, which ``origin`` asked for, reopen its search and withdraw the verdict."""
    study.set("searched", False)
    study.set("verdict", None)
    study.set(NO_VERDICT, None)
    study.set(ENDED, None)
    if sweep.stop_when:
        study.set(INCUMBENT, ANEW)
    study.set(EXTENDED, origin)
    note_spec(home, study, sweep)
    study.flush()
    home.keep(sweep)


def larger_budget(read: Reading, wanted: Sequence[str], new_trials: bool) -> Budget:
    """Return the sweep's budget with ``wanted`` limits: ``epochs=200`` in all, or ``epochs=+50`` more.

    Raises SpecError with every fault: a limit that is none, one that is used up already, and, unless it gets
    ``new_trials``, too, a search that has none left to spend it on.
    """
    there = read.sweep.budget.given if read.sweep.budget else {}
    used = {use.name: use.used for use in uses(read.sweep, read.facts.cost)}
    faults, limits = list[Fault](), dict[str, Any](there)
    for text in wanted:
        name, _, amount = text.partition("=")
        if name not in Budget.model_fields:
            close = nearest(name, Budget.model_fields)
            rule = f"must be one of {', '.join(Budget.model_fields)}, with =N or =+N behind it"
            faults.append(Fault(FLAG, "", rule, shown(text), close and repr(f"{close}={amount or 'N'}")))
        elif name not in there:
            rule = f"has no limit to raise: the sweep's budget has {', '.join(there) or 'none'}"
            faults.append(Fault(FLAG, name, rule, shown(text), _another(read, f"budget.{name}=...")))
        elif (number := _number(amount)) is None:
            rule = "must be a number above 0, in all, or + and how much more"
            faults.append(Fault(FLAG, name, rule, shown(amount), repr(f"{name}=+{there[name]:g}")))
        else:
            limits[name] = there[name] + number if amount.startswith("+") else number
            if limits[name] <= used.get(name, 0.0):
                rule = f"must be above the {used[name]:g} that the search has used"
                faults.append(Fault(FLAG, name, rule, shown(amount), repr(f"{name}=+{amount.lstrip('+')}")))
    if not faults and not new_trials and read.facts.searched and len(read.rows) >= read.sweep.trials:
        rule = f"must come with --trials: all {len(read.rows)} trials were tried"
        faults.append(Fault(FLAG, "", rule, shown(" ".join(wanted)), "'--trials +20'"))
    if faults:
        raise SpecError(faults)
    return Budget(**{name: int(limit) if name == "epochs" else limit for name, limit in limits.items()})


def _number(text: str) -> float | None:
    try:
        number = float(text.removeprefix("+")) if text.isascii() else 0.0
    except ValueError:
        return None
    return number if 0 < number <= 1e9 and "_" not in text else None


def _another(read: Reading, override: str) -> str:
    return f"a new sweep, `paceline run {read.home.spec} {override}`"
