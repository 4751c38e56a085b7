"""Time zones of a series: zones that are written beside the times, and local times whose clock is changed."""

from __future__ import annotations

import re
from typing import Any, Final

import numpy as np

from workloads.arrays import Array

HOURS: Final = {
    **{"Z": 0, "UTC": 0, "GMT": 0, "WET": 0, "WEST": 1, "BST": 1, "CET": 1, "CEST": 2, "MEZ": 1, "MESZ": 2},
    **{"MET": 1, "MEST": 2, "EET": 2, "EEST": 3, "MSK": 3, "JST": 9, "KST": 9, "AEST": 10, "AEDT": 11},
    **{"NZST": 12, "NZDT": 13, "EST": -5, "EDT": -4, "CST": -6, "CDT": -5, "MST": -7, "MDT": -6},
    **{"PST": -8, "PDT": -7, "AKST": -9, "AKDT": -8, "HST": -10},
}
"""Hours ahead of UTC of zones by their short names; those that several countries use are North America's."""
LIKELY: Final = (
    *("Europe/Berlin", "Europe/London", "Europe/Helsinki", "America/New_York", "America/Chicago"),
    *("America/Denver", "America/Los_Angeles", "America/Sao_Paulo", "Australia/Sydney", "Pacific/Auckland"),
)
"""Zones that are tried for local times, one for each rule of changing the clock that is in wide use."""
_OFFSET = r"(?:UTC|GMT)?[+-]\d{2}(?::?\d{2})?"
_PLACE = r"[A-Z][A-Za-z_]+(?:/[A-Za-z_+-]+)+"
_ZONED = re.compile(
    rf"(?P<body>.*(?::\d\d(?:[.,]\d+)?|T\d{{2,6}}|[AaPp][Mm]))\s*(?P<offset>{_OFFSET})(?:\s*\[{_PLACE}\])?"
    rf"|(?P<before>.*\d(?:\s?[AaPp][Mm])?)\s*(?P<name>{'|'.join(HOURS)}|(?<=\s){_PLACE}|\[{_PLACE}\])"
)


def split_zones(texts: Any) -> tuple[Any, Any]:
    """Return a Series of texts without their zones, and a Series of the zones, ``""`` where a text has none."""
    found = [_ZONED.fullmatch(text) for text in texts]
    bodies = [(zone["body"] or zone["before"]) if zone else text for text, zone in zip(texts, found, strict=True)]
    zones = [(zone["offset"] or zone["name"]).strip("[]") if zone else "" for zone in found]
    like = type(texts)
    return like(bodies, index=texts.index, dtype=str), like(zones, index=texts.index, dtype=str)


def seconds_ahead(zone: str) -> int | None:
    """Return how far a zone's clock is ahead of UTC; None for a place, whose clock may be changed."""
    if zone in HOURS:
        return 3600 * HOURS[zone]
    found = re.fullmatch(r"\D*([+-])(\d{2}):?(\d{2})?", zone)
    if found is None:
        return None
    return int(f"{found[1]}1") * (3600 * int(found[2]) + 60 * int(found[3] or 0))


def in_utc(clock: Array, zone: str) -> Array:
    """Return local times (datetime64) of a place in UTC; NaT where the clock skips a time.

    Of a time that comes twice the second is meant where times go backwards, or where the step to it is as usual.
    """
    import pandas as pd

    local = pd.DatetimeIndex(clock)
    first, second = (
        local.tz_localize(zone, ambiguous=np.full(len(local), summer), nonexistent="NaT")
        .tz_convert("UTC")
        .tz_localize(None)
        .to_numpy()
        for summer in (True, False)
    )
    steps = np.diff(clock, prepend=clock[:1])
    usual, none = np.median(steps), np.timedelta64(0)
    later = np.zeros(len(clock), dtype=bool)
    for row in np.flatnonzero((first != second) & ~np.isnat(first)):
        if row and first[row - 1] != second[row - 1]:
            later[row] = later[row - 1] or steps[row] <= none
        elif row:
            later[row] = abs(second[row] - first[row - 1] - usual) < abs(first[row] - first[row - 1] - usual)
    found: Array = np.where(later, second, first)
    return found


def local(moments: Array, zone: str) -> Array:
    """Return the local times of a place, (datetime64), at moments in UTC."""
    import pandas as pd

    found: Array = pd.DatetimeIndex(moments, tz="UTC").tz_convert(zone).tz_localize(None).to_numpy()
    return found
