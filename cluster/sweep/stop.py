"""Stops a sweep: the first signal ends it cleanly at the next epoch, the second at once."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from cluster.sweep.shared_storage import Mark

SIGNALS = (signal.SIGINT, signal.SIGTERM)
INTERRUPTED = 130


@dataclass
class Stop:
    """Whether the user asked to stop. Lanes look for ``mark``; the driver sets one that is not a local file."""

    mark: Mark
    requested: bool = False

    over: bool = False
    """Whether the sweep's outcome is settled: a signal finds nothing to stop."""

    @contextmanager
    def listening(self, process_ends: bool = False) -> Iterator[None]:
        """Handle SIGINT and SIGTERM while the block runs. Only works in the main thread.

        Where the process ends after the block they are handled to its end, so that it can tell the outcome.
        """
        before = {number: signal.signal(number, self._signalled) for number in SIGNALS}
        try:
            yield
        finally:
            self.over = True
            if not process_ends:
                for number, handler in before.items():
                    signal.signal(number, handler)

    def _signalled(self, number: int, frame: FrameType | None) -> None:
        """Request a stop, or kill all processes at the second signal."""
        # No print: the signal may have interrupted one.
        if self.requested:
            if not self.over:
                os.write(2, b"\nstopped now; `paceline resume` goes on from the last checkpoints\n")
            kill_tree(psutil.Process())
        self.requested = True
        # A store may be the one that the driver asks just now, and the folder may have been removed.
        if isinstance(self.mark, Path) and not self.over:
            with suppress(OSError):
                self.mark.touch()


def interrupted_by_sigterm() -> None:
    """From now on let SIGTERM raise KeyboardInterrupt, as Ctrl-C does; Python would end without a word."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)


def leave(code: int) -> None:
    """End this process and its Ray at once, if it has started one: Ray's own shutdown takes 2 s.

    So does one that a signal ends while a thread of it imports Ray. One without Ray returns, to end by itself.
    """
    ray = sys.modules.get("ray")
    if ray is not None and getattr(ray, "is_initialized", lambda: True)():
        sys.stdout.flush()
        sys.stderr.flush()
        kill_tree(psutil.Process(), code)


def kill_tree(root: psutil.Process, code: int = INTERRUPTED) -> None:
    """Kill every process below ``root``, and ``root``; if that is this one, it ends with exit code ``code``.

    The sweep can be resumed from the state on disk.
    """
    for process in [*root.children(recursive=True), root]:
        try:
            if process.pid == os.getpid():
                os._exit(code)
            process.kill()
        except psutil.NoSuchProcess:
            continue
