"""Which hyperparameters set the better half of the trials apart: the shares of the terminal and of ``--json``."""

from __future__ import annotations

import math
from collections.abc import Mapping

from cluster.report.records import Records
from cluster.sweep.reading import ended
from tracking.pages.look import BLUE, styled
from tracking.pages.page import Section
from tracking.results.compare import FEWEST_TRIALS

CAVEATS = (
    "By PED-ANOVA (Watanabe et al. 2023): a share is large where the values of the better half of the trials are "
    "distributed otherwise than those of all. Pruned trials count with their best value, at whichever epoch.",
    "It tells how much a hyperparameter matters within the ranges of this sweep, not which value is good, and not "
    "what two of them do together. One that mattered little may matter in other ranges.",
)


def section(records: Records) -> Section | None:
    """Draw a bar for each hyperparameter, largest first; None with fewer than two, and before a trial has ended."""
    from plotly.graph_objects import Bar, Figure

    shares = records.document["importance"]
    num = _used(records)
    if len(records.sweep.searched) < 2 or not ended(records.rows):
        return None
    if not shares:
        why = f"It is shown from {FEWEST_TRIALS} ended trials within the space on; there are {num}."
        if num >= FEWEST_TRIALS:
            why = "No hyperparameter sets the better half of the ended trials apart."
        return Section(id="importance", heading="Importance of hyperparameters", says=why)
    names = list(reversed(shares))
    values = [shares[name] for name in names]
    bars = Bar(
        x=[100 * value for value in values],
        y=names,
        orientation="h",
        marker={"color": BLUE},
        text=[f"{100 * value:.0f} %" for value in values],
        textposition="outside",
        cliponaxis=False,
        hovertemplate="%{y}: %{x:.1f} %<extra></extra>",
    )
    figure = Figure(bars)
    figure.update_layout(xaxis={"title": "share", "ticksuffix": " %", "range": [0, 112 * max(values)]})
    says = (
        f"{_first(shares, records.objective.name)} of what sets the better half of the {num:,} ended trials apart."
    )
    return Section(
        id="importance",
        heading="Importance of hyperparameters",
        says=says,
        figures=[styled(figure, 28 * len(names) + 90)],
        notes=CAVEATS,
    )


def _first(shares: Mapping[str, float], metric: str) -> str:
    """Say which matter most: one, or those whose shares are the same percentage."""
    percent = {name: f"{100 * share:.0f} %" for name, share in shares.items()}
    most = next(iter(percent.values()))
    first = [name for name in percent if percent[name] == most]
    if len(first) == 1:
        return f"{first[0]} matters most for {metric}: {most}"
    named = f"{', '.join(first[:-1])} and {first[-1]}"
    return f"{named} matter equally, and most, for {metric}: {most} each"


def _used(records: Records) -> int:
    """Return the number of trials that importance is told from: ended, with a finite value, within the space."""
    known = (row for row in ended(records.rows) if row.best_value is not None and math.isfinite(row.best_value))
    return sum(records.sweep.space.contains(row.params) for row in known)
