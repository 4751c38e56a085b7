"""Says in a line what a sweep knows of earlier ones, and how it was edited."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cluster.terminal import formatting

TRAINS_AGAIN = "`--no-cache` or `cache: false` trains them again"


def warm_start_line(taken: Mapping[str, Any], is_sure: bool = True) -> str:
    """Return what is taken from an earlier sweep; not ``is_sure``: if the data turns out to be the same."""
    whose = f"of {taken['name']}-{taken['sweep']}"
    left = [
        f"{taken[key]} {words}"
        for key, words in (("outside", "outside of the space"), ("no_value", "without a value"))
        if taken[key]
    ]
    told = f"; left out: {', '.join(left)}" if left else ""
    if taken["same_data"]:
        unless = "" if is_sure else " if the data is the same"
        return f"{formatting.count(taken['shown'], 'trial')} {whose}{unless}{told}"
    first = formatting.count(taken["tried_first"], "configuration")
    return f"{first} {whose} tried first, as its data is another{told}"


def edit_line(edit: Mapping[str, Any]) -> str:
    """Return an edit: when, behind how many trials, and what."""
    outside = f"; {edit['outside']} of them outside of the space now" if edit["outside"] else ""
    behind = formatting.count(edit["trials"], "trial")
    return f"edited behind {behind} ({edit['at']}): {' '.join(edit['changes'])}{outside}"


def cached(trials: Sequence[Mapping[str, Any]]) -> str:
    """Return how many trials earlier sweeps knew, wholly or in part, and which ones did; empty where none did."""
    known = [trial for trial in trials if trial.get("cached_from")]
    if not known:
        return ""
    whose = ", ".join(dict.fromkeys(trial["cached_from"]["sweep"] for trial in known))
    part = sum(trial["epochs"] > trial["cached_from"]["epoch"] for trial in known)
    all_of = formatting.count(len(trials), "trial")
    told = f"{len(known) - part} of {all_of} were known from sweep {whose} and cost nothing"
    return f"{told}; {part} more were known up to a rung, and trained from the beginning to go on" if part else told


def cache_lines(trials: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return a line on the trials that took over results of earlier sweeps; none where none did."""
    told = cached(trials)
    return [f"cache: {told}; {TRAINS_AGAIN}"] if told else []
