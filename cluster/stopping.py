"""Stopping a sweep: the first signal ends it cleanly at the next epoch, the second at once."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

import psutil

SIGNALS = (signal.SIGINT, signal.SIGTERM)
INTERRUPTED = 130


@dataclass
class Stop:
    """Whether the user asked to stop. Lanes look for the file ``mark``; ``say`` takes a line for the user."""

    mark: Path
    say: Callable[[str], None]
    requested: bool = False

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Takes SIGINT and SIGTERM while the block runs; in a thread that cannot, only ``requested`` counts."""
        before = {number: signal.signal(number, self._signalled) for number in SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _signalled(self, number: int, frame: FrameType | None) -> None:
        if self.requested:
            end_now()
        self.requested = True
        self.mark.touch()
        self.say("stopping at the next epoch, with everything saved; once more stops now")


def end_now() -> None:
    """Kills every process below this one, and this one. What is on disk suffices to resume."""
    for child in psutil.Process().children(recursive=True):
        try:
            child.kill()
        except psutil.NoSuchProcess:
            continue
    os._exit(INTERRUPTED)
