"""Checks how a spec says that a series' times are written, and in which zone."""

from __future__ import annotations

import re
import zoneinfo
from typing import Final

from search_spaces.spec.data import Data
from search_spaces.spec.yaml_document import Document
from search_spaces.types.faults import nearest, shown

NAMES: Final = ("ISO8601", "unix_s", "unix_ms", "unix_us", "unix_ns", "number")
"""Formats of times that are no pattern."""
_LETTERS = "aAbBdmyYHIMSfpjqGVuzZ%"


def check_times(document: Document, data: Data) -> None:
    """Note a fault for a format that is none, and for a zone that does not exist."""
    form = data.time_format
    if form is not None and form not in NAMES:
        _check_pattern(document, form)
    if data.time_zone is None:
        return
    if form == "number":
        document.fault(("data", "time_zone"), "has no effect with data.time_format: number", shown(data.time_zone))
    zones = zoneinfo.available_timezones()
    if data.time_zone not in zones:
        close = nearest(data.time_zone, zones)
        document.fault(
            ("data", "time_zone"),
            "must be a place whose clock is known, such as Europe/Berlin",
            shown(data.time_zone),
            close and repr(close),
        )


def _check_pattern(document: Document, form: str) -> None:
    unknown = [found for found in re.findall(r"%.?", form) if found[1:] not in _LETTERS or found == "%"]
    if "%" not in form:
        rule = f"must be a pattern such as '%d.%m.%Y %H:%M', or one of {', '.join(NAMES)}"
        close = nearest(form, NAMES)
        document.fault(("data", "time_format"), rule, shown(form), close and repr(close))
    elif unknown:
        rule = f"{unknown[0]!r} stands for nothing: % must be before one of {' '.join(_LETTERS)}"
        document.fault(("data", "time_format"), rule, shown(form))
    elif not re.search(r"%[yYG]", form):
        document.fault(("data", "time_format"), "must hold the year, %Y or %y", shown(form))
