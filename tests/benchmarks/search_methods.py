"""The searches that are compared on tables and on learning curves: ours, Optuna's, Ray Tune's and Syne Tune's.

Peers run as their documentation has them, with their defaults: Optuna's samplers report each epoch to a pruner,
Ray's ``ASHAScheduler`` and ``OptunaSearch`` are told what a Tuner would tell them, and Syne Tune's schedulers, in a
process of an environment of their own, what its simulator would. A peer recommends what its own call for that
returns; where it has none yet, and of Syne Tune, the best value seen.
"""

from __future__ import annotations

import dataclasses
import json
import subprocess
import warnings
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Protocol

from search_spaces.race.legs import Leg, MemberEpoch, Saved
from search_spaces.race.race import Race
from search_spaces.race.search import Search
from search_spaces.space.domains import Choice, Int
from search_spaces.space.hyperparameters import hyper
from search_spaces.space.space import Space
from search_spaces.spec.sweep import EarlyTerminate, Metric, Sweep
from search_spaces.types.objective import Objective
from search_spaces.types.values import Params
from tests.helpers.toy_race import toy_sweep

ENOUGH = 100_000
"""Number of trials that no budget allows."""
EPOCH_S = 60.0
"""Seconds of an epoch that a race is told: so long that no question is asked ahead of need."""


@dataclass(frozen=True)
class Problem:
    """What is searched: every method begins with ``first``, and has the same ``seed``."""

    space: Space
    objective: Objective
    epochs: int
    first: Params
    seed: int
    num_lanes: int = 1


@dataclass(frozen=True)
class Work:
    """A trial that a lane trains on after ``epoch``."""

    trial: Hashable
    params: Params
    epoch: int


class Method(Protocol):
    """A search that a clock drives."""

    def next(self) -> Work | None:
        """Return what a free lane trains now; None where it must wait."""

    def reported(self, work: Work, epoch: int, value: float) -> bool:
        """Take an epoch's value; whether the lane goes on with the trial."""

    def recommended(self) -> Params | None:
        """Return the configuration that the method recommends; None: that of the best value seen."""


class Ours:
    """A race of ours, by the name of a sampler and of a schedule (``asha``, or ``asha:eta=4,min_iter=3``)."""

    def __init__(self, problem: Problem, method: str, schedule: str) -> None:
        self._metric = problem.objective.name
        sweep = _sweep(problem, method, schedule)
        self.race: Race = Search(sweep, _hyperparameters(problem.first), None).race(problem.num_lanes)
        self._legs: dict[str, Leg] = {}

    def next(self) -> Work | None:
        leg = self.race.next_leg()
        if leg is None:
            return None
        (member,) = leg.members
        self._legs[member.key] = leg
        return Work(member.key, member.params, leg.start)

    def reported(self, work: Work, epoch: int, value: float) -> bool:
        leg = self._legs[str(work.trial)]
        (member,) = leg.members
        measured = MemberEpoch(key=member.key, epoch=epoch, metrics={self._metric: value})
        self.race.reported(leg.id, [measured])
        if epoch < leg.stop:
            return True
        self.race.saved(leg.id, [Saved(key=member.key, epoch=epoch, uri=f"{member.key}/e{epoch}")])
        self.race.finished_leg(leg.id, EPOCH_S * (leg.stop - leg.start))
        return False

    def recommended(self) -> Params | None:
        return None


class Optuna:
    """A sampler of Optuna's with one of its pruners, as in the documentation of ``Trial.should_prune``."""

    def __init__(self, problem: Problem, sampler: str, pruner: str = "none") -> None:
        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        pruners = {
            "none": optuna.pruners.NopPruner,
            "halving": optuna.pruners.SuccessiveHalvingPruner,
            "hyperband": lambda: optuna.pruners.HyperbandPruner(max_resource=problem.epochs),
        }
        self._study = optuna.create_study(
            direction=problem.objective.goal, sampler=_optuna_sampler(problem, sampler), pruner=pruners[pruner]()
        )
        self._study.enqueue_trial(problem.first)
        self._problem, states = problem, optuna.trial.TrialState
        self._pruned, self._complete = states.PRUNED, states.COMPLETE

    def next(self) -> Work:
        trial = self._study.ask()
        return Work(trial, self._problem.space.ask(trial, {}), 0)

    def reported(self, work: Work, epoch: int, value: float) -> bool:
        trial: Any = work.trial
        trial.report(value, epoch)
        if epoch == self._problem.epochs:
            self._study.tell(trial, value)
        elif trial.should_prune():
            self._study.tell(trial, state=self._pruned)
            return False
        return epoch < self._problem.epochs

    def recommended(self) -> Params | None:
        """Return what ``study.best_params`` is: of the trials that were trained to the end, the best last value."""
        complete = self._study.get_trials(deepcopy=False, states=(self._complete,))
        return self._study.best_params if complete else None


