"""Keeps what Paceline writes for its user: a machine's other users can neither read nor change it."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

OWN_FOLDER, OWN_FILE = 0o700, 0o600
OWN_TOKEN = "~/.ray/auth_token"
"""File in which Ray keeps the token of a user's clusters, and which it lets everyone read."""

_lock = threading.Lock()
_blocks: list[int] = []
"""For each block that a thread is in, the umask before the first one."""


@contextmanager
def private_files() -> Iterator[None]:
    """Have this process, and those that it starts, make folders and files that only their user can open.

    By this process's umask, which counts for its other threads as well. The last of several blocks puts it back.
    """
    with _lock:
        before = os.umask(0o077)
        _blocks.append(_blocks[0] if _blocks else before)
    try:
        yield
    finally:
        with _lock:
            before = _blocks.pop()
            if not _blocks:
                os.umask(before)
