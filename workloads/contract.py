"""The record that describes a workload: functions and facts that the spec, the loops and the champion use."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from search_spaces.types.catalogue import WorkloadInfo
from search_spaces.types.problems import Problem
from workloads.arrays import DataShape
from workloads.training.default_inputs import default_data, default_task

if TYPE_CHECKING:
    from torch import device, dtype, nn

    from workloads.arrays import Array
    from workloads.data.search_data import SearchData
    from workloads.memory_need import MemoryNeed
    from workloads.tasks.contract import Task
    from workloads.training.batches import ResidentData
    from workloads.training.setup import Loop, MemberState, Setup, Trainee


Measure: TypeAlias = "Callable[[MemberState, Any, str], Mapping[str, float]]"
"""Function from (state of the best epoch, hyperparameters, name of a test metric) to metrics of the test split.

It raises ValueError, whose text is the broken rule, for what users' code returns and cannot be meant.
"""


class NotServed(Exception):
    """Error: a champion is no model for MLflow; the message says why."""


@dataclass(frozen=True, kw_only=True)
class Workload(WorkloadInfo):
    """A named kind of model. ``build`` makes one from an instance of ``hyperparameters`` and the data's shape."""

    build: Callable[[Any, DataShape], nn.Module]
    check: Callable[[Any, DataShape], object] | None = None
    """Raises Infeasible for hyperparameters that ``build`` cannot use on data of this shape; needs no torch.

    Called before a sweep starts, with the workload's defaults and the values that the spec fixes.
    """
    fusable: bool | Callable[[Any], bool] = True
    """False where ``vmap`` cannot batch a model, or makes it slower: members are trained one after the other.

    A function where this depends on hyperparameters; it may read only those that shape the program.
    """
    programs: Callable[[Setup, Sequence[Trainee]], Sequence[Sequence[int]]] | None = None
    """Divides the places of members with one signature into those of one program; None: all are of one."""
    tryout: Callable[[Any, SearchData], str | None] | None = None
    """Tries a model of these hyperparameters on a few examples before a sweep starts; returns a line for users.

    Raises Infeasible where it does not fit the data.
    """
    memory: Callable[[Any, DataShape, bool], Sequence[MemoryNeed]] | None = None
    """Computes what the training of a model of these hyperparameters needs, on a GPU or not, before a sweep starts.

    The first is the training's own, others, of less, are told beside it. Reads no data; raises Infeasible where the
    model cannot be used.
    """
    memory_of_data: Callable[[Any, SearchData], Sequence[MemoryNeed]] | None = None
    """Computes what the training of a model needs that is fitted on all rows at once, instead of ``memory``."""
    to_fetch: Callable[[Any], str | None] = lambda hp: None
    """Tells what is fetched from elsewhere as a sweep starts, before which its memory is not known."""
    recordable: bool = False
    """Whether a GPU may record a training step once and replay it.

    On the host such a step draws no random number and takes no decision; dropout on the device is allowed.
    """
    reads_files: bool = False
    """Whether it accepts images that are read from disk batch by batch, as they do not fit into memory."""
    streams: bool = True
    """Whether it accepts training rows that are streamed batch by batch; False where all must be in memory."""
    half: bool = False
    """Whether a GPU computes the model's products in bfloat16 (autocast)."""
    by_row: bool = False
    """Whether the champion of a table takes rows, as the pipeline prepares them; True for the default ``data``."""
    task: Callable[[DataShape, str], Task] = default_task
    """Makes the task (loss and metrics) from the data's shape and the metrics that decide, separated by blanks."""
    judge: Callable[[ResidentData], Task] | None = None
    """Makes the task instead of ``task``, where a metric must first be fitted to the data (Fréchet distance)."""
    data: Callable[[Any, SearchData, device, dtype], ResidentData] = default_data
    """Makes a model's inputs from raw examples.

    Of the hyperparameters it may read only those declared with ``prepares``: inputs are cached by their values.
    """
    loop: Callable[[Setup, Trainee], Loop] | None = None
    """Makes the loop of one member where the plain loop does not fit (several networks, another framework)."""
    exhibit: Callable[[Setup, nn.Module, int], Mapping[str, bytes]] | None = None
    """Makes small files that illustrate a model's output from (setup, model, epoch): content by artifact path."""
    exhibit_epochs: bool = False
    """Whether exhibits are made after every epoch, not only at the end of a leg."""
    export: Callable[[Any, nn.Module, ResidentData], tuple[nn.Module, Array]] | None = None
    """Makes the module to serve, and example inputs of a few rows, from (hyperparameters, model, data on the CPU).

    None where the served module takes raw examples and returns the model's outputs.
    """

    test: Measure | None = None
    """Measures a final member on test data of users' own code; None where the code reports that, or does not."""

    scales_targets: bool = True
    """Whether models predict numbers standardised by the training split; False: in the target's own units."""
    registered: bool = True
    """False where MLflow cannot serve the champion: its files stay in its checkpoint."""
    champion: str | None = None
    """Module that makes its champion, by ``made(workload, checkpoint, search)``, and loads it for MLflow."""
    champions: Mapping[Problem, str] = field(default_factory=dict)
    """Modules for problems whose champions are of another kind."""
    serves_files: bool = False
    """Whether the champion is saved files, with which a user's ``predict`` predicts; else it is weights."""

    def fuses(self, hp: Any) -> bool:
        """Return whether members with these hyperparameters are trained as one program."""
        return self.fusable(hp) if callable(self.fusable) else self.fusable
