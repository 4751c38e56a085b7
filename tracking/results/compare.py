"""Compares the champion with the default configuration, with 95 % intervals, and ranks hyperparameters.

Pure functions from numbers to frozen records: nothing is drawn or read here.
"""

from __future__ import annotations

import math
import sys
import warnings
from collections.abc import Mapping, Sequence
from importlib import import_module
from importlib.util import find_spec, module_from_spec
from typing import TYPE_CHECKING, Any

from search_spaces.samplers.history import Observation
from search_spaces.types.objective import Objective
from search_spaces.types.values import Params

if TYPE_CHECKING:
    from search_spaces.space.space import Space

FEWEST_TRIALS = 20
"""Number of trials below which importance is not computed: it would be mostly noise."""
BETTER = 0.5
"""Share of the trials, the best ones, that is compared with all of them; with less than half of 20 noise wins."""


def importance(
    space: Space, tried: Sequence[tuple[Params, float | None]], objective: Objective
) -> dict[str, float]:
    """Return each searched hyperparameter's importance, largest first, from each trial's parameters and best value.

    It is the hyperparameter's share in what sets the better half of the trials apart from all; shares sum to 1.

    By Optuna's PED-ANOVA (Watanabe et al. 2023, arXiv:2304.10255; conditional parameters: arXiv:2601.20800). Trials
    without a finite value or outside of the space are ignored. Empty where fewer than ``FEWEST_TRIALS`` are left,
    where fewer than two hyperparameters are searched, or where the better half differs in nothing.
    """
    import optuna

    from search_spaces.samplers.optuna_trials import frozen_trial  # 130 ms: Optuna

    able = [(params, value) for params, value in tried if value is not None and math.isfinite(value)]
    seen = [Observation(params, "done", {}, value) for params, value in able if space.contains(params)]
    if len(seen) < FEWEST_TRIALS or len(space.domains) < 2:
        return {}
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(direction=objective.goal)
    study.add_trials([frozen_trial(space, one, [objective]) for one in seen])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of conditional parameters that hardly any trial has
        parts: Mapping[str, float] = _ped_anova().evaluate(study)
    whole = sum(parts.values())
    ordered = sorted(parts, key=lambda name: -parts[name])
    return {name: parts[name] / whole for name in ordered} if whole > 0 else {}


def _ped_anova() -> Any:
    """Return Optuna's evaluator in 3 ms of CPU, not 1.5 s: its package's ``__init__`` would import scikit-learn."""
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
