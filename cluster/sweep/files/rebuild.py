"""Writes a sweep's journal anew where it and its copy have lost lines: from what is left, the spool and MLflow."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from cluster.sweep.files.texts_of_params import values_meant
from cluster.sweep.home import SweepHome
from cluster.sweep.reading import IMPORTANCE
from search_spaces.criteria.measures import Measures, Standing
from search_spaces.race.finals import PREFIX
from search_spaces.race.recommended import PREFIX as AGAIN
from search_spaces.race.search import Search
from search_spaces.race.track import ENDS
from search_spaces.samplers.history import Observation
from search_spaces.space.hyperparameters import hyperparameters
from search_spaces.study.contract import MEASURED, Outcome, measured_in
from search_spaces.study.journal import copy_of, put
from search_spaces.study.salvage import Salvaged, salvage
from search_spaces.study.study import Study
from search_spaces.types.files.broken import keep_broken
from search_spaces.types.problems import beside
from search_spaces.types.trial_names import name_of_key, trial_key, trial_name
from search_spaces.types.values import Params
from tracking.names import NUM_DIGITS
from tracking.store.errors import Away, Refused
from tracking.writer.told import Told, joined, of_mlflow, of_spool
from workloads.legs import checkpoint
from workloads.registry import catalogue

if TYPE_CHECKING:
    from search_spaces.spec.sweep import Sweep

SURE_ONLY = ("verdict", "complete")
"""Attributes of the study that a resume makes anew: they are kept only where they are the newest for certain."""


@dataclass(kw_only=True)
class Found:
    """One trial as all sources together tell of it; ``noted`` is its progress."""

    number: int
    params: Params
    values: Mapping[int, float] = field(default_factory=dict)
    outcome: Outcome | None = None
    noted: Mapping[str, Any] = field(default_factory=dict)
    measured: Mapping[int, Mapping[str, float]] = field(default_factory=dict)
    """Values by epoch of the metrics that decide besides the objective."""
    rounded: bool = False
    """Whether some values are MLflow's, which has not all of their digits."""

    @property
    def holes(self) -> list[str]:
        """Epochs without a value before the last one that has one."""
        last = max(self.values, default=0)
        return [str(epoch) for epoch in range(1, last) if epoch not in self.values]


