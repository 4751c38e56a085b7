"""What is said of baselines: simple models, and what needs no model, that the champion must beat."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cluster.terminal.formatting import bounds, interval, measure
from search_spaces.types.objective import Objective

Baseline = Mapping[str, Any]
"""One of the verdict's ``baselines``."""
INCLUDES_0 = "the 95 % interval of the difference includes 0"


def said_of(baseline: Baseline, objective: Objective) -> str:
    """Return in a sentence whether the champion beats a baseline, and by how much."""
    name, difference = baseline["name"], baseline["difference"]["mean"]
    name = name if baseline["trained"] else f"the {name}"
    if baseline["failed"]:
        return f"The champion was not compared with {name}, which failed: {baseline['failed']}"
    if difference is None:
        return f"The champion was not compared with {name}: its score, or the champion's, is no finite number."
    found = bounds(baseline["difference"]["ci95"])
    open_yet = found is not None and found[0] <= 0 <= found[1]
    size = measure(abs(difference))
    if difference == 0:
        return f"The champion is not shown to beat {name}: they score the same."
    if objective.better(0.0, difference):
        return f"The champion does NOT beat {name}: it is worse by {size}" + (
            f", though {INCLUDES_0}." if open_yet else f"{_between(found)}."
        )
    if open_yet:
        return f"The champion is not shown to beat {name}: it is better by {size}, but {INCLUDES_0}."
    return f"The champion beats {name} by {size}{_between(found)}."


def _between(found: tuple[float, float] | None) -> str:
    if found is None:
        return ", without an interval"
    low, high = sorted(map(abs, found))
    return f" ({measure(low)} to {measure(high)})"


def shown(verdict: Mapping[str, Any]) -> list[Baseline]:
    """Return the baselines with a line of their own: all but the first without a model, which is ``baseline``."""
    found = list(verdict.get("baselines") or ())
    return found[1:] if verdict.get("baseline") else found


def rows(verdict: Mapping[str, Any]) -> list[tuple[str, str, str, str, str]]:
    """Return label, trial, value, interval and name of each baseline, what needs no model first."""
    told = []
    if first := verdict.get("baseline"):
        told.append(("no model", "", measure(first["value"]), first["name"], ""))
    for one in shown(verdict):
        failed = one["failed"] is not None
        value, between = ("failed", "") if failed else (measure(one["mean"]), f"{interval(one['ci95'])}  ")
        told.append(("baseline", "", value, f"{between}{one['name']}", _rows_of(one)))
    return told


def _rows_of(one: Baseline) -> str:
    few = one["rows"] < one["of_rows"]
    return f"  on {one['rows']:,} of {one['of_rows']:,} training rows" if few else ""


def lines(verdict: Mapping[str, Any]) -> list[str]:
    """Return each baseline, also what needs no model, with its score, its interval, and what is said of it."""
    found = verdict.get("baselines") or ()
    return [f"{one['name']}: {measure(one['mean'])} {interval(one['ci95'])}. {one['said']}" for one in found]


def sentences(verdict: Mapping[str, Any]) -> list[str]:
    """Return what is said of each baseline with a line of its own."""
    return [one["said"] for one in shown(verdict)]


def warnings(verdict: Mapping[str, Any], objective: Objective) -> list[str]:
    """Return in sentences where the champion is no better than what needs no model, or worse than a baseline."""
    found, first = [], verdict.get("baseline")
    if first and first["difference"]["mean"] is not None:
        difference, between = first["difference"]["mean"], bounds(first["difference"]["ci95"])
        score = f"{first['name']} ({measure(first['value'])})"
        open_yet = between is not None and between[0] <= 0 <= between[1]
        if objective.better(0.0, difference):
            but = f", though {INCLUDES_0}" if open_yet else ""
            found.append(f"The champion is WORSE than no model on this test split: {score}{but}.")
        elif difference == 0 or open_yet:
            found.append(f"The champion is not shown to be better than no model: {score}.")
    return found + [said for said in sentences(verdict) if "NOT beat" in said]
