"""What a spec may name: the workloads and data sets, described without importing what trains them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from search_spaces.types.problems import DataKind, Goal, Problem


class WorkloadInfo(Protocol):
    """The part of a workload that a spec is checked against."""

    @property
    def name(self) -> str:
        """As written in a spec."""

    @property
    def summary(self) -> str:
        """One line for lists."""

    @property
    def hyperparameters(self) -> type:
        """A frozen dataclass of ``hyper`` fields."""

    @property
    def space(self) -> Mapping[str, Any]:
        """The default space in the form of a spec's ``parameters``."""

    @property
    def init_values(self) -> Mapping[str, Any]:
        """Hyperparameters that ``paceline init`` fixes, so that its spec runs without a download."""

    @property
    def problems(self) -> Mapping[DataKind, tuple[Problem, ...]]:
        """The kinds of data it takes, and which problems it solves on each; the first is the default."""

    @property
    def judged(self) -> bool:
        """Whether it can be scored on the test split."""

    @property
    def distributed(self) -> bool:
        """Whether several processes can train one model together."""

    def metrics(self, kind: DataKind | None) -> Mapping[str, Goal]:
        """What it reports on such data (None: on any) and a sweep may optimise, the default first."""


@dataclass(frozen=True)
class DatasetInfo:
    """A registered data set by name."""

    name: str
    kind: DataKind
    summary: str
    problem: Problem | None = None
    """What is asked of it where the spec does not say; None: what the workload does first."""
    downloaded: bool = False
    """Its files are looked for in ``data.root``, and fetched where they are not there."""


class SamplerInfo(Protocol):
    """The part of a sampler that a spec is checked against."""

    @property
    def name(self) -> str:
        """As written in a spec."""

    @property
    def summary(self) -> str:
        """One line for lists."""

    @property
    def aliases(self) -> tuple[str, ...]:
        """Other names that a spec may give it."""

    @property
    def finite_only(self) -> bool:
        """Whether it needs a space of finitely many points."""


class ScheduleInfo(Protocol):
    """The part of a schedule that a spec is checked against."""

    @property
    def name(self) -> str:
        """As written in a spec."""

    @property
    def summary(self) -> str:
        """One line for lists."""

    @property
    def parameters(self) -> type:
        """A frozen dataclass; its fields, with pydantic's bounds and descriptions, are keys of the spec."""


DEFAULT_METHOD = "tpe"
DEFAULT_SCHEDULE = "asha"
NO_SCHEDULE = "none"


@dataclass(frozen=True, kw_only=True)
class Catalogue:
    """Everything a spec may name. ``workload`` raises LookupError with the reason for a name it cannot give."""

    workload: Callable[[str], WorkloadInfo]
    workload_names: tuple[str, ...]
    datasets: Mapping[str, DatasetInfo]
    samplers: Mapping[str, SamplerInfo]
    schedules: Mapping[str, ScheduleInfo]

    @property
    def methods(self) -> dict[str, SamplerInfo]:
        """The samplers by every name that a spec may give them, aliases at the end."""
        rows = list(self.samplers.values())
        return {row.name: row for row in rows} | {alias: row for row in rows for alias in row.aliases}
