"""README and CONTRIBUTING name files that are there, and the ways that they show are as short as they say."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import pytest

from tests.helpers.paths import ROOT
from tests.structure import ROADS, Tree

PAGES = ("README.md", "CONTRIBUTING.md", "k8s/README.md", ROADS)
FILE = re.compile(r"`((?:cluster|workloads|search_spaces|tracking|tests|k8s|docs)/[\w./-]+\.\w+)`")
README_LINES, SPINE_FILES, MOST_OPENED = 150, 14, 5


def changes() -> Mapping[str, Sequence[str]]:
    """The files of each of the six changes, in order."""
    text = (ROOT / "CONTRIBUTING.md").read_text()
    part = text[text.index("## Six changes") : text.index("## Smaller ones")]
    blocks = re.split(r"^\*\*(.+?)\*\*.*$", part, flags=re.MULTILINE)[1:]
    return {name: FILE.findall(block) for name, block in zip(blocks[::2], blocks[1::2], strict=True)}


@pytest.mark.parametrize("page", PAGES)
def test_files_are_there(page: str) -> None:
    named = FILE.findall((ROOT / page).read_text())
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_the_readme_is_one_page() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) <= README_LINES


def test_the_spine_is_as_long_as_it_says() -> None:
    text = (ROOT / "README.md").read_text()
    spine = text[text.index("## The spine") :]
    assert len(re.findall(r"^\| `", spine, flags=re.MULTILINE)) == SPINE_FILES


def test_roads_have_as_many_files_as_they_say() -> None:
    said = re.findall(r"^\*\*.+?\*\* \((\d+) files\):", (ROOT / ROADS).read_text(), flags=re.MULTILINE)
    assert list(Tree(ROOT).roads().values()) == list(map(int, said))


def test_six_changes_open_five_files_each_in_two_rooms_at_most() -> None:
    found = changes()
    assert len(found) == 6
    for name, files in found.items():
        rooms = {tuple(file.split("/")[:2]) if file.count("/") > 1 else (file.split("/")[0],) for file in files}
        assert 0 < len(files) <= MOST_OPENED, name
        assert len(rooms) <= 2, (name, rooms)
