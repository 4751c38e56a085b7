"""Which was best, and how sure that is: frozen records from plain numbers. Nothing is drawn or read here."""

from __future__ import annotations

import math
import statistics
import sys
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec, module_from_spec
from typing import TYPE_CHECKING, Any

from search_spaces.samplers.contract import Observation
from search_spaces.types.objective import Objective
from search_spaces.types.values import Params

if TYPE_CHECKING:
    from search_spaces.space.space import Space

CONFIDENCE = 0.95
FEWEST_TRIALS = 20
"""Importance is not told from fewer: it would be mostly noise."""
BETTER = 0.5
"""The best share of the trials that is held against all of them; with less than half of 20 the noise wins."""


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A mean over seeds with its 95 % interval by Student's t.

    ``low`` and ``high`` are NaN for a single seed, which says nothing about its spread; all of it is NaN for none.
    """

    mean: float
    low: float
    high: float
    num_seeds: int

    @property
    def ci95(self) -> tuple[float, float]:
        """The interval."""
        return self.low, self.high


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """The winner's test scores over seeds, the default's, and their difference, paired by seed."""

    metric: str
    winner: Estimate
    default: Estimate
    difference: Estimate
    """Winner minus default, over the seeds that both have."""


@dataclass(frozen=True, kw_only=True)
class ImportanceShare:
    """The part of one hyperparameter in what sets the better half of the trials apart from all; parts sum to 1."""

    name: str
    share: float


def estimate(values: Sequence[float]) -> Estimate:
    """Mean and 95 % t interval: mean +- t(0.975, n - 1) * s / sqrt(n). A NaN in ``values`` makes all of it NaN."""
    num = len(values)
    if num == 0 or not all(map(math.isfinite, values)):
        return Estimate(mean=math.nan, low=math.nan, high=math.nan, num_seeds=num)
    mean = statistics.fmean(values)
    if num == 1:
        return Estimate(mean=mean, low=math.nan, high=math.nan, num_seeds=1)
    from scipy.stats import t

    half = float(t.ppf((1 + CONFIDENCE) / 2, num - 1)) * statistics.stdev(values) / math.sqrt(num)
    return Estimate(mean=mean, low=mean - half, high=mean + half, num_seeds=num)


def paired(winner: Mapping[int, float], default: Mapping[int, float]) -> Estimate:
    """The difference winner - default by seed: seeds share data order and initial values, so pairing removes noise.

    Over the seeds that both have; all NaN where there are none.
    """
    return estimate([winner[seed] - default[seed] for seed in sorted(winner.keys() & default.keys())])


def verdict(metric: str, winner: Mapping[int, float], default: Mapping[int, float]) -> Verdict:
    """Both from test scores by seed."""
    return Verdict(
        metric=metric,
        winner=estimate([winner[seed] for seed in sorted(winner)]),
        default=estimate([default[seed] for seed in sorted(default)]),
        difference=paired(winner, default),
    )


def importance(
    space: Space, tried: Sequence[tuple[Params, float | None]], objective: Objective
) -> list[ImportanceShare]:
    """The searched hyperparameters, the most important first, from each trial's parameters and best value.

    By Optuna's PED-ANOVA (Watanabe et al. 2023, arXiv:2304.10255; conditional parameters: arXiv:2601.20800). Trials
    without a finite value or outside of the space are passed over. Empty where fewer than ``FEWEST_TRIALS`` are
    left, where fewer than two hyperparameters are searched, or where nothing sets the better half apart.
    """
    import optuna

    from search_spaces.samplers.optuna_trials import frozen_trial  # 130 ms: Optuna

    able = [(params, value) for params, value in tried if value is not None and math.isfinite(value)]
    seen = [Observation(params, "done", {}, value) for params, value in able if space.contains(params)]
    if len(seen) < FEWEST_TRIALS or len(space.domains) < 2:
        return []
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(direction=objective.goal)
    study.add_trials([frozen_trial(space, one) for one in seen])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of conditions that hardly any trial met
        parts: Mapping[str, float] = _ped_anova().evaluate(study)
    whole = sum(parts.values())
    found = [ImportanceShare(name=name, share=part / whole) for name, part in parts.items()] if whole > 0 else []
    return sorted(found, key=lambda one: -one.share)


def _ped_anova() -> Any:
    """Optuna's evaluator, without the package around it, which brings scikit-learn: 3 ms of CPU, not 1.5 s."""
    package = "optuna.importance"
    known = package in sys.modules
    if not known:
        spec = find_spec(package)
        assert spec is not None
        sys.modules[package] = module_from_spec(spec)
    try:
        return import_module(f"{package}._ped_anova").PedAnovaImportanceEvaluator(target_quantile=BETTER)
    finally:
        if not known:
            del sys.modules[package]
