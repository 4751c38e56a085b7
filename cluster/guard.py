"""Ends what a sweep's process has started, directly or not, as soon as it is gone, however it went.

A process that is killed cannot end others, and neither its group, nor its session, nor a parent's ID leads to all
of them: Ray's workers and users' scripts have their own. So they inherit a mark in their environment, and a guard,
whose pipe closes with the process, ends all that have it.
"""

from __future__ import annotations

import contextlib
import functools
import os
import secrets
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import psutil

MARK = "PACELINE_STARTED_BY"
KEEP = "SPT_NOENV"
"""Keeps Ray from writing its processes' titles over their environments."""
ASK_S, KILL_S, LONGEST_S = 0.5, 2.5, 60.0
"""Seconds after which what has not ended by itself gets SIGTERM, then SIGKILL, and when the guard gives up."""


@contextlib.contextmanager
def guarded() -> Iterator[None]:
    """Let no process that is started in the block, or by such a process, outlive this one."""
    before = {name: os.environ.get(name) for name in (MARK, KEEP)}
    os.environ.update({MARK: _mark(), KEEP: "1"})
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@functools.cache
def _mark() -> str:
    """Start this process's guard, and return the mark."""
    from search_spaces.types.module_path import command, environment  # 0 ms: the guard itself starts without it

    mark = f"{os.getpid()}-{secrets.token_hex(8)}"
    others = {name: value for name, value in os.environ.items() if name != MARK}  # an outer guard spares it
    waits, _ = os.pipe()  # the other end stays open as long as this process lives
    starting = subprocess.Popen(
        command(__file__, mark),
        stdin=waits,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**others, **environment()},  # psutil may be where only this process's path leads
        cwd="/",
        start_new_session=True,
    )
    os.close(waits)
    threading.Thread(target=starting.wait, daemon=True).start()  # it forks, and ends
    return mark


def main() -> None:
    """Wait until the process that has started this one is gone, and end what has its mark."""
    if os.fork():  # `paceline stop --now` kills all below a driver, but the guard
        return
    sys.stdin.buffer.read()
    import psutil  # 30 ms, and memory for as long as the guard waits

    begun, known = time.monotonic(), set[psutil.Process]()
    while (known := _marked(sys.argv[1], known)) and (spent_s := time.monotonic() - begun) < LONGEST_S:
        for process in known if spent_s > ASK_S else ():
            with contextlib.suppress(psutil.Error):
                process.kill() if spent_s > KILL_S else process.terminate()
        time.sleep(0.2)


def _marked(mark: str, known: set[psutil.Process]) -> set[psutil.Process]:
    """Return the living processes that have the mark, or were started by one that has it."""
    import psutil  # 0 ms behind that of main

    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.environ().get(MARK) == mark:
                known |= {process, *process.children(recursive=True)}
    return {one for one in known if one.is_running() and one.status() != psutil.STATUS_ZOMBIE}


if __name__ == "__main__":
    main()
