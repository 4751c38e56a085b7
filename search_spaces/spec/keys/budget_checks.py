"""Checks of ``budget``, ``cost_per_hour`` and ``stop_when`` that concern several keys."""

from __future__ import annotations

from collections.abc import Iterator, Set

from search_spaces.spec.keys.command import UNKNOWN_LENGTH
from search_spaces.spec.keys.rates import lane_rates
from search_spaces.spec.schema import SpecFile
from search_spaces.spec.yaml_document import Document
from search_spaces.types.faults import shown


def check_budget(document: Document, spec: SpecFile, faulty: Set[str], searches: bool) -> None:
    """Note every fault of ``budget``, ``cost_per_hour`` and ``stop_when`` that depends on several keys.

    Keys that are ``faulty`` themselves are left out. ``searches``: there are parameters to search.
    """
    for path, rule, received in (*_empty(spec), *_useless(spec, faulty)):
        document.fault(path, rule, received)
    wanted = spec.stop_when
    if wanted and wanted.regret_below and not searches and "parameters" not in faulty:
        rule = "has no effect where nothing is searched: leave it out"
        document.fault(("stop_when", "regret_below"), rule, shown(wanted.regret_below))


_Told = tuple[tuple[str, ...], str, str]


def _empty(spec: SpecFile) -> Iterator[_Told]:
    for name, group in (("budget", spec.budget), ("stop_when", spec.stop_when)):
        if group is not None and not any(value is not None for _, value in group):
            known = ", ".join(type(group).model_fields)
            yield (name,), f"must hold at least one of {known}, or be left out", "{}"


def _useless(spec: SpecFile, faulty: Set[str]) -> Iterator[_Told]:
    budget, wanted, prices = spec.budget, spec.resources, spec.cost_per_hour
    if prices is not None and not prices.cpu and not prices.gpu:
        yield ("cost_per_hour",), "must give cpu or gpu a price above 0, or be left out", shown(prices.model_dump())
    elif (
        prices is not None
        and not faulty & {"cost_per_hour", "resources"}
        and not lane_rates(wanted, prices)["cost"]
    ):
        rule = "has no effect without GPUs: give cpu a price, or a trial a GPU (resources.gpus)"
        yield ("cost_per_hour",), rule, shown(prices.model_dump(exclude_defaults=True))
    if budget is None:
        return
    known = "epochs" not in faulty and spec.epochs != UNKNOWN_LENGTH
    if budget.epochs is not None and budget.epochs < spec.epochs and known:
        rule = f"must be at least epochs = {spec.epochs}, else no trial is trained to the end"
        yield ("budget", "epochs"), rule, shown(budget.epochs)
    if budget.gpu_hours is not None and not wanted.gpus and "resources" not in faulty:
        rule = "has no effect without GPUs: leave it out, or give resources.gpus"
        yield ("budget", "gpu_hours"), rule, shown(budget.gpu_hours)
    if budget.cost is None or faulty & {"cost_per_hour", "resources"}:
        return
    if prices is None:
        rule = "needs prices: give cost_per_hour: {cpu: ..., gpu: ...}"
        yield ("budget", "cost"), rule, shown(budget.cost)
