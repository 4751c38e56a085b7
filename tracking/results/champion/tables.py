"""An inspection's numbers as tables, which are kept as CSV files."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from search_spaces.types.inspection import Inspection
from tracking.results.champion.examples import mistakes_table
from tracking.results.champion.numbers import quantiles
from tracking.results.champion.weights import layers_table

if TYPE_CHECKING:
    import pandas as pd


def tables(found: Inspection) -> dict[str, pd.DataFrame]:
    """Return the tables by name; those of parts that the inspection lacks are left out."""
    made = {name: make(found) for name, (part, make) in TABLES.items() if getattr(found, part)}
    return {name: table for name, table in made.items() if len(table)}


def _frame(rows: Any, columns: list[str] | None = None) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame(rows, columns=columns)


def _overfitting(found: Inspection) -> pd.DataFrame:
    judged: Any = found.overfitting
    return _frame([asdict(judged)])


def _errors(found: Inspection) -> pd.DataFrame:
    of: Any = found.errors
    return quantiles(of)


def _curves(found: Inspection) -> pd.DataFrame:
    import pandas as pd

    table = pd.DataFrame({name: pd.Series(curve) for name, curve in found.curves.items()})
    table.insert(0, "epoch", table.index + 1)
    return table


def _confusion(found: Inspection) -> pd.DataFrame:
    of: Any = found.confusion
    named = zip(of.classes, of.counts, strict=True)
    return _frame([[name, *row] for name, row in named], ["true \\ predicted", *of.classes])


def _ranking(found: Inspection) -> pd.DataFrame:
    rows = [[one.name, one.examples, one.roc_auc, one.average_precision] for one in found.ranking]
    return _frame(rows, ["class", "examples", "roc_auc", "average_precision"])


def _calibration(found: Inspection) -> pd.DataFrame:
    of: Any = found.calibration
    num = len(of.counts)
    rows = [[k / num, (k + 1) / num, of.counts[k], of.confidence[k], of.accuracy[k]] for k in range(num)]
    return _frame(rows, ["above", "to", "examples", "confidence", "accuracy"])


def _thresholds(found: Inspection) -> pd.DataFrame:
    rows = []
    for one in found.thresholds:
        of_splits = {"val": asdict(one.val), "test": asdict(one.test)}
        scores = {f"{split}_{name}": value for split, of in of_splits.items() for name, value in of.items()}
        rows.append({"threshold": one.value, "chosen": one.chosen, **scores})
    return _frame(rows)


def _forecasts(found: Inspection) -> pd.DataFrame:
    of: Any = found.forecasts
    return _frame({"truth": of.truth, "forecast": of.forecast, "naive": of.naive})


def _horizons(found: Inspection) -> pd.DataFrame:
    of: Any = found.forecasts
    steps = range(1, len(of.rmse) + 1)
    return _frame({"steps_ahead": steps, "rmse": of.rmse, "naive_rmse": of.naive_rmse})


def _dependence(found: Inspection) -> pd.DataFrame:
    rows = [
        [one.column, value, name, values[k]]
        for one in found.dependence
        for name, values in one.predictions.items()
        for k, value in enumerate(one.values)
    ]
    return _frame(rows, ["column", "value", "of", "mean"])


def _listed(part: str) -> Callable[[Inspection], pd.DataFrame]:
    return lambda found: _frame(list(map(asdict, getattr(found, part))))


TABLES: Mapping[str, tuple[str, Callable[[Inspection], Any]]] = {
    "overfitting": ("overfitting", _overfitting),
    "curves": ("curves", _curves),
    "scores": ("scores", _listed("scores")),
    "confusion": ("confusion", _confusion),
    "classes": ("classes", _listed("classes")),
    "ranking": ("ranking", _ranking),
    "calibration": ("calibration", _calibration),
    "thresholds": ("thresholds", _thresholds),
    "pairs": ("pairs", lambda found: _frame(found.pairs, ["truth", "predicted"])),
    "errors": ("errors", _errors),
    "forecasts": ("forecasts", _forecasts),
    "horizons": ("forecasts", _horizons),
    "coverage": ("coverage", _listed("coverage")),
    "mistakes": ("mistakes", mistakes_table),
    "importance": ("importance", _listed("importance")),
    "dependence": ("dependence", _dependence),
    "layers": ("layers", lambda found: layers_table(found.layers)),
}
"""Tables by name: the part of the inspection that each is made of, and the function that makes it."""
