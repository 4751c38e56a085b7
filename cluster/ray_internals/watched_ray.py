"""Watches Ray's two servers on this machine, without which a driver waits in silence for a minute and longer."""

from __future__ import annotations

import atexit
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import psutil

SERVERS = ("gcs_server", "raylet")
LOOK_EVERY_S = 0.5
LEAVE_S = 4.0
"""Seconds that this process has to end by itself; Ray's own clean-up may wait for its servers for ever."""
TELL = signal.SIGUSR2


class RayLost(BaseException):
    """Raised in the main thread when a server of Ray's has ended; no error of those that are retried."""


@contextmanager
def watched(leave: Callable[[str], None]) -> Iterator[None]:
    """Raise RayLost in the main thread, where the block runs, as soon as one of Ray's servers has ended.

    Where the main thread does not hear of it in time, or does not end, ``leave`` gets the sentence, and must end
    the process.
    """
    over = threading.Event()
    servers = dict(_servers())
    lost: list[str] = []

    def told(number: int, frame: Any) -> None:
        if lost:  # else another one's signal, as a cluster's scheduler sends it
            raise RayLost(lost[0])

    def watch() -> None:
        while not over.wait(LOOK_EVERY_S):
            for pid, name in servers.items():
                if how := _ended(pid):
                    lost.append(f"{name}, a server of Ray's on this machine, ended with {how}")
                    signal.pthread_kill(threading.main_thread().ident or 0, TELL)
                    time.sleep(LEAVE_S)
                    leave(lost[0])
                    return

    signal.signal(TELL, told)
    threading.Thread(target=watch, daemon=True, name="watch Ray").start()
    try:
        yield
    except BaseException:
        if lost:
            _forget_ray()
        raise
    finally:
        if not lost:
            over.set()
        signal.signal(TELL, signal.SIG_IGN)  # it may be on its way


def _servers() -> Iterator[tuple[int, str]]:
    for child in psutil.Process().children():
        with suppress(psutil.NoSuchProcess):  # others come and go
            if (name := child.name()) in SERVERS:
                yield child.pid, name


def _ended(pid: int) -> str | None:
    """Return how a child of this process has ended, ``SIGKILL`` or ``exit code 1``; None while it lives."""
    with suppress(ChildProcessError):
        found = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        if found is None:
            return None
        if found.si_code == os.CLD_EXITED:
            return f"exit code {found.si_status}"
        return signal.Signals(found.si_status).name
    return "an unknown exit code"


def _forget_ray() -> None:
    """Leave the shutdown to the process's end: Ray would wait for its servers."""
    if "ray" in sys.modules:
        atexit.unregister(sys.modules["ray"].shutdown)
