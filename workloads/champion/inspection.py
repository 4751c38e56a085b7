"""Inspects the champion once, after the final evaluation: what it does well and badly, as numbers without figures.

Counts over all examples are of the test split, which is scored already; single examples are shown of the validation
split only, so that no later sweep is tuned to those of the test split.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import nn

from search_spaces.types.inspection import Importance, Inspection, Layer
from workloads.champion import overfitting
from workloads.champion.looks import classes, numbers, series, texts
from workloads.champion.looks.dependence import dependence
from workloads.champion.looks.mistakes import mistakes
from workloads.champion.looks.seen import Seen, evenly
from workloads.champion.looks.thresholds import thresholds
from workloads.champion.tagged.inspected import scores_of_labels, worst_sentences
from workloads.champion.winner import Subject, Winner, load
from workloads.data.prepare import Arrays
from workloads.data.search_data import SearchData
from workloads.legs import checkpoint
from workloads.legs.score import on_device
from workloads.registry import workload
from workloads.training.evaluate import over

MAX_ROWS = 2000
"""Largest number of validation rows, evenly chosen, by which permutation importance is measured."""
REPEATS, FEW_COLUMNS = 5, 100
"""Shuffles of each column in a table of at most ``FEW_COLUMNS`` columns; one shuffle in a wider one."""
BINS = 40
"""Bins of a parameter tensor's histogram."""


@dataclass
class _Parts:
    """Collects the parts of an inspection. One that raises is named in ``failed``, and the others go on."""

    found: dict[str, Any] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)

    def add(self, name: str, look: Callable[[], dict[str, Any]]) -> None:
        """Add what ``look`` returns."""
        try:
            self.found.update(look())
        except Exception as error:  # noqa: BLE001 - a workload's own code; the parts only illustrate
            self.failed[name] = f"{type(error).__name__}: {error}"


def inspect(subject: Subject, search: SearchData, test: Arrays) -> Inspection:
    """Return every part that applies to the problem; a part that raises is named in ``failed``, others go on."""
    parts = _Parts()
    parts.add("curves", lambda: curves(subject))
    if not workload(subject.workload).tests_itself(search.given, subject.objective.name):
        parts.add("model", lambda: _of_model(parts, subject, search, test))
    return Inspection(metric=subject.measure, problem=search.problem, failed=parts.failed, **parts.found)


def _of_model(parts: _Parts, subject: Subject, search: SearchData, test: Arrays) -> dict[str, Any]:
    """Load the champion and add all parts that need it; return nothing more."""
    winner = load(subject, search)
    seen = Seen(subject, winner, search.val, test)
    parts.add("layers", lambda: {"layers": layers(winner.model)})
    _look(parts, seen, search)
    return {}


def _look(parts: _Parts, seen: Seen, search: SearchData) -> None:
    """Add the parts of the problem's kind, those of the columns of a table, and those of images."""
    for name, look in _looks(seen, search):
        parts.add(name, look)
    if search.val.columns and not _is_one_text(search) and search.problem != "completion":
        parts.add("importance", lambda: {"importance": importance(seen.subject, seen.winner, search.val)})
        if search.problem != "tagging":
            parts.add("dependence", lambda: dependence(seen, parts.found.get("importance", ())))


def _looks(seen: Seen, search: SearchData) -> Sequence[tuple[str, Callable[[], dict[str, Any]]]]:
    """Return the parts of each kind of problem by name, in their order."""
    if search.problem == "classification":
        found = [(look.__name__, look) for look in (classes.confusion, classes.ranking, classes.calibration)]
        found += [("probabilities", classes.probabilities), ("mistakes", mistakes)]
        found += [("thresholds", thresholds)] if search.num_outputs == 2 else []
    elif search.problem == "tagging":
        return [
            ("confusion", lambda: scores_of_labels(seen.winner, seen.test)),
            ("mistakes", lambda: worst_sentences(seen.subject, seen.winner, search.val)),
        ]
    elif search.problem == "regression":
        found = [("pairs", numbers.numbers), ("mistakes", mistakes)]
    elif search.problem == "forecast":
        found = [("pairs", numbers.numbers), ("forecasts", series.forecasts)]
    elif search.problem == "generation":
        from workloads.champion.looks.samples import samples  # 100 ms: the networks of a GAN

        found = [("samples", samples)]
    else:
        found = [("continuations", texts.continuations)]
    return [(name, partial(look, seen)) for name, look in found]


def _is_one_text(search: SearchData) -> bool:
    """Whether the only column is a text: shuffled, nothing is left to predict from."""
    return [column.kind for column in search.val.columns] == ["text"]


def curves(subject: Subject) -> dict[str, Any]:
    """Return the metrics of every epoch, by name, also of other seeds, and the judgement of overfitting."""
    progress = checkpoint.progress(subject.checkpoint)
    found = progress.curves or {}
    # Users' code may leave out a metric, or whole epochs: then nobody knows of which epoch a value is.
    whole = {name: values for name, values in found.items() if len(values) == progress.epoch}
    seeds = {str(seed): checkpoint.progress(uri).curves or {} for seed, uri in subject.others.items()}
    judged = overfitting.judge(whole, progress.best_epoch, subject.measure)
    return {"curves": found, "seeds": seeds, "best_epoch": progress.best_epoch, "overfitting": judged}


@torch.no_grad()
def importance(subject: Subject, winner: Winner, val: Arrays) -> list[Importance]:
    """Return the permutation importance (Breiman 2001) of each raw column, the most important first.

    Measured by the sweep's objective. Columns that repeat each other get too little: the model can use the other.
    """
    part = val.take(evenly(len(val), MAX_ROWS))
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
