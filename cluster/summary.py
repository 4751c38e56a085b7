"""A sweep as its study tells it: the rows people see and the ``--json`` document. Needs no Ray, MLflow or torch."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from cluster.home import SweepHome
from cluster.progress import Phase, Row, Snapshot, TrialState, Trouble

if TYPE_CHECKING:
    from search_spaces.study import Record, Study
    from search_spaces.sweep import Sweep


@dataclass(frozen=True)
class Facts:
    """What the study holds of the sweep as a whole, read once."""

    tracking: Mapping[str, Any]
    cost: Mapping[str, Any]
    verdict: Mapping[str, Any] | None
    phase: Phase
    searched: bool
    """Whether the search is over and the verdict was or is on."""
    finals: Sequence[Mapping[str, Any]]
    num_finals: int

    @classmethod
    def of(cls, study: Study) -> Facts:
        """From the study's attributes."""
        facts = study.facts()
        finals = [entry for key, entry in facts.items() if key.startswith("final:")]
        return cls(
            tracking=facts.get("tracking", {}),
            cost=facts.get("cost", {}),
            verdict=facts.get("verdict"),
            phase=facts.get("phase", "starting"),
            searched=bool(facts.get("searched")),
            finals=finals,
            num_finals=facts.get("num_finals", 0),
        )


def rows(study: Study, goal: str, live: bool) -> list[Row]:
    """One row a trial. A trial that has not ended is ``running`` only while a live driver has it in a leg."""
    run_ids = study.facts().get("run_ids", {})
    better = max if goal == "maximize" else min
    return [replace(_row(r, better, live), run_id=run_ids.get(str(r.number))) for r in study.records()]


def _row(record: Record, better: Any, live: bool) -> Row:
    noted = record.attributes.get("progress", {})
    curve = list(record.values.values())
    running: TrialState = "running" if live and noted.get("state") == "running" else "paused"
    return Row(
        number=record.number,
        state=record.outcome or running,
        epochs=max(record.values, default=0),
        value=curve[-1] if curve else None,
        best_value=better(curve) if curve else None,
        params=record.params,
        curve=curve,
        seconds=float(noted.get("seconds") or 0.0),
        error=str(noted["error"]).strip().splitlines()[-1] if noted.get("error") else None,
    )


def best_of(found: Sequence[Row], goal: str) -> Row | None:
    """The row with the best value that did not fail; of equal ones the first."""
    able = [row for row in found if row.best_value is not None and row.state != "failed"]
    sign = 1.0 if goal == "maximize" else -1.0
    return max(able, key=lambda row: (sign * (row.best_value or 0.0), -row.number), default=None)


@dataclass(frozen=True)
class Clock:
    """Seconds since the sweep began, over all its lives, and since this life began to train."""

    elapsed_s: float
    training_s: float = 0.0


def picture(sweep: Sweep, study: Study, live: bool, clock: Clock, num_lanes: int) -> Snapshot:
    """The whole sweep as it stands."""
    facts = Facts.of(study)
    found = rows(study, sweep.metric.goal, live)
    best = best_of(found, sweep.metric.goal)
    trained, saved = sum(row.epochs for row in found), epochs_saved(found, sweep.epochs)
    num_finals = sum(1 for entry in facts.finals if "test" in entry)
    return Snapshot(
        phase=facts.phase,
        rows=found,
        num_planned=sweep.trials,
        horizon=sweep.epochs,
        best=best.number if best else None,
        epochs_trained=trained,
        epochs_saved=saved,
        elapsed_s=clock.elapsed_s,
        eta_s=_eta_s(found, sweep, clock) if facts.phase == "search" else None,
        num_lanes=num_lanes,
        finals_done=num_finals,
        finals_planned=facts.num_finals,
    )


def _eta_s(found: Sequence[Row], sweep: Sweep, clock: Clock) -> float | None:
    """What is left of the search at the pace so far; trials that wait at a rung count as done, most of them are."""
    past = sum(1 for row in found if row.state != "running" and row.epochs)
    return clock.training_s * (sweep.trials - past) / past if past and clock.training_s else None


def epochs_saved(found: Sequence[Row], horizon: int) -> int:
    """Epochs that full training would have cost the trials that were stopped early."""
    return sum(horizon - row.epochs for row in found if row.state == "stopped")


def open_study(home: SweepHome, sweep: Sweep) -> Study:
    """The sweep's study for reading."""
    from search_spaces.study import Study

    return Study(home.id, sweep.metric.goal, home.journal, writing=False)


def snapshot(home: SweepHome) -> Snapshot:
    """The sweep as it stands on disk."""
    sweep = home.sweep()
    study = open_study(home, sweep)
    cost = Facts.of(study).cost
    return picture(
        sweep,
        study,
        live=home.driver_pid() is not None,
        clock=Clock(float(cost.get("seconds", 0.0))),
        num_lanes=int(cost.get("lanes", 0)),
    )


def document(home: SweepHome) -> dict[str, Any]:
    """The ``--json`` document of a sweep, as the README describes it."""
    sweep = home.sweep()
    study = open_study(home, sweep)
    live = home.driver_pid() is not None
    found, facts = rows(study, sweep.metric.goal, live), Facts.of(study)
    best = best_of(found, sweep.metric.goal)
    return {
        "sweep": home.id,
        "name": sweep.name,
        "state": "running" if live else "finished" if facts.phase == "finished" else "interrupted",
        "metric": {"name": sweep.metric.name, "goal": sweep.metric.goal},
        "trials": [_trial(row) for row in found],
        "best": best and {"number": best.number, "value": best.best_value, "params": dict(best.params)},
        "verdict": facts.verdict,
        "cost": {
            "seconds": facts.cost.get("seconds", 0.0),
            "epochs_trained": sum(row.epochs for row in found),
            "epochs_saved": epochs_saved(found, sweep.epochs),
            "lanes": facts.cost.get("lanes", 0),
            "parts": facts.cost.get("parts", {}),
        },
        "tracking": dict(facts.tracking),
    }


def _trial(row: Row) -> dict[str, Any]:
    return {
        "number": row.number,
        "state": row.state,
        "epochs": row.epochs,
        "value": row.value,
        "best_value": row.best_value,
        "params": dict(row.params),
        "run_id": row.run_id,
        "error": row.error,
    }


def troubles(home: SweepHome) -> list[Trouble]:
    """Every distinct error, whole, with the trials that met it."""
    grouped: dict[str, list[int]] = defaultdict(list)
    for record in open_study(home, home.sweep()).records():
        if error := record.attributes.get("progress", {}).get("error"):
            grouped[error].append(record.number)
    return [Trouble(traceback=traceback, trials=tuple(numbers)) for traceback, numbers in grouped.items()]
