"""When each leg trained, on which worker, and which trials were trained together as one program."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, Final

from cluster.report.records import Records
from cluster.sweep.provenance.leg_log import LegRecord, legs
from cluster.terminal.formatting import count, span
from search_spaces.types.trial_names import name_of_key
from tracking.pages.look import BLUE, GREEN, ORANGE, PURPLE, RED, styled
from tracking.pages.page import Section

LONG_GAP_S: Final = 10.0
"""Pause of all workers that is cut out of the axis where it is longer, and longer than a tenth of the training."""
NAMED: Final = 6
NO_CLAIM: Final = (
    "How long trials trained together would have taken one by one was not measured, so no time saved is told."
)
KINDS: Final = {
    "search, a trial alone": BLUE,
    "search, trials together": GREEN,
    "further seeds": PURPLE,
    "final evaluation": ORANGE,
    "failed": RED,
}


def section(records: Records) -> Section | None:
    """Draw a bar for each leg in the row of its worker; None before a trial has begun.

    For a sweep of a version that recorded no legs it says so.
    """
    found = legs(records.read.study.facts())
    heading = "When each worker trained what"
    if not found:
        trained = any(row.epochs for row in records.rows)
        says = "Not recorded: no training segment was written down, as by versions before this report."
        return Section(id="timeline", heading=heading, says=says) if trained else None
    at, gaps = shortened(found)
    rows = workers(found)
    figure = _figure(found, at, rows)
    for place, gap_s in gaps:
        figure.add_vline(x=place, line={"dash": "dot", "width": 1})
        figure.add_annotation(
            x=place, y=1, yref="paper", yanchor="bottom", text=f"{span(gap_s)} pause", showarrow=False
        )
    num_rows = len(set(rows.values()))
    together = any(leg.fused > 1 for leg in found)
    return Section(
        id="timeline",
        heading=heading,
        says=_says(found, num_rows),
        figures=[styled(figure, 34 * num_rows + 150)],
        notes=[NO_CLAIM] if together else [],
    )


def kind(leg: LegRecord) -> str:
    """Return what a leg was for, in words."""
    if leg.failed:
        return "failed"
    if leg.purpose == "final":
        return "final evaluation"
    if leg.purpose == "repeat":
        return "further seeds"
    return "search, trials together" if leg.fused > 1 else "search, a trial alone"


def workers(found: Sequence[LegRecord]) -> dict[str, int]:
    """Return the row of each lane's process: one that began when another had ended takes over its row."""
    spans: dict[str, tuple[float, float]] = {}
    for leg in found:
        began, ended = spans.get(leg.lane, (leg.began_s, leg.ended_s))
        spans[leg.lane] = min(began, leg.began_s), max(ended, leg.ended_s)
    rows: dict[str, int] = {}
    free: list[float] = []
    for lane, (began, ended) in sorted(spans.items(), key=lambda item: item[1]):
        row = next((row for row, until in enumerate(free) if until <= began), len(free))
        free[row : row + 1] = [ended]
        rows[lane] = row
    return rows


def shortened(found: Sequence[LegRecord]) -> tuple[dict[float, float], list[tuple[float, float]]]:
    """Return the place of each time on the axis, in seconds of the sweep, and the long pauses as (place, seconds).

    A pause in which no worker trained, as between a stop and its resume, takes no room.
    """
    in_order = sorted(found, key=lambda leg: leg.began_s)
    busy_s = sum(leg.seconds for leg in found)
    cut, until, gaps, cuts = 0.0, in_order[0].began_s, [], []
    start = until
    for leg in in_order:
        gap_s = leg.began_s - until
        if gap_s > max(LONG_GAP_S, busy_s / 10):
            cut += gap_s
            gaps.append((leg.began_s - start - cut, gap_s))
            cuts.append((leg.began_s, cut))
        until = max(until, leg.ended_s)

    def place(time_s: float) -> float:
        return round(time_s - start - max((c for since, c in cuts if since <= time_s), default=0.0), 3)

    return {time_s: place(time_s) for leg in found for time_s in (leg.began_s, leg.ended_s)}, gaps


def waits(found: Sequence[LegRecord]) -> dict[str, float]:
    """Return the seconds that each trial of the search waited between its legs, by the member's key.

    Long pauses of all workers, as between a stop and its resume, do not count.
    """
    at, _ = shortened(found)
    of_member: dict[str, list[LegRecord]] = defaultdict(list)
    for leg in found:
        if leg.purpose == "search":
            for key in leg.members:
                of_member[key].append(leg)
    waited = {}
    for key, own in of_member.items():
        own.sort(key=lambda leg: leg.began_s)
        between = (at[later.began_s] - at[earlier.ended_s] for earlier, later in pairwise(own))
        waited[key] = sum(max(0.0, gap_s) for gap_s in between)
    return waited


def _says(found: Sequence[LegRecord], num_workers: int) -> str:
    at, _ = shortened(found)
    whole_s = max(at.values()) - min(at.values())
    busy_s = sum(leg.seconds for leg in found)
    share = f", at work for {100 * min(1.0, busy_s / (whole_s * num_workers)):.0f} % of it" if whole_s else ""
    says = f"{count(num_workers, 'worker')} trained {count(len(found), 'segment')} in {span(whole_s)}{share}."
    if together := [leg for leg in found if leg.fused > 1]:
        widest = max(leg.fused for leg in together)
        says += f" {len(together)} of them trained several trials or seeds as one program, up to {widest}."
    if failed := sum(leg.failed for leg in found):
        says += f" {failed} failed."
    waited = waits(found)
    longest = max(waited, key=lambda key: waited[key], default=None)
    if longest is not None and waited[longest] > 0:
        name = name_of_key(longest.partition("-")[0])
        says += f" Longest between two segments waited {name}: {span(waited[longest])}."
    return says


def _figure(found: Sequence[LegRecord], at: Mapping[float, float], rows: Mapping[str, int]) -> Any:
    from plotly.graph_objects import Bar, Figure

    figure = Figure()
    for name, colour in KINDS.items():
        of_kind = [leg for leg in found if kind(leg) == name]
        if of_kind:
            figure.add_trace(
                Bar(
                    base=[at[leg.began_s] for leg in of_kind],
                    x=[round(leg.seconds, 3) for leg in of_kind],
                    y=[f"worker {rows[leg.lane] + 1}" for leg in of_kind],
                    text=[_told(leg) for leg in of_kind],
                    orientation="h",
                    name=name,
                    marker={"color": colour, "line": {"width": 0}},
                    textposition="none",
                    hovertemplate="%{text}, %{x:.3g} s<extra></extra>",
                )
            )
    order = [f"worker {row + 1}" for row in sorted(set(rows.values()), reverse=True)]
    figure.update_layout(barmode="overlay", bargap=0.25)
    figure.update_yaxes(type="category", categoryorder="array", categoryarray=order)
    figure.update_xaxes(title_text="seconds of training", rangemode="tozero")
    return figure


def _told(leg: LegRecord) -> str:
    keys = (key.partition("-")[0] if leg.purpose == "search" else key for key in leg.members[:NAMED])
    named = ", ".join(map(name_of_key, keys))
    more = f" and {len(leg.members) - NAMED} more" if len(leg.members) > NAMED else ""
    epochs = f"epochs {leg.start + 1} to {leg.stop}" if leg.stop > leg.start else "no epoch"
    return f"{named}{more}: {epochs}"
