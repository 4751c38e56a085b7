"""The look of figures: colours that the colour-blind can tell, and one layout for light and dark pages.

Colours named ``INK``, ``FAINT``, ``GRID``, ``PAPER`` and ``BLUE`` are CSS variables, which the page replaces by
those of its theme.
"""

from __future__ import annotations

from textwrap import wrap
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from plotly.graph_objects import Figure, Scatter

INK, FAINT, GRID, PAPER = "var(--ink)", "var(--faint)", "var(--grid)", "var(--paper)"
BLUE, ORANGE, GREEN, RED, PURPLE, SKY, YELLOW = (
    "var(--blue)",  # #0072B2, on dark paper a lighter one
    "#E69F00",
    "#009E73",
    "#D55E00",
    "#CC79A7",
    "#56B4E9",
    "#F0E442",
)
"""Palette of Okabe and Ito (2008), Color Universal Design; read on white and on black."""
PALETTE = (BLUE, ORANGE, GREEN, RED, PURPLE, SKY, YELLOW)
SCALE = "Viridis"
"""Colour scale of values: even in lightness, and told apart with every kind of colour blindness."""
HEIGHT_PX = 380
TITLE = 30
"""Characters of a line of the title of an axis."""


def in_lines(words: str, width: int = TITLE) -> str:
    """Return the title of an axis in lines: one line of a long title is cut off on a phone."""
    return "<br>".join(wrap(words, width, break_long_words=False))


def keyed(lines: Scatter) -> list[Scatter]:
    """Return pale lines without their entry in the legend, and an entry in full colour and a width that is seen."""
    from plotly.graph_objects import Scatter

    group = {"legendgroup": lines.name, "name": lines.name}
    entry = Scatter(x=[None], y=[None], mode="lines", line={"color": lines.line.color, "width": 2}, **group)
    lines.update(showlegend=False, **group)
    if lines.line.width and lines.line.width > 2:
        entry.line.width = lines.line.width
    return [lines, entry]


def styled(figure: Figure, height_px: int = HEIGHT_PX) -> Figure:
    """Give a figure the layout of all pages, in place; return it. Axes and traces stay as they are."""
    axis: dict[str, Any] = {
        "gridcolor": GRID,
        "linecolor": GRID,
        "zerolinecolor": GRID,
        "tickfont": {"color": INK},
        "ticks": "outside",
        "tickcolor": "rgba(0,0,0,0)",
        "automargin": True,
    }
    template = {
        "layout": {
            "font": {"family": "system-ui, sans-serif", "size": 13, "color": INK},
            "colorway": list(PALETTE),
            "paper_bgcolor": "rgba(0,0,0,0)",
            "plot_bgcolor": "rgba(0,0,0,0)",
            "hoverlabel": {"font": {"family": "system-ui, sans-serif"}},
            "xaxis": axis,
            "yaxis": axis,
            "legend": {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
            "modebar": {"bgcolor": "rgba(0,0,0,0)", "color": FAINT, "activecolor": INK},
            "margin": {"l": 48, "r": 16, "t": 32, "b": 48},
        }
    }
    figure.update_layout(template=template, height=height_px, title=None)
    return figure
