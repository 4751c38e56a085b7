"""The members of a sweep's races as runs of MLflow: their keys, states, summaries, and what writes them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from search_spaces.criteria.metric_names import is_of_test
from search_spaces.race.finals import Finals, final_seeds
from search_spaces.race.legs import Purpose
from search_spaces.race.lineage import told
from search_spaces.race.race import Race
from search_spaces.race.recommended import Tried
from search_spaces.race.seeds.retests import Retests
from search_spaces.race.track import ENDS, Track
from search_spaces.spec.sweep import Sweep
from search_spaces.types.failure import FailureReason
from search_spaces.types.trial_names import trial_key, trial_name
from search_spaces.types.values import Params
from tracking import names
from tracking.store.records import RunFacts
from tracking.writer.writer import Writer

ROLES: Final[Mapping[Purpose, names.Role]] = {"search": "trial", "repeat": "repeat", "final": "final"}


def run_key(track: Track, role: names.Role) -> str:
    """Return the key of a member's MLflow run: a trial's number in the search, the member's key in the verdict."""
    return trial_key(track.trial) if role == "trial" else track.key


def summary(track: Track, metric: str) -> dict[str, float]:
    """Return the metrics of a member's run beside its curves: seconds, best value and best epoch."""
    found = {names.SECONDS: track.seconds}
    if track.best_epoch is not None and track.own_best is not None:
        found |= {names.best(metric): track.own_best, names.BEST_EPOCH: float(track.best_epoch)}
    return found


def over_seeds(tried: Tried | None, metric: str) -> dict[str, float]:
    """Return the metrics of a trial's run that tell of its values with all seeds; none where nothing is known."""
    if tried is None:
        return {}
    spread = {} if tried.std is None else {names.std(metric): tried.std}
    return {names.mean(metric): tried.mean, names.NUM_SEEDS: float(len(tried.values)), **spread}


def shown_state(track: Track) -> names.TrialState:
    """Return a member's state while the sweep is driven: ``running`` until it ends, also at a rung."""
    if track.failed and track.failure and track.failure.kind == "constraint":
        return "infeasible"
    if track.state == "ready" or track.state == "paused":
        return "paused" if track.resting else "running"
    return track.state


def failure(track: Track) -> FailureReason | None:
    """Return why a member has failed; one that is to be tried again has not."""
    return track.failure if track.state == "failed" else None


def measured_metrics(track: Track, metrics: Mapping[str, float], log_scaled: frozenset[str]) -> dict[str, float]:
    """Return an epoch's metrics, with the changed hyperparameters added: MLflow's params cannot change."""
    return {**metrics, **names.hp_metrics(track.changed, log_scaled)}


def at_best_epoch(metrics: Mapping[str, float]) -> dict[str, float]:
    """Return a final member's scores with ``val_*`` named ``best_val_*``: they are of one epoch, no curve."""
    return {name if is_of_test(name) else names.best(name): value for name, value in metrics.items()}


