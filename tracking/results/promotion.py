"""Which registered version is the champion: a better one of the same test split is not replaced without a word."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING, Any, Final, Literal

from search_spaces.types.objective import Objective
from tracking import names
from tracking.results.intervals import Estimate, apart
from tracking.store.errors import is_final

if TYPE_CHECKING:
    from mlflow import MlflowClient

METRIC: Final = "test.metric"
GOAL: Final = "test.goal"
VALUE: Final = "test.value"
"""Mean over the seeds of the final evaluation."""
LOW: Final = "test.low"
HIGH: Final = "test.high"
"""Bounds of its 95 % interval."""
ROWS: Final = "test.rows"
"""SHA-256 of the test split's rows and targets."""

Verdict = Literal["none", "same", "better", "worse", "unknown"]


@dataclass(frozen=True, kw_only=True)
class Score:
    """A champion's score on the test split, None without one, and its 95 % interval."""

    metric: str
    goal: str
    value: float | None
    ci95: tuple[float | None, float | None] = (None, None)

    def tags(self, rows: str) -> dict[str, str]:
        """Return the tags of a version by which it is compared with others; empty where it has no score.

        ``rows`` is the digest of the test split's rows.
        """
        if self.value is None or not rows:
            return {}
        bounds = {name: repr(one) for name, one in zip((LOW, HIGH), self.ci95, strict=True) if one is not None}
        return {METRIC: self.metric, GOAL: self.goal, VALUE: repr(self.value), ROWS: rows, **bounds}


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
    difference: Estimate | None = None
    """Its score less the champion's, with an interval from those of both; None where that is not known."""


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
    verdict: Verdict = "worse" if objective.better(other, mean) else "better"
    return Standing(verdict=verdict, why=why, difference=apart(_estimate(mine), _estimate(theirs)), **told)


def _estimate(tags: Mapping[str, str]) -> Estimate:
    low, high = (float(tags.get(name, "nan")) for name in (LOW, HIGH))
    return Estimate(mean=float(tags[VALUE]), low=low, high=high, num_seeds=0)


def in_words(found: Estimate | None) -> str:
    """Return a difference with its interval, and whether it is inside the noise; empty where it has no interval."""
    if found is None or not isfinite(found.low) or not isfinite(found.high):
        return ""
    noise = ", inside the noise: neither is shown to be better" if found.low <= 0 <= found.high else ""
    return f", a difference of {found.mean:+.4g} (95 % interval {found.low:.4g} to {found.high:.4g}){noise}"


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
        why = f"as the score of {now} is worse: {found.why}{in_words(found.difference)}"
        return False, f"{before} stays the champion of {name}, {why}; {way_out} replaces it"
    promote(client, name, number)
    if found.verdict == "unknown":
        way_back = f"`paceline promote {found.sweep} --force` puts it back"
        return True, f"{now} is the champion now, in place of {before}, though {found.why}; {way_back}"
    if found.verdict == "better" and "noise" in (noise := in_words(found.difference)):
        return True, f"{now} is the champion now, in place of {before}: {found.why}{noise}"
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
