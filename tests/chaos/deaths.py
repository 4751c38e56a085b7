"""Faults of processes: killed, interrupted, or halted for some seconds."""

from __future__ import annotations

import random
import signal
import time
from contextlib import suppress

import psutil

from tests.chaos.arena import Arena
from tests.chaos.registry import KILLED, Missed, fault

LANE = r"^ray::(ResourceTrainable|Lane)"
RAYLET, GCS, SERVER = r"/raylet/raylet ", r"/gcs/gcs_server ", r"cluster\.ray_internals\.forkserver"
DATA = r"cluster\.sweep\.data_process"
INTERRUPTED = 130


def victim(arena: Arena, pattern: str, dice: random.Random, wait_s: float = 3.0) -> psutil.Process:
    """Return one of the driver's processes whose command matches; Missed where there is none for ``wait_s``."""
    deadline = time.monotonic() + wait_s
    while not (found := arena.named(pattern)):
        if time.monotonic() > deadline or not arena.alive:
            raise Missed(f"no process matches {pattern}")
        time.sleep(0.02)
    return dice.choice(found)


def kill(arena: Arena, pattern: str, dice: random.Random) -> str:
    """Kill one of the driver's processes."""
    struck = victim(arena, pattern, dice)
    with suppress(psutil.NoSuchProcess):
        struck.kill()
        return f"killed {struck.pid}"
    raise Missed("it had just ended")


def halt(arena: Arena, pattern: str, dice: random.Random) -> str:
    """Stop one of the driver's processes for some seconds."""
    struck, seconds = victim(arena, pattern, dice), round(dice.uniform(0.5, 4), 1)
    with suppress(psutil.NoSuchProcess):
        struck.suspend()
        time.sleep(seconds)
        struck.resume()
        return f"halted {struck.pid} for {seconds} s"
    raise Missed("it had just ended")


def send(arena: Arena, *signals: signal.Signals) -> str:
    """Send signals to the driver, 0.2 s apart."""
    if not arena.alive:
        raise Missed("the driver had ended")
    for number in signals:
        arena.life.process.send_signal(number)
        time.sleep(0.2)
    return " and ".join(number.name for number in signals)


@fault("start", "search", "late", codes=(KILLED,), weight=12)
def driver_killed(arena: Arena, dice: random.Random) -> str:
    """SIGKILL of the driver alone: Ray's processes must notice."""
    return send(arena, signal.SIGKILL)


@fault("start", "search", "late", codes=(KILLED,))
def everything_killed(arena: Arena, dice: random.Random) -> str:
    """SIGKILL of the driver and all below it."""
    below = arena.below()
    told = send(arena, signal.SIGKILL)
    for process in below:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    return f"{told} of {1 + len(below)} processes"


@fault("search", "late", codes=(INTERRUPTED,))
def driver_terminated(arena: Arena, dice: random.Random) -> str:
    """SIGTERM of the driver."""
    return send(arena, signal.SIGTERM)


@fault("search", "late", codes=(INTERRUPTED,))
def driver_interrupted(arena: Arena, dice: random.Random) -> str:
    """Ctrl-C."""
    return send(arena, signal.SIGINT)


@fault("search", codes=(INTERRUPTED,))
def driver_interrupted_twice(arena: Arena, dice: random.Random) -> str:
    """Ctrl-C, and once more."""
    return send(arena, signal.SIGINT, signal.SIGINT)


@fault("start", codes=(INTERRUPTED, -2, -15, 1))
def start_interrupted(arena: Arena, dice: random.Random) -> str:
    """Ctrl-C or SIGTERM before the first epoch."""
    return send(arena, dice.choice([signal.SIGINT, signal.SIGTERM]))


@fault("search", weight=8)
def lane_killed(arena: Arena, dice: random.Random) -> str:
    """SIGKILL of a lane's worker."""
    return kill(arena, LANE, dice)


@fault("search")
def lane_halted(arena: Arena, dice: random.Random) -> str:
    """SIGSTOP of a lane's worker for some seconds."""
    return halt(arena, LANE, dice)


@fault("start", "search")
def driver_halted(arena: Arena, dice: random.Random) -> str:
    """SIGSTOP of the driver for some seconds."""
    if not arena.alive:
        raise Missed("the driver had ended")
    seconds = round(dice.uniform(0.5, 4), 1)
    arena.life.process.send_signal(signal.SIGSTOP)
    time.sleep(seconds)
    arena.life.process.send_signal(signal.SIGCONT)
    return f"halted for {seconds} s"


@fault("start", "search", codes=(1,), says=r"paceline resume|tried again", cheap=False)
def gcs_killed(arena: Arena, dice: random.Random) -> str:
    """SIGKILL of gcs_server."""
    return kill(arena, GCS, dice)


@fault("start", "search", codes=(1,), says=r"paceline resume|tried again", cheap=False)
def raylet_killed(arena: Arena, dice: random.Random) -> str:
    """SIGKILL of the raylet."""
    return kill(arena, RAYLET, dice)


@fault("search", cheap=False)
def raylet_halted(arena: Arena, dice: random.Random) -> str:
    """SIGSTOP of the raylet for some seconds."""
    return halt(arena, RAYLET, dice)


@fault("search", cheap=False)
def gcs_halted(arena: Arena, dice: random.Random) -> str:
    """SIGSTOP of gcs_server for some seconds."""
    return halt(arena, GCS, dice)


@fault("start", "search", weight=2, cheap=False)
def fork_server_killed(arena: Arena, dice: random.Random) -> str:
    """SIGKILL of the server that forks lanes."""
    return kill(arena, SERVER, dice)


@fault("start", codes=(1,), says=r"the data could not be loaded", weight=2, cheap=False)
def data_process_killed(arena: Arena, dice: random.Random) -> str:
    """SIGKILL of the process that reads the data."""
    return kill(arena, DATA, dice)
