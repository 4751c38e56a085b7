"""Sessions of Rays that have ended are removed; those of running ones stay, whichever sign of life they give."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from cluster.ray_internals import remains

LONG_AGO = (1_000_000_000, 1_000_000_000)
HOLDER = """
import sys
from pathlib import Path
from cluster.ray_internals.remains import hold

hold(Path(sys.stdin.readline().strip()))
print("held", flush=True)
sys.stdin.read()
"""


def made(folder: Path, name: str) -> Path:
    session = folder / name
    (session / "logs").mkdir(parents=True)
    (session / "sockets").mkdir()
    (session / "logs" / "raylet.out").write_text("said")
    return session


def aged(session: Path) -> Path:
    os.utime(session / "logs", LONG_AGO)
    os.utime(session, LONG_AGO)
    return session


def listening(session: Path, stack: ExitStack) -> None:
    server = stack.enter_context(socket.socket(socket.AF_UNIX))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(session)  # a path of any length
        server.bind("sockets/raylet")
    server.listen()


def named(session: Path, stack: ExitStack) -> None:
    words = [sys.executable, "-c", "import sys; sys.stdin.read()", f"--log-dir={session}/logs"]
    process = stack.enter_context(subprocess.Popen(words, stdin=subprocess.PIPE))
    stack.callback(process.kill)


def held(session: Path, stack: ExitStack) -> None:
    words = [sys.executable, "-c", HOLDER]
    process = stack.enter_context(subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
    stack.callback(process.kill)
    assert process.stdin is not None and process.stdout is not None
    print(session, file=process.stdin, flush=True)
    assert process.stdout.readline() == "held\n"


def young(session: Path, stack: ExitStack) -> None:
    os.utime(session / "logs")


ALIVE: dict[str, Callable[[Path, ExitStack], None]] = {f.__name__: f for f in (listening, named, held, young)}


@pytest.fixture
def place() -> Iterator[Path]:
    with TemporaryDirectory(prefix="s", dir="/tmp") as name:  # short, for sockets
        yield Path(name)


def test_only_sessions_without_a_sign_of_life_are_removed(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = place / "ray"
    dead = [made(folder, f"session_2026-11-30_02-40-5{n}_439910_{n}") for n in range(3)]
    with socket.socket(socket.AF_UNIX) as server, monkeypatch.context() as patch:
        patch.chdir(dead[0])
        server.bind("sockets/raylet")  # of a process that has ended
    other = place / "of another"
    other.mkdir()
    link = folder / "session_2026-11-30_02-40-59_439910_1"
    link.symlink_to(other)
    (place / "gone").symlink_to(place / "nowhere")
    os.utime(place / "gone", LONG_AGO, follow_symlinks=False)
    (place / "another's").symlink_to(place / "of a container whose folders are not here")
    (place / "there").symlink_to(other)
    with ExitStack() as stack:
        alive = {name: made(folder, f"session_2026-11-30_02-40-52_439910_9{k}") for k, name in enumerate(ALIVE)}
        for name, session in alive.items():
            ALIVE[name](session, stack)
            if name != "young":
                aged(session)
        for session in dead:
            aged(session)
        monkeypatch.setattr(remains, "MOST", 2)
        remains.remove_old_sessions(folder)
        assert [session.exists() for session in dead] == [False, False, True]
        remains.remove_old_sessions(folder)
        assert not any(session.exists() for session in dead)
        assert {name for name, session in alive.items() if session.exists()} == set(ALIVE)
    assert other.exists() and link.is_symlink()
    assert [(place / name).is_symlink() for name in ("gone", "there", "another's")] == [False, True, True]