@dataclass(frozen=True)
class MlflowRuns:
    """Observer of a race that writes to MLflow. It stands before the study, which is so never ahead of MLflow."""

    writer: Writer
    sweep: Callable[[], Sweep]
    """Function that returns the sweep as it is now: it may be edited."""
    role: names.Role
    seeds: Callable[[Track], Tried | None] = lambda track: None
    """Function that returns a trial's values with several seeds, as far as they are known."""

    @property
    def metric(self) -> str:
        """Name of the objective."""
        return self.sweep().metric.name

    def reported(self, track: Track, epoch: int, value: float) -> None:
        """Write a value that is taken over; lanes' reports have been written already, with all of their metrics."""
        if track.state != "running":
            self.writer.epoch(run_key(track, self.role), epoch, {self.metric: value})

    def moved(self, track: Track) -> None:
        """Start the member's MLflow run if it has none."""
        self.writer.trial(run_key(track, self.role), track.trial, self.role, self._params(track))
        if (track.has_just_changed or track.just_steered) and self.role == "trial":
            self.writer.state(run_key(track, self.role), shown_state(track), {}, tags=self._tags(track))

    def ended(self, track: Track) -> None:
        """Write the member's final state."""
        self.tell(track, shown_state(track))

    def tell(self, track: Track, state: names.TrialState) -> None:
        """Set the state of the member's MLflow run, with its summary."""
        key = run_key(track, self.role)
        self.writer.trial(key, track.trial, self.role, self._params(track))
        self.writer.state(key, state, self._summary(track), failure(track), self._tags(track))

    def _summary(self, track: Track) -> dict[str, float]:
        found = summary(track, self.metric)
        if self.role != "trial":
            return found
        tried = self.seeds(track)
        if tried is None and self.sweep().repeats and track.feasible and track.own_best is not None:
            tried = Tried(track.trial, [track.own_best])  # it stands among means
        return found | over_seeds(tried, self.metric)

    def _tags(self, track: Track) -> dict[str, str]:
        """Return whose weights or results a trial of the search took over, if any, and who steered it."""
        if self.role != "trial":
            return {}
        tags = {names.TRIAL_LINEAGE: told(track)} if track.exploits else {}
        if (taken := track.cached) is not None:
            tags[names.TRIAL_CACHED] = f"{taken.sweep} {trial_name(taken.trial)}, up to epoch {taken.epoch}"
        return tags | ({names.TRIAL_STEERED: "; ".join(track.steered)} if track.steered else {})

    def _params(self, track: Track) -> Params:
        searched = self.sweep().drawn_with(track.trial)[0].domains.keys()
        unused = searched - track.searched.keys()  # a conditional one is none of a trial that does not use it
        return {name: value for name, value in track.initial.items() if name not in unused}

    def facts(self, track: Track) -> RunFacts:
        """Return the contents that MLflow should have for a member that has begun."""
        return RunFacts(
            number=track.trial,
            role=self.role,
            params=self._params(track),
            state=shown_state(track),
            history=dict(track.values),
            summary=self._summary(track),
            failure=failure(track),
            tags=self._tags(track),
        )


@dataclass(frozen=True)
class Means:
    """Observer of a race of further seeds: writes to the run of their trial what all of its seeds come to."""

    runs: MlflowRuns
    trials: Callable[[], Sequence[Track]]
    """Function that returns the tracks of the search, by number."""

    def reported(self, track: Track, epoch: int, value: float) -> None:
        """Wait for the rung."""

    def moved(self, track: Track) -> None:
        """Write the mean as the seed has come to a rung."""
        if track.waiting:
            self.ended(track)

    def ended(self, track: Track) -> None:
        """Write the mean as the seed has ended."""
        trial = self.trials()[track.trial]
        if self.runs.seeds(trial):
            self.runs.tell(trial, shown_state(trial))


@dataclass(frozen=True)
class Members:
    """All members of a sweep with an MLflow run, now or later, by the races that have begun and those to come."""

    writer: Writer
    sweep: Callable[[], Sweep]
    """Function that returns the sweep as it is now."""
    races: Mapping[Purpose, Race]
    retests: Retests
    finals: Finals

    def all(self) -> Iterator[tuple[names.Role, Track]]:
        """Yield each with its role; also those of a verdict that waits for a longer search."""
        for purpose, race in self.races.items():
            yield from ((ROLES[purpose], track) for track in race.tracks)
        searched = self.races["search"].tracks
        known = {track.key for track in self.races["repeat"].tracks} if "repeat" in self.races else set()
        yield from (("repeat", track) for track in self.retests.members(searched) if track.key not in known)
        if self.sweep().final is not None and "final" not in self.races:
            judged = [track for track in searched if track.trial in self.finals.trials]
            yield from (("final", track) for track in self.finals.members(judged, self.seeds))

    def runs(self, role: names.Role) -> MlflowRuns:
        """Return the observer of the race whose members have this role."""
        return MlflowRuns(self.writer, self.sweep, role, self.retests.tried)

    def facts(self) -> dict[str, RunFacts]:
        """Return what MLflow should have of the members that have begun, by the keys of their runs."""
        facts: dict[str, RunFacts] = {}
        for role, track in self.all():
            key = run_key(track, role)
            if self.writer.knows(key) or track.values or track.state in ENDS:
                facts[key] = self.runs(role).facts(track)
        return facts

    @property
    def seeds(self) -> list[int]:
        """Seeds of the verdict."""
        final = self.sweep().final
        return final_seeds(self.sweep().seed, final.seeds) if final else []
