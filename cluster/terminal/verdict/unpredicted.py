"""What is said of classes that the champion never predicts: an accuracy of 97 % may be that of saying no to all."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Unpredicted = Mapping[str, Any]
"""One of the verdict's ``unpredicted``."""
MOST_NAMED = 3
"""Classes with a sentence of their own."""
HELP = "balanced class weights, a metric such as val_f1_macro, or a lower threshold on probabilities finds some"


def said_of(one: Unpredicted) -> str:
    """Return a sentence on a class that no test row is predicted to be, by some or all seeds."""
    seeds, of_seeds = one["seeds"], one["of_seeds"]
    by = f" with {seeds} of its {of_seeds} seeds" if seeds < of_seeds else f" with any of its {of_seeds} seeds"
    why = "no row has a probability above 0.5" if one["classes"] == 2 else "another class is likelier in each row"
    are = f"{one['rows']:,} of {one['of_rows']:,} test rows {'is' if one['rows'] == 1 else 'are'}"
    who = f"The champion predicts NO {one['class']!r} at all{by if of_seeds > 1 else ''}, which {are}"
    return f"{who}: {why}; {HELP}."


def warnings(verdict: Mapping[str, Any]) -> list[str]:
    """Return what is said of the classes with most test rows, and how many more there are."""
    found = list(verdict.get("unpredicted") or ())
    told = [one["said"] for one in found[:MOST_NAMED]]
    if others := len(found) - len(told):
        told.append(f"So it is with {others} more of its {found[0]['classes']} classes.")
    return told
