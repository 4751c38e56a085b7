"""Formats a sweep as HTML, for notebooks: the lines and the table of the live view."""

from __future__ import annotations

import io
from collections.abc import Sequence
from html import escape

from rich.color import Color
from rich.console import Console
from rich.style import Style
from rich.terminal_theme import DEFAULT_TERMINAL_THEME
from rich.text import Text

from cluster.terminal import live_lines
from cluster.terminal.changed_values import as_shown
from cluster.terminal.leaderboard import all_columns, ranked
from cluster.terminal.live_lines import Title
from cluster.terminal.records import Snapshot

WIDTH = 120
"""Width of the lines in characters."""
NUM_ROWS = 12
NUM_SAID = 8
"""Number of the latest messages that are shown."""
FONT = "font-family:ui-monospace,Menlo,Consolas,monospace;font-size:12px;line-height:1.5"


def page(
    snapshot: Snapshot, title: Title, url: str = "", said: Sequence[str] = (), more: Sequence[Text] = ()
) -> str:
    """Return the view of a snapshot: headline, table, what is best, ``more`` lines, messages and link."""
    over = snapshot.phase in ("finished", "stopped")
    foot = [
        *live_lines.best_lines(snapshot, title, WIDTH),
        live_lines.saved_line(snapshot, WIDTH),
        live_lines.budget_line(snapshot, WIDTH),
        *more,
        *(Text(text, "bright_black") for text in said[-NUM_SAID:]),
        live_lines.link_line(url, title.id) if url else None,
        None if over else Text("interrupt stops cleanly, once more at once", "bright_black"),
    ]
    head = [live_lines.headline(snapshot, title, WIDTH), live_lines.subline(snapshot, title, WIDTH)]
    parts = [_lines(head), table(snapshot, title), _lines([line for line in foot if line is not None])]
    return f'<div style="{FONT};overflow-x:auto">{"".join(parts)}</div>'


def starting(title: Title, said: Sequence[str] = ()) -> str:
    """Return the view of a sweep of which nothing is known yet."""
    lines = [Text(f"{title.label}  starting …"), *(Text(text, "bright_black") for text in said[-NUM_SAID:])]
    return f'<div style="{FONT}">{_lines(lines)}</div>'


def table(snapshot: Snapshot, title: Title) -> str:
    """Return the leaderboard as a table; empty without a trial."""
    rows = as_shown(live_lines.chosen(snapshot, title, NUM_ROWS), title.objective)
    if not rows:
        return ""
    shown = all_columns(ranked(snapshot, rows, title.objective))
    head = "".join(_cell("th", column.head, "bold", column.right) for column in shown)
    body = "".join(
        f"<tr>{''.join(_cell('td', *column.cells[number], column.right) for column in shown)}</tr>"
        for number in range(len(rows))
    )
    return f"<table style='border-collapse:collapse;margin:4px 0'><tr>{head}</tr>{body}</table>"


def _cell(kind: str, text: str, style: str, right: bool) -> str:
    side = "right" if right else "left"
    place = f"text-align:{side};padding:1px 8px 1px 0;border:0;white-space:pre;{FONT}"
    return f'<{kind} style="{place};{_css(style)}">{escape(text)}</{kind}>'


def _css(style: str) -> str:
    """Return a style of rich as CSS; the colours are those of rich's own export."""
    found = Style.parse(style) if style else Style.null()
    color = found.color or Color.default()
    told = "" if color.is_default else f"color:{color.get_truecolor(DEFAULT_TERMINAL_THEME).hex};"
    return told + ("font-weight:bold" if found.bold else "")


def _lines(lines: Sequence[Text]) -> str:
    """Return lines of styled text as one block that keeps its blanks."""
    if not lines:
        return ""
    console = Console(record=True, file=io.StringIO(), width=10_000, highlight=False, force_jupyter=False)
    for line in lines:
        console.print(line, soft_wrap=True, markup=False)
    code = console.export_html(code_format="{code}", inline_styles=True, theme=DEFAULT_TERMINAL_THEME)
    return f'<pre style="{FONT};margin:0;white-space:pre-wrap">{code}</pre>'
