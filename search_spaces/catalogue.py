"""What a spec may name: the workloads and data sets, described without importing what trains them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

DataKind = Literal["table", "image"]


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
    def kinds(self) -> tuple[DataKind, ...]:
        """The kinds of data it takes."""

    @property
    def metrics(self) -> Mapping[str, Literal["minimize", "maximize"]]:
        """What it reports each epoch and a sweep may optimise, with the goal that makes sense."""


@dataclass(frozen=True)
class DatasetInfo:
    """A registered data set by name."""

    name: str
    kind: DataKind
    summary: str


@dataclass(frozen=True)
class Catalogue:
    """Everything a spec may name. ``workload`` raises LookupError with the reason for a name it cannot give."""

    workload: Callable[[str], WorkloadInfo]
    workload_names: tuple[str, ...]
    datasets: Mapping[str, DatasetInfo]
