"""Keeps what Paceline writes for its user: a machine's other users can neither read nor change it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

OWN_FOLDER, OWN_FILE = 0o700, 0o600
OWN_TOKEN = "~/.ray/auth_token"
"""File in which Ray keeps the token of a user's clusters, and which it lets everyone read."""


@contextmanager
def private_files() -> Iterator[None]:
    """Have this process, and those that it starts, make folders and files that only their user can open.

    By this process's umask, which counts for its other threads as well.
    """
    before = os.umask(0o077)
    try:
        yield
    finally:
        os.umask(before)
