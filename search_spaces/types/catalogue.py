"""Describes what a spec may name (workloads, data sets, samplers, schedules), without importing their code."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from search_spaces.types.problems import DataKind, Goal, Problem


class WorkloadInfo(Protocol):
    """Part of a workload that a spec is checked against."""

    @property
    def name(self) -> str:
        """Name in a spec."""

    @property
    def summary(self) -> str:
        """Description in one line, for lists."""

    @property
    def hyperparameters(self) -> type:
        """Frozen dataclass with one ``hyper`` field for each hyperparameter."""

    @property
    def space(self) -> Mapping[str, Any]:
        """Default search space, in the form of a spec's ``parameters``."""

    @property
    def init_values(self) -> Mapping[str, Any]:
        """Hyperparameters that ``paceline init`` fixes, so that its spec runs without a download."""

    @property
    def problems(self) -> Mapping[DataKind, tuple[Problem, ...]]:
        """Problems that it solves, by kind of data; the first problem of a kind is the default."""

    @property
    def judged(self) -> bool:
        """Whether it can be scored on the test split."""

    @property
    def distributed(self) -> bool:
        """Whether several processes can train one model together."""

    def metrics(self, kind: DataKind | None) -> Mapping[str, Goal]:
        """Return the metrics that a sweep may optimise on such data (None: on any), the default first."""


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


class SamplerInfo(Protocol):
    """Part of a sampler that a spec is checked against."""

    @property
    def name(self) -> str:
        """Name in a spec."""

    @property
    def summary(self) -> str:
        """Description in one line, for lists."""

    @property
    def aliases(self) -> tuple[str, ...]:
        """Other names in a spec."""

    @property
    def finite_only(self) -> bool:
        """Whether it needs a finite space: no continuous parameter."""


class ScheduleInfo(Protocol):
    """Part of a schedule that a spec is checked against."""

    @property
    def name(self) -> str:
        """Name in a spec."""

    @property
    def summary(self) -> str:
        """Description in one line, for lists."""

    @property
    def parameters(self) -> type:
        """Frozen dataclass of ``parameter`` fields, which become keys of the spec's ``early_terminate``."""


DEFAULT_METHOD = "tpe"
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
