"""What the sections of a sweep's report are drawn from: the state of the sweep, read once, and its ``--json``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from cluster.sweep.document import document
from cluster.sweep.reading import Reading
from cluster.terminal.records import Row, ranked
from search_spaces.spec.sweep import Sweep
from search_spaces.types.objective import Objective


@dataclass(frozen=True)
class Records:
    """A sweep at one moment. No number of a report is computed anew where the document has it."""

    read: Reading

    @cached_property
    def document(self) -> Mapping[str, Any]:
        """The document that ``paceline show --json`` prints."""
        return document(self.read)

    @property
    def sweep(self) -> Sweep:
        """The sweep's spec."""
        return self.read.sweep

    @property
    def objective(self) -> Objective:
        """The sweep's metric and its direction."""
        return self.read.sweep.objective

    @property
    def rows(self) -> Sequence[Row]:
        """Trials by number."""
        return self.read.rows

    @cached_property
    def ranked(self) -> Sequence[Row]:
        """Trials in the leaderboard's order."""
        return ranked(self.read.rows, self.objective)

    @property
    def verdict(self) -> Mapping[str, Any] | None:
        """The final evaluation; None before there is one."""
        return self.read.facts.verdict
