"""Tells an interrupt (Ctrl-C, a notebook's stop button) from a task that is cancelled for another reason."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any


class _Noting:
    """The process's handler of interrupts while tasks wait: it counts them, and passes them on."""

    num_seen = 0
    num_waiting = 0

    def __init__(self) -> None:
        self._before: Any = None

    def enter(self) -> None:
        """Take the place of the handler that is there, which the next cell of a notebook sets anew."""
        self.num_waiting += 1
        held: Any = signal.getsignal(signal.SIGINT)
        if held is not self:
            self._before = held
            signal.signal(signal.SIGINT, self)

    def leave(self) -> None:
        """Put the handler back once no task waits, unless another one has taken the place."""
        self.num_waiting -= 1
        held: Any = signal.getsignal(signal.SIGINT)
        if held is self and not self.num_waiting:
            signal.signal(signal.SIGINT, self._before)

    def __call__(self, number: int, frame: FrameType | None) -> None:
        self.num_seen += 1
        if callable(self._before):
            self._before(number, frame)
        elif self._before is not signal.SIG_IGN:
            raise KeyboardInterrupt


_noting = _Noting()


@contextmanager
def interrupts() -> Iterator[Callable[[], bool]]:
    """Yield a function that says whether an interrupt has come in the block; off the main thread none comes."""
    if threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return
    before = _noting.num_seen
    _noting.enter()
    try:
        yield lambda: _noting.num_seen > before
    finally:
        _noting.leave()
