"""What signals do to a process that drives a sweep: before it listens, while it does, and when all is done."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cluster.exit_codes import BAD_SPEC
from cluster.ray_internals.local_ray import own_sigterm
from cluster.sweep.stop import SIGNALS, Stop, interrupted_by_sigterm
from tests.helpers.paths import ROOT


@pytest.fixture(autouse=True)
def _own_handlers() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in SIGNALS}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_at_the_last_moment_lets_the_process_tell_the_end(tmp_path: Path, number: int) -> None:
    interrupted_by_sigterm()
    stop = Stop(tmp_path / "stop")
    with stop.listening(process_ends=True):
        pass
    os.kill(os.getpid(), number)  # a KeyboardInterrupt, or the process's end
    assert not stop.mark.exists()


def test_a_process_that_goes_on_has_its_own_handlers_again(tmp_path: Path) -> None:
    interrupted_by_sigterm()
    with Stop(tmp_path / "stop").listening():
        pass
    with pytest.raises(KeyboardInterrupt):
        os.kill(os.getpid(), signal.SIGTERM)


def test_a_sweep_whose_folder_was_removed_can_be_stopped(tmp_path: Path) -> None:
    stop = Stop(tmp_path / "home" / "stop")
    with stop.listening():
        shutil.rmtree(tmp_path)
        os.kill(os.getpid(), signal.SIGTERM)
    assert stop.requested


def test_rays_handler_neither_ends_the_process_with_15_nor_stays() -> None:
    interrupted_by_sigterm()
    with pytest.raises(KeyboardInterrupt), own_sigterm():
        signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(number))  # as `ray.init` does
        os.kill(os.getpid(), signal.SIGTERM)
    assert signal.getsignal(signal.SIGTERM) is signal.default_int_handler


def test_a_command_that_ends_while_ray_is_imported_shows_no_traceback(tmp_path: Path) -> None:
    half = "import sys, types; sys.modules['ray'] = types.ModuleType('ray')"  # as another thread's import leaves it
    leave = f"{half}; sys.argv = ['paceline', 'show']; from cluster.cli.main import main; main()"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", leave], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == BAD_SPEC and "there is no sweep" in done.stderr and "Traceback" not in done.stderr
