"""What a driver's process tells the one that has started it, over a pipe."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from threading import Lock
from typing import Any, Literal, Self

from cluster.terminal.records import Observer, Snapshot
from search_spaces.types.passwords import masked

Kind = Literal["snapshot", "message", "link", "ended", "raised"]
Event = tuple[Kind, Any]
"""A kind with its content: a ``Snapshot``, a line, an address, an exit code, an exception."""


@dataclass
class Sender:
    """Observer that sends all it is told, and shows it by ``log``; without a reader nothing is sent."""

    pipe: Connection[Any, Any]
    log: Observer
    _lock: Lock = field(default_factory=Lock)

    def send(self, kind: Kind, content: Any) -> None:
        """Send one event, from any thread."""
        with self._lock, suppress(OSError):
            self.pipe.send((kind, content))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *reason: object) -> None:
        """Nothing ends with the view."""

    def progress(self, snapshot: Snapshot) -> None:
        """Send a new state of the sweep."""
        self.log.progress(snapshot)
        self.send("snapshot", snapshot)

    def message(self, text: str) -> None:
        """Send a line for the user."""
        self.log.message(text)
        self.send("message", masked(text))

    def link(self, url: str) -> None:
        """Send the address in MLflow's UI."""
        self.log.link(url)
        self.send("link", url)


def show(event: Event, view: Observer) -> None:
    """Show an event that is of a view."""
    kind, content = event
    if kind == "snapshot":
        view.progress(content)
    elif kind == "message":
        view.message(content)
    elif kind == "link":
        view.link(content)
