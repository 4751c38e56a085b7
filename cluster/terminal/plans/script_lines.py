"""What a preview says of a sweep over a script: how long a trial is, and where its metrics are looked for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from search_spaces.criteria.metric_names import is_of_test, on_test
from search_spaces.schedules.asha import AshaParameters
from search_spaces.spec.script.sources import expected_source
from search_spaces.spec.script.verdict import ASKED
from search_spaces.spec.sweep import Sweep

MOST_SHOWN = 4
"""Number of rungs that are named where nobody knows which is the last."""


def told(sweep: Sweep, num_trials: int, rungs: Sequence[int]) -> dict[str, str]:
    """Return lines by their heads, some in place of those of other sweeps; empty for a sweep without a script."""
    command = sweep.command
    if command is None:
        return {}
    found: dict[str, str] = {}
    if command.open_ended:
        found |= {"trials": f"{num_trials}, each until its script ends", "epochs": "as many as the scripts report"}
        if len(rungs) > 1:
            found["early stop"] = _decisions(sweep, rungs)
    elif command.steps:
        found["trials"] = f"{num_trials}, up to {command.steps.name} {command.steps.most} each"
    folder = Path(sweep.folder) if sweep.folder else None
    whose = "" if sweep.resources.most == 1 else " of rank 0"
    found["metrics"] = f"{sweep.metric.name}{whose} from {expected_source(command, folder)}"
    if sweep.final is None and not is_of_test(sweep.metric.name):
        found["final"] = f"none ({ASKED} has the best judged by {on_test(sweep.metric.name)})"
    return found | {f"note{' ' * i}": note for i, note in enumerate(command.notes)}


def _decisions(sweep: Sweep, rungs: Sequence[int]) -> str:
    """Return when it is decided who goes on; not how many come so far, as trials may end before."""
    shown = ", ".join(map(str, rungs[:-1][:MOST_SHOWN])) + (", ..." if len(rungs) > MOST_SHOWN + 1 else "")
    eta = sweep.early_terminate.parameters.get("eta", AshaParameters().eta)
    return f"after {shown} reports of {sweep.metric.name} one of {eta} continues, of those that came so far"
