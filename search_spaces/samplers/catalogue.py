"""Table of the samplers. Spec keys, template, JSON Schema and reference pages are made from its rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from search_spaces.samplers.contract import Sampler
from search_spaces.samplers.grid import GridSampler
from search_spaces.samplers.optuna_sampler import OptunaSampler
from search_spaces.space.space import Space
from search_spaces.types.catalogue import SamplerInfo
from search_spaces.types.objective import Objective

if TYPE_CHECKING:
    import optuna

    from search_spaces.samplers.model.model_sampler import ModelSampler
    from search_spaces.samplers.points import Draw

TPE_BLIND = 10
"""Number of trials with a value before TPE uses them; until then it draws at random. Optuna's default."""
EVOLUTION_BLIND = 20
"""Number of trials with a result before ``evolution`` chooses parents."""
POPULATION = 20
"""Number of survivors of ``nsga2`` and ``nsga3``; until as many trials have a result they are quasi-random."""
NUM_START = 8
"""Number of trials with a value before ``auto`` asks its model; until then it takes points of a Sobol sequence."""


@dataclass(frozen=True)
class Setting:
    """What a sampler searches: the space and the objective, with the sweep's seed and its schedule's rungs."""

    space: Space
    objective: Objective
    seed: int
    rungs: tuple[int, ...]
    others: tuple[Objective, ...] = ()
    """The objectives behind the first, where there are several."""

    @property
    def objectives(self) -> tuple[Objective, ...]:
        """All objectives."""
        return (self.objective, *self.others)


@dataclass(frozen=True, kw_only=True)
class SamplerRow(SamplerInfo):
    """A sampler."""

    make: Callable[[Setting], Sampler]
    """Function of what is searched that returns the sampler."""
    keeps_memory: bool = False
    """Whether it has state besides the history, as Optuna's CMA-ES and NSGA-II have. Such a sampler is refused."""


def _tpe(seed: int) -> optuna.samplers.BaseSampler:
    import optuna

    return optuna.samplers.TPESampler(n_startup_trials=TPE_BLIND, seed=seed)


def _random(seed: int) -> optuna.samplers.BaseSampler:
    import optuna

    return optuna.samplers.RandomSampler(seed=seed)


def _tpe_sampler(setting: Setting) -> Sampler:
    return OptunaSampler(setting.space, setting.objectives, setting.seed, _tpe, TPE_BLIND)


def _model(setting: Setting) -> ModelSampler:
    from search_spaces.samplers.model.model_sampler import ModelSampler  # 300 ms: SciPy

    return ModelSampler(setting.space, setting.objective, setting.seed, setting.rungs, NUM_START)


def _auto(setting: Setting) -> Sampler:
    return _tpe_sampler(setting) if setting.space.when else _gp(setting)


def _gp(setting: Setting) -> Sampler:
    if not setting.others:
        return _quiet(_model(setting))
    from search_spaces.samplers.several.scalarised import SCALAR, Scalarised  # 60 ms: NumPy

    inner = _model(replace(setting, objective=SCALAR, others=()))
    return _quiet(Scalarised(inner, setting.objectives, setting.seed))


def _quiet(made: Sampler) -> Sampler:
    from search_spaces.samplers.one_thread import OneThread  # 15 ms, and only where there are matrices

    return OneThread(made)


def _drawn(setting: Setting, draw: Draw, num_blind: int = 0) -> Sampler:
    from search_spaces.samplers.points import Points, PointSampler  # 300 ms: SciPy

    return PointSampler(Points(setting.space, setting.seed), setting.seed, draw, num_blind)


def _qmc(setting: Setting) -> Sampler:
    from search_spaces.samplers.points import quasi_random  # 300 ms: SciPy

    return _drawn(setting, quasi_random)


def _evolution(setting: Setting) -> Sampler:
    from search_spaces.samplers.evolution import Evolution  # 300 ms: SciPy

    return _drawn(setting, Evolution(setting.objective, EVOLUTION_BLIND), EVOLUTION_BLIND)


def _cmaes(setting: Setting) -> Sampler:
    from search_spaces.samplers.cma_es import CmaEs  # 300 ms: SciPy

    return _quiet(_drawn(setting, CmaEs(setting.objective, setting.seed)))


def _genetic(setting: Setting, niches: bool) -> Sampler:
    from search_spaces.samplers.several.genetic import Genetic  # 300 ms: SciPy

    return _drawn(setting, Genetic(setting.objectives, POPULATION, niches), POPULATION)


_ROWS = (
    SamplerRow(
        name="auto",
        summary="a model of what each configuration will have come to after the last epoch; with conditions TPE",
        make=_auto,
        several=True,
        aliases=("bayes", "bayesianoptimization"),
    ),
    SamplerRow(
        name="tpe",
        summary="tree-structured Parzen estimator, tries what resembles the best so far, after ten at random",
        make=_tpe_sampler,
        several=True,
    ),
    SamplerRow(
        name="gp",
        summary="that model alone, a Gaussian process over configurations and epochs",
        make=_gp,
        several=True,
    ),
    SamplerRow(
        name="cmaes",
        summary="evolution strategy that adapts its covariance (CMA-ES), for many trials of numbers",
        make=_cmaes,
    ),
    SamplerRow(
        name="evolution",
        summary="regularised evolution, a small change to one of the best of the latest trials",
        make=_evolution,
    ),
    SamplerRow(
        name="nsga2",
        summary="genetic algorithm (NSGA-II), children of the best trials, spread over the front of several",
        make=lambda setting: _genetic(setting, niches=False),
        several=True,
    ),
    SamplerRow(
        name="nsga3",
        summary="the same along evenly spread directions (NSGA-III), for three or four metrics",
        make=lambda setting: _genetic(setting, niches=True),
        several=True,
    ),
    SamplerRow(
        name="qmc",
        summary="quasi-random, points of a Sobol sequence that lie more evenly than random ones",
        make=_qmc,
        several=True,
        aliases=("sobol",),
        learns=False,
    ),
    SamplerRow(
        name="random",
        summary="every trial is drawn from the space, whatever the others showed",
        make=lambda setting: OptunaSampler(setting.space, setting.objectives, setting.seed, _random),
        several=True,
        learns=False,
    ),
    SamplerRow(
        name="grid",
        summary="every point of a finite space once, in order",
        make=lambda setting: GridSampler(setting.space),
        several=True,
        finite_only=True,
        learns=False,
    ),
)
SAMPLERS = {row.name: row for row in _ROWS}


def sampler(
    method: str,
    space: Space,
    objective: Objective,
    seed: int,
    rungs: tuple[int, ...] = (1,),
    others: tuple[Objective, ...] = (),
) -> Sampler:
    """Return the sampler named ``method``, a key of SAMPLERS, for a schedule with these rungs.

    ``others`` are the objectives behind the first, where there are several.
    """
    row = SAMPLERS[method]
    assert not row.keeps_memory, (
        f"method {method} keeps a memory of its own, and a resumed sweep has only its history"
    )
    # A space without parameters has one configuration, and neither a cube nor a model.
    return row.make(Setting(space, objective, seed, rungs, others)) if space.domains else GridSampler(space)
