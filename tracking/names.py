"""Names of the tags, metrics and artifacts that Paceline writes to MLflow, and the rules that make values fit."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Literal

from search_spaces.criteria.metric_names import MAX_KEY as MAX_KEY
from search_spaces.criteria.metric_names import clean_key as clean_key
from search_spaces.types.trial_names import name_of_key
from search_spaces.types.values import Params, Value

Role = Literal["sweep", "trial", "repeat", "final"]
TrialState = Literal["running", "paused", "done", "stopped", "infeasible", "failed"]
LIVE_STATES: Final = ("running", "paused")
"""States of trials that have not ended."""
SweepState = Literal["running", "finished", "stopped", "failed"]

SWEEP_ID: Final = "sweep.id"
SWEEP_NAME: Final = "sweep.name"
SWEEP_ROLE: Final = "sweep.role"
SWEEP_STATE: Final = "sweep.state"
SWEEP_ENDED: Final = "sweep.ended_by"
SWEEP_FRONT: Final = "sweep.front"
SWEEP_LANES: Final = "sweep.workers"
SWEEP_METRIC: Final = "sweep.metric"
SWEEP_GOAL: Final = "sweep.goal"
SWEEP_METHOD: Final = "sweep.method"
SWEEP_WORKLOAD: Final = "sweep.workload"
SWEEP_TARGET: Final = "sweep.target"
SWEEP_WARM_START: Final = "sweep.warm_start"
SWEEP_EDITS: Final = "sweep.edits"
SWEEP_CACHED: Final = "sweep.cached"
SWEEP_BASELINES: Final = "sweep.baselines"
TRIAL_NAME: Final = "trial.name"
TRIAL_NUMBER: Final = "trial.number"
TRIAL_STATE: Final = "trial.state"
TRIAL_ERROR: Final = "trial.error"
TRIAL_FAILURE: Final = "trial.failure"
TRIAL_FINAL: Final = "trial.final"
TRIAL_STEERED: Final = "trial.steered"
TRIAL_CACHED: Final = "trial.cached_from"
TRIAL_LINEAGE: Final = "trial.lineage"
TRIAL_PARAMS: Final = "mlflow.paceline.params"
"""MLflow's UI hides tags that begin with ``mlflow.``."""
DATA_LEAKS: Final = "data.leaks"
SWEEP_RECOMMENDED: Final = "sweep.recommended"
SWEEP_TEST: Final = "sweep.test"

PARENT_RUN: Final = "mlflow.parentRunId"
RUN_NAME: Final = "mlflow.runName"
NOTE: Final = "mlflow.note.content"
USER: Final = "mlflow.user"
SOURCE_NAME: Final = "mlflow.source.name"
EXPERIMENT_KIND: Final = "mlflow.experimentKind"
SHARED_VIEW: Final = "mlflow.sharedViewState."
LOGGED_IMAGES: Final = "mlflow.loggedImages"
DATASET_CONTEXT: Final = "mlflow.data.context"

HP: Final = "xparam."
"""Without a slash, and behind ``train_`` and ``val_``: MLflow's page of a run draws each folder before the curves,
and then all others by their names."""
EARLIER_HP: Final = "hp/"
BEST_EPOCH: Final = "best_epoch"
SECONDS: Final = "train_seconds"
HYPERVOLUME: Final = "sweep/hypervolume"
PLACE: Final = "place"
NUM_SEEDS: Final = "num_seeds"
CHAMPION: Final = "champion"
MODEL_TRAINING: Final = "custom_model_development"
"""The kind of an experiment that is about training. MLflow 3.17's UI opens its GenAI pages nonetheless, unless the
link says ``workflowType=machine_learning``."""

SPEC_FILE: Final = "spec.yaml"
SPLITS_FILE: Final = "splits.json"
LEADERBOARD_CSV: Final = "sweep/leaderboard.csv"
LEADERBOARD_JSON: Final = "sweep/leaderboard.json"
REPORT_FILE: Final = "sweep/report.html"
MODEL_CARD_FILE: Final = "model_card.md"
"""Artifact of the champion's run."""

MAX_PARAM: Final = 6000
MAX_TAG: Final = 8000
MAX_DIGEST: Final = 36
"""MLflow's limits in characters: of a key, a param's value, a tag's value, and a data set's digest."""
NUM_DIGITS: Final = 7
"""Significant digits kept of a metric: the precision of a float32, and the width of a column in MLflow's UI."""

TRIAL_STATUS: Final[Mapping[TrialState, str]] = {
    "running": "RUNNING",
    "paused": "SCHEDULED",  # not RUNNING: a trial that is never promoted would seem to run for ever
    "done": "FINISHED",
    "stopped": "FINISHED",  # MLflow paints KILLED as red as FAILED; the tag trial.state says "pruned"
    "infeasible": "FINISHED",  # it has no error, and breaks a constraint
    "failed": "FAILED",
}
"""MLflow's status for each state of a trial."""

SWEEP_STATUS: Final[Mapping[SweepState, str]] = {
    "running": "RUNNING",
    "finished": "FINISHED",
    "stopped": "KILLED",
    "failed": "FAILED",
}
"""MLflow's status for each state of a sweep."""

EARLIER_STATES: Final[Mapping[str, SweepState]] = {"interrupted": "stopped"}
"""State that an earlier version called by another name."""

