"""Kinds of a table's columns, as declared in ``data.columns`` of a spec."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, get_args

ColumnKind = Literal["number", "category", "ordinal", "datetime", "text"]
DECLARED = (*(kind for kind in get_args(ColumnKind) if kind != "ordinal"), "drop")


def column_fault(rule: Any) -> str | None:
    """Return the rule that a value of ``data.columns`` breaks, or None.

    Valid are a kind, ``drop`` and ``{ordinal: [lowest, ..., highest]}``.
    """
    if isinstance(rule, str):
        return None if rule in DECLARED else f"must be one of {', '.join(DECLARED)} or {{ordinal: [...]}}"
    if not (isinstance(rule, Mapping) and set(rule) == {"ordinal"} and isinstance(rule["ordinal"], list)):
        return "must be a kind, or {ordinal: [lowest, ..., highest]}"
    order = [str(value) for value in rule["ordinal"]]
    if len(order) < 2 or len(set(order)) < len(order):
        return "must list at least two values from the lowest to the highest, each once"
    return None
