"""Stops a sweep: the first signal ends it cleanly at the next epoch, the second at once."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
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

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Handle SIGINT and SIGTERM while the block runs. Only works in the main thread."""
        before = {number: signal.signal(number, self._signalled) for number in SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _signalled(self, number: int, frame: FrameType | None) -> None:
        """Request a stop, or kill all processes at the second signal."""
        # No print: the signal may have interrupted one.
        if self.requested:
            os.write(2, b"\nstopped now; `paceline resume` goes on from the last checkpoints\n")
            kill_tree(psutil.Process())
        self.requested = True
        if isinstance(self.mark, Path):  # the signal may have interrupted the driver while it asks a remote store
            self.mark.touch()


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
