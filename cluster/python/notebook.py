"""Shows a running sweep in a notebook: one view, which is updated in place."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any, Self

from search_spaces.types.passwords import masked

if TYPE_CHECKING:
    from cluster.terminal.live_lines import Title
    from cluster.terminal.records import Snapshot

DRAW_EVERY_S = 0.5


def _shell() -> Any:
    """Return IPython's shell, where this process is a notebook's kernel; else None."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return shell if hasattr(shell, "kernel") else None


def in_notebook() -> bool:
    """Whether this process is a notebook's kernel."""
    return _shell() is not None


def cell() -> int | None:
    """Return the number of the cell that runs now; None outside of a notebook."""
    shell = _shell()
    return None if shell is None else int(shell.execution_count)


class NotebookView:
    """A view in the output of the present cell. A context manager around the sweep."""

    def __init__(self, title: Title) -> None:
        self._title = title
        self._snapshot: Snapshot | None = None
        self._url, self._phase, self._drawn = "", "", 0.0
        self.said: list[str] = []
        """Messages to the user so far."""
        self._handle: Any = None

    def __enter__(self) -> Self:
        from cluster.python.html_view import starting  # 60 ms: rich

        self._show(starting(self._title))
        return self

    def __exit__(self, *reason: object) -> None:
        """Leave the view as it is."""

    def progress(self, snapshot: Snapshot) -> None:
        """Draw a new state of the sweep, unless the view was drawn just now."""
        self._snapshot = snapshot
        if snapshot.phase != self._phase or time.monotonic() - self._drawn > DRAW_EVERY_S:
            self._phase = snapshot.phase
            self._draw()

    def message(self, text: str) -> None:
        """Add the line below the table."""
        self.said.append(masked(text))
        self._draw()

    def link(self, url: str) -> None:
        """Show the address with the next state."""
        self._url = url

    def replace(self, html: str) -> None:
        """Draw something else in the view's place."""
        self._show(html)

    def _draw(self) -> None:
        from cluster.python.html_view import page, starting  # 60 ms: rich

        seen = self._snapshot
        self._show(
            starting(self._title, self.said) if seen is None else page(seen, self._title, self._url, self.said)
        )
        self._drawn = time.monotonic()

    def _show(self, html: str) -> None:
        from IPython.display import HTML, display  # 0 ms: it is a kernel's

        if self._handle is None:
            self._handle = display(HTML(html), display_id=True)
        else:
            self._handle.update(HTML(html))
