"""Writes a small sweep for the tests of tracking, and reads it back by MLflow's client."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from search_spaces.types.failure import FailureReason
from search_spaces.types.objective import Objective
from search_spaces.types.trial_names import key_of_name
from tracking import names
from tracking.store.records import SweepHeader
from tracking.writer.writer import Writer

SWEEP = "7f3a"
HEADER = SweepHeader(
    sweep_id=SWEEP,
    name="digits-mlp",
    workload="mlp",
    experiment="digits",
    objective=Objective("val_accuracy", "maximize"),
    method="tpe",
    spec_text="workload: mlp\n",
    overview={"trials": 8, "schedule": "asha"},
    dataset={"name": "digits", "digest": "0123abcd", "rows": 1797},
    log_scaled=frozenset({"lr"}),
    searched=("lr", "width", "optimizer"),
    categorical=frozenset({"optimizer"}),
)


def params(number: int) -> dict[str, Any]:
    return {
        "lr": 10.0 ** -(number % 4 + 1),
        "width": 2 ** (number % 3),
        "optimizer": "adam",
        "nesterov": number % 2 == 0,
    }


def metrics(number: int, epoch: int) -> dict[str, float]:
    return {"val_accuracy": 1 - 1 / (number + epoch + 1), "val_loss": 1 / epoch, "lr": 0.1 / epoch}


def write_trial(writer: Writer, number: int, epochs: int = 3, state: str = "done") -> None:
    key = f"t{number:04d}"
    writer.trial(key, number, "trial", params(number))
    for epoch in range(1, epochs + 1):
        writer.epoch(key, epoch, metrics(number, epoch))
    best = {"best_val_accuracy": metrics(number, epochs)["val_accuracy"], "best_epoch": epochs, names.SECONDS: 0.5}
    writer.state(key, state, best, FailureReason("raised", "ValueError: no luck") if state == "failed" else None)


def runs_of(uri: str, sweep_id: str = SWEEP) -> dict[str, list[Any]]:
    """Return the sweep's runs as MLflow's client reads them, by the member's key ("" for the sweep's own)."""
    from mlflow import MlflowClient

    client = MlflowClient(uri)
    experiments = [experiment.experiment_id for experiment in client.search_experiments()]
    found: dict[str, list[Any]] = {}
    for run in client.search_runs(experiments, f"tags.`sweep.id` = '{sweep_id}'", max_results=1000):
        found.setdefault(key_of_name(run.data.tags.get("trial.name", "")), []).append(run)
    return found


def curve(uri: str, run_id: str, metric: str = "val_accuracy") -> list[tuple[int, float]]:
    """Return (epoch, value) of every stored point of a metric, in MLflow's order."""
    from mlflow import MlflowClient

    return [(point.step, point.value) for point in MlflowClient(uri).get_metric_history(run_id, metric)]


SLOW = "which Paceline does not know"


def open_writer(uri: str, spool: Path, messages: list[str] | None = None, header: SweepHeader = HEADER) -> Writer:
    """Open a writer that appends its messages to ``messages``, without the one about an unknown schema.

    That one has a test of its own.
    """
    told = messages if messages is not None else []

    def say(text: str) -> None:
        if SLOW not in text:
            told.append(text)

    return Writer(uri, spool, header, say)
