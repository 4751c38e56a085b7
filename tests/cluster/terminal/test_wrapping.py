"""Long lines of a summary in a terminal: broken between words, links and intervals whole; whole in a pipe."""

from __future__ import annotations

import io

import pytest
from rich.console import Console
from rich.text import Text

from cluster.terminal.ending.wrapping import wrapped


@pytest.mark.parametrize(
    ("line", "parts"),
    [
        ("  the champion is no better", ["  the champion is no", "    better"]),
        ("  no better  [0.9370, 0.9798]", ["  no better", "    [0.9370, 0.9798]"]),
        ("UI  http://127.0.0.1:5000/#/experiments", ["UI  http://127.0.0.1:5000/#/experiments"]),
        ("fits in twenty cells", ["fits in twenty cells"]),
        ("中文中文中文 中文中文中文中", ["中文中文中文", "  中文中文中文中"]),
        ("Traceback (most recent call last):\n  File", ["Traceback (most recent call last):\n  File"]),
        ("", [""]),
    ],
    ids=["words", "interval", "link", "fits", "wide letters", "traceback", "empty"],
)
def test_a_line_is_broken_between_words_in_a_terminal_alone(line: str, parts: list[str]) -> None:
    terminal = Console(file=io.StringIO(), width=20, force_terminal=True)
    assert [part.plain for part in wrapped(Text(line), terminal)] == parts
    assert [part.plain for part in wrapped(Text(line), Console(file=io.StringIO(), width=20))] == [line]
