"""Where a script's metrics are found: in a file of reports, in MLflow, or in what it prints. The first match wins.

A source counts once it has the sweep's metric and those before it have been silent for a while, or the script has
ended. Where one before it has the metric later, that one counts from then on, with all that it has told. A trial
knows what earlier ones of its process have found: that source counts at once, and is waited for longer.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from workloads.models.script.epochs import Report

Name = Literal["reports", "mlflow", "printed"]
ORDER: Final[Sequence[Name]] = ("reports", "mlflow", "printed")
WORDS: Final[Mapping[Name, str]] = {
    "reports": "what the script reports (wandb.log, workloads.report)",
    "mlflow": "what the script logs to MLflow",
    "printed": "what the script prints",
}
SETTLE_S, SHORT_SETTLE_S = 0.5, 0.02
"""Seconds for which a source waits for those before it; the latter where the script is halted at each epoch."""
KNOWN_SETTLE_S = 10.0
"""Seconds for which it waits where an earlier trial has found a better one."""


def first(names: Sequence[Name]) -> Name | None:
    """Return the source that comes before the others; None where there is none."""
    return min(names, key=ORDER.index, default=None)


@dataclass
class Sources:
    """The sources of a script; ``new`` returns the latest reports of each. ``known`` is what other trials found."""

    metric: str
    new: Mapping[Name, Callable[[], Sequence[Report]]]
    known: Name | None = None
    settle_s: float = SETTLE_S
    chosen: Name | None = None
    """The source that counts; None until one has the metric."""
    _waiting: dict[Name, list[Report]] = field(default_factory=dict)
    """All reports so far of the sources that may count later."""
    _able: set[Name] = field(default_factory=set)
    """Those of them that have the metric."""
    _since: float | None = None

    def take(self, over: bool = False) -> Sequence[Report]:
        """Return the new reports of the source that counts; ``over``: the script has ended.

        Where another source is ``chosen`` than before, they are all of its reports, from the first one on.
        """
        found = {name: self.new[name]() for name in ORDER if name in self.new}
        better = ORDER[: ORDER.index(self.chosen)] if self.chosen else ORDER
        for name in (name for name in better if name in found):
            self._waiting.setdefault(name, []).extend(found[name])
            self._able |= {name} if any(self.metric in report.metrics for report in found[name]) else set()
        best = first([name for name in better if name in self._able])
        if best is None or not (self.chosen or over or self._is_settled(best)):
            return found[self.chosen] if self.chosen else ()
        self.chosen = best
        return self._waiting.pop(best)

    def _is_settled(self, best: Name) -> bool:
        """Whether a source need not wait any longer for those before it."""
        self._since = time.monotonic() if self._since is None else self._since
        if best in (ORDER[0], self.known):
            return True
        wait_s = self.settle_s if self.known is None or first([best, self.known]) == best else KNOWN_SETTLE_S
        return time.monotonic() - self._since >= wait_s
