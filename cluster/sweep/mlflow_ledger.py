"""A race's ledger that writes to MLflow first and to the study second, so that the study is never ahead."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from search_spaces.race.contract import Ledger
from search_spaces.race.track import Track
from tracking import names
from tracking.store.records import RunFacts
from tracking.writer.writer import Writer


def run_key(track: Track, role: names.Role) -> str:
    """Return the key of a member's MLflow run: a trial's number in the search, the member's key in the verdict."""
    return f"t{track.trial:04d}" if role == "trial" else track.key


def summary(track: Track, metric: str) -> dict[str, float]:
    """Return the metrics of a member's run beside its curves: seconds, best value and best epoch."""
    found = {names.SECONDS: track.seconds}
    if track.best_epoch is not None and track.best_value is not None:
        found |= {names.best(metric): track.best_value, names.BEST_EPOCH: float(track.best_epoch)}
    return found


def shown_state(track: Track) -> names.TrialState:
    """Return a member's state while the sweep is driven: ``running`` until it ends, also at a rung."""
    return "running" if track.state == "ready" or track.state == "paused" else track.state


def measured_metrics(track: Track, metrics: Mapping[str, float], log_scaled: frozenset[str]) -> dict[str, float]:
    """Return an epoch's metrics, with the changed hyperparameters added: MLflow's params cannot change."""
    return {**metrics, **names.hp_metrics(track.changed, log_scaled)}


@dataclass
class Chronicle:
    """Wraps the study's ledger and writes each event to MLflow before it."""

    study_ledger: Ledger
    writer: Writer
    metric: str
    role: names.Role = "trial"

    def reported(self, track: Track, epoch: int, value: float) -> None:
        """Record the value in the study; the epoch's metrics go to MLflow with the report that holds them all."""
        self.study_ledger.reported(track, epoch, value)

    def moved(self, track: Track) -> None:
        """Start the member's MLflow run if it has none, and record its progress in the study."""
        self.writer.trial(run_key(track, self.role), track.trial, self.role, track.initial)
        self.study_ledger.moved(track)

    def ended(self, track: Track) -> None:
        """Record the member's final state in MLflow and the study."""
        self.tell(track, shown_state(track))
        self.study_ledger.ended(track)

    def tell(self, track: Track, state: names.TrialState) -> None:
        """Set the state of the member's MLflow run, with its summary."""
        key = run_key(track, self.role)
        self.writer.trial(key, track.trial, self.role, track.initial)
        self.writer.state(key, state, summary(track, self.metric), track.failure)

    def facts(self, track: Track) -> RunFacts:
        """Return the contents that MLflow should have for a member that has begun."""
        return RunFacts(
            number=track.trial,
            role=self.role,
            params=track.initial,
            state=shown_state(track),
            history=dict(track.values),
            summary=summary(track, self.metric),
            failure=track.failure,
        )
