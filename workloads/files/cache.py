"""The folder of what can be computed again, shared by the processes of all sweeps."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

FOLDER = "PACELINE_CACHE"
"""Environment variable with the cache's folder; ``~/.cache/paceline`` without it."""


def cache_folder(name: str) -> Path | None:
    """Return the cache's folder ``name``, made where it is missing; None where nothing can be written there."""
    folder = Path(os.environ.get(FOLDER) or Path.home() / ".cache" / "paceline") / name
    with suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
    return folder if os.access(folder, os.W_OK) else None
