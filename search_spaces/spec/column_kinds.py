"""Kinds of a table's columns, as declared in ``data.columns`` of a spec."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal, get_args

ColumnKind = Literal["number", "category", "ordinal", "datetime", "text"]
DECLARED = (*(kind for kind in get_args(ColumnKind) if kind != "ordinal"), "drop")

ISO = "ISO8601"
"""Format of dates such as 2024-02-29 and 2024-02-29 13:45."""


def column_fault(rule: Any) -> str | None:
    """Return the rule that a value of ``data.columns`` breaks, or None.

    Valid are a kind, ``drop``, ``{ordinal: [lowest, ..., highest]}`` and ``{datetime: FORMAT}``.
    """
    if isinstance(rule, str):
        return None if rule in DECLARED else f"must be one of {', '.join(DECLARED)} or {{ordinal: [...]}}"
    if isinstance(rule, Mapping) and set(rule) == {"datetime"}:
        return _format_fault(rule["datetime"])
    if not (isinstance(rule, Mapping) and set(rule) == {"ordinal"} and isinstance(rule["ordinal"], list)):
        return "must be a kind, or {ordinal: [lowest, ..., highest]}, or {datetime: FORMAT}"
    order = [str(value) for value in rule["ordinal"]]
    if len(order) < 2 or len(set(order)) < len(order):
        return "must list at least two values from the lowest to the highest, each once"
    return None


def _format_fault(form: Any) -> str | None:
    if form == ISO:
        return None
    try:
        form = re.sub(r" until \d{4}$", "", form)
        if "%" not in form:
            raise ValueError("no part of a date")
        datetime.strptime(datetime(2003, 4, 5, 6, 7, 8).strftime(form := form.replace("%q", "%m")), form)
    except (AttributeError, TypeError, ValueError, re.error):
        return f"must be {ISO}, or a format of dates such as '%d/%m/%Y' or '%m/%d/%y until 2030'"
    return None
