"""The page on frameworks: the lines that are added are few. What comes of them trains in the bridges' own tests."""

from __future__ import annotations

import re

import pytest

from tests.docs.markdown_files import Block, blocks
from tests.helpers.paths import ROOT

PAGE = ROOT / "docs" / "how-to" / "your-framework.md"
JOURNEYS = {"waves": ("lightning", "val_acc"), "words": ("transformers", "eval_right")}
MOST_ADDED = 5


def journey(name: str) -> tuple[str, str]:
    """Return the page's file of this name, and the diff that follows it."""
    found = list(blocks(PAGE.read_text(encoding="utf-8")))
    [k] = [k for k, block in enumerate(found) if block.text.startswith(f"# {name}.py\n")]
    return found[k].text, following(found[k:])


def following(rest: list[Block]) -> str:
    return next(block.text for block in rest if block.kind == "diff")


def changed(text: str, diff: str) -> str:
    """Return the text with the diff's lines added and removed; its other lines say where."""
    lines, at = text.splitlines(), 0
    waiting: list[str] = []
    behind = False  # whether the place is known: a line was removed there
    for mark, line in ((line[0], line[1:]) for line in diff.splitlines()):
        if mark == "+" and behind:
            lines.insert(at, line)
            at += 1
        elif mark == "+":
            waiting.append(line)
        else:
            at = lines.index(line, at)
            behind = mark == "-"
            lines[at : at + behind] = waiting
            at, waiting = at + len(waiting) + (not behind), []
    return "\n".join(lines) + "\n"


def trainable(name: str) -> str:
    """Return the page's file with the lines that its diff adds."""
    return changed(*journey(name))


@pytest.mark.parametrize("name", JOURNEYS)
def test_few_lines_are_added(name: str) -> None:
    _, diff = journey(name)
    assert len(re.findall(r"^\+", diff, re.MULTILINE)) <= MOST_ADDED
    compile(trainable(name), name, "exec")
