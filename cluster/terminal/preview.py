"""What a sweep would do, without doing it: trials, rungs, legs, lanes and the first configurations."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from cluster.terminal import formatting
from search_spaces.race.search import Search, cohort_width, sweep_schedule
from search_spaces.spec.sweep import Sweep
from search_spaces.types.values import Params

NUM_CONFIGURATIONS = 5


@dataclass(frozen=True, kw_only=True)
class Preview:
    """See the module. ``reaching`` says how many trials are expected at each of ``rungs``."""

    trials: int
    rungs: tuple[int, ...]
    reaching: tuple[int, ...]
    cohort: int
    lanes: int
    legs: int
    """Of the search, expected: as few as full cohorts give."""
    finals: int
    """Trainings for the verdict."""
    first: Sequence[Params]

    @property
    def epochs(self) -> int:
        """Expected epochs of the search."""
        starts = (0, *self.rungs)
        return sum((stop - start) * n for start, stop, n in zip(starts, self.rungs, self.reaching, strict=False))


def preview(sweep: Sweep, num_lanes: int, hyperparameters: type) -> Preview:
    """Asks the sampler for the first configurations; later ones depend on what is measured."""
    search = Search(sweep, hyperparameters, None)
    trials = min(sweep.trials, search.most_trials or sweep.trials)
    rungs = tuple(sweep_schedule(sweep).rungs)
    eta = sweep.early_terminate.eta
    reaching = tuple(trials // eta**level for level in range(len(rungs)))
    width = cohort_width(sweep, num_lanes)
    first = search.more([], min(NUM_CONFIGURATIONS, trials), None)
    return Preview(
        trials=trials,
        rungs=rungs,
        reaching=reaching,
        cohort=width,
        lanes=num_lanes,
        legs=sum(math.ceil(number / width) for number in reaching),
        finals=(sweep.final.top + 1) * sweep.final.seeds if sweep.final else 0,
        first=[track.searched for track in first],
    )


def document(sweep: Sweep, plan: Preview) -> dict[str, Any]:
    """The preview for ``--json``."""
    metric = {"name": sweep.metric.name, "goal": sweep.metric.goal}
    streaming = bool(sweep.data.streaming)
    return {"name": sweep.name, "metric": metric, **asdict(plan), "epochs": plan.epochs, "streaming": streaming}


def lines(sweep: Sweep, plan: Preview) -> list[str]:
    """The preview for people."""
    full, folds = plan.trials * plan.rungs[-1], sweep.data.split.folds
    told = {
        "sweep": f"{sweep.name}: {sweep.workload}, {sweep.metric.goal} {sweep.metric.name}",
        "search": f"{sweep.method} + {sweep.early_terminate.type}, seed {sweep.seed}",
        "trials": f"{plan.trials}, up to {formatting.count(plan.rungs[-1], 'epoch')} each",
        "rungs": ", ".join(
            f"{epochs} ({formatting.count(n, 'trial')})"
            for epochs, n in zip(plan.rungs, plan.reaching, strict=True)
        ),
        "epochs": f"about {plan.epochs} of {full}" + (f", each in {folds} folds" if folds else ""),
        "legs": f"{plan.legs} or more, of up to {formatting.count(plan.cohort, 'trial')}",
        "lanes": f"{plan.lanes}{_workers(sweep)}",
        "verdict": f"{plan.finals} trainings" if plan.finals else "none",
    }
    if sweep.data.streaming:
        told["data"] = "read in every epoch, not kept in memory"
    heads = [f"{name:<9} {text}" for name, text in told.items()]
    return [*heads, "first configurations", *(f"  {formatting.settings(params)}" for params in plan.first)]


def _workers(sweep: Sweep) -> str:
    wanted = sweep.resources
    if wanted.most == 1:
        return ""
    number = f"{wanted.least} to {wanted.most}" if wanted.least < wanted.most else str(wanted.most)
    return f", each of {number} workers ({wanted.strategy})"
