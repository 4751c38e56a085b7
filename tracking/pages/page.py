"""Makes one HTML file of sections: figures by plotly, tables, text, pictures. It asks no other host for anything.

plotly.js is held once, compressed, and inflated by the browser; figures are drawn as the page is idle, the visible
ones first, in the colours of its theme. Without scripts the texts and tables are still there.
"""

from __future__ import annotations

import base64
import gzip
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd
    from plotly.graph_objects import Figure

HERE = Path(__file__).parent
POLICY = (
    "default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval'; style-src 'unsafe-inline'; img-src data: blob:"
)
"""Content security policy: browsers refuse any request of the page. Parallel coordinates compile their shaders."""
NUMBER = re.compile(r"[\[(]?[-+−]?[\d—]|nan")
"""Begin of what is set as a number: also that of an interval."""
LONG, SET_COLUMNS = 60, 8
"""Characters of a cell from which on it may take several lines; columns whose words the style sheet sets."""
WIDE = 30
"""Characters of a cell from which on its column is one of words: at its right end a phone would not show it."""
WHOLE = re.compile(r"\d[\d.,]*(?:e[-+]\d+| %)")
"""What no line ends within: a number with its exponent, a percentage."""
BREAKS = re.compile(r"(?<=[/@_])(?=\w)|(?<=\.)(?=[a-z])|(?<=[a-z])(?=[A-Z][a-z])")
"""Where a line may end within a name, as `models:/NAME@champion` or `HistGradientBoosting`."""


def digits(value: float) -> str:
    """Format a number of a table or a sentence: five significant digits, of thousands all before the point."""
    return f"{value:.0f}" if 99_999.5 <= abs(value) < 9_999_999.5 else f"{value:.5g}"


@dataclass(frozen=True, kw_only=True)
class Tile:
    """A number of a page that is read first: its name, the number or word, and what it is of."""

    name: str
    value: str
    note: str = ""
    warns: bool = False
    """Whether it is shown in red."""


@dataclass(frozen=True, kw_only=True)
class Section:
    """Part of a page with a heading, and sentences that say what to see in it.

    From its top: ``warnings`` in red, ``says``, ``tiles``, ``figures``, ``tables`` with one name a column, ``html``
    as it is, and ``notes``, small: what limits the numbers, how they were made.
    """

    id: str
    """Anchor, unique on the page; of letters, digits and dashes."""
    heading: str
    says: str = ""
    warnings: Sequence[str] = ()
    tiles: Sequence[Tile] = ()
    figures: Sequence[Figure] = ()
    tables: Sequence[pd.DataFrame] = ()
    html: str = ""
    notes: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True)
class Page:
    """Content of a page; ``said`` are sentences below its title. It reloads itself every ``reload_s`` seconds."""

    title: str
    said: Sequence[str] = ()
    sections: Sequence[Section] = field(default_factory=tuple)
    reload_s: float | None = None

    def html(self) -> bytes:
        """Return the file. Raises ValueError where two sections have one id."""
        ids = [section.id for section in self.sections]
        if len(set(ids)) != len(ids):
            raise ValueError(f"sections of one id: {ids}")
        any_figure = any(section.figures for section in self.sections)
        parts = [
            "<!doctype html><html lang='en'><head><meta charset='utf-8'>",
            "<meta name='viewport' content='width=device-width, initial-scale=1'>",
            f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">',
            f"<meta http-equiv='refresh' content='{self.reload_s:g}'>" if self.reload_s else "",
            f"<title>{escape(self.title)}</title><style>{_asset('page.css')}</style></head><body>",
            "<button id='theme' type='button' title='light or dark'>◐</button>",
            f"<header><h1>{escape(self.title)}</h1>{_paragraphs(self.said)}</header>",
            _contents(self.sections),
            "<noscript><p>Figures are drawn by a script, which this browser does not run.</p></noscript>",
            "<main>",
            *map(_section, self.sections),
            "</main>",
            f"<script type='text/plain' id='plotly'>{_plotly()}</script>" if any_figure else "",
            f"<script>{_asset('page.js')}</script></body></html>",
        ]
        return "\n".join(filter(None, parts)).encode()


