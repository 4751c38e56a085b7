"""Charts of ``wandb.plot``: those that have a table keep it, the others are passed over."""

from __future__ import annotations

from typing import Any

from .media import CustomChart, Table


def _of_table(table: Any, *_: Any, **options: Any) -> CustomChart:
    return CustomChart(table if isinstance(table, Table) else None)


line = scatter = bar = histogram = _of_table


def plot_table(vega_spec_name: str, data_table: Any, *_: Any, **__: Any) -> CustomChart:
    """Return a chart of a table."""
    return CustomChart(data_table)


def line_series(xs: Any, ys: Any, keys: Any = None, title: str = "", xname: str = "x", **_: Any) -> CustomChart:
    """Return the lines as a table of x, y and the name of the line."""
    named = list(keys) if keys is not None else [f"line_{i}" for i in range(len(ys))]
    places = xs if len(xs) and hasattr(xs[0], "__len__") else [xs] * len(ys)
    rows = [[x, y, k] for k, row, at in zip(named, ys, places, strict=False) for x, y in zip(at, row, strict=False)]
    return CustomChart(Table(columns=[xname, "y", "key"], data=rows))


def confusion_matrix(
    probs: Any = None, y_true: Any = None, preds: Any = None, class_names: Any = None, **_: Any
) -> CustomChart:
    """Return how often each class was taken for each."""
    guessed = [int(one) for one in preds] if preds is not None else [list(row).index(max(row)) for row in probs]
    truth = [int(one) for one in y_true]
    number = max([*truth, *guessed, len(class_names or ()) - 1]) + 1
    names = list(class_names) if class_names is not None else [f"Class_{i}" for i in range(number)]
    counts: dict[tuple[int, int], int] = {}
    for pair in zip(truth, guessed, strict=False):
        counts[pair] = counts.get(pair, 0) + 1
    rows = [[names[a], names[b], counts.get((a, b), 0)] for a in range(number) for b in range(number)]
    return CustomChart(Table(columns=["Actual", "Predicted", "nPredictions"], data=rows))


def _without(*_: Any, **__: Any) -> CustomChart:
    return CustomChart(None)


pr_curve = roc_curve = visualize = _without
