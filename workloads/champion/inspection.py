"""Inspects the champion once, after the final evaluation: what it does well and badly, as numbers without figures.

Counts over all examples are of the test split, which is scored already; single examples are shown of the validation
split only, so that no later sweep is tuned to those of the test split.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import nn

from search_spaces.types.inspection import ClassScores, Confusion, Importance, Inspection, Layer
from workloads.champion import overfitting
from workloads.champion.mistakes import mistakes
from workloads.champion.tagged.inspected import scores_of_labels, worst_sentences
from workloads.champion.winner import Subject, Winner, errors_of, load, outputs
from workloads.data.prepare import Arrays
from workloads.data.search_data import SearchData
from workloads.legs import checkpoint
from workloads.legs.score import on_device
from workloads.registry import workload
from workloads.training.evaluate import over

MAX_PAIRS = 2000
"""Largest number of test examples, evenly chosen, whose predictions are shown beside the truth."""
MAX_ROWS = 2000
"""Largest number of validation rows, evenly chosen, by which permutation importance is measured."""
REPEATS, FEW_COLUMNS = 5, 100
"""Shuffles of each column in a table of at most ``FEW_COLUMNS`` columns; one shuffle in a wider one."""
BINS = 40
"""Bins of a parameter tensor's histogram."""


def inspect(subject: Subject, search: SearchData, test: Arrays) -> Inspection:
    """Return every part that applies to the problem; a part that raises is named in ``failed``, others go on."""
    found: dict[str, Any] = {}
    failed: dict[str, str] = {}

    def part(name: str, look: Callable[[], dict[str, Any]]) -> None:
        try:
            found.update(look())
        except Exception as error:  # noqa: BLE001 - a workload's own code; the parts only illustrate
            failed[name] = f"{type(error).__name__}: {error}"

    part("curves", lambda: curves(subject))
    if workload(subject.workload).tests_itself(search.given, subject.objective.name):
        return Inspection(metric=subject.measure, failed=failed, **found)
    try:
        winner = load(subject, search)
    except Exception as error:  # noqa: BLE001 - as above
        failed["model"] = f"{type(error).__name__}: {error}"
        return Inspection(metric=subject.measure, failed=failed, **found)
    part("layers", lambda: {"layers": layers(winner.model)})
    if search.problem == "classification":
        part("confusion", lambda: confusion(winner, test))
    if search.problem == "tagging":
        part("confusion", lambda: scores_of_labels(winner, test))
        part("mistakes", lambda: worst_sentences(subject, winner, search.val))
    if search.problem in ("regression", "forecast"):
        part("pairs", lambda: {"pairs": pairs(winner, test)})
    if search.problem in ("classification", "regression"):
        part("mistakes", lambda: mistakes(subject, winner, search.val))
    if search.val.columns and not _is_one_text(search) and search.problem != "completion":
        part("importance", lambda: {"importance": importance(subject, winner, search.val)})
    return Inspection(metric=subject.measure, failed=failed, **found)


def _is_one_text(search: SearchData) -> bool:
    """Whether the only column is a text: shuffled, nothing is left to predict from."""
    return [column.kind for column in search.val.columns] == ["text"]


def curves(subject: Subject) -> dict[str, Any]:
    """Return the metrics of every epoch, by name, and the judgement of overfitting that follows from them."""
    progress = checkpoint.progress(subject.checkpoint)
    found = progress.curves or {}
    # Users' code may leave out a metric, or whole epochs: then nobody knows of which epoch a value is.
    whole = {name: values for name, values in found.items() if len(values) == progress.epoch}
    return {"curves": found, "overfitting": overfitting.judge(whole, progress.best_epoch)}


def confusion(winner: Winner, test: Arrays) -> dict[str, Any]:
    """Return the confusion matrix of the test split, and each class's precision, recall and F1."""
    num_classes = len(winner.classes)
    predicted = outputs(winner, test)["logits"].argmax(axis=1)
    counts = np.zeros((num_classes, num_classes), dtype=np.int64)
    np.add.at(counts, (test.y, predicted), 1)
    found = np.stack([np.diag(counts), counts.sum(0), counts.sum(1)])
    scores = [ClassScores.of(name, *count) for name, count in zip(winner.classes, found.T.tolist(), strict=True)]
    return {"confusion": Confusion(classes=winner.classes, counts=counts.tolist()), "classes": scores}


def pairs(winner: Winner, test: Arrays) -> list[tuple[float, float]]:
    """Return (truth, prediction) of evenly chosen test examples, in the target's units.

    Of a target of several numbers only the first one.
    """
    part = test.take(np.arange(0, len(test), -(-len(test) // MAX_PAIRS)))
    truth, errors = errors_of(winner, part)
    return list(zip(truth.tolist(), (truth + errors).tolist(), strict=True))


@torch.no_grad()
def importance(subject: Subject, winner: Winner, val: Arrays) -> list[Importance]:
    """Return the permutation importance (Breiman 2001) of each raw column, the most important first.

    Measured by the sweep's objective. Columns that repeat each other get too little: the model can use the other.
    """
    part = val.take(np.arange(0, len(val), -(-len(val) // MAX_ROWS)))
    signed = subject.objective.signed
    [base] = _scores(subject, winner, part, 1)
    rng = np.random.default_rng(0)
    repeats = REPEATS if len(val.columns) <= FEW_COLUMNS else 1
    found = []
    for k, column in enumerate(val.columns):
        many = part.take(np.tile(np.arange(len(part)), repeats))
        many.x[:, k] = np.concatenate([rng.permutation(part.x[:, k]) for _ in range(repeats)])
        drops = [signed(score) - signed(base) for score in _scores(subject, winner, many, repeats)]
        found.append(Importance(column=column.name, mean=float(np.mean(drops)), std=float(np.std(drops))))
    return sorted(found, key=lambda column: -column.mean)


def _scores(subject: Subject, winner: Winner, many: Arrays, repeats: int) -> list[float]:
    """Return the objective of each of ``repeats`` equally long parts; all features are computed at once."""
    data = winner.setup.data.raw(many.columns)
    x, y = on_device(winner.setup, many)
    if isinstance(inputs := data.inputs(x), torch.Tensor):  # else a DataFrame, for a user's function
        data, x = replace(data, ready=True), inputs
    pieces = zip(x.chunk(repeats), y.chunk(repeats), strict=True)
    return [float(over(winner.task, winner.model, data, piece)[subject.measure]) for piece in pieces]


def layers(model: nn.Module) -> list[Layer]:
    """Return statistics and a histogram of each parameter tensor, in the model's order."""
    return [_layer(name, parameter) for name, parameter in model.named_parameters()]


def _layer(name: str, parameter: nn.Parameter) -> Layer:
    values = parameter.detach().double().cpu().numpy().ravel()
    counts, edges = np.histogram(values, bins=BINS) if values.size else (np.zeros(BINS, int), np.zeros(BINS + 1))
    return Layer(
        name=name,
        shape=tuple(parameter.shape),
        trainable=parameter.requires_grad,
        norm=float(np.linalg.norm(values)),
        mean=float(values.mean()) if values.size else 0.0,
        std=float(values.std()) if values.size else 0.0,
        low=float(edges[0]),
        high=float(edges[-1]),
        counts=counts.tolist(),
    )
