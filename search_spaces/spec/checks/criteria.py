"""Checks what a sweep asks for besides one metric: constraints on metrics that its workload reports."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from search_spaces.criteria.constraints import Constraint
from search_spaces.criteria.metric_names import LOCKED_TEST, fault_of, is_of_test, on_test, on_validation, with_goal
from search_spaces.spec.checks.bounds import check_constraint_bounds
from search_spaces.spec.other_tools.names import metric
from search_spaces.spec.schema import ConstraintFile, ObjectiveFile, SpecFile
from search_spaces.spec.yaml_document import Document, Path
from search_spaces.types.catalogue import Catalogue, WorkloadInfo
from search_spaces.types.faults import nearest, shown
from search_spaces.types.problems import ALIASES, COSTS, DataKind, Goal

LOCKED = {
    "test": "must not be of the test split: it is locked until the final evaluation, the search never sees it",
    "train": "must not be of the training split: it is best for whoever learns that by heart",
}
"""Reasons why metrics of a split cannot be the objective."""
ALSO = ("train_loss", "train_accuracy", "generalization_gap_loss", "generalization_gap_accuracy", "grad_norm")
"""Metrics that loops report and no sweep may optimise, but bound."""


@dataclass(frozen=True)
class Asked:
    """Checks objectives against the metrics that a workload has, with their ``natural`` goals."""

    document: Document
    workload: WorkloadInfo
    natural: Mapping[str, Goal]

    def objective(self, given: ObjectiveFile, path: Path, costs: bool = False) -> dict[str, Any] | None:
        """Return name and goal of an objective; None where it is no metric. ``costs``: it may be one of these."""
        known = {**self.natural, **COSTS} if costs else self.natural
        name = given.name if self.workload.own_metrics else ALIASES.get(given.name, given.name)
        if self.workload.own_metrics and name not in COSTS:
            return self._own(given, path, known)
        if name not in known:
            split, _, measure = name.partition("_")
            close = _suggestion(f"val_{measure}" if split in LOCKED else name, known)
            rule = f"unknown metric (workload {self.workload.name} has {', '.join(known)})"
            if name in COSTS:
                rule = "must be a validation metric, by which a trial's best epoch is chosen: costs come behind it"
            self.document.fault((*path, "name"), LOCKED.get(split, rule), shown(name), close)
            return None
        if given.goal is not None and given.goal != known[name]:
            rule = f"must be {known[name]} for {name}"
            self.document.fault((*path, "goal"), rule, shown(given.goal), repr(known[name]))
        return {"name": name, "goal": known[name]}

    def _own(self, given: ObjectiveFile, path: Path, known: Mapping[str, Goal]) -> dict[str, Any] | None:
        """Return name and goal of an objective that users' code reports, under whatever name."""
        name, goal = given.name, known.get(given.name, given.goal)
        if rule := unusable(name):
            self.document.fault((*path, "name"), rule, shown(name), _suggestion(on_validation(name), known))
            return None
        if goal is None:
            rule = f"is required for {name}, whose goal is not known: write {with_goal(name)}"
            self.document.fault((*path, "goal"), rule, None, _suggestion(name, known))
            return None
        if given.goal not in (None, goal):
            self.document.fault((*path, "goal"), f"must be {goal} for {name}", shown(given.goal), repr(goal))
        return {"name": name, "goal": goal}

    def objectives(self, given: Sequence[ObjectiveFile]) -> tuple[dict[str, Any], ...]:
        """Return the objectives of ``metrics``, the first of which must be no cost."""
        if len(given) < 2:
            rule = "must be two to four objectives (one: 'metric: {name: val_accuracy}')"
            self.document.fault(("metrics",), rule, shown(len(given)))
        found: list[dict[str, Any]] = []
        for number, one in enumerate(given):
            objective = self.objective(one, ("metrics", number), costs=number > 0)
            if objective in found:
                self.document.fault(("metrics", number, "name"), "is an objective already", shown(one.name))
            found += [objective] if objective else []
        return tuple(found)