@dataclass
class Rebuilding:
    """All that is known of a sweep. ``say`` is told what could not be had back, by trial."""

    home: SweepHome
    sweep: Sweep
    say: Callable[[str], None]

    def __post_init__(self) -> None:
        self.left = salvage(self.home.journal)

    @cached_property
    def told(self) -> Mapping[int, Told]:
        """What the spool and MLflow know of each trial, by number."""
        metric = self.sweep.metric.name
        try:
            in_mlflow = of_mlflow(self.sweep.tracking.uri, self.home.id, metric, self.sweep.criteria.names)
        except (Away, Refused, FileNotFoundError) as error:
            self.say(f"MLflow cannot be asked ({error})")
            in_mlflow = {}
        told = joined(of_spool(self.home.spool, metric), in_mlflow)
        return {one.number: one for one in told.values() if one.role == "trial"}

    @cached_property
    def checkpoints(self) -> Mapping[str, list[str]]:
        """The checkpoints that are there, of each member, the newest first."""
        found = defaultdict(list)
        for uri in sorted(checkpoint.found(self.home.checkpoints), reverse=True):
            found[uri.rsplit("/", 2)[1]].append(uri)
        return found

    def trials(self) -> Iterator[Found]:
        """Yield every trial, by number; one whose configuration is lost begins anew with another one."""
        numbers = {*self.left.trials, *self.told}
        found = {number: one for number in sorted(numbers) if (one := self._trial(number)) is not None}
        search = Search(self.sweep, catalogue().workload(self.sweep.workload).hyperparameters, None)
        for number in range(max(numbers, default=-1) + 1):
            if number not in found:
                others = [Observation(one.params, "running", {}) for one in found.values()]
                found[number] = Found(number=number, params=search.instead(number, others))
                self.say(f"{trial_name(number)}: its configuration is lost, and another one takes its place")
            if holes := found[number].holes:
                self.say(f"{trial_name(number)}: its values of epochs {', '.join(holes)} are lost")
            yield found[number]
        if rounded := [trial_name(number) for number, one in found.items() if one.rounded]:
            what = f"values that only MLflow has are rounded to {NUM_DIGITS} digits"
            self.say(f"{what}: of {', '.join(rounded)}")

    def _trial(self, number: int) -> Found | None:
        left, told = self.left.trials.get(number, Salvaged()), self.told.get(number)
        params = left.params
        if params is None and told is not None:
            params = self._searched(told)
        if params is None:
            return None
        metric, epochs = self.sweep.metric.name, told.epochs if told else {}
        values = {epoch: float(m[metric]) for epoch, m in epochs.items() if math.isfinite(m.get(metric, math.nan))}
        values = dict(sorted({**values, **left.values}.items()))
        told_state = "failed" if told and told.state == "infeasible" else told.state if told else None
        outcome: Any = left.outcome or (told_state if told_state in ENDS else None)
        if outcome == "done" and not values:
            outcome = None
        noted = dict(left.attributes.get("progress", {}))
        if told and not (left.sure and left.outcome == outcome):
            noted |= {"state": outcome or "ready", "seconds": told.seconds or noted.get("seconds", 0.0)}
            noted["failure"] = asdict(told.failure) if told.failure else noted.get("failure")
            noted["beside"] = self._beside(values, epochs) or noted.get("beside", {})
        noted = self.with_checkpoint(trial_key(number, self.sweep.seed), noted)
        if outcome:
            noted["epoch"] = max(values, default=0)
        rounded = bool(told and told.rounded & values.keys() - left.values.keys())
        return Found(
            number=number,
            params=params,
            values=values,
            outcome=outcome,
            noted=noted,
            measured=self._measured(values, epochs, left.attributes),
            rounded=rounded,
        )

    def _measured(
        self,
        values: Mapping[int, float],
        epochs: Mapping[int, Mapping[str, float]],
        attributes: Mapping[str, Any],
    ) -> Mapping[int, Mapping[str, float]]:
        """Return what decides besides the objective, by epoch, as the study had it or else as it was told."""
        found = Measures(self.sweep.criteria, measured_in(attributes))
        for epoch in values:
            found.record(epoch, epochs.get(epoch, {}))
        return found.by_epoch

    def _searched(self, told: Told) -> Params:
        """Return the searched hyperparameters; of MLflow's texts those values that the spec means."""
        if not told.are_texts:
            return self.sweep.space.own(told.params)
        known = hyperparameters(catalogue().workload(self.sweep.workload).hyperparameters)
        return values_meant(self.sweep.space, known, told.params)

    def _beside(
        self, values: Mapping[int, float], epochs: Mapping[int, Mapping[str, float]]
    ) -> Mapping[str, float]:
        """Return the metrics that are shown beside the objective, of the latest of the best epochs."""
        best = self.sweep.objective.best(sorted(values, reverse=True), lambda epoch: values[epoch])
        measured = epochs.get(best, {}) if best is not None else {}
        shown = beside(self.sweep.problem, self.sweep.metric.name)
        return {name: measured[name] for name in shown if name in measured}

    def with_checkpoint(self, key: str, noted: Mapping[str, Any]) -> dict[str, Any]:
        """Return a member's progress with a checkpoint that is valid: the one it names, else its newest one."""
        named = [noted["checkpoint"]] if noted.get("checkpoint") else []
        there = next((uri for uri in (*named, *self.checkpoints.get(key, ())) if checkpoint.valid(uri)), None)
        epoch = checkpoint.progress(there).epoch if there else 0
        return {**noted, "checkpoint": there, "previous": None, "epoch": epoch}

    def facts(self) -> dict[str, Any]:
        """Return the study's attributes, without those of final trainings that are not certain to be over."""
        facts = {
            key: value for key, value in self.left.facts.items() if key not in SURE_ONLY or key in self.left.sure
        }
        facts.pop(IMPORTANCE, None)  # of the values before the damage; readers reckon it anew
        for key, entry in self.left.facts.items():
            if not key.startswith((PREFIX, AGAIN)):
                continue
            final, member = key.startswith(PREFIX), key.partition(":")[2]
            if entry["state"] in ENDS and (not final or "test" in entry or entry["state"] == "failed"):
                epoch = entry["epoch"]
                facts[key] = {**self.with_checkpoint(member, entry), "epoch": epoch}
            else:
                del facts[key]
                self.say(f"{name_of_key(member)}: it is trained again")
        if facts.get("phase") == "finished" and not {"phase", "complete"} <= self.left.sure:
            facts["phase"] = "stopped"
        return facts


def rebuild(home: SweepHome, sweep: Sweep, say: Callable[[str], None]) -> None:
    """Write the journal and its copy anew, and keep both as they were, under the name ``.broken``."""
    known = Rebuilding(home, sweep, say)
    if not (known.left.facts or known.left.trials or known.told):
        say("neither the spool nor MLflow knows of any trial: the search begins anew")
    new = home.path / "journal.log.new"
    for path in (new, copy_of(new)):
        path.unlink(missing_ok=True)
    study = Study(home.id, sweep.goals, new)
    for trial in known.trials():
        _write(study, sweep, trial)
    for key, value in known.facts().items():
        study.set(key, value)
    study.flush()
    files = [path for path in (home.journal, copy_of(home.journal)) if path.exists()]
    kept = " and ".join(str(keep_broken(path)) for path in files)
    put(home.journal, new)
    copy_of(new).unlink()
    num_lost = known.left.num_lost
    lost = ("1 line was" if num_lost == 1 else f"{num_lost} lines were") if num_lost else "all was"
    there = f"; what was there is {kept}" if kept else ""
    say(f"{home.journal} and its copy were written anew, as {lost} lost{there}")


def _write(study: Study, sweep: Sweep, trial: Found) -> None:
    number = study.add(sweep.space, trial.params)
    assert number == trial.number
    for epoch, value in trial.values.items():
        if measured := trial.measured.get(epoch):
            study.note(number, f"{MEASURED}{epoch}", measured)
        study.report(number, epoch, value)
    if trial.noted:
        study.note(number, "progress", trial.noted)
    if trial.outcome:
        measures = Measures(sweep.criteria, {epoch: dict(found) for epoch, found in trial.measured.items()})
        stands = Standing.of(sweep.objective, trial.values, measures)
        study.tell(number, trial.outcome, stands.vector(sweep.criteria) if sweep.metrics else stands.value)
