"""No process of a command is alive 10 s after the command was killed: whatever the command, and its user's code."""

from __future__ import annotations

import os
import secrets
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from tests.helpers.commands import Folder
from tests.helpers.orphans import TOKEN, alive, orphans
from tests.helpers.waiting import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.soak]

FUNCTION = """
import subprocess, sys, time
from pathlib import Path

def train(run, *, lr: float = 0.1):
    for epoch in range(run.num_epochs):
        if epoch == 1:
            nap = [sys.executable, "-c", "import time; time.sleep(600)"]
            subprocess.Popen(nap, start_new_session=True, cwd="/")
            subprocess.Popen(["sleep", "600"], env={})
            (Path(__file__).parent / "started").touch()
            time.sleep(600)
        run.report(val_accuracy=lr)
"""
SPEC = """
workload: with_children:train
data: {name: wine}
parameters: {lr: {min: 0.1, max: 0.2}}
trials: 2
epochs: 3
early_terminate: none
final: none
"""


@pytest.fixture
def sweep(tmp_path: Path) -> Iterator[tuple[Folder, str]]:
    """A folder with a sweep whose function starts children, and the token of all processes."""
    folder, token = Folder(tmp_path), secrets.token_hex(8)
    folder.write(FUNCTION, "with_children.py")
    folder.write(SPEC)
    yield folder, token
    for pid, _ in alive(token, tmp_path):
        psutil.Process(pid).kill()


def killed(folder: Folder, token: str, pid: int) -> list[str]:
    """Kill a process, and return what is left of its command."""
    before = dict(alive(token, folder.path))
    assert len(before) > 2, before
    os.kill(pid, signal.SIGKILL)
    return orphans(token, folder.path, time.monotonic())


@contextmanager
def running(folder: Folder, token: str, words: tuple[str, ...], begun: Callable[[], object]) -> Iterator[int]:
    """Run a command in the background until it has ``begun``, and yield its process ID."""
    with (folder.path / "out.txt").open("w") as out:
        process = folder.start(*words, out=out, **{TOKEN: token})
    wait_until(lambda: begun() or process.poll() is not None, " ".join(words))
    assert process.poll() is None, (folder.path / "out.txt").read_text()
    yield process.pid
    process.wait()


def has_started(folder: Folder) -> bool:
    return (folder.path / "started").exists()


def test_of_run(sweep: tuple[Folder, str]) -> None:
    folder, token = sweep
    with running(folder, token, ("run", "sweep.yaml"), lambda: has_started(folder)) as pid:
        assert killed(folder, token, pid) == []


def test_of_a_submitted_sweep(sweep: tuple[Folder, str]) -> None:
    folder, token = sweep
    done = folder.paceline("submit", "sweep.yaml", "--on", "local", **{TOKEN: token})
    assert done.returncode == 0, done.stdout + done.stderr
    wait_until(lambda: has_started(folder), "the function has started its children")
    [lock] = (folder.path / ".paceline").glob("*/driver.lock")
    assert killed(folder, token, int(lock.read_text().split()[0])) == []


def test_of_demo_in_its_search(sweep: tuple[Folder, str]) -> None:
    folder, token = sweep
    journals = (folder.path / ".paceline").glob
    begun = lambda: any(b"progress" in path.read_bytes() for path in journals("*/journal.log"))  # noqa: E731
    with running(folder, token, ("demo",), begun) as pid:
        assert killed(folder, token, pid) == []


@pytest.mark.parametrize("command", ["run", "data"])
def test_of_reading_data(sweep: tuple[Folder, str], command: str, tmp_path: Path) -> None:
    folder, token = sweep
    rows = "x,y\n" + "".join(f"{i * 0.37},{'ab'[i % 2]}\n" for i in range(3_000_000))
    (tmp_path / "rows.csv").write_text(rows)
    folder.write(SPEC.replace("{name: wine}", "{csv: rows.csv, target: y}"))
    reads = lambda: any("data_process" in words for _, words in alive(token, folder.path))  # noqa: E731
    with running(folder, token, (command, "sweep.yaml"), reads) as pid:
        assert killed(folder, token, pid) == []


def test_of_ui(sweep: tuple[Folder, str]) -> None:
    folder, token = sweep
    folder.write(SPEC.replace("with_children:train", "softmax").replace("0.1", "0.01"))
    assert folder.paceline("run", "sweep.yaml").returncode == 0
    serving = lambda: "Ctrl-C ends" in (folder.path / "out.txt").read_text()  # noqa: E731
    with running(folder, token, ("ui", "--port", "0"), serving) as pid:
        assert killed(folder, token, pid) == []


def test_the_guard_survives_a_stop_at_once(sweep: tuple[Folder, str]) -> None:
    folder, token = sweep
    with running(folder, token, ("run", "sweep.yaml"), lambda: has_started(folder)):
        done = folder.paceline("stop", "--now")
        assert done.returncode == 0, done.stderr
        assert orphans(token, folder.path, time.monotonic()) == []
