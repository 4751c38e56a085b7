"""What can be asked of data: the problems, what is measured for each, and which direction is better."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal

DataKind = Literal["table", "image", "text", "series"]
Problem = Literal["classification", "regression", "language", "forecast", "generation"]
Goal = Literal["minimize", "maximize"]

_LOSS: Mapping[str, Goal] = {"val_loss": "minimize"}
METRICS: Mapping[Problem, Mapping[str, Goal]] = {
    "classification": {
        "val_accuracy": "maximize",
        **_LOSS,
        "val_balanced_accuracy": "maximize",
        "val_f1_macro": "maximize",
        "val_precision_macro": "maximize",
        "val_recall_macro": "maximize",
        "val_roc_auc": "maximize",
    },
    "regression": {"val_rmse": "minimize", **_LOSS, "val_mae": "minimize", "val_r2": "maximize"},
    "language": {"val_bits_per_character": "minimize", **_LOSS, "val_accuracy": "maximize"},
    "forecast": {"val_rmse": "minimize", **_LOSS, "val_mae": "minimize", "val_r2": "maximize"},
    "generation": {"val_frechet_distance": "minimize", "val_class_coverage": "maximize"},
}
"""What a sweep may optimise, by problem; the first is the default."""

BESIDE: Mapping[Problem, tuple[str, ...]] = {"generation": ("val_class_coverage",)}
"""What a leaderboard shows beside the objective, of its best epoch: what one number alone would hide."""

ALIASES: Mapping[str, str] = {"val_acc": "val_accuracy"}
"""Other names that people bring along."""


def metrics_of(problems: Iterable[Problem]) -> dict[str, Goal]:
    """Everything that is measured for any of ``problems``, the first one's default first."""
    return {name: goal for problem in problems for name, goal in METRICS[problem].items()}


def beside(problem: Problem | None, objective: str) -> tuple[str, ...]:
    """The metrics shown beside the objective."""
    return tuple(name for name in BESIDE.get(problem, ()) if name != objective) if problem else ()


def problem_of(problems: Iterable[Problem], metric: str) -> Problem | None:
    """The one of ``problems`` that a sweep over ``metric`` means; None where the target must tell."""
    known = list(problems)
    fitting = [problem for problem in known if metric in METRICS[problem]]
    return fitting[0] if len(fitting) == 1 else known[0] if len(known) == 1 else None
