"""What trial 0 is called in a verdict, which compares the champion with it: the defaults, if there are any."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from search_spaces.types.values import Params

FIRST: Final = "first_trial"
"""Key of the verdict's ``default``: nobody knows of defaults, as of a script's or of a required parameter's."""

ONLY: Final = "only_trial"
"""Key of the verdict's ``default``: no other configuration was tried, so that there is none to compare it with."""


@dataclass(frozen=True)
class Names:
    """Names of trial 0 and of the champion's difference to it: in a column, among finalists, in sentences."""

    label: str
    difference: str
    role: str
    words: str
    itself: str
    tag: str


DEFAULTS = Names(
    "defaults", "champion − defaults", "defaults", "the defaults", "the default configuration", "defaults"
)
NEAREST = Names(
    "nearest to defaults",
    "champion − nearest",
    "nearest",
    "the nearest to the defaults",
    "the configuration nearest to the defaults",
    "near_defaults",
)
"""The same where ``require`` has moved the defaults."""
FIRST_TRIAL = Names(
    "first trial", "champion − first", "first", "the first trial", "the first trial of the search", "first"
)
"""The same where nobody knows of defaults: it is the first of ``start_from``, if there is one."""


def is_only(verdict: Mapping[str, Any]) -> bool:
    """Whether trial 0 is the one configuration that was tried."""
    return bool((verdict.get("default") or {}).get(ONLY))


def moved(verdict: Mapping[str, Any]) -> Params:
    """Return the values that ``require`` has moved in trial 0 from the defaults; empty where it has none."""
    found: Params = (verdict.get("default") or {}).get("moved") or {}
    return found


def names(verdict: Mapping[str, Any]) -> Names:
    """Return what trial 0 is called in this verdict."""
    if (verdict.get("default") or {}).get(FIRST):
        return FIRST_TRIAL
    return NEAREST if moved(verdict) else DEFAULTS
