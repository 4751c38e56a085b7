"""Which registered version is the champion: a better one of the same test split is not replaced without a word."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from search_spaces.types.objective import Objective
from tracking import names
from tracking.store.errors import is_final

if TYPE_CHECKING:
    from mlflow import MlflowClient

METRIC: Final = "test.metric"
GOAL: Final = "test.goal"
VALUE: Final = "test.value"
"""Mean over the seeds of the final evaluation."""
ROWS: Final = "test.rows"
"""SHA-256 of the test split's rows and targets."""

Verdict = Literal["none", "same", "better", "worse", "unknown"]


def score_tags(metric: str, goal: str, value: float | None, rows: str) -> dict[str, str]:
    """Return the tags of a version by which it is compared with others; empty where it has no score."""
    return {} if value is None or not rows else {METRIC: metric, GOAL: goal, VALUE: repr(value), ROWS: rows}


@dataclass(frozen=True, kw_only=True)
class Standing:
    """A version beside the one that has the alias ``champion``."""

    verdict: Verdict
    """``none``: no version is champion; ``same``: this one, or another of its sweep, is; ``better`` or as good;
    ``worse``; ``unknown``: they cannot be compared."""
    why: str = ""
    """Why, in words; empty for ``none`` and ``same``."""
    version: str | None = None
    """Number of the present champion, and its sweep's ID."""
    sweep: str | None = None


def standing(client: MlflowClient, name: str, number: str) -> Standing:
    """Return how version ``number`` of ``name`` compares with the champion."""
    champion = _champion(client, name)
    if champion is None:
        return Standing(verdict="none")
    mine, theirs = client.get_model_version(name, number).tags, champion.tags
    told = {"version": str(champion.version), "sweep": theirs.get(names.SWEEP_ID)}
    if told["version"] == number or mine.get(names.SWEEP_ID) == told["sweep"]:
        return Standing(verdict="same", **told)
    if why := _differ(mine, theirs):
        return Standing(verdict="unknown", why=why, **told)
    objective = Objective(mine[METRIC], mine[GOAL])  # type: ignore[arg-type] # written by score_tags
    mean, other = float(mine[VALUE]), float(theirs[VALUE])
    why = f"{mine[METRIC]} {mean:.5g} against {other:.5g} on the same test rows"
    return Standing(verdict="worse" if objective.better(other, mean) else "better", why=why, **told)


def promote(client: MlflowClient, name: str, number: str) -> None:
    """Give version ``number`` the alias ``champion``."""
    client.set_registered_model_alias(name, names.CHAMPION, number)


def settled(client: MlflowClient, name: str, number: str) -> tuple[bool, str | None]:
    """Make a version that a sweep has just registered the champion, unless a better one of other sweeps is.

    Returns whether it is the champion now, and what users should know: a better one stays, or one that cannot be
    compared was replaced.
    """
    found = standing(client, name, number)
    now, before = f"version {number} of {name}", f"version {found.version} (sweep {found.sweep})"
    if found.verdict == "worse":
        way_out = f"`paceline promote {client.get_model_version(name, number).tags.get(names.SWEEP_ID)} --force`"
        return (
            False,
            f"{before} stays the champion of {name}, as {now} is worse: {found.why}; {way_out} replaces it",
        )
    promote(client, name, number)
    if found.verdict == "unknown":
        way_back = f"`paceline promote {found.sweep} --force` puts it back"
        return True, f"{now} is the champion now, in place of {before}, though {found.why}; {way_back}"
    return True, None


def _champion(client: MlflowClient, name: str) -> Any:
    from mlflow.exceptions import MlflowException

    try:
        return client.get_model_version_by_alias(name, names.CHAMPION)
    except MlflowException as error:
        if not is_final(error):
            raise  # a store that is away may have a better champion
        return None


def _differ(mine: Mapping[str, str], theirs: Mapping[str, str]) -> str | None:
    """Return why two versions cannot be compared; None where they can."""
    for tags, which in ((mine, "this one"), (theirs, "the champion")):
        if VALUE not in tags:
            return f"they cannot be compared: {which} has no score of a test split"
    if mine[METRIC] != theirs[METRIC]:
        return f"they cannot be compared: by {mine[METRIC]} and by {theirs[METRIC]}"
    if mine[ROWS] != theirs[ROWS]:
        return "they cannot be compared: their test rows differ"
    return None
