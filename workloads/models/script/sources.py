"""Where a script's metrics are found: in a file of reports, in MLflow, or in what it prints. The first match wins.

In the first trial of a process a source counts once it has the sweep's metric and those before it have been silent
for a while, or the script has ended. Later trials know the source at once.
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
    _since: float | None = None

    def take(self, over: bool = False) -> Sequence[Report]:
        """Return the new reports of the source that counts; ``over``: the script has ended."""
        found = {name: self.new[name]() for name in ORDER if name in self.new}
        if self.chosen is not None:
            return found[self.chosen]
        for name, reports in found.items():
            self._waiting.setdefault(name, []).extend(reports)
        able = [name for name, reports in self._waiting.items() if any(self.metric in r.metrics for r in reports)]
        if not able:
            return ()
        self._since = time.monotonic() if self._since is None else self._since
        best = min(able, key=ORDER.index)
        settled = over or time.monotonic() - self._since >= self.settle_s
        if not (settled or best in (ORDER[0], self.known)):
            return ()
        self.chosen = best
        return self._waiting.pop(best)
