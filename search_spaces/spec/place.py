"""The folder that a sweep's data is in: where it was as the sweep began, and where it may be now."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote, unquote_to_bytes

from pydantic import BaseModel, ConfigDict


class Place(BaseModel):
    """A folder, and the way to it from the sweep's home: either may have been moved, or both together.

    The texts are quoted as in an address, as names of folders may be in no encoding.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    folder: str
    from_home: str

    @classmethod
    def of(cls, folder: Path, home: Path) -> Place:
        """Return the place of ``folder``, as seen from ``home``."""
        return cls(folder=_quoted(folder), from_home=_quoted(os.path.relpath(folder, home)))

    @property
    def path(self) -> Path:
        """The folder as it was."""
        return Path(_plain(self.folder))

    def folders(self, home: Path) -> Iterator[Path]:
        """Yield where the folder may be: moved or copied with its home, where it was, and the working folder."""
        seen = {Path(os.path.normpath(home / _plain(self.from_home))): None, self.path: None}
        with suppress(FileNotFoundError):  # the working folder was removed
            seen[Path.cwd()] = None
        yield from seen


def is_there(path: Path) -> bool:
    """Whether there is such a file or folder, or one that fits the pattern."""
    try:
        return path.exists() or any(glob.iglob(str(path), recursive=True))  # noqa: PTH207 - of a whole path
    except (OSError, ValueError):
        return False


def _quoted(path: Path | str) -> str:
    return quote(os.fsencode(path))


def _plain(text: str) -> str:
    return os.fsdecode(unquote_to_bytes(text))
