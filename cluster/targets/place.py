"""Finds the target that a sweep is on."""

from __future__ import annotations

from datetime import datetime

from cluster.sweep.home import SweepHome
from cluster.targets import submitted as ledger
from cluster.targets.contract import LOCAL, Target
from cluster.targets.parse import parse_target
from search_spaces.types.driver_errors import Unreadable


def place(reference: str, on: str | None) -> tuple[str, Target]:
    """Return the sweep's whole ID and its target: ``on``, else the one it was submitted to, else this machine.

    Raises LookupError where there is no such sweep, and ValueError where ``on`` is not a target.
    """
    try:
        entry = ledger.find(reference)
    except Unreadable:
        if not on:
            raise
        entry = None
    if entry is not None and (on or entry.id.startswith(reference) or not _outdated(entry, reference)):
        return entry.id, parse_target(on or entry.target)
    if on:
        if reference == "last":
            raise LookupError(f"this folder has submitted no sweep: name one, `paceline ls --on {on}` lists them")
        return reference, parse_target(on)
    return SweepHome.find(reference).id, parse_target(LOCAL)


def _outdated(entry: ledger.SubmittedSweep, reference: str) -> bool:
    """Whether ``last``, or a name, means a sweep that was started in this folder after that submission."""
    newest = next(iter(SweepHome.all() if reference == "last" else SweepHome.named(reference)), None)
    submitted = datetime.fromisoformat(entry.submitted_at).timestamp()
    return newest is not None and newest.id != entry.id and newest.began_s > submitted + 1
