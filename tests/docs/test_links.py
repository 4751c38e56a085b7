"""Every link inside of the documentation leads somewhere, and every page can be reached."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.docs.generate import DOCS, pages
from tests.docs.markdown_files import anchors, blocks, files, links
from tests.helpers.paths import ROOT

MAX_PNG_BYTES = 200_000


@pytest.mark.parametrize("path", files(), ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_leads_to_a_file_and_an_anchor_that_are_there(path: Path) -> None:
    dead = []
    for link in links(path.read_text(encoding="utf-8")):
        target, _, anchor = link.partition("#")
        if ":" in target:
            continue
        file = (path.parent / target).resolve() if target else path
        there = file.exists() and (not anchor or anchor in anchors(file.read_text(encoding="utf-8")))
        if not there:
            dead.append(link)
    assert dead == []


def test_every_page_stands_in_the_navigation_once() -> None:
    nav = tomllib.loads((ROOT / "zensical.toml").read_text())["project"]["nav"]
    assert sorted(_listed(nav)) == [str(page.relative_to(DOCS)) for page in pages()]


def _listed(nav: list[dict[str, Any]]) -> Iterator[str]:
    for entry in nav:
        for inner in entry.values():
            yield from _listed(inner) if isinstance(inner, list) else [inner]


def test_every_picture_is_shown_and_small() -> None:
    shown = {
        (path.parent / link.partition("#")[0]).resolve()
        for path in files()
        for link in links(path.read_text(encoding="utf-8"))
        if ":" not in link
    }
    pictures = set((DOCS / "pictures").glob("*.*"))
    assert [str(path.name) for path in pictures - shown] == []
    assert [path.name for path in pictures if path.suffix == ".png" and path.stat().st_size > MAX_PNG_BYTES] == []


@pytest.mark.parametrize("path", files(), ids=lambda path: str(path.relative_to(ROOT)))
def test_every_block_of_code_says_what_it_is(path: Path) -> None:
    """Such a block is coloured, and the tests know what to do with it."""
    known = {"yaml", "console", "python", "diff", "text", "json", "toml", "csv", "dockerfile"}
    told = [f"line {block.line}: {block.kind!r}" for block in blocks(path.read_text()) if block.kind not in known]
    if path.is_relative_to(DOCS):
        assert told == []
