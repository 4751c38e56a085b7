"""Checks what a sweep asks for besides one metric: constraints on metrics that its workload reports."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from search_spaces.criteria.constraints import Constraint
from search_spaces.spec.schema import ConstraintFile
from search_spaces.spec.yaml_document import Document, Path
from search_spaces.types.catalogue import WorkloadInfo
from search_spaces.types.faults import nearest, shown
from search_spaces.types.problems import ALIASES, COSTS, DataKind

LOCKED = {
    "test": "must not be of the test split: it is locked until the final evaluation, the search never sees it",
    "train": "must not be of the training split: it is best for whoever learns that by heart",
}
"""Reasons why metrics of a split cannot be the objective."""
ALSO = ("train_loss", "train_accuracy", "generalization_gap_loss", "generalization_gap_accuracy", "grad_norm")
"""Metrics that loops report and no sweep may optimise, but bound."""


def checked_constraints(
    document: Document, given: Sequence[ConstraintFile], workload: WorkloadInfo | None, kind: DataKind | None
) -> tuple[Constraint, ...]:
    """Return the constraints of a spec; faults are noted."""
    seen: set[str] = set()
    for number, one in enumerate(given):
        name, path = ALIASES.get(one.metric, one.metric), ("constraints", number)
        _check_bounds(document, one, path)
        if name in seen:
            document.fault((*path, "metric"), "is bound twice: write max and min in one entry", shown(one.metric))
        seen.add(name)
        if workload is not None:
            _check_name(document, name, workload, kind, (*path, "metric"))
    return tuple(Constraint(metric=ALIASES.get(one.metric, one.metric), max=one.max, min=one.min) for one in given)


def _check_bounds(document: Document, one: ConstraintFile, path: Path) -> None:
    if one.max is None and one.min is None:
        document.fault(path, "must have a bound: max, min, or both", shown(one.metric))
    elif one.max is not None and one.min is not None and one.min > one.max:
        document.fault((*path, "min"), f"must be <= max = {one.max:g}, else no trial keeps both", shown(one.min))
    if one.metric in COSTS and one.max is not None and one.max <= 0:
        document.fault((*path, "max"), f"must be > 0: no trial has a smaller {one.metric}", shown(one.max))


def _check_name(document: Document, name: str, workload: WorkloadInfo, kind: DataKind | None, path: Path) -> None:
    """Note a fault for a metric of the test split, and for what looks like a mistyped name.

    Any other unknown name may be one that the workload reports: the first leg will tell.
    """
    known = {**COSTS, **workload.metrics(kind), **dict.fromkeys(ALSO)}
    if name in known:
        return
    if name.startswith("test_"):
        document.fault(path, LOCKED["test"], shown(name), _suggestion(f"val_{name[5:]}", known))
    elif ":" not in workload.name and (close := nearest(name, known)):
        document.fault(path, "unknown metric", shown(name), repr(close))


def _suggestion(name: str, known: Iterable[str]) -> str | None:
    close = nearest(name, known)
    return close and repr(close)
