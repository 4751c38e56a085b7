"""Stores that an earlier version wrote, with other names of tags, states and metrics."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from search_spaces.types.failure import FailureReason
from tests.helpers.earlier_names import give_earlier_names
from tests.helpers.small_sweep_in_mlflow import SWEEP, metrics, open_writer, params, runs_of, write_trial
from tracking.results import table
from tracking.store.records import RunFacts
from tracking.writer.events import SweepSummarized, from_json

GAP = "generalization_gap_loss"
STATES = ("done", "stopped", "failed", "paused")


def written(uri: str, spool: Path) -> dict[str, str]:
    """A sweep with a trial in every state and a final member; returns the runs by key."""
    writer = open_writer(uri, spool)
    for number, state in enumerate(STATES):
        write_trial(writer, number, state=state)
        writer.epoch(f"t{number:04d}", 4, {GAP: 0.25})
    writer.trial("t0003-s1", 3, "final", params(3))
    writer.state("t0003-s1", "done", {"train_seconds": 2.0})
    assert writer.close(60)
    return dict(writer.run_ids)


def test_tables_are_those_of_todays_names(sqlite_uri: str, tmp_path: Path) -> None:
    written(sqlite_uri, tmp_path / "spool")

    def tables() -> list[str]:
        return [
            table.trials(sqlite_uri, SWEEP, "val_accuracy").to_csv(),
            table.trials(sqlite_uri, SWEEP, "val_accuracy", role="final").to_csv(),
        ]

    today = tables()
    give_earlier_names(sqlite_uri)
    tags = {run.data.tags["trial.state"] for run in _trials(sqlite_uri)}
    assert tags == set(STATES) and not any("train_seconds" in run.data.metrics for run in _trials(sqlite_uri))
    assert tables() == today
    assert "t003 seed 1" in today[1] and "pruned" in today[0]


def test_a_resumed_sweep_keeps_its_runs_and_gives_them_todays_names(sqlite_uri: str, tmp_path: Path) -> None:
    run_ids = written(sqlite_uri, tmp_path / "spool")
    give_earlier_names(sqlite_uri)
    ended = {run.info.run_id: run.info.end_time for run in _trials(sqlite_uri)}

    messages: list[str] = []
    failure = FailureReason("raised", "ValueError: no luck")
    writer = open_writer(sqlite_uri, tmp_path / "later", messages)
    summary = {"train_seconds": 0.5, "best_epoch": 3.0}
    trials = {
        f"t{number:04d}": RunFacts(
            number=number,
            role="trial",
            params=params(number),
            state=state,
            history={epoch: metrics(number, epoch)["val_accuracy"] for epoch in (1, 2, 3)},
            summary=summary,
            failure=failure if state == "failed" else None,
        )
        for number, state in enumerate(STATES)
    }
    final = RunFacts(number=3, role="final", params=params(3), state="done", summary={"train_seconds": 2.0})
    writer.reconcile({**trials, "t0003-s1": final})
    assert writer.close(60)

    assert messages == [], "there is no twin, and nothing is missing"
    runs = {key: run for key, [run] in runs_of(sqlite_uri).items()}
    assert {key: run.info.run_id for key, run in runs.items() if key} == run_ids
    assert {run.info.run_id: run.info.end_time for run in _trials(sqlite_uri)} == ended
    told = {key: (run.data.tags["trial.name"], run.data.tags["trial.state"]) for key, run in runs.items() if key}
    assert told == {
        "t0000": ("t000", "done"),
        "t0001": ("t001", "pruned"),
        "t0002": ("t002", "failed"),
        "t0003": ("t003", "waiting"),
        "t0003-s1": ("t003 seed 1", "done"),
    }
    assert runs["t0001"].data.metrics["train_seconds"] == 0.5
    assert runs["t0003-s1"].data.metrics["train_seconds"] == 2.0


def test_a_spool_of_before_tells_a_stopped_sweep_by_todays_word() -> None:
    record = {
        "kind": "summary",
        "key": "",
        "time": 1,
        "state": "interrupted",
        "best": None,
        "metrics": {},
        "tags": {},
    }
    event = from_json(record)
    assert isinstance(event, SweepSummarized) and event.state == "stopped"


def _trials(uri: str) -> list[Any]:
    return [run for found in runs_of(uri).values() for run in found if run.data.tags["sweep.role"] != "sweep"]
