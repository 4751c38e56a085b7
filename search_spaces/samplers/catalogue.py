"""The samplers, one row each: the words of specs, their template, JSON Schema and docs are made from them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from search_spaces.samplers.contract import Observation, Sampler
from search_spaces.samplers.grid import GridSampler
from search_spaces.samplers.optuna_sampler import OptunaSampler
from search_spaces.space.space import Space
from search_spaces.types.objective import Objective
from search_spaces.types.values import Params

if TYPE_CHECKING:
    import optuna

TPE_BLIND = 10
"""TPE's random start, in trials with a value; Optuna's default."""


@dataclass(frozen=True, kw_only=True)
class SamplerRow:
    """A sampler by the name that a spec gives it as ``method``."""

    name: str
    summary: str
    """One line for lists."""
    make: Callable[[Space, Objective, int], Sampler]
    """From the space, the objective and the sweep's seed."""
    num_blind: int = 0
    """Its random start: until so many trials have a value it reads none of them. 0 where all is of one kind."""
    keeps_memory: bool = False
    """Whether its answer depends on more than the history, as with CMA-ES and NSGA-II. Such a row is refused."""
    takes_constraints: bool = False
    """Whether it reads ``Observation.constraints``; a sampler that would ignore them is never shown any."""
    finite_only: bool = False
    """Whether it needs a space of finitely many points, which it goes through once."""
    aliases: tuple[str, ...] = ()
    """Other names that a spec may give it."""


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
        make=lambda space, objective, seed: OptunaSampler(space, objective, seed, _random),
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
    """The sampler named ``method``; a row of SAMPLERS adds one."""
    row = SAMPLERS[method]
    assert not row.keeps_memory, (
        f"method {method} keeps a memory of its own, and a resumed sweep has only its history"
    )
    made = row.make(space, objective, seed)
    return made if row.takes_constraints else _Unconstrained(method, made)


@dataclass(frozen=True)
class _Unconstrained:
    """Refuses a history with constraints, which ``inner`` would ignore."""

    method: str
    inner: Sampler

    def ask(self, history: Sequence[Observation], count: int, held: Params) -> list[Params]:
        assert not any(seen.constraints for seen in history), f"method {self.method} takes no constraints"
        return self.inner.ask(history, count, held)
