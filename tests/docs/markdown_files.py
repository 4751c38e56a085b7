"""The Markdown that people read, taken apart: links, anchors, blocks of code."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.docs.generate import pages
from tests.helpers.paths import ROOT

_FENCE = re.compile(r"^(?P<indent> *)```(?P<kind>[\w+-]*)[^\n]*\n(?P<text>.*?)^(?P=indent)```$", re.M | re.S)
_LINK = re.compile(r"!?\[[^\]]*\]\(<?([^)\s>]+)>?(?: \"[^\"]*\")?\)|(?:src|href|srcset)=\"([^\"]+)\"")
_MARK = re.compile(r"<!-- run(?:: (?P<how>[\w ]+))? -->\n*\Z")


def files() -> list[Path]:
    """Every Markdown file that is documentation."""
    return [*pages(), *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "k8s/README.md"))]


@dataclass(frozen=True)
class Block:
    """A fenced block. ``run`` is None, or what stands behind ``<!-- run`` before it ("" for nothing)."""

    kind: str
    text: str
    line: int
    run: str | None


def blocks(text: str) -> Iterator[Block]:
    """The fenced blocks of a page, in order, without their indentation."""
    for found in _FENCE.finditer(text):
        mark = _MARK.search(text[: found.start()])
        lines = found["text"].splitlines(keepends=True)
        inner = "".join(line.removeprefix(found["indent"]) for line in lines)
        run = None if mark is None else (mark["how"] or "")
        yield Block(found["kind"], inner, text.count("\n", 0, found.start()) + 1, run)


def links(text: str) -> list[str]:
    """The targets of all links and pictures outside of code."""
    plain = re.sub(r"`[^`\n]*`", "", _FENCE.sub("", text))
    return [one or other for one, other in _LINK.findall(plain)]


def anchors(text: str) -> set[str]:
    """The anchors of a page's headings, as GitHub and Python-Markdown name them."""
    heads = re.findall(r"^#{1,6} +(.+?) *#*$", _FENCE.sub("", text), re.M)
    return {_slug(head) for head in heads} | set(re.findall(r"(?:id|name)=\"([^\"]+)\"", text))


def _slug(heading: str) -> str:
    plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "")
    return re.sub(r"[\s-]+", "-", re.sub(r"[^\w\s-]", "", plain).strip().lower())
