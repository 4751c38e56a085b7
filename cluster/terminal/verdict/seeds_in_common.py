"""What is said of the seeds that champion and defaults have in common, where some failed with one of the two."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cluster.terminal.formatting import count


def words(verdict: Mapping[str, Any]) -> list[str]:
    """Return over how many seeds the difference to trial 0 is, in words; empty where it is over all of them."""
    mine, both = (verdict[name].get("seeds", 0) for name in ("winner", "difference"))
    other = (verdict.get("default") or {}).get("seeds", both)
    return [f"over the {count(both, 'seed')} that both have"] if 0 < both < max(mine, other) else []
