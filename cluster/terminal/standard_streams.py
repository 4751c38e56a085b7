"""Standard streams of a process that was started without them, as by `>&-`, and of one that runs a Ray."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

RAYS = "ray_listen_error_messages"
"""Name of the thread of Ray's that prints a thousand characters on a dead worker, in spite of ``log_to_driver``."""
MODES = {"stdin": "r", "stdout": "w", "stderr": "w"}


def open_standard_streams() -> None:
    """Open closed ones, to nowhere: a file that is opened later would take their place, and get what is printed."""
    while (opened := os.open(os.devnull, os.O_RDWR)) < len(MODES):
        os.set_inheritable(opened, True)
    os.close(opened)
    for number, (name, mode) in enumerate(MODES.items()):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(number, mode, encoding="utf-8", closefd=False))


class _WithoutRays:
    """A stream as it is, but for what Ray's thread writes."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write ``text``, unless it is that thread's."""
        return len(text) if threading.current_thread().name == RAYS else int(self._stream.write(text) or 0)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextmanager
def without_rays_messages() -> Iterator[None]:
    """Leave Ray's own messages on dead workers out in the block: users are told of them, in a sentence each."""
    before = sys.stdout
    quiet: Any = _WithoutRays(before)
    sys.stdout = quiet
    try:
        yield
    finally:
        if sys.stdout is quiet:
            sys.stdout = before
