"""Kills processes of a running sweep in a chosen phase, which is seen in the sweep's journal."""

from __future__ import annotations

import json
import random
import subprocess
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from tests.helpers.commands import Folder
from tests.helpers.waiting import PATIENCE_S

PHASES = ("starting", "search", "verdict", "ending")
"""Phases of a driver's life in order: before its first leg, legs of the search, final legs, verdict written."""
VICTIMS = ("driver", "lane", "everything")
LONGEST_S: Mapping[str, float] = {"starting": 4.0, "search": 2.0, "verdict": 1.5, "ending": 3.0}
"""Longest time from the beginning of a phase to a blow, by phase."""
WORKERS = ("ray::ResourceTrainable.train", "ray::_Crowner.register")
"""Beginnings of the names that Ray gives to lanes at work, and to the worker that registers the champion."""


@dataclass(frozen=True)
class Blow:
    """A planned kill: victim, phase, and seconds after the phase was seen, written ``lane@verdict+0.41``."""

    victim: str
    phase: str
    delay_s: float

    def __str__(self) -> str:
        return f"{self.victim}@{self.phase}+{self.delay_s:.2f}"

    @classmethod
    def parse(cls, text: str) -> Blow:
        """Return the blow that ``str`` wrote."""
        victim, _, when = text.partition("@")
        phase, _, delay = when.partition("+")
        assert victim in VICTIMS and phase in PHASES, text
        return cls(victim, phase, float(delay))


def random_blows(dice: random.Random, count: int) -> list[Blow]:
    """Return random blows: each victim equally often, phases in a sweep's order, with some ``starting`` between."""
    victims = [VICTIMS[i % len(VICTIMS)] for i in range(count)]
    dice.shuffle(victims)
    phases = sorted(dice.choices(PHASES[1:], weights=(6, 4, 2), k=count), key=PHASES.index)
    blows = []
    for victim, phase in zip(victims, phases, strict=True):
        at = "starting" if victim != "lane" and dice.random() < 0.15 else phase
        blows.append(Blow(victim, at, round(dice.uniform(0, LONGEST_S[at]), 2)))
    return blows


def journal_of(folder: Folder) -> Path | None:
    """Return the journal of the folder's only sweep, None while there is none."""
    return next((folder.path / ".paceline").glob("*/journal.log"), None)


def records(journal: Path, offset: int = 0) -> tuple[list[dict[str, Any]], int]:
    """Return the records of the complete lines behind byte ``offset``, and the offset of their end."""
    with journal.open("rb") as file:
        file.seek(offset)
        content = file.read()
    end = content.rfind(b"\n") + 1
    found = []
    for line in content[:end].splitlines():
        with suppress(ValueError):
            found.append(json.loads(line))
    return found, offset + end


@dataclass
class Life:
    """A driver from its start to its death or end, and the state that its journal shows since then."""

    folder: Folder
    driver: subprocess.Popen[str]
    offset: int
    """Bytes of the journal that were read already."""
    phase: str = "starting"
    since: str = "starting"
    """Phase that the journal has shown since the last blow."""
    finals: dict[str, str] = field(default_factory=dict)
    """State of each final member that this driver has changed, by key."""
    at_work: list[psutil.Process] = field(default_factory=list)
    """Workers that were running at the time of a blow."""

    @classmethod
    def begin(cls, folder: Folder, *words: str) -> Life:
        """Start ``paceline`` with these arguments."""
        journal = journal_of(folder)
        offset = records(journal)[1] if journal else 0
        return cls(folder, folder.start(*words), offset)

    @property
    def alive(self) -> bool:
        """Whether the driver is running."""
        return self.driver.poll() is None

    def look(self) -> None:
        """Read the journal's new records, and update phase and final members."""
        journal = journal_of(self.folder)
        if journal is None:
            return
        found, self.offset = records(journal, self.offset)
        for told in (record.get("user_attr", {}) for record in found):
            for key, entry in told.items():
                if key.startswith("final:"):
                    self.finals[key.removeprefix("final:")] = entry["state"]
                self._enter(key, entry)

    def _enter(self, key: str, entry: Any) -> None:
        running = isinstance(entry, dict) and entry.get("state") == "running"
        final = running and key.startswith("final:")
        now = "ending" if key == "verdict" else "verdict" if final else "search" if running else "starting"
        self.phase, self.since = (max(now, before, key=PHASES.index) for before in (self.phase, self.since))

    def wait(self, condition: Callable[[], bool], timeout_s: float = 500) -> bool:
        """Wait until ``condition`` holds; return False if the driver ends first. AssertionError on timeout."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            self.look()
            if not self.alive:
                return False
            if condition():
                return True
            time.sleep(0.05)
        raise AssertionError(f"waited too long, in {self.phase}: {self.finals}")

    def strike(self, blow: Blow) -> str | None:
        """Wait for the blow's moment, and kill; return what was killed, in words, or None if the driver ended."""
        if not self.wait(lambda: PHASES.index(self.since) >= PHASES.index(blow.phase)):
            return None
        moment = time.monotonic() + blow.delay_s
        there = self.wait(lambda: time.monotonic() >= moment and (blow.victim != "lane" or bool(self.workers())))
        return self.kill(blow.victim) if there else None

    def kill(self, victim: str) -> str:
        """Kill one lane at work, the driver alone (Ray's processes must notice), or everything at once.

        Returns what was killed, in words.
        """
        below, workers = self.below(), self.workers()
        if victim == "lane":
            while not workers and self.alive:  # between two legs
                workers = self.workers()
            assert workers, f"the sweep ended before a lane was at work, in {self.phase}"
            fallen = workers[:1]
        else:
            self.driver.kill()
            fallen = below if victim == "everything" else []
        for process in fallen:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        self.look()
        self.since = "starting"
        self.at_work += workers
        if victim != "lane":
            self.driver.communicate(timeout=PATIENCE_S)
        done = sum(state == "done" for state in self.finals.values())
        of_verdict = f", {done} of the {len(self.finals)} final members of this life done" if self.finals else ""
        return f"{victim} fell in {self.phase}, {len(workers)} at work{of_verdict}"

    def judging(self) -> bool:
        """Return whether a lane is at work on a final member."""
        return "running" in self.finals.values() and bool(self.workers())

    def below(self) -> list[psutil.Process]:
        """Return all processes that the driver has started, directly or not."""
        try:
            return psutil.Process(self.driver.pid).children(recursive=True)
        except psutil.NoSuchProcess:
            return []

    def workers(self) -> list[psutil.Process]:
        """Return the lanes at work, and the worker that registers the champion if it is at work."""
        found = []
        for process in self.below():
            with suppress(psutil.NoSuchProcess):
                if " ".join(process.cmdline()).startswith(WORKERS):
                    found.append(process)
        return found


def survivors(lives: list[Life], timeout_s: float = 30) -> list[psutil.Process]:
    """Return the workers that have not ended within ``timeout_s`` although their driver is dead.

    Idle workers are not counted: two of Ray's stay for a minute.
    """
    return psutil.wait_procs([process for life in lives for process in life.at_work], timeout_s)[1]
