"""What the sections of a sweep's report are drawn from: the state of the sweep, read once, and its ``--json``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from cluster.sweep.document import document
from cluster.sweep.reading import Reading
from cluster.sweep.restore import CARD, kept_card
from cluster.terminal.records import Row, ranked
from search_spaces.spec.sweep import Sweep
from search_spaces.types.objective import Objective
from tracking.results.trial_zero import names


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

    @cached_property
    def card(self) -> Mapping[str, Any] | None:
        """Data card of the sweep; None or empty where nothing is known of its data."""
        return self.read.study.facts().get(CARD) or kept_card(self.read.home)

    @property
    def zero(self) -> str:
        """What trial 0 is called: the defaults, or what is nearest to them."""
        return names(self.verdict or {}).label

    @property
    def open_ended(self) -> bool:
        """Whether trials end by themselves, nobody knows after how many epochs."""
        command = self.sweep.command
        return command is not None and command.open_ended

    @property
    def best_name(self) -> str:
        """What the trial of `best` is called: the champion, before there is one the recommended, or the best."""
        if self.verdict is not None:
            return "champion"
        return "the best" if self.read.recommended is None else "recommended"

    @property
    def verdict(self) -> Mapping[str, Any] | None:
        """The final evaluation; None before there is one."""
        return self.read.facts.verdict