def refuse_of_one_objective(
    document: Document, spec: SpecFile, catalogue: Catalogue, faulty: Container[str]
) -> None:
    """Note a fault for each key beside ``metrics`` that knows one objective only."""
    if "metric" in document.tree:
        document.fault(("metric",), "is one of metrics: give metric, or metrics")
    if "method" not in faulty and not catalogue.methods[spec.method].several:
        able = ", ".join(row.name for row in catalogue.samplers.values() if row.several)
        document.fault(("method",), f"must be one that knows several objectives: {able}", shown(spec.method))
    kind = (spec.early_terminate or {}).get("type")
    if isinstance(kind, str) and kind in catalogue.schedules and not catalogue.schedules[kind].several:
        able = ", ".join(row.name for row in catalogue.schedules.values() if row.several)
        rule = f"must be one that ranks trials by several objectives: {able}"
        document.fault(("early_terminate", "type"), rule, shown(kind))
    if spec.retest != "auto" and spec.retest > 0:
        document.fault(("retest",), "has no effect with several metrics: no one trial is recommended")
    for key, value in spec.stop_when or ():
        if value is not None:
            rule = "is bounded for" if key == "regret_below" else "counts values of"
            document.fault(("stop_when", key), f"{rule} one objective only: leave it out with metrics")


def checked_constraints(
    document: Document, given: Sequence[ConstraintFile], workload: WorkloadInfo | None, kind: DataKind | None
) -> tuple[Constraint, ...]:
    """Return the constraints of a spec; faults are noted."""
    seen: set[str] = set()
    for number, one in enumerate(given):
        name, path = _meant(one.metric, workload), ("constraints", number)
        _check_bounds(document, one, path)
        if name in seen:
            document.fault((*path, "metric"), "is bound twice: write max and min in one entry", shown(one.metric))
        seen.add(name)
        if workload is not None:
            _check_name(document, name, workload, kind, (*path, "metric"))
    if workload is not None and not is_of_users(workload):
        check_constraint_bounds(document, given)
    return tuple(Constraint(metric=_meant(one.metric, workload), max=one.max, min=one.min) for one in given)


def is_of_users(workload: WorkloadInfo) -> bool:
    """Return whether a workload is users' code, whose metrics may mean anything."""
    return ":" in workload.name or workload.own_metrics


def unjudged(workload: WorkloadInfo, has_data: bool, metric: str | None) -> str | None:
    """Return why there can be no final evaluation, and what to write; None where there can be."""
    none = f"must be none: workload {workload.name}"
    tested = on_test(metric) if metric else "the test metric"
    ways = f"define test(folder, **hyperparameters) beside its function, which returns {tested}"
    if not has_data and workload.own_data:
        lacks = (
            f"{none} brings its own data, and no file of it says test: report {tested} at the last epoch, or {ways}"
        )
        return None if workload.has_test or workload.may_report_test() else lacks
    if workload.has_test or (workload.judged and (metric is None or workload.scores(metric))):
        return None
    if not workload.judged:
        return f"{none} has no predict(folder, x) beside its function"
    return f"{none} cannot be judged by {metric}: predict is scored by known metrics alone; or {ways}"


def _meant(name: str, workload: WorkloadInfo | None) -> str:
    return name if workload and workload.own_metrics else ALIASES.get(name, name)


def unusable(name: str) -> str | None:
    """Return why a metric of users' code cannot be an objective, or bound; None where it can."""
    if is_of_test(name):
        return f"must not be one of the test split: {name} {LOCKED_TEST}"
    return fault_of(name)


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
    if workload.own_metrics and (rule := unusable(name)):
        document.fault(path, rule, shown(name), _suggestion(on_validation(name), known))
        return
    if name in known:
        return
    if name.startswith("test_"):
        document.fault(path, LOCKED["test"], shown(name), _suggestion(f"val_{name[5:]}", known))
    elif not is_of_users(workload) and (close := _suggestion(name, known)):
        document.fault(path, "unknown metric", shown(name), close)


def _suggestion(name: str, known: Iterable[str]) -> str | None:
    close = metric(name, known) or nearest(name, known)
    return close and repr(close)
