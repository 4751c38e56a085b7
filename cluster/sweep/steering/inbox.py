"""The folder of a sweep's home in which its driver finds orders, and leaves an answer in place of each."""

from __future__ import annotations

import contextlib
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cluster.sweep.files.kept import write_whole
from cluster.sweep.steering.order import Order, from_json, to_json
from search_spaces.types.files.private_files import private_files

if TYPE_CHECKING:
    from cluster.sweep.home import SweepHome

ASKED, ANSWERED = ".json", ".answer"
POLL_S = 0.1


@dataclass(frozen=True)
class Inbox:
    """Orders in ``folder``, in the order in which they came. Those to a sweep that is not driven wait there."""

    folder: Path

    @classmethod
    def of(cls, home: SweepHome) -> Inbox:
        """Return the inbox of the sweep's home."""
        return cls(home.path / "steering")

    def put(self, order: Order) -> str:
        """Leave an order; return its name, by which ``answer`` is found."""
        name = f"{time.time_ns():020d}-{uuid.uuid4().hex[:8]}"
        with private_files():
            self.folder.mkdir(parents=True, exist_ok=True)
        write_whole(self.folder / f"{name}{ASKED}", to_json(order))
        return name

    def waiting(self) -> list[tuple[str, Order | ValueError]]:
        """Return what waits, by name; an error for what is no order."""
        found = list[tuple[str, Order | ValueError]]()
        for path in sorted(self.folder.glob(f"*{ASKED}")):
            with contextlib.suppress(FileNotFoundError):  # taken back just now
                try:
                    found.append((path.stem, from_json(path.read_text(encoding="utf-8"))))
                except ValueError as error:
                    found.append((path.stem, error))
        return found

    def answer(self, name: str, text: str) -> None:
        """Answer an order, which is taken up with that."""
        write_whole(self.folder / f"{name}{ANSWERED}", text)
        (self.folder / f"{name}{ASKED}").unlink(missing_ok=True)

    def answered(self, name: str, patience_s: float) -> str | None:
        """Return the answer to an order, and remove it; None where none comes within ``patience_s`` seconds."""
        path, deadline = self.folder / f"{name}{ANSWERED}", time.monotonic() + patience_s
        while not path.exists():
            if time.monotonic() >= deadline:
                return None
            time.sleep(POLL_S)
        text = path.read_text(encoding="utf-8")
        path.unlink(missing_ok=True)
        return text
