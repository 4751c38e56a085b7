"""Draws the parts of an inspection as figures; each function returns an SVG's text. Nothing is computed here."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from search_spaces.types.inspection import Confusion, Importance, Layer, Overfitting

MAX_LABELLED = 30
"""Largest number of classes for which a confusion matrix shows names and counts."""
MAX_BARS, MAX_LAYERS, MAX_LETTERS = 30, 24, 24
"""Largest number of bars and of histograms in a figure, and of characters in a label."""
INK, FAINT, BLUE, ORANGE = "#222", "#ccc", "#2a6fb0", "#d9822b"
SHADES = LinearSegmentedColormap.from_list("shades", ["white", BLUE])
STYLE: Any = {
    "svg.fonttype": "none",  # text stays text: small, and it can be found and read aloud
    "svg.hashsalt": "paceline",  # equal figures are equal files
    "font.family": "DejaVu Sans",
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": FAINT,
    "axes.axisbelow": True,
    "axes.grid": True,
    "grid.color": "#eee",
    "text.parse_math": False,  # a column may be named $x$
}
_PLAIN: dict[str, Any] = {"Date": None, "Creator": None, "Format": None, "Type": None}
"""Metadata that is left out of the file."""


def _figure(width: float, height: float) -> Figure:
    return Figure(figsize=(width, height), layout="constrained")


def _svg(figure: Figure) -> str:
    out = io.StringIO()
    figure.savefig(out, format="svg", metadata=_PLAIN)
    text = out.getvalue().replace("'DejaVu Sans'", "system-ui, sans-serif")  # the layout has room for both
    return text[text.index("<svg") :]  # without the XML declaration, which may not stand inside HTML


@rc_context(STYLE)
def confusion(found: Confusion) -> str:
    """Draw a confusion matrix: true classes as rows, predicted ones as columns, shaded by the share of the row."""
    counts, num = np.array(found.counts), len(found.classes)
    shares = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    side = 2.0 + min(0.34 * num, 8.0)
    figure = _figure(side + 0.3, side)
    axes = figure.add_subplot(xlabel="predicted class", ylabel="true class")
    axes.grid(False)
    axes.imshow(shares, SHADES, vmin=0, vmax=1)
    if num <= MAX_LABELLED:
        names = [_cut(name) for name in found.classes]
        axes.set_xticks(range(num), names, rotation=90)
        axes.set_yticks(range(num), names)
        for i, j in np.argwhere(counts):
            axes.text(
                j, i, counts[i, j], ha="center", va="center", color="w" if shares[i, j] > 0.5 else INK, size=9
            )
    return _svg(figure)


@rc_context(STYLE)
def curves(found: Mapping[str, Sequence[float]], metric: str, judged: Overfitting | None) -> str:
    """Draw loss and metric over the epochs, of training and validation, with the best epoch marked."""
    measures = [m for m in dict.fromkeys(("loss", metric)) if f"val_{m}" in found or f"train_{m}" in found]
    figure = _figure(6.4, 2.8 * max(len(measures), 1))
    for k, measure in enumerate(measures, 1):
        axes = figure.add_subplot(len(measures), 1, k, xlabel="epoch", ylabel=measure)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        for split, label, ink in (("train", "training", ORANGE), ("val", "validation", BLUE)):
            if line := found.get(f"{split}_{measure}"):
                axes.plot(range(1, len(line) + 1), line, color=ink, label=label, marker="." * (len(line) == 1))
        if judged is not None:
            axes.axvline(judged.best_epoch, color=INK, linestyle=":", label=f"best epoch ({judged.best_epoch})")
        axes.legend(frameon=False)
    return _svg(figure)


@rc_context(STYLE)
def importance(found: Sequence[Importance], metric: str) -> str:
    """Draw permutation importance: one bar per column in the order of ``found``, with its spread over shuffles."""
    shown = found[:MAX_BARS]
    figure = _figure(6.4, 1.0 + 0.25 * len(shown))
    axes = figure.add_subplot(xlabel=f"how much worse val_{metric} is when the column is shuffled")
    axes.grid(False, axis="y")
    spread: dict[str, Any] = {
        "xerr": [column.std for column in shown],
        "error_kw": {"ecolor": INK, "elinewidth": 1},
    }
    axes.barh(range(len(shown)), [column.mean for column in shown], height=0.65, color=BLUE, **spread)
    axes.set_yticks(range(len(shown)), [_cut(column.column) for column in shown])
    axes.invert_yaxis()
    return _svg(figure)


@rc_context(STYLE)
def layers(found: Sequence[Layer]) -> str:
    """Draw histograms of the ``MAX_LAYERS`` largest parameter tensors, in the model's order; frozen ones grey."""
    largest = sorted(found, key=lambda layer: -layer.size)[:MAX_LAYERS]
    shown = [layer for layer in found if layer in largest]
    rows = -(-len(shown) // 4)
    figure = _figure(8.0, 1.5 * rows + 0.4)
    figure.supxlabel("value of a weight", size=10)
    figure.supylabel("weights", size=10)
    for k, layer in enumerate(shown, 1):
        _histogram(figure.add_subplot(rows, 4, k), layer)
    return _svg(figure)


def _histogram(axes: Axes, layer: Layer) -> None:
    axes.stairs(
        layer.counts,
        np.linspace(layer.low, layer.high, len(layer.counts) + 1),
        fill=True,
        color=BLUE if layer.trainable else FAINT,
    )
    axes.set_title(f"{_cut(layer.name)}\nnorm {layer.norm:.3g}, std {layer.std:.2g}", size=8, loc="left")
    axes.set_yticks([])
    axes.xaxis.set_major_locator(MaxNLocator(3))
    axes.tick_params(labelsize=8)


@rc_context(STYLE)
def pairs(found: Sequence[tuple[float, float]]) -> str:
    """Draw predictions over true values, with the line on which both are equal."""
    truths, predictions = zip(*found, strict=True)
    ends = [min(*truths, *predictions), max(*truths, *predictions)]
    figure = _figure(5.0, 5.0)
    axes = figure.add_subplot(xlabel="truth", ylabel="prediction", aspect="equal")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(5))
    axes.plot(ends, ends, color=ORANGE, label="prediction = truth")
    axes.scatter(truths, predictions, s=12, color=BLUE, alpha=0.5, linewidths=0)
    axes.legend(frameon=False)
    return _svg(figure)


def _cut(text: str) -> str:
    return text if len(text) <= MAX_LETTERS else text[: MAX_LETTERS - 1] + "…"
