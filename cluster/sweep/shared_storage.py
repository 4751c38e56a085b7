"""Storage shared by several machines: its place from the spec or environment, and a mark that all of them see."""

from __future__ import annotations

import contextlib
import os
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from search_spaces.types.passwords import without_password
from workloads.data.streaming.files import filesystem_at

if TYPE_CHECKING:
    from search_spaces.spec.sweep import Sweep

STUDY, CHECKPOINTS = "PACELINE_STUDY", "PACELINE_CHECKPOINTS"
ASK_EVERY_S = 1.0


class Mark(Protocol):
    """A file whose existence is the message; a ``pathlib.Path`` is one."""

    def exists(self) -> bool:
        """Whether the mark is set."""

    def touch(self) -> None:
        """Set the mark."""

    def unlink(self, missing_ok: bool = False) -> None:
        """Remove the mark."""


@dataclass
class RemoteMark:
    """A mark in an object store, looked up at most once in ``ASK_EVERY_S`` seconds."""

    uri: str
    _asked_at: float = field(default=-ASK_EVERY_S, compare=False)
    _there: bool = field(default=False, compare=False)

    def exists(self) -> bool:
        """Whether the mark is set; the last answer while the store cannot be reached, so that a lane continues."""
        if time.monotonic() - self._asked_at >= ASK_EVERY_S:
            filesystem, path = filesystem_at(self.uri)
            filesystem.invalidate_cache()
            with contextlib.suppress(Exception):  # of any kind, as stores differ: saving tells if it lasts
                self._there = bool(filesystem.exists(path))
            self._asked_at = time.monotonic()
        return self._there

    def touch(self) -> None:
        """Set the mark."""
        filesystem, path = filesystem_at(self.uri)
        filesystem.pipe_file(path, b"stop")
        self._there = True

    def unlink(self, missing_ok: bool = False) -> None:
        """Remove the mark. Raises FileNotFoundError where it is not set, unless ``missing_ok``."""
        filesystem, path = filesystem_at(self.uri)
        try:
            filesystem.rm(path)
        except FileNotFoundError:
            if not missing_ok:
                raise
        self._there = False


def mark(uri: str) -> Mark:
    """Return the mark at this path or URI."""
    return RemoteMark(uri) if is_remote(uri) else Path(uri.removeprefix("file://"))


def is_remote(uri: str) -> bool:
    """Whether ``uri`` is outside this machine's file system."""
    return "://" in uri and not uri.startswith("file://")


def named(sweep: Sweep) -> Sweep:
    """Return the sweep with its stores filled in: the spec's, else the environment's; without passwords."""
    study = sweep.storage.study or without_password(os.environ.get(STUDY, "")) or None
    checkpoints = sweep.storage.checkpoints or without_password(os.environ.get(CHECKPOINTS, "")).rstrip("/") or None
    if checkpoints and "://" not in checkpoints:
        checkpoints = str(Path(checkpoints).expanduser().resolve())
    storage = sweep.storage.model_copy(update={"study": study, "checkpoints": checkpoints})
    return sweep.model_copy(update={"storage": storage})


def given(noted: str, variable: str) -> str:
    """Return the URL ``noted`` with the password from ``variable``, if that holds the same URL with one."""
    there = os.environ.get(variable, "")
    return there if there and without_password(there) == noted else noted
