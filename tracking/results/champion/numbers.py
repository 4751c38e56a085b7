"""Predicted numbers of the test split: beside the truth, their errors, and forecasts in time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from search_spaces.types.inspected.numbers import Errors
from search_spaces.types.inspection import Inspection
from search_spaces.types.problems import quantiles_of
from tracking.pages.look import BLUE, FAINT, INK, ORANGE, styled
from tracking.pages.page import Section, digits
from tracking.results.champion.head import Head

if TYPE_CHECKING:
    import pandas as pd
    from plotly.graph_objects import Figure

HALF_OPEN = 0.6
FEW_STEPS = 12
"""Up to so many steps ahead each has its tick."""
FEW = 20
"""Examples below which no tenth of them is told."""


def pairs(head: Head, found: Inspection) -> Section | None:
    """Draw predictions over true values, and errors over predictions."""
    if not found.pairs:
        return None
    first = ""
    if found.errors is not None and found.errors.num_targets > 1:
        what = "steps ahead" if found.problem == "forecast" else "targets"
        first = f" Of the {found.errors.num_targets} {what} this is the first."
    says = "Points on the dotted line are exact; those above it are predicted too high. "
    if asked := quantiles_of(found.metric):
        says += (
            f"The {asked[0]:.0%} quantile is predicted: so many points are to lie on the line or above it.{first}"
        )
    else:
        says += (
            "In the second figure a trend or a funnel is what the model has not learned: errors should not depend "
        )
        says += f"on the prediction.{first}"
    return Section(
        id="champion-pairs",
        heading="Predictions and residuals (test)",
        says=says,
        figures=[_truth(found), _residuals(found)],
    )


def _truth(found: Inspection) -> Figure:
    truth, guess = map(list, zip(*found.pairs, strict=True))
    figure = _points(truth, guess)
    ends = [min(*truth, *guess), max(*truth, *guess)]
    line = {"color": INK, "dash": "dot"}
    figure.add_scatter(x=ends, y=ends, mode="lines", name="prediction = truth", line=line)
    figure.update_layout(xaxis_title="truth", yaxis_title="prediction")
    return styled(figure, 440)


def _residuals(found: Inspection) -> Figure:
    figure = _points([guess for _, guess in found.pairs], [guess - truth for truth, guess in found.pairs])
    figure.add_hline(0, line={"color": INK, "dash": "dot"})
    figure.update_layout(xaxis_title="prediction", yaxis_title="prediction − truth")
    return styled(figure)


def _points(x: list[float], y: list[float]) -> Figure:
    from plotly.graph_objects import Figure, Scatter

    marker = {"color": BLUE, "size": 6, "opacity": HALF_OPEN}
    return Figure(Scatter(x=x, y=y, mode="markers", marker=marker, name="test examples"))


def errors(head: Head, found: Inspection) -> Section | None:
    """Draw the histogram of errors, with their quantiles."""
    from plotly.graph_objects import Bar, Figure

    if (of := found.errors) is None:
        return None
    counts, low, high = of.histogram.counts["errors"], of.histogram.low, of.histogram.high
    width = (high - low) / len(counts)
    figure = Figure(
        Bar(
            x=[low + (k + 0.5) * width for k in range(len(counts))],
            y=list(counts),
            width=width,
            marker={"color": BLUE},
        )
    )
    figure.update_layout(
        xaxis_title="prediction − truth, in the target's units", yaxis_title="test examples", bargap=0
    )
    figure.add_vline(0, line={"color": INK, "dash": "dot"})
    says = f"Half of all errors are at most {digits(of.absolute['50'])} in size"
    if sum(counts) >= FEW:
        says += f", nine in ten lie between {digits(of.quantiles['5'])} and {digits(of.quantiles['95'])}"
    says += f"; the largest is {digits(of.absolute['100'])}."
    if (quantile := quantiles_of(found.metric)) and of.covered is not None:
        says += f" In {of.covered:.1%} of the examples the truth is at most the prediction; "
        says += f"{quantile[0]:.0%} are meant."
    return Section(
        id="champion-errors",
        heading="Errors (test)",
        says=says,
        figures=[styled(figure, 340)],
        tables=[quantiles(of)],
    )


def quantiles(of: Errors) -> pd.DataFrame:
    """Return the quantiles of errors and of absolute errors, a row for each share."""
    import pandas as pd

    shares = sorted({*of.quantiles, *of.absolute}, key=int)
    rows = [[f"{share} %", of.quantiles.get(share), of.absolute.get(share)] for share in shares]
    return pd.DataFrame(rows, columns=["share of examples", "error below", "absolute error below"])


def forecasts(head: Head, found: Inspection) -> Section | None:
    """Draw forecast and seasonal-naive forecast against the truth in time, and their errors by steps ahead."""
    from plotly.graph_objects import Figure

    if (of := found.forecasts) is None:
        return None
    figure, x = Figure(), list(range(1, len(of.truth) + 1))
    ago = "one step ago" if of.season == 1 else f"{of.season} steps ago"
    named = (
        (of.truth, "truth", {"color": INK}),
        (of.naive, f"naive: the value of {ago}", {"color": ORANGE, "dash": "dot"}),
        (of.forecast, "forecast", {"color": BLUE}),
    )
    for values, name, line in named:
        figure.add_scatter(x=x, y=list(values), mode="lines", name=name, line=line)
    figure.update_layout(xaxis_title="step of the validation split", yaxis_title="value")
    says = f"Over all test windows the RMSE one step ahead is {digits(of.rmse[0])}"
    says += f", the naive forecast's {digits(of.naive_rmse[0])}"
    figures = [styled(figure, 420)]
    if len(of.rmse) > 1:
        says += f"; {len(of.rmse)} steps ahead {digits(of.rmse[-1])} against {digits(of.naive_rmse[-1])}"
        figures.append(_by_steps(found))
    says += f". {len(of.truth)} steps of the validation split are drawn, each forecast from values before it."
    return Section(id="champion-forecasts", heading="Forecasts in time", says=says, figures=figures)


def _by_steps(found: Inspection) -> Figure:
    from plotly.graph_objects import Figure

    assert found.forecasts is not None
    figure, x = Figure(), list(range(1, len(found.forecasts.rmse) + 1))
    for values, name, ink in (
        (found.forecasts.naive_rmse, "seasonal naive", FAINT),
        (found.forecasts.rmse, "champion", BLUE),
    ):
        figure.add_scatter(x=x, y=list(values), mode="lines+markers", name=name, line={"color": ink})
    figure.update_layout(xaxis_title="steps ahead", yaxis_title="RMSE on the test split")
    figure.update_yaxes(rangemode="tozero")
    if len(x) <= FEW_STEPS:
        figure.update_xaxes(dtick=1)
    return styled(figure, 320)
