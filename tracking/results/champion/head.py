"""The head of the champion's report: test score, what stands beside it, its configuration and how to load it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import TYPE_CHECKING, Any

from search_spaces.types.inspection import Inspection
from search_spaces.types.trial_names import trial_name
from tracking.pages.page import Section, Tile, digits

if TYPE_CHECKING:
    import pandas as pd

HEAD = ["", "mean", "95 % from", "to", "seeds"]


@dataclass(frozen=True, kw_only=True)
class Head:
    """What is known of a champion besides its inspection."""

    title: str = ""
    said: Sequence[str] = ()
    """Sentences on the final evaluation; ``warned`` are shown in red."""
    warned: Sequence[str] = ()
    verdict: Mapping[str, Any] | None = None
    """``verdict`` of the ``--json`` document; None without a test score."""
    params: Mapping[str, Any] = field(default_factory=dict)
    uri: str | None = None
    """The model in MLflow's registry, or the files of a champion that is none; None where nothing is kept."""


def result(head: Head, found: Inspection) -> Section | None:
    """Return the test score with its interval, beside the defaults, the other finalists and the baselines."""
    verdict = head.verdict
    if verdict is None:
        said = " ".join(head.said)
        return Section(id="champion-result", heading="Final evaluation", says=said) if said else None
    return Section(
        id="champion-result",
        heading=f"Final evaluation: {verdict['metric']}",
        says=" ".join(head.said),
        warnings=head.warned,
        tiles=[_score(verdict)],
        tables=[_table(_rows(verdict))],
    )


def _score(verdict: Mapping[str, Any]) -> Tile:
    """Return the champion's score on the test split, with its interval as a note."""
    champion = verdict["winner"]
    mean, (low, high) = champion["mean"], champion["ci95"]
    value = "no finite number" if mean is None else digits(mean)
    note = (
        "" if low is None or high is None else f"95 %: {digits(low)} to {digits(high)}; seeds: {champion['seeds']}"
    )
    return Tile(name=f"{verdict['metric']} of {trial_name(champion['number'])}", value=value, note=note)


def _rows(verdict: Mapping[str, Any]) -> list[list[Any]]:
    """Return champion, defaults and their difference, then baselines, then the finalists that are neither."""
    champion, default = verdict["winner"], verdict["default"]
    rows = [_row(f"champion {trial_name(champion['number'])}", champion)]
    if default["number"] != champion["number"]:
        rows.append(_row(f"defaults {trial_name(default['number'])}", default))
        rows.append(_row("champion − defaults", verdict["difference"]))
    rows += [_row(f"baseline: {one['name']}", one) for one in verdict["baselines"] if one["failed"] is None]
    others = (one for one in verdict["finalists"] if not one["champion"] and not one["default"])
    return rows + [_row(f"finalist {trial_name(one['number'])}", one["test"]) for one in others]


def _row(name: str, of: Mapping[str, Any]) -> list[Any]:
    low, high = of["ci95"]
    return [name, of["mean"], low, high, of["seeds"]]


def _table(rows: Sequence[Sequence[Any]]) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame(rows, columns=HEAD)


def subject(head: Head, found: Inspection) -> Section | None:
    """Return which training all other sections are of."""
    if not found.name:
        return None
    says = (
        f"All below is of one training, {found.name}: of the champion's trainings with new seeds it has the best "
        "validation value, and its weights are the model. What counts all examples is of the test split, what "
        "shows single ones is of the validation split."
    )
    return Section(id="champion", heading=f"The champion, {found.name}", says=says)


def scores(head: Head, found: Inspection) -> Section | None:
    """Return further metrics of the test split with their intervals; None without any."""
    if not found.scores:
        return None
    rows = [[one.metric, one.mean, one.low, one.high, one.seeds] for one in found.scores]
    units = " RMSE and MAE are in the target's units." if found.problem in ("regression", "forecast") else ""
    return Section(
        id="champion-scores",
        heading="The champion on the test split",
        says=f"{_means(found)}{units}",
        tables=[_table(rows)],
    )


def _means(found: Inspection) -> str:
    """Say what the scores are means of, and their intervals of."""
    several = max(one.seeds for one in found.scores) > 1
    means = "Means over the champion's seeds" if several else "Of the champion's only seed"
    if all(one.low is None for one in found.scores):
        return f"{means}, without intervals."
    return f"{means}, with 95 % intervals over test rows{' and seeds' * several}."


def configuration(head: Head, found: Inspection) -> Section | None:
    """Return the searched hyperparameters, and how the model is loaded."""
    import pandas as pd

    values = [
        [name, digits(value) if isinstance(value, float) else str(value)] for name, value in head.params.items()
    ]
    tables = [pd.DataFrame(values, columns=["hyperparameter", "value"])] if values else []
    if head.uri is None:
        return Section(id="champion-configuration", heading="Configuration", tables=tables) if tables else None
    how = (
        f'import mlflow\n\nmodel = mlflow.pyfunc.load_model("{head.uri}")\nmodel.predict(rows)'
        if head.uri.startswith("models:")
        else f'import mlflow\n\nfolder = mlflow.artifacts.download_artifacts("{head.uri}")'
    )
    return Section(
        id="champion-configuration",
        heading="Configuration, and how to load the model",
        says=f"{_chosen(head)} hyperparameters are their defaults, or as the sweep file has them.",
        tables=tables,
        html=f"<pre>{escape(how)}</pre>",
    )


def _chosen(head: Head) -> str:
    return "The values of what was searched; all other" if head.params else "Nothing was searched: all"
