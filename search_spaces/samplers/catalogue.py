"""The samplers: one row each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from search_spaces.samplers.contract import Sampler
from search_spaces.samplers.grid import GridSampler
from search_spaces.samplers.optuna_sampler import TPE_BLIND, OptunaSampler
from search_spaces.space.space import Space
from search_spaces.types.objective import Objective

if TYPE_CHECKING:
    import optuna


def _tpe(seed: int) -> optuna.samplers.BaseSampler:
    import optuna

    return optuna.samplers.TPESampler(n_startup_trials=TPE_BLIND, seed=seed)


def _random(seed: int) -> optuna.samplers.BaseSampler:
    import optuna

    return optuna.samplers.RandomSampler(seed=seed)


SAMPLERS: Mapping[str, Callable[[Space, Objective, int], Sampler]] = {
    "tpe": lambda space, objective, seed: OptunaSampler(space, objective, seed, _tpe, TPE_BLIND),
    "random": lambda space, objective, seed: OptunaSampler(space, objective, seed, _random),
    "grid": lambda space, objective, seed: GridSampler(space),
}


def sampler(method: str, space: Space, objective: Objective, seed: int) -> Sampler:
    """The sampler named ``method``; a row of SAMPLERS adds one."""
    return SAMPLERS[method](space, objective, seed)
