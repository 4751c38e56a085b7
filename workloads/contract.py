"""What a workload is: a record of functions and facts that the loops and the spec ask."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from search_spaces.types.problems import DataKind, Goal, Problem, metrics_of
from workloads.arrays import DataShape
from workloads.training.default_inputs import default_data, default_task

if TYPE_CHECKING:
    from torch import device, dtype, nn

    from workloads.arrays import Array
    from workloads.data.search_data import SearchData
    from workloads.tasks.contract import Task
    from workloads.training.batches import ResidentData
    from workloads.training.setup import Loop, Setup, Trainee


@dataclass(frozen=True, kw_only=True)
class Workload:
    """A named kind of model. ``build`` makes one from an instance of ``hyperparameters``."""

    name: str
    summary: str
    hyperparameters: type
    """A frozen dataclass of ``hyper`` fields."""
    space: Mapping[str, Any]
    """The default space, as a spec's ``parameters``."""
    init_values: Mapping[str, Any] = field(default_factory=dict)
    """Hyperparameters that ``paceline init`` fixes, so that its spec runs without a download."""
    problems: Mapping[DataKind, tuple[Problem, ...]]
    """The kinds of data it takes, and what it solves on each; the first is the default."""
    build: Callable[[Any, DataShape], nn.Module]
    check: Callable[[Any, DataShape], object] | None = None
    """Raises Infeasible for hyperparameters that ``build`` could not use on such data; needs no torch.

    It is asked before anything starts, for the workload's defaults with the values that the spec fixes.
    """
    fusable: bool | Callable[[Any], bool] = True
    """False for a model that has no batching rule: its members are trained one after the other.

    May depend on the hyperparameters that shape the program.
    """
    recordable: bool = False
    """On a GPU a cohort's step may be recorded once and replayed: nothing is drawn or decided on the host."""
    reads_files: bool = False
    """Takes images that stay on disk because they are too many for memory."""
    streams: bool = True
    """Takes training rows batch by batch; False where all of them must be in memory."""
    half: bool = False
    """On a GPU the model's products are taken in bfloat16 (autocast)."""
    task: Callable[[DataShape, str], Task] = default_task
    """Gives the loss and what is measured, for data of this shape and a sweep's objective."""
    judge: Callable[[ResidentData], Task] | None = None
    """Gives the task, in place of ``task``, where what is measured by has to learn from the data first."""
    data: Callable[[Any, SearchData, device, dtype], ResidentData] = default_data
    """Makes the inputs from raw examples; of the hyperparameters it may read those declared ``prepares``."""
    loop: Callable[[Setup, Trainee], Loop] | None = None
    """Trains one member where the plain loop does not fit (several players, another framework)."""
    exhibit: Callable[[Setup, nn.Module, int], Mapping[str, bytes]] | None = None
    """(setup, model, epoch) to small files that show what the model makes, by artifact path."""
    exhibit_epochs: bool = False
    """They are taken after every epoch, not only at the end of a leg."""
    export: Callable[[Any, nn.Module, ResidentData], tuple[nn.Module, Array]] | None = None
    """(hyperparameters, model, data on the CPU) to what is served where that is not raw examples in, outputs out:
    a module, and example inputs of a few rows."""

    judged: bool = True
    """False where nothing can be scored on the test split, so that a spec must say ``final: none``."""
    registered: bool = True
    """False where the champion is no model that MLflow could serve: its files stay in its checkpoint."""
    distributed: bool = True
    """False where several processes cannot train one model together."""
    reports: Mapping[str, Goal] = field(default_factory=dict)
    """Further metrics that a sweep may optimise."""

    def fuses(self, hp: Any) -> bool:
        """Whether members with such hyperparameters are trained as one program."""
        return self.fusable(hp) if callable(self.fusable) else self.fusable

    def metrics(self, kind: DataKind | None) -> Mapping[str, Goal]:
        """What it reports on such data (None: on any) and a sweep may optimise, the default first."""
        kinds = self.problems if kind is None else (kind,)
        known = metrics_of(dict.fromkeys(problem for kind in kinds for problem in self.problems[kind]))
        return {**self.reports, **known}
