"""The page on frameworks: the lines that are added are few, and what comes of them trains on two workers."""

from __future__ import annotations

import os
import re
import sys
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from search_spaces.race.legs import Leg, Member
from search_spaces.types.objective import Objective
from tests.docs.markdown_files import Block, blocks
from tests.helpers.paths import ROOT
from tests.helpers.two_workers import on_two
from workloads.data.search_data import no_data
from workloads.legs.runner import LegRunner, LegSetting
from workloads.training.process_group import ProcessGroup

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


@pytest.mark.parametrize("name", JOURNEYS)
def test_few_lines_are_added(name: str) -> None:
    text, diff = journey(name)
    assert len(re.findall(r"^\+", diff, re.MULTILINE)) <= MOST_ADDED
    compile(changed(text, diff), name, "exec")


def trained(name: str, group: ProcessGroup, folder: Path) -> list[dict[str, Any]]:
    """Train two epochs, save, and go on for one."""
    os.chdir(folder)
    sys.path.append(str(folder))
    setting = LegSetting(f"{name}:train", Objective(JOURNEYS[name][1], "maximize"), str(folder), device="cpu")
    checkpoint, told = None, []
    for start, stop in ((0, 2), (2, 3)):
        lane = LegRunner(setting, no_data(), group=group)
        member = Member(trial=0, seed=1, params={}, checkpoint=checkpoint)
        lane.start(Leg(id=0, start=start, stop=stop, horizon=3, members=(member,)))
        while not lane.done:
            told += [dict(one.metrics) for one in lane.epoch()]
        [saved] = lane.save()
        checkpoint = saved.uri
        group.gathered(None)  # rank 0 has written it
    return told


@pytest.mark.parametrize("name", JOURNEYS)
def test_it_trains_on_two_workers(name: str, tmp_path: Path) -> None:
    library, metric = JOURNEYS[name]
    pytest.importorskip(library, reason=f"pip install 'paceline[{library}]'")
    (tmp_path / f"{name}.py").write_text(changed(*journey(name)))
    first, second = on_two(partial(trained, name), tmp_path)
    assert len(first) == 3
    assert [one[metric] for one in first] == [one[metric] for one in second]
    assert all(0 <= one[metric] <= 1 for one in first)
