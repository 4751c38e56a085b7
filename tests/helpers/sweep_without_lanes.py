"""A sweep between its study and a real MLflow store; the lanes are played by the test."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from cluster.sweep.coordinator import Coordinator
from cluster.sweep.home import SweepHome
from cluster.sweep.messages import Report
from cluster.sweep.stop import Stop
from cluster.sweep.tracker import header
from search_spaces.race.legs import Leg, Member, MemberEpoch, Saved, Scored
from search_spaces.race.search import Search
from search_spaces.spec.sweep import parse_sweep
from search_spaces.study.study import Study
from tests.helpers.small_sweep_in_mlflow import runs_of
from tracking.writer.writer import Writer
from workloads.registry import catalogue

SPEC = """
name: wait
workload: softmax
data: {name: wine}
epochs: 2
early_terminate: none
cohort: 1
trials: 3
parameters: {lr: {min: 0.001, max: 0.1, log: true}}
final: {top: 1, seeds: 3}
"""
CARD = {"name": "wine", "digest": "0" * 36, "rows": {"train": 3, "val": 1, "test": 1}}


def later_is_better(member: Member, epoch: int) -> float:
    """Return a value that is better with every trial and epoch."""
    return 0.5 + member.trial / 10 + epoch / 1000


class Life:
    """One life of the sweep in the working folder; ``trials`` opens it again for so many.

    ``value`` is the objective of a member after an epoch.
    """

    def __init__(
        self,
        uri: str,
        trials: int | None = None,
        spec: str = SPEC,
        value: Callable[[Member, int], float] = later_is_better,
    ) -> None:
        self.value = value
        text = parse_sweep(spec, "spec.yaml", Path.cwd(), catalogue=catalogue())
        homes = SweepHome.all()
        self.home = homes[0] if homes else SweepHome.create(text)
        sweep = self.home.sweep()
        study = Study(self.home.id, sweep.metric.goal, self.home.journal)
        if trials is not None:
            sweep = sweep.model_copy(update={"trials": trials})
            study.set("searched", False)
            self.home.keep(sweep)
        self.writer = Writer(uri, self.home.spool, header(self.home, sweep, CARD), print)
        self.coordinator = Coordinator(
            sweep=sweep,
            home=self.home,
            study=study,
            search=Search(sweep, catalogue().workload("softmax").hyperparameters, study),
            writer=self.writer,
            num_lanes=1,
            say=print,
            stop=Stop(self.home.stop_mark),
        )
        self.trained: list[str] = []

    def train(self, leg: Leg, score: bool = True) -> None:
        """Train a leg. Without ``score`` the lane is cut off between two epochs of its leg."""
        self.trained += [f"{leg.purpose} {member.key}" for member in leg.members]
        epochs = range(leg.start + 1, leg.stop + 1 if score else leg.stop)
        points = [MemberEpoch(key=m.key, epoch=e, metrics={"val_accuracy": self.value(m, e)})
                  for m in leg.members for e in epochs]  # fmt: skip
        saved = [Saved(key=m.key, epoch=epochs[-1], uri=f"{self.home.checkpoints}/{m.key}") for m in leg.members]
        scored = [Scored(key=m.key, best_epoch=2, metrics={"test_accuracy": 0.5}) for m in leg.members]
        told = scored if score and leg.purpose == "final" else []
        self.coordinator.report(
            (leg.purpose, leg.id), Report(epochs=points, saved=saved, scored=told, seconds=1.0, done=score)
        )

    def end(self) -> None:
        """Stopped cleanly, or over."""
        if not self.coordinator.finished:
            self.coordinator.pause()
        assert self.writer.close(60)


def states(uri: str, home: SweepHome) -> dict[str, tuple[str, str]]:
    """State and status of every run but the sweep's own; each key once."""
    found = runs_of(uri, home.id)
    assert all(len(runs) == 1 for runs in found.values())
    return {key: (run.data.tags["trial.state"], run.info.status) for key, [run] in found.items() if key}
