"""Describes what a spec may name (workloads, data sets, samplers, schedules), without importing their code."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from search_spaces.types.problems import METRICS, DataKind, Goal, Problem, metrics_of


@dataclass(frozen=True, kw_only=True)
class WorkloadInfo:
    """Part of a workload that a spec is checked against."""

    name: str
    summary: str
    """Description in one line, for lists."""
    hyperparameters: type
    """A frozen dataclass of ``hyper`` fields."""
    space: Mapping[str, Any]
    """The default search space, in the form of a spec's ``parameters``."""
    init_values: Mapping[str, Any] = field(default_factory=dict)
    """Hyperparameters that ``paceline init`` fixes, so that its spec runs without a download."""
    init_values_on: Mapping[DataKind, Mapping[str, Any]] = field(default_factory=dict)
    """Further ones by kind of data."""
    init_metric: Mapping[Problem, str] = field(default_factory=dict)
    """Metric that ``paceline init`` proposes for a problem, where it is not the default."""
    problems: Mapping[DataKind, tuple[Problem, ...]]
    """Kinds of data that it accepts, and the problems that it solves on each; the first problem is the default."""
    unread: Mapping[str, str] = field(default_factory=dict)
    """Keys of a spec's ``data`` that have no effect on it, with what has it in their place."""
    judged: bool = True
    """False where nothing can be scored on the test split: a spec must then say ``final: none``."""
    own_data: bool = False
    """Whether it may bring its own data: the spec's ``data`` may then be left out."""
    has_test: bool = False
    """Whether it measures itself on its own test data: its code has a function ``test``."""
    may_report_test: Callable[[], bool] = bool
    """Whether it may report a test metric itself; reads its code."""
    own_metrics: bool = False
    """Whether it reports metrics of any names: they stay as they are, and a sweep on an unknown one has a goal."""
    divides_work: bool = False
    """Whether its code divides the work among several processes by itself: it forms batches and wraps models."""
    one_process: bool = False
    """Whether a model is trained by one process alone, on processors: several cannot share the work."""
    reports: Mapping[str, Goal] = field(default_factory=dict)
    """Further metrics that it reports and a sweep may optimise, with their goals."""

    def scores(self, metric: str) -> bool:
        """Return whether predictions on the sweep's own test split can be scored by the sweep's ``metric``."""
        own = metrics_of(problem for problems in self.problems.values() for problem in problems)
        return self.judged and (not self.own_metrics or metric in own)

    def tests_itself(self, has_data: bool, metric: str) -> bool:
        """Return whether it measures itself in the final evaluation: it cannot be scored on the sweep's data."""
        return self.own_data and (not has_data or (self.has_test and not self.scores(metric)))

    def metrics(self, kind: DataKind | None) -> Mapping[str, Goal]:
        """Return the metrics that a sweep on this kind of data (None: any) may optimise, the default first."""
        kinds = self.problems if kind is None else (kind,)
        known = metrics_of(dict.fromkeys(problem for kind in kinds for problem in self.problems[kind]))
        others = metrics_of(METRICS) if self.own_metrics else {}
        return {**self.reports, **known, **others}


@dataclass(frozen=True)
class DatasetInfo:
    """A registered data set."""

    name: str
    kind: DataKind
    summary: str
    problem: Problem | None = None
    """Problem that a sweep on it solves; None: the workload's default."""
    downloaded: bool = False
    """Whether its files are in ``data.root``, and downloaded if they are missing."""


@dataclass(frozen=True, kw_only=True)
class SamplerInfo:
    """Part of a sampler that a spec is checked against; ``name`` is the spec's ``method``."""

    name: str
    summary: str
    """Description in one line, for lists."""
    finite_only: bool = False
    """Whether it needs a finite space, and tries each point once."""
    learns: bool = True
    """Whether trials' results change what it proposes."""
    several: bool = False
    """Whether it knows several objectives, or needs to know none."""
    aliases: tuple[str, ...] = ()
    """Other names in a spec."""


@dataclass(frozen=True, kw_only=True)
class ScheduleInfo:
    """Part of a schedule that a spec is checked against; ``name`` is the spec's ``early_terminate.type``."""

    name: str
    summary: str
    """Description in one line, for lists."""
    parameters: type
    """Frozen dataclass of ``parameter`` fields: the other keys of the spec's ``early_terminate``."""
    several: bool = True
    """Whether it ranks trials, whatever they are ranked by; False where it needs the objective's values."""
    aliases: tuple[str, ...] = ()
    """Names that other tools have for it."""


DEFAULT_METHOD = "auto"
DEFAULT_SCHEDULE = "asha"
NO_SCHEDULE = "none"


@dataclass(frozen=True, kw_only=True)
class Catalogue:
    """Everything that a spec may name. ``workload`` returns a workload by name, or raises LookupError."""

    workload: Callable[[str], WorkloadInfo]
    workload_names: tuple[str, ...]
    datasets: Mapping[str, DatasetInfo]
    samplers: Mapping[str, SamplerInfo]
    schedules: Mapping[str, ScheduleInfo]

    @property
    def methods(self) -> dict[str, SamplerInfo]:
        """Samplers by name and alias, the aliases last."""
        rows = list(self.samplers.values())
        return {row.name: row for row in rows} | {alias: row for row in rows for alias in row.aliases}
