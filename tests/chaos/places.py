"""Faults of places: stores removed, replaced, locked or full, folders removed or moved, another environment."""

from __future__ import annotations

import contextlib
import random
import shutil
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from tests.chaos.arena import Arena
from tests.chaos.registry import KILLED, Missed, fault

STORE = ("mlflow.db", "mlflow.db-wal", "mlflow.db-shm")


def _store(arena: Arena) -> list[Path]:
    found = [arena.path / name for name in STORE if (arena.path / name).exists()]
    if not found:
        raise Missed("no store yet")
    return found


@fault("search", "between")
def store_removed(arena: Arena, dice: random.Random) -> str:
    """Remove mlflow.db."""
    for path in _store(arena):
        path.unlink(missing_ok=True)
    return "mlflow.db removed"


@fault("search", codes=(KILLED,))
def store_older(arena: Arena, dice: random.Random) -> str:
    """Replace mlflow.db by a copy of some epochs before, while the driver runs or after its death."""
    _store(arena)
    older = arena.path / "older.db"
    with (
        contextlib.closing(sqlite3.connect(arena.path / "mlflow.db")) as now,
        contextlib.closing(sqlite3.connect(older)) as copy,
    ):
        now.backup(copy)
    before = len(arena.trained())
    deadline = time.monotonic() + 5
    while arena.alive and len(arena.trained()) < before + 3 and time.monotonic() < deadline:
        time.sleep(0.02)
    if dice.random() < 0.5:
        arena.life.process.kill()
        arena.end()
    for path in _store(arena):
        path.unlink(missing_ok=True)
    older.rename(arena.path / "mlflow.db")
    return f"mlflow.db of {len(arena.trained()) - before} epochs ago"


@fault("search")
def store_locked(arena: Arena, dice: random.Random) -> str:
    """Hold a write lock on mlflow.db for some seconds."""
    _store(arena)
    seconds = round(dice.uniform(1, 8), 1)
    with contextlib.closing(sqlite3.connect(arena.path / "mlflow.db", timeout=5, isolation_level=None)) as store:
        try:
            store.execute("begin immediate")
        except sqlite3.OperationalError as error:
            raise Missed(str(error)) from error
        time.sleep(seconds)
        store.execute("rollback")
    return f"mlflow.db locked for {seconds} s"


@fault("between", cheap=False)
def moved(arena: Arena, dice: random.Random) -> str:
    """Move the working folder."""
    new = arena.path.with_name(f"{arena.path.name} moved")
    arena.move(new)
    return f"moved to {new}"


@fault("between")
def elsewhere(arena: Arena, dice: random.Random) -> str:
    """Resume with another time zone and locale, and as a busy process of low priority."""
    arena.env |= {"TZ": dice.choice(["Pacific/Kiritimati", "America/Anchorage"]), "LC_ALL": "C", "LANG": "C"}
    return f"TZ={arena.env['TZ']}, locale C"


@fault("search", codes=(1,), says=r"was removed while the sweep was running|is gone|no sweep", weight=2, over=True)
def home_removed(arena: Arena, dice: random.Random) -> str:
    """Remove the sweep's home, and all that it knows."""
    if (home := arena.home) is None:
        raise Missed("no home yet")
    shutil.rmtree(home, ignore_errors=True)
    return f"{home.name} removed"


@fault("search", codes=(1,), says=r"no space left", cheap=False)
def disk_full(arena: Arena, dice: random.Random) -> str:
    """Fill the disk until the driver has ended, or for some seconds."""
    if not arena.on_small_disk:
        raise Missed("the folder is on no disk of its own")
    with _filled(arena.path / "ballast"):
        deadline = time.monotonic() + 20
        while arena.alive and time.monotonic() < deadline:
            time.sleep(0.1)
    return "the disk was full"


@contextlib.contextmanager
def _filled(ballast: Path) -> Iterator[None]:
    subprocess.run(["dd", "if=/dev/zero", f"of={ballast}", "bs=4096"], capture_output=True, check=False)
    try:
        yield
    finally:
        ballast.unlink()


@fault("search", codes=(0, 1), cheap=False, weight=2)
def disk_read_only(arena: Arena, dice: random.Random) -> str:
    """Mount the disk read-only for some seconds."""
    if not arena.on_small_disk:
        raise Missed("the folder is on no disk of its own")
    seconds = round(dice.uniform(1, 5), 1)
    done = subprocess.run(
        ["mount", "-o", "remount,ro,force", str(arena.path)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise Missed(done.stderr.strip())
    time.sleep(seconds)
    subprocess.run(["mount", "-o", "remount,rw", str(arena.path)], check=True)
    return f"read-only for {seconds} s"
