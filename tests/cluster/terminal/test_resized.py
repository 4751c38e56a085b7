"""The live view in a real terminal that changes its size: tmux, which wraps long lines anew, as most do."""

from __future__ import annotations

import io
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console

from cluster.terminal.views import LiveView, picture
from tests.helpers.paths import ROOT
from tests.helpers.sweep_in_every_state import TITLE, URL, mixed, snapshot

SHOWING = """
import sys, time
from pathlib import Path
from rich.console import Console
from cluster.terminal.views import LiveView
from tests.helpers.sweep_in_every_state import TITLE, URL, mixed

def wait_for(name):
    while not Path(sys.argv[1], name).exists():
        time.sleep(0.02)

with LiveView(TITLE, Console()) as view:
    view.message("a message that stays")
    view.link(URL)
    view.progress(mixed())
    wait_for("speak")
    view.message("said at the end")
    wait_for("end")
"""


class Terminal:
    """A tmux of its own with one pane."""

    def __init__(self, command: str, socket: str) -> None:
        self._socket = socket
        self("new-session", "-d", "-x", "100", "-y", "50", "bash --norc --noprofile")
        self("set-option", "-g", "window-size", "manual")
        self("send-keys", f"PS1=; cd {ROOT}; clear; {command}", "Enter")

    def __call__(self, *words: str) -> str:
        done = subprocess.run(["tmux", "-L", self._socket, *words], capture_output=True, text=True, check=True)
        return done.stdout

    def lines(self) -> list[str]:
        """What can be seen, without blank lines; what has scrolled away is out of everybody's reach."""
        return [line for line in self("capture-pane", "-p").splitlines() if line.strip()]

    def wait(self, *there: str, gone: str | None = None) -> list[str]:
        """The lines, once those ``there`` are among them and none begins with what is to be ``gone``."""
        deadline = time.monotonic() + 120
        while True:
            lines = self.lines()
            if set(there) <= set(lines) and not (gone and any(line.startswith(gone) for line in lines)):
                return lines
            assert time.monotonic() < deadline, "\n".join(lines)
            time.sleep(0.1)


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    if shutil.which("tmux") is None:
        pytest.skip("there is no tmux here")
    script = tmp_path / "showing.py"
    script.write_text(SHOWING)
    unset = ["env", "-u", "COLUMNS", "-u", "LINES"]  # which pytest's readline exports
    command = [*unset, f"PYTHONPATH={ROOT}", sys.executable, str(script), str(tmp_path)]
    made = Terminal(shlex.join(command), tmp_path.name)
    yield made
    made("kill-server")


def head(width: int) -> str:
    """The leaderboard's first line."""
    return next(line.plain for line in picture(mixed(), TITLE, URL, (width, 50)) if line.plain.startswith("trial "))


def test_a_terminal_that_changes_its_width_keeps_no_stale_line(terminal: Terminal, tmp_path: Path) -> None:
    message, *drawn = terminal.wait(head(100))
    assert message == "a message that stays"
    for width in (80, 200, 50, 140, 60, 100):
        for step in (width + 1, width):  # tmux tells the program of the second one late: it draws meanwhile
            terminal("resize-window", "-x", str(step), "-y", "50")
        lines = [line for line in terminal.wait(head(width)) if line != message]
        assert len(lines) == len(drawn), "\n".join(lines)
        assert lines[2] == head(width)
    (tmp_path / "speak").touch()
    lines = [line for line in terminal.wait("said at the end") if line != message]
    assert lines[0] == "said at the end"
    assert len(lines) == 1 + len(drawn), "\n".join(lines)
    (tmp_path / "end").touch()
    terminal.wait(gone="Ctrl-C")
    assert [line for line in terminal.lines() if line != message] == lines[:1]


def test_only_a_narrower_terminal_costs_more_to_erase() -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=100, height=50)
    stream = console.file
    assert isinstance(stream, io.StringIO)

    def ups() -> int:
        """Lines that the next drawing goes up."""
        stream.truncate(stream.seek(0))
        view.message("drawn")
        return stream.getvalue().count("\x1b[1A")

    with LiveView(TITLE, console) as view:
        view.progress(snapshot())
        view.progress(mixed())
        ups()
        still = ups()
        console.width = 120
        assert ups() == still
        console.width = 60
        narrower = ups()
        assert narrower > still
        assert ups() == still
