"""Every workload and registered data set by name; imports no torch, so that a spec is checked fast."""

from __future__ import annotations

import difflib
import importlib
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from search_spaces.catalogue import Catalogue, DataKind, DatasetInfo

if TYPE_CHECKING:
    from torch import nn

    from workloads.task import Task

# name -> "module:OBJECT". A new workload is one file and one row.
WORKLOADS: Mapping[str, str] = {
    "softmax": "workloads.softmax:SOFTMAX",
    "mlp": "workloads.mlp:MLP",
    "cnn": "workloads.cnn:CNN",
}

DATASETS: Mapping[str, DatasetInfo] = {
    "digits": DatasetInfo("digits", "image", "1,797 handwritten digits, 8 x 8 grey, 10 classes"),
    "breast_cancer": DatasetInfo("breast_cancer", "table", "569 biopsies, 30 numbers each, 2 classes"),
    "wine": DatasetInfo("wine", "table", "178 wines, 13 chemical measurements, 3 classes"),
}


@dataclass(frozen=True)
class DataShape:
    """What a model must know of the data: one example's shape, (features,) or (channels, height, width)."""

    example: tuple[int, ...]
    num_classes: int


def classification() -> Task:
    """The task of all workloads so far; imported when a model is built."""
    from workloads.task import Classification

    return Classification()


@dataclass(frozen=True, kw_only=True)
class Workload:
    """A named kind of model. ``build`` makes one from an instance of ``hyperparameters``."""

    name: str
    summary: str
    hyperparameters: type
    """A frozen dataclass of ``hyper`` fields."""
    space: Mapping[str, Any]
    """The default space, as a spec's ``parameters``."""
    kinds: tuple[DataKind, ...]
    build: Callable[[Any, DataShape], nn.Module]
    metrics: Mapping[str, Literal["minimize", "maximize"]] = field(
        default_factory=lambda: {"val_acc": "maximize", "val_loss": "minimize"}
    )
    fusable: bool = True
    """False for a model that has no batching rule: its members are trained one after the other."""
    half: bool = False
    """On a GPU the model's products are taken in bfloat16 (autocast)."""
    task: Callable[[], Task] = classification
    """Gives the loss and what is measured; replaced by workloads that do not classify."""


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
    if not isinstance(found, Workload):
        what = "has no such object" if found is None else f"gives a {type(found).__name__}, not a Workload"
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
