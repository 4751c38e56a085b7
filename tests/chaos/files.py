"""Faults of the files that a sweep keeps: bits that flip, zeros, lost ends, emptied and removed files."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from pathlib import Path

from tests.chaos.arena import Arena
from tests.chaos.registry import Missed, Strike, fault

Damage = Callable[[Path, random.Random], str]


def flip(path: Path, dice: random.Random) -> str:
    """Flip one bit."""
    content = bytearray(path.read_bytes())
    place, bit = dice.randrange(len(content)), dice.randrange(8)
    content[place] ^= 1 << bit
    _in_place(path, bytes(content))
    return f"bit {bit} of byte {place} of {path.name} flipped"


def zeros(path: Path, dice: random.Random) -> str:
    """Set up to 64 bytes to zero."""
    content = bytearray(path.read_bytes())
    begin = dice.randrange(len(content))
    end = min(len(content), begin + dice.randint(1, 64))
    content[begin:end] = bytes(end - begin)
    _in_place(path, bytes(content))
    return f"bytes {begin} to {end} of {path.name} set to zero"


def torn(path: Path, dice: random.Random) -> str:
    """Cut the end off."""
    size = path.stat().st_size
    left = size - dice.randint(1, min(size, 300))
    with path.open("r+b") as file:
        file.truncate(left)
    return f"{path.name} cut from {size} to {left} bytes"


def emptied(path: Path, dice: random.Random) -> str:
    """Leave nothing but the name."""
    with path.open("r+b") as file:
        file.truncate(0)
    return f"{path.name} emptied"


def removed(path: Path, dice: random.Random) -> str:
    """Remove the file."""
    path.unlink()
    return f"{path.name} removed"


DAMAGES: Mapping[str, Damage] = {one.__name__: one for one in (flip, zeros, torn, emptied, removed)}


def _in_place(path: Path, content: bytes) -> None:
    with path.open("r+b") as file:
        file.write(content)


def damaging(pattern: str, *damages: Damage) -> Strike:
    """Return a strike that damages one of the home's files of this pattern, in one of these ways."""

    def strike(arena: Arena, dice: random.Random) -> str:
        home = arena.home
        there = sorted(
            path for path in (home.glob(pattern) if home else ()) if path.is_file() and path.stat().st_size
        )
        if not there:
            raise Missed(f"no file {pattern}")
        path = dice.choice(there)
        try:
            return dice.choice(damages or tuple(DAMAGES.values()))(path, dice)
        except FileNotFoundError as error:
            raise Missed(f"{path} is gone") from error

    return strike


MENDED = r"from its copy|torn tail|which was left out"
fault("between", name="journal_damaged", says=MENDED, weight=8)(damaging("journal.log"))
fault("search", name="journal_damaged_alive", codes=(1,))(damaging("journal.log"))
fault("between", name="copy_damaged")(damaging("journal.log.copy"))
fault("search", name="copy_damaged_alive", weight=2)(damaging("journal.log.copy"))
fault("between", name="spool_damaged", lacking=True)(damaging("spool/events.jsonl"))
fault("search", name="spool_damaged_alive", weight=2)(damaging("spool/events.jsonl"))
fault("between", name="spool_mark_damaged")(damaging("spool/[!e]*"))
fault("between", "search", name="data_card_damaged")(damaging("data.json"))
fault("between", "search", name="spec_json_damaged")(damaging("sweep.json"))
fault("between", "search", name="spec_yaml_damaged")(damaging("sweep.yaml", flip, zeros, torn))
fault("between", "search", name="lock_damaged", weight=2)(damaging("driver.lock"))
fault("between", name="checkpoint_damaged", again=True, weight=8)(damaging("checkpoints/*/*/**/*"))
fault("search", name="checkpoint_damaged_alive", again=True)(damaging("checkpoints/*/*/**/*"))
