"""A race's ledger that tells MLflow first and the study second, so that the study is never ahead."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from search_spaces.race.contract import Ledger
from search_spaces.race.track import Track
from tracking import names
from tracking.store.records import RunFacts
from tracking.writer.writer import Writer


def run_key(track: Track, role: names.Role) -> str:
    """The key of a member's MLflow run: trials of the search by number, final ones with their seed."""
    return f"t{track.trial:04d}" if role == "trial" else track.key


def summary(track: Track, metric: str) -> dict[str, float]:
    """What a member's run shows beside its curves."""
    found = {names.SECONDS: track.seconds}
    if track.best_epoch is not None and track.best_value is not None:
        found |= {names.best(metric): track.best_value, names.BEST_EPOCH: float(track.best_epoch)}
    return found


def shown_state(track: Track) -> names.TrialState:
    """A member's state while the sweep is driven: until it ends it is ``running``, at a rung, too."""
    return "running" if track.state == "ready" or track.state == "paused" else track.state


def measured_metrics(track: Track, metrics: Mapping[str, float], log_scaled: frozenset[str]) -> dict[str, float]:
    """An epoch's metrics, with the hyperparameters that a schedule has changed: MLflow's params cannot."""
    return {**metrics, **names.hp_metrics(track.changed, log_scaled)}


@dataclass
class Chronicle:
    """See the module."""

    study_ledger: Ledger
    writer: Writer
    metric: str
    role: names.Role = "trial"

    def reported(self, track: Track, epoch: int, value: float) -> None:
        """See ``Ledger``. The epoch's metrics go to MLflow with the report that holds them all."""
        self.study_ledger.reported(track, epoch, value)

    def moved(self, track: Track) -> None:
        """See ``Ledger``. A member's run begins with its first leg."""
        self.writer.trial(run_key(track, self.role), track.trial, self.role, track.initial)
        self.study_ledger.moved(track)

    def ended(self, track: Track) -> None:
        """See ``Ledger``."""
        self.tell(track, shown_state(track))
        self.study_ledger.ended(track)

    def tell(self, track: Track, state: names.TrialState) -> None:
        """Puts the member's run into ``state``."""
        key = run_key(track, self.role)
        self.writer.trial(key, track.trial, self.role, track.initial)
        self.writer.state(key, state, summary(track, self.metric), track.failure)

    def facts(self, track: Track) -> RunFacts:
        """What MLflow should hold of a member that has begun."""
        return RunFacts(
            number=track.trial,
            role=self.role,
            params=track.initial,
            state=shown_state(track),
            history=dict(track.values),
            summary=summary(track, self.metric),
            failure=track.failure,
        )
