"""Runs commands in this process, with one Ray for all their sweeps: starting a Ray takes 4 s of both cores.

With ``PACELINE_TEST_REAL=1``, as in ``make soak``, each command is a process with its own Ray, as users have it.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, chdir, contextmanager, redirect_stderr, redirect_stdout
from tempfile import TemporaryFile
from typing import IO, TYPE_CHECKING, Any, TextIO

import pytest

from tests.helpers.commands import Folder
from tests.helpers.paths import ROOT
from tests.helpers.soak import REAL

if TYPE_CHECKING:
    from cluster.sweep.lane_count import LaneSize
    from search_spaces.spec.sweep import Sweep

NUM_CPUS = 4
"""CPUs of the shared Ray, those of the tests' largest sweep. The number of lanes depends on the machine's cores."""
_shared = ExitStack()


class OneRay:
    """This process's Ray, which outlives a sweep; otherwise the driver treats it as one that the sweep started."""

    num_machines = 1

    def size(self, sweep: Sweep) -> LaneSize:
        """Return number and size of the lanes, as for a sweep that starts its own Ray."""
        from cluster.sweep.lane_count import lane_size

        return lane_size(sweep)

    def nodes(self) -> list[Any]:
        """Return no resources, as of a sweep that runs on one machine."""
        return []

    def sharing(self, *_: object) -> None:
        """Return None: no other sweep uses this Ray."""

    @classmethod
    def started(cls) -> OneRay:
        """Start this process's Ray, unless it is started already."""
        from cluster.driver.champion import EARLY
        from cluster.ray_internals import forkserver
        from cluster.ray_internals.local_ray import local_ray

        import ray  # isort: skip - behind the settings that it reads

        if not ray.is_initialized():
            with chdir(ROOT), pytest.MonkeyPatch.context() as patch:
                patch.setattr(forkserver, "AHEAD", (*forkserver.AHEAD, *EARLY))
                _shared.enter_context(local_ray(NUM_CPUS, leave=False))
        return cls()


def end_ray() -> None:
    """Shut the shared Ray down, before a test starts another one in this process, and after all tests."""
    _shared.close()


class Here(Folder):
    """A working folder whose commands run in this process, one at a time."""

    def paceline(self, *words: str, timeout_s: float = 900, **env: str) -> subprocess.CompletedProcess[str]:
        """Run ``paceline`` with these arguments. Errors that the command does not report itself are raised here."""
        if REAL:
            return super().paceline(*words, timeout_s=timeout_s, **env)
        from cluster.cli.main import main
        from cluster.driver import driver

        drive = driver.drive

        def drive_here(home: Any, observer: Any, more: Any = None, process_ends: bool = False) -> int:
            return drive(home, observer, more, joined=OneRay.started())  # type: ignore[arg-type] # as good as one

        with (
            pytest.MonkeyPatch.context() as patch,
            chdir(self.path),
            TemporaryFile() as out,
            TemporaryFile() as err,
        ):
            for name in [name for name in os.environ if name.startswith("MLFLOW_")]:
                patch.delenv(name)
            for name, value in env.items():
                patch.setenv(name, value)
            patch.setenv("PYTHONPATH", str(ROOT))
            patch.setattr(sys, "path", list(sys.path))
            patch.setattr(driver, "drive", drive_here)
            with _written_to(1, out, redirect_stdout), _written_to(2, err, redirect_stderr):
                code = main(words)
            said = [file.read().decode() for file in (out, err) if file.seek(0) == 0]
        return subprocess.CompletedProcess(words, code, *said)


@contextmanager
def _written_to(number: int, file: IO[bytes], redirect: Callable[[TextIO], Any]) -> Iterator[None]:
    """Redirect all that this process writes to a file descriptor to ``file``, from Python and from libraries."""
    kept = os.dup(number)
    os.dup2(file.fileno(), number)
    stream = open(number, "w", encoding="utf-8", closefd=False)  # noqa: SIM115 - loggers keep it
    try:
        with redirect(stream):
            yield
    finally:
        stream.flush()
        os.dup2(kept, number)
        os.close(kept)
