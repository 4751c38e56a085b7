"""What a preview says of a sweep over a script: how long a trial is, and where its metrics are looked for."""

from __future__ import annotations

from pathlib import Path

from search_spaces.spec.script.sources import expected_source
from search_spaces.spec.sweep import Sweep


def told(sweep: Sweep, num_trials: int) -> dict[str, str]:
    """Return lines by their heads, some in place of those of other sweeps; empty for a sweep without a script."""
    command = sweep.command
    if command is None:
        return {}
    found: dict[str, str] = {}
    if command.open_ended:
        found |= {"trials": f"{num_trials}, each until its script ends", "epochs": "as many as the scripts report"}
    elif command.steps:
        found["trials"] = f"{num_trials}, up to {command.steps.name} {command.steps.most} each"
    folder = Path(sweep.folder) if sweep.folder else None
    found["metrics"] = f"{sweep.metric.name} from {expected_source(command, folder)}"
    return found | {f"note{' ' * i}": note for i, note in enumerate(command.notes)}