def _optuna_sampler(problem: Problem, name: str) -> Any:
    from optuna import samplers

    seed = problem.seed
    if name == "autosampler":
        # The rule of OptunaHub's AutoSampler for one objective without constraints: TPE where there is a category
        # or a condition, else GPSampler up to 250 trials, and CMA-ES from then on, which no search here comes to.
        words = any(isinstance(domain, Choice) for domain in problem.space.domains.values())
        name = "multivariate-tpe" if words or problem.space.when else "gp"
    made: dict[str, Callable[[], Any]] = {
        "tpe": lambda: samplers.TPESampler(seed=seed),
        "multivariate-tpe": lambda: samplers.TPESampler(seed=seed, multivariate=True, constant_liar=True),
        "gp": lambda: samplers.GPSampler(seed=seed),
        "cmaes": lambda: samplers.CmaEsSampler(seed=seed, warn_independent_sampling=False),
        "random": lambda: samplers.RandomSampler(seed=seed),
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what is experimental
        return made[name]()


class RayAsha:
    """Ray Tune's ``ASHAScheduler`` with its ``OptunaSearch``, told what ``TuneController`` tells them."""

    def __init__(self, problem: Problem) -> None:
        from ray.tune.schedulers import ASHAScheduler
        from ray.tune.search.optuna import OptunaSearch

        space = {name: domain.distribution for name, domain in problem.space.domains.items()}
        self._metric, mode = problem.objective.name, problem.objective.goal[:3]
        self._search = OptunaSearch(
            space, self._metric, mode, points_to_evaluate=[problem.first], seed=problem.seed
        )
        self._asha: Any = ASHAScheduler(metric=self._metric, mode=mode, max_t=problem.epochs)
        self._sign = 1 if mode == "max" else -1
        self._params: dict[Hashable, Params] = {}
        self._last: dict[Hashable, float] = {}

    def next(self) -> Work:
        trial = SimpleNamespace(trial_id=str(len(self._params)))
        params = self._search.suggest(trial.trial_id)
        assert isinstance(params, dict)
        self._asha.on_trial_add(None, trial)
        self._params[trial.trial_id] = params
        return Work(trial.trial_id, params, 0)

    def reported(self, work: Work, epoch: int, value: float) -> bool:
        self._last[work.trial] = value
        result = {self._metric: value, "training_iteration": epoch}
        decision = self._asha.on_trial_result(None, SimpleNamespace(trial_id=work.trial), result)
        self._search.on_trial_result(str(work.trial), result)
        if decision == "STOP":
            self._search.on_trial_complete(str(work.trial), result)
        return bool(decision != "STOP")

    def recommended(self) -> Params | None:
        """Return what ``ResultGrid.get_best_result`` does: the trial with the best last value."""
        return self._params[max(self._last, key=lambda trial: self._sign * self._last[trial])]


class SyneTune:
    """A scheduler of Syne Tune's in a process of ``python``, an interpreter that has it."""

    def __init__(self, problem: Problem, kind: str, python: Path) -> None:
        server = Path(__file__).with_name("peer_syne_tune.py")
        self._process = subprocess.Popen(
            [python, server], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        space = {
            name: {"low": d.low, "high": d.high, "log": d.log, "whole": isinstance(d, Int)}  # type: ignore[attr-defined]
            for name, d in problem.space.domains.items()
        }
        assert problem.objective.goal == "maximize"
        self._call(kind=kind, space=space, first=problem.first, seed=problem.seed, epochs=problem.epochs)

    def next(self) -> Work:
        found = self._call(ask=True)
        return Work(found["trial"], found["params"], 0)

    def reported(self, work: Work, epoch: int, value: float) -> bool:
        return bool(self._call(trial=work.trial, epoch=epoch, value=value)["goes_on"])

    def recommended(self) -> Params | None:
        return None

    def close(self) -> None:
        """End the process."""
        self._process.communicate()

    def _call(self, **message: Any) -> Any:
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(json.dumps(message) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, "Syne Tune's process has ended"
        return json.loads(line)


OPTUNA = {
    "optuna-tpe": ("tpe", "none"),
    "optuna-tpe-halving": ("tpe", "halving"),
    "optuna-tpe-hyperband": ("tpe", "hyperband"),
    "optuna-gp": ("gp", "none"),
    "optuna-cmaes": ("cmaes", "none"),
    "optuna-autosampler": ("autosampler", "none"),
    "optuna-random": ("random", "none"),
}
"""Sampler and pruner of each of Optuna's, by name."""


PEERS = ("optuna-", "ray-", "syne-")
"""Beginnings of the names of peers."""


def method(name: str, problem: Problem, syne_python: Path | None = None) -> Method:
    """Return the method of a name: of ``OPTUNA``, ``ray-asha-optuna``, ``syne-KIND``, or our ``SAMPLER/SCHEDULE``.

    ``syne_python`` is the interpreter of an environment that has Syne Tune.
    """
    if name in OPTUNA:
        return Optuna(problem, *OPTUNA[name])
    if name == "ray-asha-optuna":
        return RayAsha(problem)
    if name.startswith("syne-"):
        assert syne_python, "Syne Tune needs --syne-python"
        return SyneTune(problem, name.removeprefix("syne-"), syne_python)
    sampler, _, schedule = name.partition("/")
    return Ours(problem, sampler, schedule or "asha")


def _sweep(problem: Problem, method: str, schedule: str) -> Sweep:
    kind, _, given = schedule.partition(":")
    keys = dict(pair.split("=") for pair in given.split(",") if pair)
    return toy_sweep(
        space=problem.space,
        metric=Metric(name=problem.objective.name, goal=problem.objective.goal),
        method=method,
        early_terminate=EarlyTerminate.model_validate(
            {"type": kind, **{key: int(value) for key, value in keys.items()}}
        ),
        trials=ENOUGH,
        epochs=problem.epochs,
        train_together=1,
        seed=problem.seed,
    )


def _hyperparameters(first: Any) -> type:
    fields = [(name, type(value), hyper(value, "a parameter of the problem")) for name, value in first.items()]
    return dataclasses.make_dataclass("Searched", fields, frozen=True, kw_only=True)
