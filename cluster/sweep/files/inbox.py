"""Messages to a sweep's driver: files in the home, which it takes up in the order in which they were sent.

A message that no driver has taken up stays for the next one.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from cluster.sweep.files.kept import write_whole
from search_spaces.types.files.private_files import private_files
from search_spaces.types.files.sealed import Rotten, document, sealed

if TYPE_CHECKING:
    from pathlib import Path

    from cluster.sweep.home import SweepHome

FOLDER: Final = "inbox"
POLL_S: Final = 0.1
"""Seconds between two looks for an answer."""
KEPT_S: Final = 600.0
"""Seconds for which an answer is kept: longer than any sender waits."""


@dataclass(frozen=True)
class Message:
    """A message of some ``kind`` in the file ``path``; its ``id`` is new in the sweep."""

    id: str
    kind: str
    content: Mapping[str, Any]
    path: Path

    def done(self) -> None:
        """Remove it, as it was taken up."""
        self.path.unlink(missing_ok=True)

    def answer(self, text: str) -> None:
        """Remove it, as it was taken up, and leave an answer for its sender."""
        write_whole(self._answer, text)
        self.done()

    def answered(self, patience_s: float) -> str | None:
        """Return the answer, and remove it; None where none comes within ``patience_s`` seconds."""
        deadline = time.monotonic() + patience_s
        while not self._answer.exists():
            if time.monotonic() >= deadline:
                return None
            time.sleep(POLL_S)
        text = self._answer.read_text(encoding="utf-8")
        self._answer.unlink(missing_ok=True)
        return text

    @property
    def _answer(self) -> Path:
        return self.path.with_suffix(".answer")

    @property
    def waits(self) -> bool:
        """Whether nobody has taken it up."""
        return self.path.exists()


def send(home: SweepHome, kind: str, content: Mapping[str, Any]) -> Message:
    """Leave a message for the sweep's driver."""
    folder = home.path / FOLDER
    with private_files():
        folder.mkdir(exist_ok=True)
    name = new_id()
    path = folder / f"{name}.json"
    write_whole(path, sealed(json.dumps({"kind": kind, "content": dict(content)})))
    return Message(name, kind, content, path)


def new_id() -> str:
    """Return an ID that sorts behind those of earlier messages."""
    return f"{time.time_ns():020d}-{os.getpid()}"


def forget_answers(home: SweepHome) -> None:
    """Remove answers for which nobody waits any more."""
    for path in (home.path / FOLDER).glob("*.answer"):
        with suppress(FileNotFoundError):  # it is being read
            if time.time() - path.stat().st_mtime > KEPT_S:
                path.unlink()


def waiting(home: SweepHome, kind: str) -> list[Message]:
    """Return the messages of this kind that nobody has taken up, the oldest first.

    One that is damaged is renamed, and left out.
    """
    found = []
    for path in sorted((home.path / FOLDER).glob("*.json")):
        try:
            record = document(path.read_bytes())
        except FileNotFoundError:  # taken up in this moment
            continue
        except Rotten:
            path.replace(path.with_suffix(".broken"))
            continue
        if record["kind"] == kind:
            found.append(Message(path.stem, kind, record["content"], path))
    return found
