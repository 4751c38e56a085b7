"""Previews a sweep without running it: trials, epochs, workers and the first configurations."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from cluster.terminal import formatting
from cluster.terminal.criteria import goals
from cluster.terminal.criteria import told as told_of
from cluster.terminal.knowledge_lines import warm_start_line
from cluster.terminal.plans import budget_lines, script_lines
from search_spaces.criteria.metric_names import on_test
from search_spaces.race.earlier.warm_start import NOTHING_KNOWN, WarmStart
from search_spaces.race.ending.regret import LEAST
from search_spaces.race.search import Search, cohort_width, sweep_schedule
from search_spaces.race.seeds.retests import num_affordable
from search_spaces.space.hyperparameters import Open
from search_spaces.space.hyperparameters import hyperparameters as known
from search_spaces.space.idle import idle
from search_spaces.space.share import share
from search_spaces.spec.checks.population import POPULATION
from search_spaces.spec.sweep import Sweep
from search_spaces.types.values import Params
from workloads.registry import described
from workloads.users_packages.environment import environment

NUM_CONFIGURATIONS = 5


@dataclass(frozen=True, kw_only=True)
class Preview:
    """Plan of a sweep. ``reaching`` is the number of trials expected at each of ``rungs`` (epochs).

    ``cohort`` is the largest number of members in a leg, ``first`` are the first configurations. ``finals`` is the
    largest number of trainings of the final evaluation: where the defaults are among the best, there are fewer.
    """

    trials: int
    rungs: tuple[int, ...]
    reaching: tuple[int, ...]
    cohort: int
    lanes: int
    legs: int
    """Expected number of legs of the search, if all cohorts are full."""
    finals: int
    """Number of trainings of the final evaluation."""
    retests: int
    """Largest number of trainings of the best trials with new seeds."""
    first: Sequence[Params]
    seeds: int = 1
    """Largest number of seeds of a trial, by repeats."""
    warm_start: Sequence[Mapping[str, Any]] = ()
    """What is taken from each earlier sweep, if the data is the same."""
    budget: Mapping[str, Any] | None = None
    """By resource the ``limit`` and how many trials it is enough for, None where that is not known yet."""
    require_share: float | None = None
    """Share of the space that satisfies its requirements; None without any."""
    defaults_moved: bool = False
    """Whether the first trial is only near to the defaults, as these do not satisfy the requirements."""
    no_effect: Mapping[str, str] | None = None
    """Why hyperparameters have no effect, in all trials or in some, by name; None where all have one."""

    @property
    def epochs(self) -> int:
        """Expected number of epochs that the search trains, over all trials, each with one seed."""
        return _epochs(self.rungs, self.reaching)

    @property
    def epochs_with_all_seeds(self) -> int:
        """Expected number of epochs where repeats train each trial with all of its seeds, their highest cost."""
        return self.seeds * self.epochs


def _epochs(rungs: Sequence[int], reaching: Sequence[int]) -> int:
    return sum((stop - start) * n for start, stop, n in zip((0, *rungs), rungs, reaching, strict=False))


def preview(sweep: Sweep, num_lanes: int, hyperparameters: type, warm: WarmStart = NOTHING_KNOWN) -> Preview:
    """Return the plan of a sweep on ``num_lanes`` lanes, with the first ``NUM_CONFIGURATIONS`` configurations.

    Later ones depend on results. ``warm`` is what it knows of earlier sweeps.
    """
    search = Search(sweep, hyperparameters, None, warm)
    trials = min(sweep.trials, search.most_trials or sweep.trials)
    plan = sweep_schedule(sweep)
    reaching = plan.reaching(trials)
    width = cohort_width(sweep, num_lanes)
    first = search.more([], min(NUM_CONFIGURATIONS, trials), None)
    return Preview(
        trials=trials,
        rungs=plan.rungs,
        reaching=reaching,
        cohort=width,
        lanes=num_lanes,
        legs=sum(math.ceil(number / width) for number in reaching),
        retests=num_affordable(sweep.retest, _epochs(plan.rungs, reaching), sweep.epochs) if trials > 1 else 0,
        finals=min(sweep.final.top + 1, trials) * sweep.final.seeds if sweep.final else 0,
        first=[track.searched for track in first],
        seeds=sweep.repeats.seeds if sweep.repeats else 1,
        warm_start=[asdict(one) for one in warm.taken],
        budget=budget_lines.document(sweep, plan, trials),
        require_share=share(sweep.space).value if sweep.space.require else None,
        defaults_moved=hyperparameters is not Open
        and not sweep.space.satisfies(sweep.space.active(search.defaults)),
        no_effect=None
        if hyperparameters is Open
        else idle(known(hyperparameters), sweep.space, sweep.constants) or None,
    )


def document(sweep: Sweep, plan: Preview) -> dict[str, Any]:
    """Return the preview for ``--json``.

    ``lanes`` and ``cohort`` are the earlier names of ``workers`` and ``train_together``.
    """
    metric = {"name": sweep.metric.name, "goal": sweep.metric.goal}
    about = {"name": sweep.name, "metric": metric, **asdict(plan), "epochs": plan.epochs}
    about["epochs_with_all_seeds"] = plan.epochs_with_all_seeds
    if sweep.command is not None and sweep.command.open_ended:
        about |= {"rungs": [*plan.rungs[:-1], None], "epochs": None, "epochs_with_all_seeds": None}
    new_names = {"workers": plan.lanes, "train_together": plan.cohort}
    return {**about, **new_names, "streaming": bool(sweep.data.streaming)}


def lines(sweep: Sweep, plan: Preview) -> list[str]:
    """Return the preview as lines for people."""
    full, folds, decisions = plan.trials * plan.rungs[-1], sweep.data.split.folds, _decisions(sweep, plan)
    told = {
        "sweep": f"{sweep.name}: {sweep.workload}, {goals(sweep.objective, sweep.criteria)}",
        **({"constraints": told_of(sweep.criteria)} if sweep.constraints else {}),
        "search": f"{_method(sweep)} + {sweep.early_terminate.type}, seed {sweep.seed}",
        "trials": f"{plan.trials}, up to {formatting.count(plan.rungs[-1], 'epoch')} each",
        **({"require": _required(sweep, plan)} if sweep.space.require else {}),
        **decisions,
        "epochs": f"about {plan.epochs} of {full}"
        + (f" with one seed each, {plan.epochs_with_all_seeds} where all get {plan.seeds}" if sweep.repeats else "")
        + (f", each in {folds} folds" if folds else "")
        + ("; more where later trials turn out better" if "early stop" in decisions else ""),
        **({"budget": budget_lines.told(sweep, plan.budget, plan.trials)} if plan.budget else {}),
        "workers": f"{plan.lanes}{_together(plan)}{_processes(sweep)}",
        **(
            {"repeats": f"up to {sweep.repeats.seeds} seeds a trial, fewer where it is clearly worse"}
            if sweep.repeats
            else {}
        ),
        **_retests(sweep, plan),
        **_ends(sweep, plan),
        "final": f"up to {formatting.count(plan.finals, 'training')} for the final evaluation{_tested(sweep)}"
        if plan.finals
        else "none",
        **{f"warm start{' ' * i}": warm_start_line(one, False) for i, one in enumerate(plan.warm_start)},
    }
    told |= script_lines.told(sweep, plan.trials, plan.rungs)
    if sweep.pip:
        told["pip"] = _pip(sweep)
    if sweep.data.streaming:
        told["data"] = "read in every epoch, not kept in memory"
    if plan.no_effect:
        told["no effect"] = _idle(plan.no_effect)
    if outside := _outside(sweep, plan):
        told["defaults"] = f"tried first, outside of the space: {outside}"
    heads = [f"{name:<11} {text}" for name, text in told.items()]
    return [
        *heads,
        "first configurations",
        *(f"  {formatting.settings(params) or 'as the sweep file says'}" for params in plan.first),
    ]


def _outside(sweep: Sweep, plan: Preview) -> str:
    """Return the values of the first trial that lie outside of what is searched; empty where none does."""
    domains = sweep.space.domains
    first = next(iter(plan.first), {})
    return formatting.settings(
        {name: value for name, value in first.items() if name in domains and not domains[name].contains(value)}
    )


def _tested(sweep: Sweep) -> str:
    """Return how users' code comes to the test metric where it measures itself; empty for others."""
    kind, metric = described(sweep.workload), on_test(sweep.metric.name)
    if not kind.tests_itself(sweep.data.given, sweep.metric.name):
        return ""
    purpose = "run.purpose" if sweep.command is None else "PACELINE_PURPOSE"
    way = "test(folder, ...) returns" if kind.has_test else f"where {purpose} is 'final' it reports"
    return f"; {way} {metric}"


