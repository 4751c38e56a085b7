"""What MLflow has acknowledged, to see that a store has lost runs: it was removed, or replaced by an older one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from tracking import names
from tracking.store.records import FoundRun
from tracking.writer.events import EpochMeasured, EpochsWithdrawn, Event, Reconciled, TrialBegan


@dataclass
class Acknowledged:
    """Last epoch of each member, by key, whose objective the store has acknowledged; 0 for a run without one."""

    metric: str
    epochs: dict[str, int] = field(default_factory=dict)

    def note(self, event: Event) -> None:
        """Take note of an event that the store has taken."""
        match event:
            case TrialBegan():
                self.epochs.setdefault(event.key, 0)
            case EpochMeasured():
                if event.key in self.epochs and math.isfinite(event.metrics.get(self.metric, math.nan)):
                    self.epochs[event.key] = max(self.epochs[event.key], event.epoch)
            case EpochsWithdrawn():
                if event.key in self.epochs:
                    self.epochs[event.key] = min(self.epochs[event.key], event.kept)
            case Reconciled():
                self.epochs = {key: max(facts.history, default=0) for key, facts in event.expected.items()}
            case _:
                pass

    def lost(self, found: Sequence[FoundRun]) -> list[str]:
        """Return the keys of members whose run is not among ``found``, or ends at an earlier epoch there."""
        metric = names.clean_key(self.metric)
        last: dict[str, int] = {}
        for run in found:
            last[run.key] = max(last.get(run.key, 0), run.last_step(metric))
        return [key for key, epoch in self.epochs.items() if last.get(key, -1) < epoch]
