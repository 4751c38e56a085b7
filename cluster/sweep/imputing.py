"""Missing numbers that a search would not fill: refused when the data is read, before anything is trained."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from search_spaces.spec.sweep import Sweep

NAME, NOTHING = "imputation", "none"


def refuse_unfilled(sweep: Sweep, card: Mapping[str, Any]) -> None:
    """Raises DataError where numbers are missing and some trial would put nothing in their place."""
    missing: Mapping[str, int] = card["missing"]
    if not missing or NOTHING not in _possible(sweep):
        return
    from workloads.data.prepare import DataError

    shown = ", ".join(f"{name!r} in {count} rows" for name, count in list(missing.items())[:5])
    place = f"parameters.{NAME}: must be median, mean or most_frequent"
    raise DataError(f"{place}, as {card['name']} has missing numbers ({shown}), received {NOTHING}")


def _possible(sweep: Sweep) -> set[Any]:
    """The values that trials may have; the workload's default fills."""
    domain = sweep.space.domains.get(NAME)
    entries = [entry.get(NAME) for entry in sweep.start_from]
    return {sweep.constants.get(NAME), *entries, *(getattr(domain, "values", ()))}
