"""The problems that workloads solve, the metrics of each, and the goal of each metric."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Literal

DataKind = Literal["table", "image", "text", "series", "sentences", "tagged", "completions"]
"""``text`` is one long text, ``sentences`` are texts that are classified or scored one by one.

``tagged`` are sentences whose words have each a label, ``completions`` are prompts with what shall follow each.
"""
Problem = Literal["classification", "regression", "language", "forecast", "generation", "tagging", "completion"]
Goal = Literal["minimize", "maximize"]

_LOSS: Mapping[str, Goal] = {"val_loss": "minimize"}
_TOKENS: Mapping[str, Goal] = {
    "val_bits_per_character": "minimize",
    **_LOSS,
    "val_perplexity": "minimize",
    "val_accuracy": "maximize",
}
PINBALL: Mapping[str, float] = {f"val_pinball_{percent}": percent / 100 for percent in (5, 10, 25, 50, 75, 90, 95)}
"""Losses of a quantile of the target, each with its quantile."""
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
    "regression": {
        "val_rmse": "minimize",
        **_LOSS,
        "val_mae": "minimize",
        "val_r2": "maximize",
        **dict.fromkeys(PINBALL, "minimize"),
    },
    "language": _TOKENS,
    "forecast": {"val_rmse": "minimize", **_LOSS, "val_mae": "minimize", "val_r2": "maximize"},
    "generation": {"val_frechet_distance": "minimize", "val_class_coverage": "maximize"},
    "tagging": {
        "val_f1": "maximize",
        **_LOSS,
        "val_accuracy": "maximize",
        "val_precision": "maximize",
        "val_recall": "maximize",
    },
    "completion": _TOKENS,
}
"""Metrics that a sweep may optimise, with their goals, by problem; the first is the default."""

_SHARES = [name for of in ("classification", "tagging") for name, goal in METRICS[of].items() if goal == "maximize"]
BOUNDS: Mapping[str, tuple[float, float]] = {
    **dict.fromkeys([*_SHARES, "val_class_coverage", "train_accuracy"], (0, 1)),
    **dict.fromkeys(["val_rmse", "val_mae", "val_loss", "train_loss"], (0, math.inf)),
    **dict.fromkeys(PINBALL, (0, math.inf)),
    **dict.fromkeys(["val_bits_per_character", "val_frechet_distance"], (0, math.inf)),
    "val_perplexity": (1, math.inf),
    "val_r2": (-math.inf, 1),
}
"""Smallest and largest possible values of metrics."""

COSTS: Mapping[str, Goal] = {
    "params_m": "minimize",
    "latency_ms": "minimize",
    "training_s": "minimize",
    "peak_memory_mib": "minimize",
    "examples_per_s": "maximize",
}
"""What each trial costs, with the goals."""
COSTS_OF_MODEL = ("params_m", "latency_ms")
"""Costs that are the same in every epoch, and measured once a leg."""

BESIDE: Mapping[Problem, tuple[str, ...]] = {"generation": ("val_class_coverage",)}
"""Metrics of the best epoch that leaderboards show beside the objective, by problem."""

ALIASES: Mapping[str, str] = {"val_acc": "val_accuracy"}
"""Other names of metrics in a spec."""


def bounds_of(metric: str, values: Iterable[float]) -> tuple[float, float]:
    """Return the bounds of a metric with these values; none where one is beyond them, as an accuracy in percent."""
    low, high = BOUNDS.get(metric, (-math.inf, math.inf))
    return (low, high) if all(low <= value <= high for value in values) else (-math.inf, math.inf)


def metrics_of(problems: Iterable[Problem]) -> dict[str, Goal]:
    """Return the metrics of all ``problems`` with their goals, the default of the first problem first."""
    return {name: goal for problem in problems for name, goal in METRICS[problem].items()}


def beside(problem: Problem | None, objective: str) -> tuple[str, ...]:
    """Return the metrics that are shown beside the objective; none for an unknown problem."""
    return tuple(name for name in BESIDE.get(problem, ()) if name != objective) if problem else ()


def problem_of(problems: Iterable[Problem], metric: str) -> Problem | None:
    """Return the only problem that has ``metric``, or the only one of ``problems``; None: the data must tell."""
    known = list(problems)
    fitting = [problem for problem in known if metric in METRICS[problem]]
    return fitting[0] if len(fitting) == 1 else known[0] if len(known) == 1 else None


def quantiles_of(metrics: str) -> tuple[float, ...]:
    """Return the quantiles by whose pinball loss one of ``metrics``, names separated by blanks, judges."""
    asked = (f"val_{name.removeprefix('val_')}" for name in metrics.split())
    return tuple(PINBALL[name] for name in asked if name in PINBALL)
