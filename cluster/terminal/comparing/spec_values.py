"""Values of a sweep file's keys on one line: ranges of hyperparameters in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

NONE = "—"


def spec_value(value: Any) -> str:
    """Return a value of a sweep file in few words: ``0.0001 to 1, log``, ``[32, 64]``, ``type: asha, eta: 3``."""
    if value is None:
        return NONE
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Mapping):
        return _group(value)
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(spec_value, value))}]"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _group(value: Mapping[str, Any]) -> str:
    rest = {key: one for key, one in value.items() if key not in ("min", "max", "values", "distribution")}
    told = []
    if "min" in value and "max" in value:
        told.append(f"{spec_value(value['min'])} to {spec_value(value['max'])}")
    elif "values" in value:
        told.append(spec_value(value["values"]))
    if "log" in str(value.get("distribution", "")):
        told.append("log")
    return ", ".join([*told, *(f"{key}: {spec_value(one)}" for key, one in rest.items())]) or NONE
