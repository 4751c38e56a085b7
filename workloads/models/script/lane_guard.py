"""Kills a lane's scripts, and all that they have started, when the lane itself is killed and cannot.

One guard serves all scripts of a process. It reads a pipe that closes with the process, however that ends. What has
left a script's group is found by a mark in its environment.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass

MARK = "PACELINE_SCRIPT_OF"


@dataclass(frozen=True)
class Guarded:
    """A script that is killed with this process, until ``end``."""

    guard: LaneGuard
    told: str

    def end(self) -> None:
        """Forget the script, which is over."""
        self.guard.tell(f"-{self.told}")


class LaneGuard:
    """The guard of this process. Scripts that it is to find have ``environment``."""

    def __init__(self) -> None:
        token = f"{os.getpid()}-{secrets.token_hex(8)}"
        self.environment = {MARK: token}
        reads, self._writes = os.pipe()
        kept = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ}
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", __file__, token],
            stdin=reads,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=kept,
            cwd="/",
            start_new_session=True,
        )
        os.close(reads)

    @classmethod
    @functools.cache
    def of_this_process(cls) -> LaneGuard:
        """Return the guard, started with the first call."""
        return cls()

    def begin(self, pid: int, folder: str) -> Guarded:
        """Guard the script that leads the session ``pid``; its temporary ``folder`` is removed with it."""
        told = json.dumps([pid, folder])
        self.tell(f"+{told}")
        return Guarded(self, told)

    def tell(self, line: str) -> None:
        """Write a line to the guard; without it the scripts run on as they are."""
        with contextlib.suppress(BrokenPipeError):
            os.write(self._writes, f"{line}\n".encode())


def _kill(groups: set[int], token: str) -> None:
    for group in groups:
        with contextlib.suppress(OSError):
            os.killpg(group, signal.SIGKILL)
    wanted = f"{MARK}={token}".encode()
    for name in os.listdir("/proc") if sys.platform == "linux" else ():  # noqa: PTH208 - starts without pathlib
        with contextlib.suppress(OSError), open(f"/proc/{name}/environ", "rb") as file:  # noqa: PTH123
            if name.isdecimal() and wanted in file.read().split(b"\0"):
                os.kill(int(name), signal.SIGKILL)


def main() -> None:
    """Keep the list of scripts, and kill those that are left once the pipe closes."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    running: set[tuple[int, str]] = set()
    for line in sys.stdin:
        pid, folder = json.loads(line[1:])
        (running.add if line[0] == "+" else running.discard)((pid, folder))
    for _ in range(3 if running else 0):  # the later ones find what was just being started
        _kill({pid for pid, _ in running}, sys.argv[1])
    for _, folder in running:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
