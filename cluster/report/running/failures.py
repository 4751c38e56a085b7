"""What failed: trials grouped by what they failed with, whatever the numbers in their messages."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from cluster.report.records import Records
from cluster.terminal.formatting import count
from cluster.terminal.records import Row
from search_spaces.types.trial_names import trial_name
from tracking.pages.page import Section

NUMBER: Final = re.compile(r"\d+(?:\.\d+)?(?:[eE][+-]?\d+)?")
MOST_TRIALS: Final = 8


def section(records: Records) -> Section | None:
    """List the failures, those of the most trials first; None where no trial failed."""
    import pandas as pd

    groups = grouped(records.rows)
    if not groups:
        return None
    failed, largest = sum(map(len, groups)), groups[0]
    of_most = "all" if len(groups) == 1 else f"{len(largest):,}"
    like = "with" if len({message(row) for row in largest}) == 1 else "but for numbers with"
    most = f", {of_most} {like}" if failed > 1 else ""
    says = f"{count(failed, 'trial')} of {len(records.rows):,} {_ended(groups)}{most}: {message(largest[0])}."
    table = pd.DataFrame(
        {
            "message": [message(group[0]) for group in groups],
            "number": [len(group) for group in groups],
            "trials": [_named(group) for group in groups],
            "epochs": [_epochs(group) for group in groups],
        }
    )
    return Section(id="failures", heading="Failures", says=says, tables=[table])


def _ended(groups: Sequence[Sequence[Row]]) -> str:
    """Return how these trials ended: infeasible ones broke a constraint, and did not fail."""
    rows = [row for group in groups for row in group]
    words = {"failed": "failed", "infeasible": "is infeasible" if len(rows) == 1 else "are infeasible"}
    return " or ".join(word for state, word in words.items() if any(row.state == state for row in rows))


def grouped(rows: Sequence[Row]) -> list[list[Row]]:
    """Return the failed and infeasible trials by message, whatever its numbers, the largest group first."""
    groups: dict[str, list[Row]] = {}
    for row in rows:
        if row.state in ("failed", "infeasible"):
            groups.setdefault(NUMBER.sub("#", message(row)), []).append(row)
    return sorted(groups.values(), key=lambda group: (-len(group), group[0].number))


def message(row: Row) -> str:
    """Return the last line of why a trial failed."""
    return row.failure.line if row.failure else "no reason was kept"


def _named(group: Sequence[Row]) -> str:
    more = f" and {len(group) - MOST_TRIALS:,} more" if len(group) > MOST_TRIALS else ""
    return ", ".join(trial_name(row.number) for row in group[:MOST_TRIALS]) + more


def _epochs(group: Sequence[Row]) -> str:
    """Return after how many epochs the trials failed."""
    low, high = min(row.epochs for row in group), max(row.epochs for row in group)
    return f"{low}" if low == high else f"{low} to {high}"
