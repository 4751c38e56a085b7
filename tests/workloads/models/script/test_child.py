"""Child processes: their output, their end, and that of all they have started."""

from __future__ import annotations

import os
import resource
import signal
import sys
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from workloads.models.script.child import MAX_LINE_BYTES, Child, Start
from workloads.models.script.running import how_ended


@contextmanager
def child(tmp_path: Path, program: str, *words: str) -> Iterator[tuple[Child, list[str], bytearray]]:
    lines, log = list[str](), bytearray()
    start = Start([sys.executable, "-S", "-c", program, *words], tmp_path, dict(os.environ), tmp_path)
    one = Child(start, log.extend, lambda line, stays: lines.append(line))
    try:
        yield one, lines, log
    finally:
        one.end(0.0)


def wait_for(one: Child, lines: list[str], count: int = 1) -> None:
    deadline = time.monotonic() + 30
    while len(lines) < count and one.code is None and time.monotonic() < deadline:
        one.wait(1.0)


def wait(one: Child) -> None:
    deadline = time.monotonic() + 30
    while one.code is None and time.monotonic() < deadline:
        one.wait(1.0)
    one.close()


def gone(numbers: list[int]) -> bool:
    found = psutil.process_iter(["status"])  # leaves out those that end meanwhile
    return not any(process.pid in numbers and process.info["status"] != "zombie" for process in found)


def test_all_that_it_prints_is_kept_and_told_line_by_line(tmp_path: Path) -> None:
    program = (
        "import sys, os; print('one', flush=True); print('two\\rthree', file=sys.stderr); os.write(1, b'\\xffend')"
    )
    with child(tmp_path, program) as (one, lines, log):
        wait(one)
    assert lines == ["one", "two", "three", "\ufffdend"]
    assert bytes(log) == b"one\ntwo\rthree\n\xffend"
    assert list(one.tail) == lines


def test_which_lines_stay(tmp_path: Path) -> None:
    one = Child.__new__(Child)
    told: list[tuple[str, bool]] = []
    one.tail, one._rest, one._on_line = deque(), b"", lambda line, stays: told.append((line, stays))  # type: ignore[misc]
    for piece in (b"1%\r50", b"%\r", b"\r\nwin\r", b"\n\n100%\r", b"\n"):
        one._take(piece)
    assert told == [("1%", False), ("50%", True), ("win", True), ("100%", True)]


def test_a_line_without_an_end_is_bounded(tmp_path: Path) -> None:
    with child(tmp_path, f"print('x' * {3 * MAX_LINE_BYTES}, end='')") as (one, lines, _):
        wait(one)
    assert len(lines) > 1 and sum(map(len, lines)) == 3 * MAX_LINE_BYTES


FAMILY = """
import os, subprocess, sys, time
for apart in (False, True):
    program = 'import signal, time; signal.signal(15, signal.SIG_IGN); print("up", flush=True); time.sleep(99)'
    one = subprocess.Popen([sys.executable, '-S', '-c', program], start_new_session=apart, stdout=subprocess.PIPE)
    one.stdout.readline()
    print(one.pid, flush=True)
if 'stay' in sys.argv:
    time.sleep(99)
"""


@pytest.mark.parametrize("stays", [False, True])
def test_nothing_that_it_started_outlives_it(tmp_path: Path, stays: bool) -> None:
    with child(tmp_path, FAMILY, *["stay"] * stays) as (one, lines, _):
        wait_for(one, lines, 2)
        numbers = [int(line) for line in lines]
        assert len(numbers) == 2
        if stays:
            assert one.end(5.0), "SIGTERM ends it"
        else:
            wait(one)
    assert gone(numbers)


def test_one_that_does_not_end_is_killed_after_the_grace(tmp_path: Path) -> None:
    program = "import signal, time; signal.signal(15, signal.SIG_IGN); print('up', flush=True); time.sleep(99)"
    with child(tmp_path, program) as (one, lines, _):
        wait_for(one, lines)
        assert not one.end(0.1)
        assert one.code == -signal.SIGKILL


def test_a_halted_one_does_nothing_until_it_goes_on_and_ends_by_itself(tmp_path: Path) -> None:
    program = (
        "import signal, sys, time; signal.signal(15, lambda *_: sys.exit(3)); print(1, flush=True); time.sleep(99)"
    )
    with child(tmp_path, program) as (one, lines, _):
        wait_for(one, lines)
        one.freeze()
        assert psutil.Process(one.pid).status() == psutil.STATUS_STOPPED
        assert one.end(10.0), "SIGTERM reaches it as it goes on"
        assert one.code == 3


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (1, "ended with exit code 1"),
        (-9, "was killed by SIGKILL, as where memory ends"),
        (-11, "was killed by SIGSEGV"),
        (143, "ended with exit code 143 (SIGTERM)"),
        (255, "ended with exit code 255"),
    ],
)
def test_how_a_process_ended_in_words(code: int, words: str) -> None:
    assert how_ended(code) == words


KILLED = """
import os, sys, time
from pathlib import Path
from workloads.models.script.child import Child, Start
folder = Path(sys.argv[1]) / 'work'
folder.mkdir()
start = Start([sys.executable, '-S', '-c', sys.argv[2], 'stay'], folder, dict(os.environ), folder)
lines = []
one = Child(start, len, lambda line, stays: lines.append(line))
while len(lines) < 2:
    one.wait(1.0)
print(one.pid, *lines, flush=True)
time.sleep(99)
"""


def test_nothing_outlives_a_lane_that_is_killed(tmp_path: Path) -> None:
    lane = psutil.Popen([sys.executable, "-c", KILLED, str(tmp_path), FAMILY], stdout=-1)
    numbers = [int(word) for word in lane.stdout.readline().split()]
    assert len(numbers) == 3
    lane.kill()
    lane.wait()
    deadline = time.monotonic() + 20
    while not gone(numbers) or (tmp_path / "work").exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_it_is_heard_in_a_process_with_many_open_files(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard if hard < 4096 else 4096, hard))
    held = [os.open(os.devnull, os.O_RDONLY) for _ in range(1100)]
    try:
        with child(tmp_path, "print('here')") as (one, lines, _):
            wait(one)
            assert lines == ["here"]
    finally:
        for number in held:
            os.close(number)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
