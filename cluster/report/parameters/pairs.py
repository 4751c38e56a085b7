"""Pairs of the most important hyperparameters: the mean value in each cell, and the rank of each trial.

Nothing is interpolated: a cell without a trial stays empty. Optuna's contour is a grid of all values that there
are, 36 MB for 2,000 trials where these cells take 12 kB, and of 40 trials it paints what lies between single ones.
Its ranks of three pairs take 2.0 MB, here 177 kB; they are blue where values are small, so that blue is the best
loss and the worst accuracy; those in the middle are of a yellow that white paper hides
(tests/benchmarks/RESULTS.md).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any, Final

from cluster.report.parameters.axes import Axis, axis, best_few, best_say, drawn, names
from cluster.report.records import Records
from cluster.terminal.formatting import count, measure, setting
from cluster.terminal.records import Row
from search_spaces.types.objective import Objective
from search_spaces.types.trial_names import trial_name
from tracking.pages.look import INK, SCALE, styled
from tracking.pages.page import Section

CELLS: Final = 12
"""Most cells of a range, fewer where trials are few."""
MANY: Final = 300
"""Number of trials above which not each gets a dot on cells, and dots are small."""
ENOUGH: Final = 3
"""Number of trials of a cell from which on its mean may be called the best."""
RANKED: Final = 3
"""Number of the most important hyperparameters whose pairs are drawn by rank."""


def contour(records: Records) -> Section | None:
    """Draw the mean value over the two most important hyperparameters; None with fewer than two, or few values."""
    rows, found = drawn(records), names(records)[:2]
    if not rows or len(found) < 2:
        return None
    across, up = (axis(records, name) for name in found)
    both = [row for row in rows if across.name in row.params and up.name in row.params]
    if len(both) < len(rows) // 2 or not both:
        return None
    cells = _cells(both, across, up)
    means = {cell: sum(values) / len(values) for cell, values in cells.items()}
    sure = [cell for cell in means if len(cells[cell]) >= ENOUGH] or list(means)
    best = min(sure, key=lambda cell: records.objective.signed(means[cell]))
    place = f"{_part(across, best[0], both)} and {_part(up, best[1], both)}"
    of = f" of the cells with {ENOUGH} trials or more" if len(sure) < len(means) else ""
    says = f"The best mean{of}, {measure(means[best])} over {count(len(cells[best]), 'trial')}, is at {place}."
    if equal := sum(means[cell] == means[best] for cell in sure) - 1:
        says = f"{says[:-1]}, and no better than in {count(equal, 'other')}."
    dots = best_few(both) if len(both) > MANY else both
    whose = f"the best {len(dots)} trials" if len(dots) < len(both) else "trials"
    notes = [f"Each cell is the mean of the trials in it, and dots are {whose}; empty: none was tried."]
    figure = _heatmap(means, (across, up), len(both), records.objective)
    figure.add_trace(_dots(dots, across, up))
    heading = f"{across.name} with {up.name}"
    return Section(id="contour", heading=heading, says=says, figures=[styled(figure, 420)], notes=notes)


def rank(records: Records) -> Section | None:
    """Draw each trial in the colour of its rank over pairs of the three most important; None with fewer."""
    rows, found = drawn(records), names(records)[:RANKED]
    if not rows or len(found) < RANKED:
        return None
    axes = [axis(records, name) for name in found]
    says = best_say(rows, axes, "lie at", "lie all over these three")
    return Section(
        id="rank",
        heading="Ranks over pairs of hyperparameters",
        says=says,
        figures=[styled(_ranks(rows, axes), 760)],
        notes=[
            "The lighter a point, the better the rank of its trial; of equal values the earlier one's is better. "
            "The best lie on top."
        ],
    )


def num_cells(axis: Axis, num_trials: int) -> int:
    """Return the number of cells of an axis: one a category; fewer where trials are few."""
    return len(axis.words) or max(3, min(CELLS, round(num_trials**0.5)))


def _cell(axis: Axis, row: Row, count: int) -> int:
    return min(count - 1, int(axis.place(row.params[axis.name]) * count))


def _cells(rows: Sequence[Row], across: Axis, up: Axis) -> dict[tuple[int, int], list[float]]:
    """Return the values of the trials in each cell, by its column and line."""
    found: dict[tuple[int, int], list[float]] = {}
    for row in rows:
        assert row.best_value is not None
        place = tuple(_cell(one, row, num_cells(one, len(rows))) for one in (across, up))
        found.setdefault((place[0], place[1]), []).append(row.best_value)
    return found


def _part(axis: Axis, cell: int, rows: Sequence[Row]) -> str:
    """Say which part of an axis a cell is."""
    if axis.words:
        return f"{axis.name} {axis.words[cell]}"
    count = num_cells(axis, len(rows))
    low, high = (setting(float(_value(axis, (cell + k) / count))) for k in (0, 1))
    return f"{axis.name} {low} to {high}"


def _value(axis: Axis, place: float) -> float:
    if axis.log:
        return float(axis.low * (axis.high / axis.low) ** place)
    return axis.low + place * (axis.high - axis.low)


def _heatmap(
    means: Mapping[tuple[int, int], float], axes: tuple[Axis, Axis], num_trials: int, objective: Objective
) -> Any:
    from plotly.graph_objects import Figure, Heatmap

    columns, lines = (num_cells(one, num_trials) for one in axes)
    shown = sorted(means.values())
    tenth = len(shown) // 10
    low, high = (shown[tenth], shown[-1]) if not objective.ascending else (shown[0], shown[-1 - tenth])
    figure = Figure(
        Heatmap(
            z=[[means.get((x, y)) for x in range(columns)] for y in range(lines)],
            x=[(x + 0.5) / columns for x in range(columns)],
            y=[(y + 0.5) / lines for y in range(lines)],
            zmin=low,
            zmax=high,
            colorscale=SCALE,
            reversescale=objective.ascending,
            colorbar=_colorbar(objective.name),
            hovertemplate="mean %{z}<extra></extra>",
            hoverongaps=False,
        )
    )
    figure.update_xaxes(**_ticks(axes[0]))
    figure.update_yaxes(**_ticks(axes[1]))
    return figure


def _colorbar(title: str) -> dict[str, Any]:
    return {"title": {"text": title, "side": "right"}, "thickness": 12, "tickfont": {"color": INK}}


def _dots(rows: Sequence[Row], across: Axis, up: Axis, **marker: Any) -> Any:
    """Return a trace with a dot for each trial; white with a black rim it is seen on every colour."""
    from plotly.graph_objects import Scatter

    rim = {"color": "black", "width": 1}
    return Scatter(
        x=[round(across.place(row.params[across.name]), 4) for row in rows],
        y=[round(up.place(row.params[up.name]), 4) for row in rows],
        mode="markers",
        marker={"size": 5, "color": "white", "line": rim, **marker},
        text=[f"{trial_name(row.number)} {measure(row.best_value)}" for row in rows],
        hovertemplate="%{text}<extra></extra>",
        showlegend=False,
    )


def _ticks(axis: Axis) -> dict[str, Any]:
    places, texts = zip(*axis.ticks, strict=True)
    title = f"{axis.name} (log)" if axis.log else axis.name
    return {"tickvals": places, "ticktext": texts, "range": [-0.02, 1.02], "title": {"text": title, "standoff": 6}}


def _ranks(rows: Sequence[Row], axes: Sequence[Axis]) -> Any:
    from plotly.subplots import make_subplots

    pairs = list(combinations(axes, 2))
    figure = make_subplots(rows=len(pairs), cols=1, vertical_spacing=0.12)
    many = len(rows) > MANY
    for k, (across, up) in enumerate(pairs, 1):
        places = [k for k, row in enumerate(rows) if across.name in row.params and up.name in row.params]
        places.reverse()  # the best on top
        marker = {
            "size": 5 if many else 8,
            "color": [place + 1 for place in places],
            "cmin": 1,
            "cmax": len(rows),
            "colorscale": SCALE,
            "reversescale": True,
            "showscale": k == 1,
            "line": {"color": INK, "width": 0 if many else 0.5},
            "colorbar": _colorbar("rank"),
        }
        dots = _dots([rows[place] for place in places], across, up, **marker)
        dots.hovertemplate = "rank %{marker.color}: %{text}<extra></extra>"
        figure.add_trace(dots, row=k, col=1)
        figure.update_xaxes(**_ticks(across), row=k, col=1)
        figure.update_yaxes(**_ticks(up), row=k, col=1)
    return figure
