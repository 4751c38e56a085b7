"""The network's weights: each tensor's size and statistics, and histograms of the largest."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from search_spaces.types.inspection import Inspection, Layer
from tracking.pages.look import BLUE, FAINT, INK, styled
from tracking.pages.page import Section
from tracking.results.champion.head import Head

if TYPE_CHECKING:
    import pandas as pd
    from plotly.graph_objects import Figure

COLUMNS = ["name", "shape", "size", "trainable", "norm", "mean", "std", "low", "high"]
MAX_HISTOGRAMS, MAX_ROWS = 8, 60
TITLE = 22
"""Last characters of a name above its histogram: two stand beside each other on a phone."""


def weights(head: Head, found: Inspection) -> Section | None:
    """Return the table of tensors, with histograms of the MAX_HISTOGRAMS largest that are trained."""
    if not found.layers:
        return None
    trained = [layer for layer in found.layers if layer.trainable]
    others = sum(layer.size for layer in found.layers) - sum(layer.size for layer in trained)
    says = f"{sum(layer.size for layer in trained):,} trainable parameters in {len(trained)} tensors"
    says += f"; {others:,} more are frozen, or averages of others." if others else "."
    if len(found.layers) > MAX_ROWS:
        says += f" The first {MAX_ROWS} of {len(found.layers)} tensors; layers.csv has all."
    largest = sorted(trained, key=lambda layer: -layer.size)[:MAX_HISTOGRAMS]
    shown = [layer for layer in trained if layer in largest]
    table = layers_table(found.layers[:MAX_ROWS])
    return Section(
        id="champion-weights",
        heading="Weights",
        says=says,
        figures=[_histograms(shown)] if shown else [],
        tables=[table],
    )


def layers_table(layers: Sequence[Layer]) -> pd.DataFrame:
    """Return a row per tensor."""
    import pandas as pd

    rows = [[_cell(getattr(layer, name)) for name in COLUMNS] for layer in layers]
    return pd.DataFrame(rows, columns=COLUMNS)


def _cell(value: object) -> object:
    return "x".join(map(str, value)) if isinstance(value, tuple | list) else value


def _histograms(shown: Sequence[Layer]) -> Figure:
    from plotly.subplots import make_subplots

    rows = -(-len(shown) // 2)
    titles = [f"{_end(layer.name)}<br>std {layer.std:.2g}" for layer in shown]
    figure = make_subplots(rows, 2, subplot_titles=titles, vertical_spacing=0.4 / max(rows, 1))
    for k, layer in enumerate(shown):
        width = (layer.high - layer.low) / max(1, len(layer.counts))
        x = [layer.low + (i + 0.5) * width for i in range(len(layer.counts))]
        colour = BLUE if layer.trainable else FAINT
        figure.add_bar(x=x, y=list(layer.counts), marker={"color": colour}, row=k // 2 + 1, col=k % 2 + 1)
    figure.update_annotations(font={"size": 11, "color": INK})
    figure.update_layout(showlegend=False, bargap=0)
    figure.update_yaxes(showticklabels=False)
    figure.update_xaxes(nticks=3, tickangle=0)
    return styled(figure, 70 + 165 * rows)


def _end(name: str) -> str:
    """Return a name's end, in which tensors of one layer differ."""
    return name if len(name) <= TITLE else f"…{name[1 - TITLE :]}"
