"""Scores baselines on the test split as final members are scored; keeps what came out beside the checkpoints."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from threadpoolctl import threadpool_limits
from torch import Tensor

from search_spaces.types.error_text import one_line
from workloads.arrays import Array, Arrays
from workloads.baselines.catalogue import baselines_of
from workloads.baselines.contract import Baseline
from workloads.champion.test_scores import TestSplit
from workloads.files.stores import get, put
from workloads.legs import predictions
from workloads.training.batches import standardised, tensor

AT_ONCE = 2**22
"""Limit on the numbers of test rows, inputs or outputs, that are made at once."""
MOST_INPUTS = 2**12
"""Numbers that a baseline makes of one row, at most: large images are averaged down."""
FILE = "baseline.json"


@dataclass(frozen=True, kw_only=True)
class Measured:
    """A baseline's score, or why it ``failed``, and what it was fitted on."""

    name: str
    trained: bool
    score: float | None = None
    """None where it failed, or where the task does not have the metric."""
    num_rows: int
    of_rows: int
    """Number of all training rows."""
    seconds: float = 0.0
    failed: str | None = None
    values: Mapping[str, Array] = field(default_factory=dict, repr=False)
    """What the task says of each test row, as ``predictions.kept`` returns it."""


def wanted(split: TestSplit) -> list[Baseline]:
    """Return the baselines for the split.

    None where the metric compares samples as a whole (of a GAN), or counts tokens, of which baselines know nothing.
    """
    return [] if split.whole or not split.by_character else baselines_of(split.search, split.metric)


def measure(split: TestSplit, root: str) -> None:
    """Fit and score the baselines that are trained, in one thread, and keep each in a folder of ``root``.

    Those that have been measured already are passed over; what failed is tried again, and kept with its reason.
    """
    with threadpool_limits(1):
        for baseline in wanted(split):
            known = _kept(split, baseline, root) if baseline.trained else None
            if baseline.trained and (known is None or known.failed):
                found, values = fitted(split, baseline)
                if values:
                    predictions.keep(root, _folder(baseline), split.baseline_task, values, split.y)
                put(_place(root, baseline), FILE, json.dumps(_record(split, found)).encode())


def found(split: TestSplit, root: str | None, cut_off: str = "") -> list[Measured]:
    """Return those that need no model, measured now, and the trained ones that were kept below ``root``.

    None: without the trained ones. Those that lack because ``measure`` was ``cut_off`` failed for that reason.
    """
    rows = []
    for baseline in wanted(split):
        if not baseline.trained:
            rows.append(fitted(split, baseline)[0])
        elif root is not None and (one := _kept(split, baseline, root)):
            rows.append(one)
        elif root is not None and cut_off:
            rows.append(replace(_unmeasured(split, baseline), failed=cut_off))
    return [one for one in rows if one.score is not None or one.failed]


@torch.no_grad()
def fitted(split: TestSplit, baseline: Baseline) -> tuple[Measured, Mapping[str, Tensor]]:
    """Fit and score a baseline; return it with the task's values, (1, rows, ...) by name, empty where it failed."""
    begun, found = time.monotonic(), _unmeasured(split, baseline)
    values: Mapping[str, Tensor] = {}
    try:
        values = _values(split, baseline)
        score = split.baseline_task.metrics(values, split.y).get(split.metric)
        if score is not None and math.isfinite(score):
            found = replace(found, score=float(score), values=_by_row(split, values))
        elif score is not None:
            found = replace(found, failed=f"its {split.metric} is no finite number")
    except Exception as error:  # noqa: BLE001 - scikit-learn's own, of data that a model is not for; it is told
        found = replace(found, failed=one_line(error))
    return replace(found, seconds=round(time.monotonic() - begun, 3)), {} if found.score is None else values


def _unmeasured(split: TestSplit, baseline: Baseline) -> Measured:
    stream, num_rows = split.search.stream, len(baseline.sample(split.search))
    of_rows = stream.num_rows if stream else len(split.search.train)
    return Measured(name=baseline.name, trained=baseline.trained, num_rows=num_rows, of_rows=of_rows)


def _values(split: TestSplit, baseline: Baseline) -> dict[str, Tensor]:
    """Fit the baseline; return what the task says of each test row."""
    predict, test = baseline.fit(split.search, baseline.sample(split.search)), split.test
    inputs, outputs = math.prod(split.shape.example), split.search.num_outputs * math.prod(split.y.shape[1:])
    each = max(min(inputs, MOST_INPUTS), outputs)
    pieces: dict[str, list[Tensor]] = {}
    for rows in np.array_split(np.arange(len(test)), -(-len(test) * each // AT_ONCE)):
        part = test.take(rows)
        made = standardised(torch.tensor(np.asarray(predict(part), dtype=np.float64)), split.shape)
        told = split.baseline_task.evaluate(_Made(made), _seen(split, part, made), split.y[rows])
        for name, value in told.items():
            pieces.setdefault(name, []).append(value)
    return {name: torch.cat(parts)[None] for name, parts in pieces.items()}


@dataclass(frozen=True)
class _Made:
    """A model whose outputs are made already."""

    outputs: Tensor

    def __call__(self, x: Tensor) -> Tensor:
        return self.outputs


def _seen(split: TestSplit, part: Arrays, outputs: Tensor) -> Tensor:
    """Return what the task sees of the inputs: of a forecast the series' values, by which it is compared."""
    return standardised(tensor(part.x[..., :1]), split.shape) if split.search.problem == "forecast" else outputs


def _by_row(split: TestSplit, values: Mapping[str, Tensor]) -> dict[str, Array]:
    told = {name: value[0].numpy() for name, value in values.items()}
    means = split.baseline_task.by_row(values, split.y)
    return told | {f"{name}{predictions.MEAN}": value[0].numpy() for name, value in means.items()}


KEPT = ("score", "num_rows", "of_rows", "seconds", "failed")
"""What the file tells of a baseline."""


def _record(split: TestSplit, found: Measured) -> dict[str, Any]:
    return {"name": found.name, "metric": split.metric, **{key: getattr(found, key) for key in KEPT}}


def _kept(split: TestSplit, baseline: Baseline, root: str) -> Measured | None:
    """Return what was kept of a baseline; None where nothing was, or for another metric."""
    try:
        record = json.loads(get(_place(root, baseline), FILE))
        if record["metric"] != split.metric:
            return None
        facts = {key: record[key] for key in KEPT}
    except (FileNotFoundError, ValueError, KeyError):
        return None
    values = None if facts["failed"] else predictions.kept(root, _folder(baseline))
    return Measured(name=baseline.name, trained=True, values=values or {}, **facts)


def _place(root: str, baseline: Baseline) -> str:
    return f"{root.rstrip('/')}/{_folder(baseline)}"


def _folder(baseline: Baseline) -> str:
    return f"baseline-{baseline.key}"
