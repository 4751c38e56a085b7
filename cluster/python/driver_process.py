"""Starts the process that drives a sweep, and hears of it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Any, Final

import psutil

from cluster.python.events import Event
from cluster.sweep.home import SweepHome
from cluster.sweep.stop import kill_tree
from search_spaces.types.files.private_files import private_files
from search_spaces.types.module_path import command, environment

if TYPE_CHECKING:
    from cluster.sweep.limits.extension import Extension

LOG: Final = "python.log"
"""File of a sweep's home with what its driver has printed."""
OF_A_KERNEL: Final = ("MPLBACKEND",)
"""Variables that a notebook's kernel sets for itself alone."""


@dataclass
class DriverProcess:
    """A process that drives the sweep of ``home``. It stops the sweep cleanly once this process is gone."""

    home: SweepHome
    _pipe: Connection[Any, Any]
    _process: subprocess.Popen[bytes]

    @classmethod
    def started(cls, home: SweepHome, more: Extension | None) -> DriverProcess:
        """Start the process; ``more`` is what the search gets besides. What it prints goes to the home's log."""
        ours, its = Pipe()
        with private_files(), (home.path / LOG).open("ab") as log, its:
            process = subprocess.Popen(
                command("-m", "cluster.python.driving", str(home.path), str(its.fileno())),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=_variables(),
                pass_fds=[its.fileno()],
                start_new_session=True,  # a signal of the terminal is for this process, which passes it on
            )
        with suppress(OSError):  # it ended at once, which `code` tells
            ours.send(more)
        return cls(home, ours, process)

    def events(self) -> Iterator[Event]:
        """Yield what happens, until the process ends."""
        with self._pipe:
            while True:
                try:
                    yield self._pipe.recv()
                except Exception:  # noqa: BLE001 - it has ended, or was stopped in the middle of an event
                    return

    def code(self) -> int:
        """Wait for the end, and return the exit code; of a signal its negative number."""
        return self._process.wait()

    def stop(self, now: bool = False) -> None:
        """Stop the sweep at the next epoch with everything saved, or at once (``now``), with what was saved."""
        if not now:
            self._process.terminate()
            return
        with suppress(psutil.NoSuchProcess):
            kill_tree(psutil.Process(self._process.pid))


def _variables() -> Mapping[str, str]:
    others = {name: value for name, value in os.environ.items() if name not in OF_A_KERNEL}
    return {**others, **environment()}
