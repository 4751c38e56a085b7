"""Table of the samplers. Spec keys, template, JSON Schema and reference pages are made from its rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import TYPE_CHECKING

from search_spaces.samplers.contract import Observation, Sampler
from search_spaces.samplers.grid import GridSampler
from search_spaces.samplers.optuna_sampler import OptunaSampler
from search_spaces.space.space import Space
from search_spaces.types.catalogue import SamplerInfo
from search_spaces.types.objective import Objective
from search_spaces.types.values import Params

if TYPE_CHECKING:
    import optuna

TPE_BLIND = 10
"""Number of trials with a value before TPE uses them; until then it draws at random. Optuna's default."""


@dataclass(frozen=True, kw_only=True)
class SamplerRow(SamplerInfo):
    """A sampler."""

    make: Callable[[Space, Objective, int], Sampler]
    """Function of the space, the objective and the sweep's seed that returns the sampler."""
    num_blind: int = 0
    """Number of trials with a value that it needs; until then it ignores the history. 0: no such start."""
    keeps_memory: bool = False
    """Whether it has state besides the history, as CMA-ES and NSGA-II have. Such a sampler is refused."""
    takes_constraints: bool = False
    """Whether it uses ``Observation.constraints``; other samplers refuse a history with constraints."""


def _tpe(seed: int) -> optuna.samplers.BaseSampler:
    import optuna

    return optuna.samplers.TPESampler(n_startup_trials=TPE_BLIND, seed=seed)


def _random(seed: int) -> optuna.samplers.BaseSampler:
    import optuna

    return optuna.samplers.RandomSampler(seed=seed)


_ROWS = (
    SamplerRow(
        name="tpe",
        summary="tree-structured Parzen estimator, tries what resembles the best trials so far",
        make=lambda space, objective, seed: OptunaSampler(space, objective, seed, _tpe),
        num_blind=TPE_BLIND,
        takes_constraints=True,
        aliases=("bayes",),
    ),
    SamplerRow(
        name="random",
        summary="every trial is drawn from the space, whatever the others showed",
        make=lambda space, objective, seed: OptunaSampler(space, objective, seed, _random, looks_back=False),
    ),
    SamplerRow(
        name="grid",
        summary="every point of a finite space once, in order",
        make=lambda space, objective, seed: GridSampler(space),
        finite_only=True,
    ),
)
SAMPLERS = {row.name: row for row in _ROWS}


def sampler(method: str, space: Space, objective: Objective, seed: int) -> Sampler:
    """Return the sampler named ``method``, a key of SAMPLERS."""
    row = SAMPLERS[method]
    assert not row.keeps_memory, (
        f"method {method} keeps a memory of its own, and a resumed sweep has only its history"
    )
    made = row.make(space, objective, seed)
    return made if row.takes_constraints else _Unconstrained(method, made)


@dataclass(frozen=True)
class _Unconstrained:
    """Wrapper that asserts a history without constraints, which ``inner`` would ignore."""

    method: str
    inner: Sampler

    def ask(self, history: Sequence[Observation], count: int, held: Params) -> list[Params]:
        assert not any(map(attrgetter("constraints"), history)), f"method {self.method} takes no constraints"
        return self.inner.ask(history, count, held)
