"""Markdown made from values and docstrings."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table whose cells may hold any text on one line."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(cell(text) for text in line) + " |" for line in lines)


def cell(text: str) -> str:
    """``text`` on one line, its bars escaped; inside of code, too, where GitHub and Python-Markdown agree."""
    return " ".join(text.split()).replace("|", "\\|")


def prose(docstring: str) -> str:
    """A docstring's text: code in double backticks becomes code in single ones, and lines are joined."""
    paragraphs = re.split(r"\n\s*\n", docstring.replace("``", "`").strip())
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)


def sentence(text: str) -> str:
    """``text`` as a sentence: a full stop at its end, and its first letter large, unless it begins with a name."""
    text = prose(text)
    first = re.match(r"[a-z]+(?=[ ,.;])", text)
    start = first[0].capitalize() + text[first.end() :] if first else text
    return start + ("" if not text or text.endswith((".", "!", "?")) else ".")


def code(value: object) -> str:
    """``value`` as YAML would have it, as code."""
    if value is None or isinstance(value, bool):
        return f"`{json.dumps(value)}`"
    return f"`{value:g}`" if isinstance(value, float) else f"`{value}`"
