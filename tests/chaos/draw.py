"""Draws faults, moments and arguments from one seed, so that each can be drawn again."""

from __future__ import annotations

import random
from dataclasses import dataclass

from tests.chaos import deaths, files, own_code, places  # noqa: F401 - they enter their rows
from tests.chaos.registry import FAULTS, Fault, Phase

SECOND = 0.2
"""Share of draws with two faults."""
LATEST_START_S, LATEST_CHEAP_START_S, MOST_EPOCHS = 4.0, 0.5, 12


@dataclass(frozen=True)
class Blow:
    """A planned fault: when it strikes, and the seed of its arguments."""

    fault: Fault
    phase: Phase
    epochs: int
    """Number of trained epochs after which it strikes."""
    delay_s: float
    """Seconds after the phase's beginning."""
    seed: str

    def __str__(self) -> str:
        when = {"start": f"{self.delay_s:.1f}s", "search": f"{self.epochs}", "late": f"{self.delay_s:.1f}s"}
        return f"{self.fault.name}@{self.phase}" + (f":{when[self.phase]}" if self.phase in when else "")


@dataclass(frozen=True)
class Draw:
    """One or two faults, in the order of their moments."""

    seed: int
    blows: tuple[Blow, ...]

    def __str__(self) -> str:
        return f"{self.seed}: {', '.join(map(str, self.blows))}"


def drawn(seed: int, cheap: bool = False, only: str = "") -> Draw:
    """Return the draw of this seed; ``cheap`` leaves out what takes long, ``only`` all other faults."""
    dice = random.Random(seed)
    rows = [row for row in FAULTS.values() if row.cheap or not cheap]
    rows = [row for row in rows if row.name == only] if only else rows
    count = 2 if not only and dice.random() < SECOND else 1
    weights = [row.weight for row in rows]
    chosen = [dice.choices(rows, weights)[0] for _ in range(count)]
    return Draw(seed, tuple(_blow(row, dice, f"{seed}/{number}", cheap) for number, row in enumerate(chosen)))


def _blow(row: Fault, dice: random.Random, seed: str, cheap: bool) -> Blow:
    phase = dice.choice(row.phases)
    latest_s = {"start": LATEST_CHEAP_START_S if cheap else LATEST_START_S, "late": 0.4}.get(phase, 0.1)
    return Blow(row, phase, dice.randint(1, MOST_EPOCHS), round(dice.uniform(0, latest_s), 2), seed)
