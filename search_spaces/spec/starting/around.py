"""Ranges around defaults, for code that names no space."""

from __future__ import annotations

from typing import Any


def around(default: Any) -> dict[str, Any] | None:
    """Return a range or choices around a default, in the form of a spec's parameter; None where none is meant.

    A default between 0 and 1 stays below 1; one that is not positive, or a text, is not searched.
    """
    if isinstance(default, bool):
        return {"values": [False, True]}
    if not isinstance(default, int | float) or default <= 0:
        return None
    if isinstance(default, int):
        return {"values": sorted({max(1, default // 2), default, default * 2})}
    high = min(default * 3, default**0.5) if default < 1 else default * 3
    return {"min": float(f"{default / 3:.3g}"), "max": float(f"{high:.3g}"), "log": True}
