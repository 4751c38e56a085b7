"""Every workload and registered data set by name; imports no torch, so that a spec is checked fast."""

from __future__ import annotations

import difflib
import importlib
import inspect
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from search_spaces.catalogue import Catalogue, DatasetInfo
from search_spaces.problems import DataKind, Goal, Problem, metrics_of

if TYPE_CHECKING:
    from torch import device, dtype, nn

    from workloads.data import SearchData
    from workloads.features import Array
    from workloads.loop import Loop, Setup, Trainee
    from workloads.resident import ResidentData
    from workloads.task import Task

# name -> "module:OBJECT". A new workload is one file and one row.
WORKLOADS: Mapping[str, str] = {
    "softmax": "workloads.softmax:SOFTMAX",
    "mlp": "workloads.mlp:MLP",
    "cnn": "workloads.cnn:CNN",
    "image": "workloads.image:IMAGE",
    "transfer": "workloads.transfer:TRANSFER",
    "recurrent": "workloads.recurrent:RECURRENT",
    "gan": "workloads.gan:GAN",
}

DATASETS: Mapping[str, DatasetInfo] = {
    "digits": DatasetInfo("digits", "image", "1,797 handwritten digits, 8 x 8 grey, 10 classes"),
    "cifar10": DatasetInfo("cifar10", "image", "60,000 photos, 32 x 32 colour, 10 classes", downloaded=True),
    "cifar100": DatasetInfo("cifar100", "image", "60,000 photos, 32 x 32 colour, 100 classes", downloaded=True),
    "mnist": DatasetInfo("mnist", "image", "70,000 handwritten digits, 28 x 28 grey", downloaded=True),
    "fashion_mnist": DatasetInfo(
        "fashion_mnist", "image", "70,000 pieces of clothing, 28 x 28 grey, 10 classes", downloaded=True
    ),
    "breast_cancer": DatasetInfo("breast_cancer", "table", "569 biopsies, 30 numbers each, 2 classes"),
    "wine": DatasetInfo("wine", "table", "178 wines, 13 chemical measurements, 3 classes"),
    "iris": DatasetInfo("iris", "table", "150 irises, 4 lengths, 3 classes"),
    "diabetes": DatasetInfo(
        "diabetes", "table", "442 patients, 10 measurements, disease progression", "regression"
    ),
}


class Infeasible(ValueError):
    """Hyperparameters that cannot work on this data, in one plain sentence: the trial fails, and is not retried."""


@dataclass(frozen=True)
class DataShape:
    """What a model and its task must know of the data."""

    example: tuple[int, ...]
    """One example's shape: (features,), (channels, height, width) or (steps, channels)."""
    num_outputs: int
    """Classes, numbers to predict, or characters of the vocabulary."""
    problem: Problem = "classification"
    target_mean: float = 0.0
    target_std: float = 1.0
    """Of a target of numbers, over the training split: models predict standardised values."""
    channel_mean: tuple[float, ...] = ()
    channel_std: tuple[float, ...] = ()
    """Of images in 0 to 1, over the training split, for a model that standardises them itself."""
    class_counts: tuple[int, ...] = ()
    """Training rows of each class; empty where nothing is classified."""
    vocabulary: str = ""
    """Of a text: the characters of the codes from 1; 0 is any other."""
    season: int = 1
    """Of a series, in steps: its naive forecast looks so far back."""
    categories: tuple[int, ...] = ()
    """Of a table with learned embeddings: the first features are codes of this many values each."""


def default_task(shape: DataShape, objective: str) -> Task:
    """The task of the data's problem; imported when a model is built."""
    from workloads.task import task_of

    return task_of(shape, objective)


def default_data(hp: Any, search: SearchData, device: device, dtype: dtype) -> ResidentData:
    """Both splits on the device: images standardised, tables as the hyperparameters say."""
    from workloads.resident import resident

    if search.train.columns:
        from workloads.table_data import table

        return table(hp, search, device, dtype)
    return resident(search, device, dtype)


@dataclass(frozen=True, kw_only=True)
class Workload:
    """A named kind of model. ``build`` makes one from an instance of ``hyperparameters``."""

    name: str
    summary: str
    hyperparameters: type
    """A frozen dataclass of ``hyper`` fields."""
    space: Mapping[str, Any]
    """The default space, as a spec's ``parameters``."""
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


def workload(name: str) -> Workload:
    """The workload ``name`` of the table, or the one that ``package.module:OBJECT`` names in the current folder.

    Raises LookupError with one plain sentence where there is none.
    """
    if ":" not in name and name not in WORKLOADS:
        close = difflib.get_close_matches(name, WORKLOADS, n=1)
        hint = (
            f"did you mean {close[0]}?" if close else f"there are {', '.join(WORKLOADS)} and package.module:OBJECT"
        )
        raise LookupError(f"there is no workload {name!r}; {hint}")
    module_name, _, attribute = WORKLOADS.get(name, name).partition(":")
    found = getattr(_module(module_name, name), attribute, None)
    if inspect.isfunction(found):
        from workloads.own import workload_of

        return workload_of(name, found)
    if not isinstance(found, Workload):
        what = (
            "has no such object"
            if found is None
            else f"is of type {type(found).__name__}, neither a Workload nor a function"
        )
        raise LookupError(f"{name!r}: module {module_name!r} {what}")
    return found


def _module(module_name: str, name: str) -> Any:
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.append(here)  # last: a user's folder named tracking must not stand in for ours
    try:
        return importlib.import_module(module_name)
    except Exception as error:  # a user's module may raise anything
        raise LookupError(f"{name!r} cannot be imported: {type(error).__name__}: {error}") from error


def catalogue() -> Catalogue:
    """What a spec may name."""
    return Catalogue(workload=workload, workload_names=tuple(WORKLOADS), datasets=DATASETS)
