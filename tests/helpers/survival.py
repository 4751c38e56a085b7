"""Checks a finished sweep that was killed on its way: nothing is lost, and nothing happened twice."""

from __future__ import annotations

import itertools
from collections import Counter
from pathlib import Path
from typing import Any

from tests.helpers.commands import Folder, agree
from tests.helpers.kill_processes import journal_of, records

ENDS = ("done", "stopped", "failed")
REPORTED = 7
"""Optuna's code of a record with an intermediate value."""


def unharmed(folder: Folder, document: dict[str, Any], num_trials: int) -> None:
    """Check that each trial ended, once, in study, MLflow and document.

    Each final member must be scored once, and one champion be registered.
    """
    agree(folder, document, num_trials)
    assert {**folder.document("show"), "cost": 0} == {**document, "cost": 0}
    assert document["state"] == "finished"
    assert all(trial["state"] in ("done", "stopped") for trial in document["trials"])
    journal = journal_of(folder)
    assert journal is not None
    told, _ = records(journal)
    reports = Counter((record["trial_id"], record["step"]) for record in told if record["op_code"] == REPORTED)
    assert set(reports.values()) == {1}, "an epoch was told to the study twice"
    histories = progress_of(told)
    for key, history in histories.items():
        nothing_again(key, history)
    finals_once(folder, {key: history[-1] for key, history in histories.items() if "-" in key}, told)
    only_what_is_named(journal.parent / "checkpoints", [history[-1] for history in histories.values()])
    assert not (journal.parent / "spool" / "refused.jsonl").exists()
    assert folder.champions(document["name"]) == [document["sweep"]]


def progress_of(told: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """Return all progress records of each trial (key ``3``) and each final member (``t0003-s1``), oldest first."""
    found: dict[str, list[dict[str, Any]]] = {}
    for record in told:
        for key, entry in record.get("user_attr", {}).items():
            if key == "progress":
                found.setdefault(str(record["trial_id"]), []).append(entry)
            elif key.startswith("final:"):
                found.setdefault(key.removeprefix("final:"), []).append(entry)
    return found


def nothing_again(key: str, history: list[dict[str, Any]]) -> None:
    """Check that training never went on from before the last checkpoint, nor after its end."""
    for before, after in itertools.pairwise(history):
        assert after["epoch"] >= before["epoch"], f"{key} fell back behind a checkpoint: {before}, {after}"
        assert before["state"] not in ENDS or after["state"] == before["state"], (key, before, after)
        assert after["state"] != "running" or bool(after["checkpoint"]) == (after["epoch"] > 0), (key, after)
    scores = [entry["test"] for entry in history if "test" in entry]
    assert all(score == scores[0] for score in scores), f"{key} was scored again: {scores}"


def finals_once(folder: Folder, finals: dict[str, dict[str, Any]], told: list[dict[str, Any]]) -> None:
    """Check that MLflow's final runs are those of the study, ended, with the same scores."""
    runs = folder.runs("final")
    assert sorted(runs) == sorted(finals)
    planned = [record["user_attr"]["num_finals"] for record in told if "num_finals" in record.get("user_attr", {})]
    assert set(planned) == {len(runs)}, "a resumed verdict is about the same finalists"
    for key, entry in finals.items():
        run = runs[key]
        assert (entry["state"], run["status"], run["trial.state"]) == ("done", "FINISHED", "done"), (
            key,
            entry,
            run,
        )
        for metric, value in entry["test"].items():
            if metric.startswith("test_"):
                stored = folder.points(run["run_id"], metric)
                assert [point for point in stored if abs(point - value) > 1e-5 * abs(value)] == [], (key, metric)
                assert len(stored) == 1, f"{key} was scored {len(stored)} times"


def only_what_is_named(checkpoints: Path, last: list[dict[str, Any]]) -> None:
    """Check that the study names every checkpoint on disk: others would never be deleted."""
    named = {Path(entry["checkpoint"]) for entry in last if entry["checkpoint"]}
    there = {path for path in checkpoints.glob("*/*") if path.is_dir()}  # beside files, as of baselines
    assert there <= named, there - named
    assert all((path / "weights.pt").exists() for path in there), there
