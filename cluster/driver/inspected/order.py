"""What the driver orders of the champion's actor: an inspection of the champion, and the files of its report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from cluster.driver.inspected.scores import scores
from search_spaces.types.objective import Objective
from tracking.results.champion.head import Head

if TYPE_CHECKING:
    from search_spaces.types.inspection import Inspection

DRAWN = "generation"
"""Problem whose samples are drawn after each epoch."""


@dataclass(frozen=True, kw_only=True)
class Order:
    """Plain values about one champion: they travel to a worker."""

    workload: str
    objective: Objective
    checkpoint: str
    rows: Sequence[int]
    """Row numbers of the validation examples in their source."""
    others: Mapping[int, str]
    """Checkpoints of the champion's other trainings, by seed."""
    head: Head
    name: str
    """The champion's training, such as ``t015 seed 1``."""
    uri: str | None = None
    run_id: str | None = None
    """Where MLflow keeps what the champion's training has shown after each epoch."""
    checkpoints: str = ""
    keys: Mapping[int, str] = field(default_factory=dict)
    """Key of each of the champion's trainings, by seed."""
    measured: Mapping[str, Mapping[int, float]] = field(default_factory=dict)
    """Values by seed of each metric of the test split."""


def inspected(order: Order, search: Any, test: Any) -> dict[str, Any]:
    """Return the report's files, the parts that failed with their reasons, and a sentence on overfitting."""
    from tracking.results.report import files  # 300 ms: pandas
    from workloads.champion.inspection import inspect  # 1,600 ms: torch
    from workloads.champion.winner import Subject  # 1,300 ms: torch

    subject = Subject(
        workload=order.workload,
        checkpoint=order.checkpoint,
        objective=order.objective,
        rows=order.rows,
        others=order.others,
    )
    found = _with_more(inspect(subject, search, test), order, search, test)
    words = None if found.overfitting is None else found.overfitting.words
    return {"files": files(found, order.head), "failed": dict(found.failed), "overfitting": words}


def _with_more(found: Inspection, order: Order, search: Any, test: Any) -> Inspection:
    """Add the scores of all seeds, and the samples of epochs that MLflow has."""
    more: dict[str, Any] = {"name": order.name}
    failed = dict(found.failed)
    try:
        more["scores"] = scores(order.workload, order.checkpoints, order.keys, order.measured, (search, test))
    except Exception as error:  # noqa: BLE001 - a task's own code; the report has the champion's score without it
        failed["scores"] = f"{type(error).__name__}: {error}"
    if search.problem == DRAWN and order.run_id is not None:
        from tracking.results.samples import samples_by_epoch  # 1,500 ms: MLflow

        try:
            more["epochs"] = samples_by_epoch(order.uri, order.run_id)
        except Exception as error:  # noqa: BLE001 - the store's; samples only illustrate
            failed["samples of epochs"] = f"{type(error).__name__}: {error}"
    return replace(found, failed=failed, **more)