EARLIER: Final[Mapping[str, str]] = {
    TRIAL_NAME: "trial.key",
    SECONDS: "cost/seconds",
    "generalization_gap_loss": "gap_loss",
    "generalization_gap_accuracy": "gap_accuracy",
}
"""Key that earlier versions wrote for each of these; a reader falls back on it."""


def best(metric: str) -> str:
    """Return the key of the metric that holds the best value of ``metric`` over a trial's epochs."""
    return f"best_{metric}"


def mean(metric: str) -> str:
    """Return the key of the metric that holds the mean of a trial's best values over its seeds."""
    return f"mean_{metric}"


def std(metric: str) -> str:
    """Return the key of the metric that holds the standard deviation of a trial's best values over its seeds."""
    return f"std_{metric}"


def recommended(metric: str) -> str:
    """Return the key of the sweep's metric that holds the estimate of the recommended trial's mean."""
    return f"recommended_{metric}"


def hp(name: str) -> str:
    """Return the key of a numeric hyperparameter as a metric; MLflow compares params as text."""
    return f"{HP}{name}"


def hp_log10(name: str) -> str:
    """Return the key of a hyperparameter's base-10 logarithm; MLflow's parallel coordinates have no log axis."""
    return f"{HP}log10_{name}"  # not log10(lr): MLflow refuses parentheses in a metric's name


def gain(metric: str) -> str:
    """Return the key of the champion's gain in ``metric`` over the default configuration, positive where better."""
    return f"{metric}_gain_vs_default"


def baseline(metric: str) -> str:
    """Return the key of the value of ``metric`` that the best baseline has."""
    return f"{metric}_baseline"


def gain_vs_baseline(metric: str) -> str:
    """Return the key of the champion's gain in ``metric`` over the best baseline, positive where better."""
    return f"{metric}_gain_vs_baseline"


def importance(name: str) -> str:
    """Return the key of the sweep's metric that holds a hyperparameter's importance, a share of 1."""
    return f"importance/{name}"


def used(resource: str) -> str:
    """Return the key of the metric that holds what a sweep has used of a resource of its budget."""
    return f"sweep/used_{resource}"


def nonfinite(metric: str) -> str:
    """Return the key of the tag that records a NaN or an infinity, which is not logged as a metric."""
    return f"nonfinite.{metric}"


def clean_metric(value: float) -> float | None:
    """Return ``value`` rounded to ``NUM_DIGITS`` significant digits; None for NaN and infinities.

    A whole number, as a count of tokens, stays as it is.
    MLflow turns an infinity into 1.8e308, and NaN breaks its run page and model logging (mlflow#15535, #26108).
    """
    if not math.isfinite(value):
        return None
    value = float(value)
    return value if value.is_integer() else float(f"{value:.{NUM_DIGITS}g}")


def shorten(text: str, limit: int) -> str:
    """Return ``text`` cut to ``limit`` characters with a note of it at the end (MLflow would cut silently)."""
    mark = f" ... [cut from {len(text)} characters]"
    return text if len(text) <= limit else text[: limit - len(mark)] + mark


def clean_param(value: Value) -> str:
    """Return a hyperparameter's value as MLflow's text, in Python's notation, which ``table.typed`` reads back."""
    return shorten(str(value), MAX_PARAM)


def rounded(value: Value) -> Value:
    """Return a number with four significant digits, as MLflow's UI has room for; any other value as it is."""
    return float(f"{value:.4g}") if isinstance(value, float) else value


def sqlite_path(uri: str) -> Path | None:
    """Return the file of a SQLite URI, None for any other store."""
    return Path(uri.removeprefix("sqlite:///")) if uri.startswith("sqlite:///") else None


def artifact_folder(path: Path, experiment: str) -> Path:
    """Return the folder of an experiment's artifacts: beside the SQLite file, whatever the working folder is."""
    name = clean_key(experiment).replace("/", "_")
    return path.parent / "mlruns" / (name if name.strip(". ") else name.replace(".", "_"))


def hp_metrics(params: Params, log_scaled: frozenset[str]) -> dict[str, float]:
    """Return the numeric hyperparameters (no booleans) as metrics; positive log-scaled ones also as logarithms."""
    numbers = {
        name: float(value)
        for name, value in params.items()
        if isinstance(value, int | float) and not isinstance(value, bool)
    }
    logs = {
        hp_log10(name): math.log10(value) for name, value in numbers.items() if name in log_scaled and value > 0
    }
    return {hp(name): value for name, value in numbers.items()} | logs


def sweep_title(name: str, sweep_id: str, value: float | None = None) -> str:
    """Return the name of a sweep's own run, ``digits-mlp f5b9: 0.9726``: with what it has come to, where known."""
    found = "" if value is None else f": {value:.5g}"
    room = MAX_KEY - len(found) - len(sweep_id) - 1
    return f"{name[:room]} {sweep_id}{found}"


def trial_title(key: str, params: Params, searched: tuple[str, ...]) -> str:
    """Return a run's name, ``t004 lr=2.0e-03 width=64``: the trial and its first three searched hyperparameters."""
    shown = [f"{name}={_short(params[name])}" for name in searched[:3] if params.get(name) is not None]
    return " ".join([name_of_key(key), *shown])[:MAX_KEY]


def _short(value: Value) -> str:
    if not isinstance(value, float):
        return str(value)
    return f"{value:.1e}" if value and not 1e-2 <= abs(value) < 1e4 else f"{value:.3g}"