def _idle(reasons: Mapping[str, str]) -> str:
    """Return in one line what has no effect, those of one reason together."""
    alike = {why: [name for name, other in reasons.items() if other == why] for why in reasons.values()}
    return "; ".join(f"{', '.join(names)} ({why})" for why, names in alike.items())


def _pip(sweep: Sweep) -> str:
    """Return what the packages of the spec cost as the sweep starts."""
    number = formatting.count(len(sweep.pip), "package")
    one = len(sweep.pip) == 1
    told = f"{number} {'is' if one else 'are'} installed once on each machine, before the first trial"
    return f"{told}{'; here that is done' if environment(sweep.packages).is_made else ''}"


def _method(sweep: Sweep) -> str:
    """Return the sampler; of ``auto`` the one that answers."""
    if sweep.method != "auto":
        return sweep.method
    return "auto (tpe, as the space has conditions)" if sweep.space.when else "auto (gp)"


def _decisions(sweep: Sweep, plan: Preview) -> dict[str, str]:
    if len(plan.rungs) == 1:
        return {}
    if sweep.early_terminate.type != POPULATION:
        return {"early stop": _rungs(plan)}
    size = min(plan.trials, sweep.early_terminate.parameters["population"])
    after = ", ".join(map(str, plan.rungs[:-1][:3])) + (", ..." if len(plan.rungs) > 4 else "")
    return {"exchange": f"among {size} trials, after {after} epochs the worst go on from the best"}


