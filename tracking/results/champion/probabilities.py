"""A classifier's probabilities on the test split: how they rank, whether they are true, and where to cut them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from search_spaces.types.inspected.classes import Calibration, Flagged, Ranking
from search_spaces.types.inspection import Inspection
from tracking.pages.look import BLUE, FAINT, GREEN, INK, ORANGE, PALETTE, in_lines, styled
from tracking.pages.page import Section
from tracking.results.champion.classes import cut
from tracking.results.champion.head import Head

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

FEW = 10
"""Examples below which the accuracy of a bin is pale: it says little."""
DASHES = ("solid", "dash", "dot", "dashdot")


def ranking(head: Head, found: Inspection) -> Section | None:
    """Draw ROC and precision-recall curves, of several classes each against all others."""
    import pandas as pd

    if not found.ranking:
        return None
    rows = [[one.name, one.examples, one.roc_auc, one.average_precision] for one in found.ranking]
    table = pd.DataFrame(rows, columns=["class", "examples", "ROC AUC", "average precision"])
    worst = min(found.ranking, key=lambda one: one.roc_auc)
    says = f"The area under the ROC curve of {worst.name} is {worst.roc_auc:.5g}; 0.5 is chance, 1 is perfect."
    if len(found.ranking) > 1:
        says = f"{_which(found)} against all others. The lowest area: " + says[0].lower() + says[1:]
    return Section(
        id="champion-ranking",
        heading="ROC and precision-recall curves (test)",
        says=says,
        figures=[_roc(found.ranking), _precision_recall(found.ranking)],
        tables=[table],
    )


def _which(found: Inspection) -> str:
    if len(found.ranking) >= len(found.classes):
        return "Each class"
    return f"{len(found.ranking)} of {len(found.classes)} classes, those with the most test examples, each"


def _roc(found: Sequence[Ranking]) -> Figure:
    figure = _lines([(one.name, one.roc) for one in found])
    figure.add_scatter(x=[0, 1], y=[0, 1], mode="lines", name="chance", line={"color": FAINT, "dash": "dot"})
    figure.update_xaxes(title="false positive rate", range=[-0.01, 1.01])
    figure.update_yaxes(title="true positive rate", range=[0, 1.02])
    return figure


def _precision_recall(found: Sequence[Ranking]) -> Figure:
    figure = _lines([(one.name, one.precision_recall) for one in found])
    figure.update_xaxes(title="recall", range=[-0.01, 1.01])
    figure.update_yaxes(title="precision", range=[0, 1.02])
    return figure


def _lines(curves: Sequence[tuple[str, Sequence[tuple[float, float]]]]) -> Figure:
    from plotly.graph_objects import Figure

    figure = Figure()
    for k, (name, points) in enumerate(curves):
        line = {"color": PALETTE[k % len(PALETTE)], "dash": DASHES[k // len(PALETTE) % len(DASHES)]}
        x, y = zip(*points, strict=True)
        figure.add_scatter(x=x, y=y, mode="lines", name=cut(name), line=line)
    return styled(figure, 400 + 12 * len(curves))


def calibration(head: Head, found: Inspection) -> Section | None:
    """Draw the accuracy over the probability of the predicted class, with the expected calibration error."""
    if (of := found.calibration) is None:
        return None
    return Section(
        id="champion-calibration",
        heading="Calibration (test)",
        says=_calibrated(of),
        figures=[_reliability(of)],
    )


def _calibrated(of: Calibration) -> str:
    num = sum(of.counts)
    sums = [
        sum(n * value for n, value in zip(of.counts, values, strict=True) if value is not None) / max(num, 1)
        for values in (of.confidence, of.accuracy)
    ]
    word = "overconfident" if sums[0] > sums[1] else "underconfident"
    word = "neither over- nor underconfident" if f"{sums[0]:.5g}" == f"{sums[1]:.5g}" else word
    return (
        f"Expected calibration error {of.error:.5g}, over {len(of.counts)} bins of equal width of the predicted "
        f"class's probability (Guo et al. 2017). That probability is {sums[0]:.5g} on average, and the accuracy "
        f"{sums[1]:.5g}: the champion is {word} on average. Bars below the line are of predictions that are surer "
        f"than right; pale ones are of fewer than {FEW} examples."
    )


def _reliability(of: Calibration) -> Figure:
    from plotly.graph_objects import Bar, Figure

    width = 1 / len(of.counts)
    figure = Figure(
        Bar(
            x=[(k + 0.5) * width for k in range(len(of.counts))],
            y=list(of.accuracy),
            width=width * 0.92,
            marker={"color": BLUE, "opacity": [1.0 if count >= FEW else 0.35 for count in of.counts]},
            name="accuracy",
            customdata=of.counts,
            hovertemplate="accuracy %{y:.5g} of %{customdata} examples<extra></extra>",
        )
    )
    line = {"color": INK, "dash": "dot"}
    figure.add_scatter(x=[0, 1], y=[0, 1], mode="lines", name="perfectly calibrated", line=line)
    figure.update_xaxes(title="probability of the predicted class", range=[0, 1])
    figure.update_yaxes(title="accuracy", range=[0, 1.02])
    return styled(figure)


def histogram(head: Head, found: Inspection) -> Section | None:
    """Draw how often each probability is given, by true class, or to right and wrong predictions."""
    from plotly.graph_objects import Figure

    if (of := found.probabilities) is None:
        return None
    figure, two = Figure(), found.confusion is not None and len(found.confusion.classes) == 2
    for (name, counts), ink in zip(of.counts.items(), (BLUE, ORANGE), strict=False):
        width = (of.high - of.low) / len(counts)
        x = [of.low + (k + 0.5) * width for k in range(len(counts))]
        shares = [count / max(sum(counts), 1) for count in counts]
        figure.add_bar(
            x=x,
            y=shares,
            name=f"{cut(name)} ({sum(counts)})",
            customdata=counts,
            hovertemplate="%{customdata} examples, %{y:.1%}",
            marker={"color": ink, "opacity": 0.7},
            width=width,
        )
    figure.update_layout(barmode="overlay", bargap=0)
    of_class = cut(found.confusion.classes[1]) if found.confusion is not None and two else "the predicted class"
    figure.update_xaxes(title=in_lines(f"probability of {of_class}"), range=[of.low, of.high])
    figure.update_yaxes(title="share of the group", tickformat=".0%")
    says = "Wrong predictions with a probability near 1 are those of which the probability does not warn."
    if two:
        says = "The better the two groups are apart, the better a threshold can tell them."
    return Section(id="champion-probabilities", heading="Probabilities (test)", says=says, figures=[styled(figure)])


def thresholds(head: Head, found: Inspection) -> Section | None:
    """Return what each threshold would flag on the test split; the marked one is chosen on validation."""
    import pandas as pd

    if not found.thresholds or found.confusion is None:
        return None
    rows = [["chosen" if one.chosen else "", one.value, one.val.f1, *_told(one.test)] for one in found.thresholds]
    names = [
        "",
        "threshold",
        "F1 (validation)",
        "precision (test)",
        "recall (test)",
        "F1 (test)",
        "share flagged (test)",
    ]
    table = pd.DataFrame(rows, columns=names)
    chosen = next(one for one in found.thresholds if one.chosen)
    half = min(found.thresholds, key=lambda one: abs(one.value - 0.5))
    positive = found.confusion.classes[1]
    shares = [f"{100 * one.test.share:.3g} %" for one in (chosen, half)]
    says = (
        f"An example is flagged as {positive} from a probability of {chosen.value:.3g} on: that has the highest F1 "
        f"on the validation split, {chosen.val.f1:.3g}. On the test split it flags {shares[0]} of the "
        f"examples, with precision {chosen.test.precision:.3g} and recall {chosen.test.recall:.3g}; at "
        f"{half.value:.3g} it is {shares[1]}, with {half.test.precision:.3g} and {half.test.recall:.3g}."
    )
    figure = _scores_by_threshold(found)
    return Section(
        id="champion-thresholds", heading=f"Thresholds for {positive}", says=says, figures=[figure], tables=[table]
    )


def _told(of: Flagged) -> list[float]:
    return [of.precision, of.recall, of.f1, of.share]


def _scores_by_threshold(found: Inspection) -> Figure:
    from plotly.graph_objects import Figure

    figure, x = Figure(), [one.value for one in found.thresholds]
    for name, ink in (("precision", BLUE), ("recall", ORANGE), ("f1", GREEN)):
        y: list[Any] = [getattr(one.test, name) for one in found.thresholds]
        figure.add_scatter(x=x, y=y, mode="lines", name=name.replace("f1", "F1"), line={"color": ink})
    chosen = next(one.value for one in found.thresholds if one.chosen)
    figure.add_vline(chosen, line={"color": INK, "dash": "dot", "width": 1.5})
    figure.update_xaxes(title="threshold", range=[0, 1])
    figure.update_yaxes(title="on the test split", range=[0, 1.02])
    return styled(figure, 340)
