"""Checks ``start_from`` of a spec, the configurations to try first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from search_spaces.space.hyperparameters import Hyperparameter, defaults
from search_spaces.space.space import Space
from search_spaces.spec.other_tools.names import meant
from search_spaces.spec.yaml_document import Document
from search_spaces.types.faults import shown
from search_spaces.types.values import Params, Value


def check_count(document: Document, entries: Sequence[Params], num_trials: int) -> None:
    """Note a fault where the entries leave no trial for the defaults."""
    if len(entries) >= num_trials:
        rule = "must be fewer than the trials (the workload's defaults are tried before them)"
        document.fault(("start_from",), rule, shown(len(entries)))


@dataclass(frozen=True)
class Searched:
    """All hyperparameters, the search space and the constants, against which entries are checked."""

    known: Mapping[str, Hyperparameter]
    space: Space
    constants: Params

    def fault(self, name: str, value: Value, full: Params) -> tuple[str | None, str | None]:
        """Return the rule that ``name: value`` breaks, or None, and the nearest name for an unknown one.

        ``full`` is the entry with the defaults filled in.
        """
        if name not in self.known:
            return "unknown hyperparameter of this workload", meant(name, self.known)
        if name in self.constants:
            fixed = self.constants[name]
            return (None if value == fixed else f"must be {fixed}, as in parameters"), None
        if name not in self.space.domains:
            return "is not searched: give it a range in parameters", None
        if not self.space.domains[name].contains(value):
            return f"must lie in the space: {self.space.domains[name]}", None
        if not self.space.exists(name, full):
            return "has no effect: its 'when' does not hold beside the other values", None
        return None, None


def check_entries(document: Document, entries: Sequence[Params], searched: Searched) -> None:
    """Note a fault for each value that is not in the search space."""
    known = defaults(searched.known, searched.space.domains)
    for k, entry in enumerate(entries):
        full = {**known, **searched.constants, **entry}
        before = len(document.faults)
        for name, value in entry.items():
            broken, close = searched.fault(name, value, full)
            if broken:
                received = value if name in searched.known else name
                document.fault(("start_from", k, name), broken, shown(received), close and repr(close))
        broken_one = searched.space.broken(searched.space.active(full))
        if broken_one is not None and len(document.faults) == before:
            values = ", ".join(f"{name}={full[name]}" for name in broken_one.searched)
            place = searched.space.require.index(broken_one)
            document.fault(("start_from", k), f"must satisfy require.{place}: {broken_one}", values)