def _required(sweep: Sweep, plan: Preview) -> str:
    conditions = "; ".join(map(str, sweep.space.require))
    moved = ", the defaults not in it: trial 0 is the nearest that is" if plan.defaults_moved else ""
    percent = 100 * (plan.require_share or 0)
    return f"{conditions} (about {'100' if percent >= 99.5 else f'{percent:.2g}'} % of the space{moved})"


def _retests(sweep: Sweep, plan: Preview) -> dict[str, str]:
    if sweep.retest == "auto" and not plan.retests:
        return {}
    if not plan.retests:
        share = f"{sweep.retest:.0%} of all epochs is less than one training"
        return {"retests": f"none: {share}"} if sweep.retest else {}
    clear = ", until the first is clear" if sweep.retest == "auto" else ""
    return {"retests": f"up to {formatting.count(plan.retests, 'training')} of the best with new seeds{clear}"}


def _ends(sweep: Sweep, plan: Preview) -> dict[str, str]:
    """Return what ends the search early, and whether it can with so few trials."""
    told, wanted = [], sweep.stop_when
    if wanted and wanted.no_improvement:
        never = wanted.no_improvement >= plan.trials
        one = wanted.no_improvement == 1
        who = "a trial brings" if one else f"{wanted.no_improvement} trials in a row bring"
        told.append(f"{who} no better value{_never(plan) if never else ''}")
    if wanted and wanted.regret_below:
        few = f" (never: it is looked for from {LEAST} trials on)" if plan.trials < LEAST else ""
        told.append(f"no configuration is likely to be better by more than {wanted.regret_below:g}{few}")
    return {"ends where": ", or ".join(told)} if told else {}


def _never(plan: Preview) -> str:
    return f" (never: there are {formatting.count(plan.trials, 'trial')})"


def _rungs(plan: Preview) -> str:
    """Format the rungs as ``20 trials for 1 epoch, the best 6 for 3, the best 2 for 9``."""
    first, *others = zip(plan.rungs, plan.reaching, strict=True)
    whole = f"{formatting.count(first[1], 'trial')} for {formatting.count(first[0], 'epoch')}"
    return ", ".join([whole, *(f"the best {number} for {epochs}" for epochs, number in others)])


def _together(plan: Preview) -> str:
    return f", each trains up to {formatting.count(plan.cohort, 'trial')} together" if plan.cohort > 1 else ""


def _processes(sweep: Sweep) -> str:
    number = formatting.between(sweep.resources.least, sweep.resources.most)
    if not number:
        return ""
    own = "" if described(sweep.workload).divides_work else f" ({sweep.resources.strategy})"
    how = own if sweep.command is None else " (ranks of its script, with torchrun's variables)"
    return f", each of {number} processes{how}"
