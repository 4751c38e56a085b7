"""Plays one draw: runs the sweep, strikes at the drawn moments, resumes to the end, and has the outcome judged."""

from __future__ import annotations

import random
import re
import subprocess
import time
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from search_spaces.race.track import ENDS
from tests.chaos.arena import NUM_TRIALS, Arena, Life
from tests.chaos.draw import Blow, Draw
from tests.chaos.judge import Reference, Verdict, judge
from tests.chaos.registry import KILLED, Missed

MOST_RESUMES = 3
SMALL_DISK_MIB = 6


@dataclass
class Played:
    """What came of a draw: what the faults did, how the drivers ended, and what was found wrong."""

    draw: Draw
    told: list[str] = field(default_factory=list)
    """What each fault did, in words; empty where it missed."""
    codes: list[int] = field(default_factory=list)
    resume_s: list[float] = field(default_factory=list)
    """Seconds from each resume to its first trained epoch."""
    verdict: Verdict | None = None
    wrong: str = ""
    seconds: float = 0.0

    def __str__(self) -> str:
        outcome = self.wrong or (self.verdict.outcome if self.verdict else "not judged")
        return f"{self.draw} -> {'; '.join(self.told)} | exit {self.codes} | {self.seconds:.0f} s | {outcome}"


def play(draw: Draw, folder: Path, reference: Reference, has_ray: bool = True) -> Played:
    """Play the draw in ``folder``, which must not exist."""
    played, begun = Played(draw), time.monotonic()
    with small_disk(folder, any(blow.fault.name.startswith("disk") for blow in draw.blows)) as has_disk:
        arena = Arena.made(folder / "work", has_ray, has_disk)
        try:
            struck = _struck(arena, draw, played)
            _resumed(arena, struck)
            played.verdict = judge(arena, struck, reference)
        except AssertionError as error:
            played.wrong = str(error) or traceback.format_exc()
        finally:
            played.codes = [life.process.returncode for life in arena.lives if life.process.returncode is not None]
            played.resume_s = [life.first_epoch_s for life in arena.lives[1:] if life.first_epoch_s is not None]
            arena.bury()
    played.seconds = time.monotonic() - begun
    return played


def _struck(arena: Arena, draw: Draw, played: Played) -> list[Blow]:
    """Run the sweep and strike; return the blows that did not miss."""
    struck = []
    arena.begin("run", "sweep.yaml")
    for blow in draw.blows:
        dice = random.Random(blow.seed)
        try:
            life = awaited(arena, blow, struck)
            life.struck = life.struck or blow.phase != "between"
            played.told.append(blow.fault.strike(arena, dice))
            struck.append(blow)
        except Missed as missed:
            played.told.append(f"missed: {missed}")
    return struck


def awaited(arena: Arena, blow: Blow, struck: Sequence[Blow] = ()) -> Life:
    """Wait for the blow's moment; where the driver has ended the next one is begun, or killed for ``between``.

    A driver is killed only after it has said what the blows that it was ``struck`` by make it say.
    """
    if blow.phase == "between":
        num, due = len(arena.trained()) + blow.epochs, [one.fault.says for one in struck if one.phase != "between"]

        def ripe() -> bool:
            return len(arena.trained()) >= num and all(re.search(says, arena.life.said) for says in due)

        if arena.alive and arena.wait(ripe):
            arena.life.process.kill()
        arena.life.struck = True
        code = arena.end()
        assert code in (0, 1, 130, KILLED), f"exit code {code}:\n{arena.life.said[-3000:]}"
        arena.orphans()
        return arena.life
    if not arena.alive:
        arena.end()
        arena.orphans()
        arena.begin(*next_words(arena))
    life = arena.life
    if blow.phase == "search":
        num = len(arena.trained()) + blow.epochs
        there = arena.wait(lambda: len(arena.trained()) >= num)
    elif blow.phase == "late":
        there = arena.wait(lambda: _all_ended(arena))
    else:
        there = True
    moment = time.monotonic() + blow.delay_s
    if not (there and arena.wait(lambda: time.monotonic() >= moment)):
        raise Missed("the driver had ended")
    return life


def next_words(arena: Arena) -> tuple[str, ...]:
    """Return the words of the next driver: a sweep that had no home yet begins anew."""
    return ("resume",) if arena.home else ("run", "sweep.yaml")


def _all_ended(arena: Arena) -> bool:
    progress = arena.study()
    return len(progress) == NUM_TRIALS and all(one["state"] in ENDS for one in progress.values())


def _resumed(arena: Arena, struck: list[Blow]) -> None:
    """Wait for the driver's end, and resume until it is told that the sweep has finished, or a resume fails."""
    code = arena.end()
    if any(blow.fault.over for blow in struck):
        return
    for _ in range(MOST_RESUMES):
        arena.orphans()
        if code == 0 and not arena.life.struck and (arena.lives[1:] or not struck):
            return
        arena.begin(*next_words(arena))
        code = arena.end()
        if code not in (0, 130):
            return


@contextmanager
def small_disk(folder: Path, wanted: bool) -> Iterator[bool]:
    """Make ``folder``, if wanted and possible as a small disk of its own; yield whether it is one."""
    folder.mkdir(parents=True)
    options = ["-t", "tmpfs", "-o", f"size={SMALL_DISK_MIB}m", "tmpfs", str(folder)]
    mounted = wanted and subprocess.run(["mount", *options], capture_output=True, check=False).returncode == 0
    try:
        yield mounted
    finally:
        if mounted:
            subprocess.run(["umount", "--lazy", str(folder)], check=False)
