"""Checks of what a process finds itself in: its environment, limits, and folders, each with its remedy."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from cluster.doctor.machine import Check
from search_spaces.types.files.private_files import OWN_TOKEN


def token_files() -> Iterator[Check]:
    """Check that files with the token of a Ray cluster, if there are any, are for this user alone."""
    for path in map(Path, filter(None, (OWN_TOKEN, os.environ.get("RAY_AUTH_TOKEN_PATH")))):
        file = path.expanduser()
        if file.is_file() and (mode := file.stat().st_mode & 0o777) & 0o077:
            found = f"{path} has mode {mode:04o}: who reads it may run code on the cluster"
            yield Check(name="Ray's token", state="warning", found=found, remedy=f"chmod 600 {path}")