def picture(content: bytes, words: str) -> str:
    """Return a PNG picture as HTML; ``words`` are what it shows."""
    return f"<img alt='{escape(words)}' src='data:image/png;base64,{base64.b64encode(content).decode()}'>"


def warm() -> None:
    """Import what drawing takes, and compress plotly.js, so that the first page is as quick as the next: 1.5 s."""
    import plotly.graph_objects as graphs

    graphs.Figure(graphs.Scatter()).to_json()
    _plotly()


def _contents(sections: Sequence[Section]) -> str:
    links = "".join(f"<li><a href='#{one.id}'>{escape(one.heading)}</a></li>" for one in sections)
    return f"<nav aria-label='contents'><ul>{links}</ul></nav>" if len(sections) > 1 else ""


def _section(section: Section) -> str:
    blocks = [f"<section id='{section.id}'><h2>{escape(section.heading)}</h2>"]
    blocks.append(_paragraphs(section.warnings, "warning"))
    blocks.append(_paragraphs([section.says] if section.says else []))
    blocks.append(_tiles(section.tiles))
    blocks += [_figure(figure, f"{section.id}-{k}") for k, figure in enumerate(section.figures, 1)]
    blocks += map(_table, section.tables)
    return "\n".join(filter(None, [*blocks, section.html, _paragraphs(section.notes, "note"), "</section>"]))


def _tiles(tiles: Sequence[Tile]) -> str:
    told = (
        f"<div class='tile{' warning' if tile.warns else ''}'><span>{_name(tile.name)}</span>"
        f"<strong>{_name(tile.value)}</strong><span>{_name(tile.note)}</span></div>"
        for tile in tiles
    )
    return f"<div class='tiles'>{''.join(told)}</div>" if tiles else ""


def _paragraphs(texts: Iterable[str], kind: str = "") -> str:
    return "".join(f"<p{f' class={kind!r}' if kind else ''}>{_text(text)}</p>" for text in texts)


def _text(text: str) -> str:
    """Return a text as HTML, in which no line ends within a number."""
    return WHOLE.sub(r"<span class='whole'>\g<0></span>", escape(text))


def _name(text: str) -> str:
    """Return a short text as HTML, whose names may take several lines."""
    return "<wbr>".join(map(_text, BREAKS.split(text)))


def _figure(figure: Figure, name: str) -> str:
    height_px = figure.layout.height or 380
    data = figure.to_json().replace("<", "\\u003c")  # nothing in it ends the script
    return (
        f"<div class='figure' id='figure-{name}' style='min-height:{height_px}px'></div>"
        f"<script type='application/json' data-figure='figure-{name}'>{data}</script>"
    )


def _table(table: pd.DataFrame) -> str:
    import pandas as pd

    with pd.option_context("display.max_colwidth", None):
        html = table.to_html(index=False, border=0, na_rep="", float_format=digits)
    kinds = [kind for k in range(table.shape[1]) if (kind := _kind(table.iloc[:, k], k + 1))]
    return f"<div class='table {' '.join(kinds)}'>{html}</div>"


def _kind(column: pd.Series[Any], number: int) -> str:
    """Return how a column of words is set, ``words-2``, or ``long-2`` where they need lines; empty of numbers."""
    texts = [text for text in map(str, column) if text]
    longest = max(map(len, texts), default=0)
    numbers = 2 * sum(bool(NUMBER.match(text)) for text in texts) >= len(texts) and longest < WIDE
    if number > SET_COLUMNS or numbers:
        return ""
    return f"{'long' if longest > LONG else 'words'}-{number}"


@cache
def _plotly() -> str:
    """Return plotly.js, compressed, as base64: 4.8 MB become 1.9 MB."""
    from plotly.offline import get_plotlyjs

    return base64.b64encode(gzip.compress(get_plotlyjs().encode(), mtime=0)).decode()


@cache
def _asset(name: str) -> str:
    return (HERE / name).read_text(encoding="utf-8")
