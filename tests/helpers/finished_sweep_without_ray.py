"""Makes sweeps as their drivers leave them, without Ray or training, in the working folder."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from cluster.sweep.home import SweepHome
from cluster.sweep.reading import Reading
from cluster.sweep.tracker import Tracker
from cluster.terminal.views import QuietView
from search_spaces.race.legs import Leg, MemberEpoch, Saved
from search_spaces.race.search import Search
from search_spaces.spec.sweep import Sweep, parse_sweep
from search_spaces.study.study import Study
from search_spaces.types.failure import FailureReason
from tracking import names
from workloads.registry import catalogue

SPEC = """
name: wines
workload: softmax
data: {name: wine}
epochs: 9
trials: 9
cohort: 1
parameters:
  lr: {min: 1e-4, max: 1e-1, log: true}
  batch_size: {values: [32, 64]}
"""
TRACKING = {
    "uri": "http://127.0.0.1:9",
    "experiment_id": "7",
    "parent_run_id": "abc",
    "url": "http://127.0.0.1:9/#/x",
}
FAILING = 2

RAISED = FailureReason("raised", "Traceback:\n  deep\nValueError: it diverged")


CARD: Mapping[str, Any] = {
    "name": "wine",
    "digest": "0" * 64,
    "rows": {"train": 100, "val": 40, "test": 38},
}


def rising(trial: int, epoch: int) -> float:
    """Return a value that is better with every epoch and trial."""
    return 0.5 + trial / 100 + epoch / 1000


def measured(
    leg: Leg, epoch: int, score: Callable[[int, int], float], metrics: Iterable[str] = ("val_accuracy",)
) -> list[MemberEpoch]:
    """Return the metrics of one epoch, all ``score`` of trial and epoch; trial FAILING fails at once."""
    return [
        MemberEpoch(
            key=member.key,
            epoch=epoch,
            metrics={**dict.fromkeys(metrics, score(member.trial, epoch)), "params_m": 1.0 + member.trial},
            failure=RAISED if member.trial == FAILING else None,
        )
        for member in leg.members
    ]


def raced(
    *overrides: str,
    text: str = SPEC,
    most_legs: int = 1000,
    score: Callable[[int, int], float] = rising,
    **facts: Any,
) -> SweepHome:
    """Run a sweep's race for at most ``most_legs`` legs; return its home as a driver would have left it.

    ``facts`` replace facts of the study.
    """
    sweep = parse_sweep(text, "spec.yaml", Path.cwd(), overrides, catalogue=catalogue())
    home = SweepHome.create(sweep)
    return raced_on(home, Study(home.id, sweep.goals, home.journal), sweep, most_legs, score, **facts)


def raced_on(
    home: SweepHome,
    study: Study,
    sweep: Sweep,
    most_legs: int = 1000,
    score: Callable[[int, int], float] = rising,
    **facts: Any,
) -> SweepHome:
    """Run the race of a sweep that is in ``study``, from where it is; return its home, as ``raced`` does."""
    race = Search(sweep, catalogue().workload(sweep.workload).hyperparameters, study).race(num_lanes=1)
    while most_legs and (leg := race.next_leg()):
        most_legs -= 1
        for epoch in range(leg.start + 1, leg.stop + 1):
            race.reported(leg.id, measured(leg, epoch, score, (sweep.metric.name, *sweep.beside)))
        alive = [member for member in leg.members if member.trial != FAILING]
        kept = {member.key: f"/nowhere/{member.key}/e{leg.stop:04d}" for member in alive}
        race.saved(leg.id, [Saved(key=key, epoch=leg.stop, uri=uri) for key, uri in kept.items()])
        race.finished_leg(leg.id, 1.0)
    phase = "finished" if race.finished else "stopped"
    told = {"phase": phase, "searched": race.finished, "cost": {"seconds": 65.0, "lanes": 1}, "tracking": TRACKING}
    for key, value in (told | facts).items():
        study.set(key, value)
    study.flush()
    return home


def tracked(home: SweepHome) -> Tracker:
    """Open the tracker of a sweep that was raced, and tell MLflow of its trials as its driver would have."""
    if not home.data.exists():
        home.data.write_text(json.dumps({"card": CARD, "indices": {}}))
    sweep = home.sweep()
    tracker = Tracker(home, sweep, Study(home.id, sweep.metric.goal, home.journal), QuietView(sys.stderr), CARD)
    rows = Reading.of(home).rows
    for row in rows:
        key = f"t{row.number:04d}"
        tracker.writer.trial(key, row.number, "trial", row.params)
        if row.state != "paused":
            assert row.best_value is not None
            tracker.writer.state(key, row.state, {names.best(sweep.metric.name): row.best_value}, row.failure)
    tracker.tick(rows)
    return tracker
