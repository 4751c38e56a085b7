"""Commands in this process, whose sweeps share one Ray: a Ray of its own costs a sweep 4 s of both cores.

With ``PACELINE_TEST_REAL=1`` each is a process with a Ray of its own, as users have them; ``make soak`` does that.
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
"""Of the shared Ray: what the largest sweep of the tests asks for. How many lanes there are the machine decides."""
_shared = ExitStack()


class OneRay:
    """This process's Ray, which outlives a sweep; in all else the driver takes it for one of the sweep's own."""

    num_machines = 1

    def size(self, sweep: Sweep) -> LaneSize:
        """As where the sweep starts a Ray."""
        from cluster.sweep.lane_count import lane_size

        return lane_size(sweep)

    def sharing(self, *_: object) -> None:
        """With nobody."""

    @classmethod
    def started(cls) -> OneRay:
        """There is one from now on."""
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
    """Before a test starts a Ray in this process, and at the end of all."""
    _shared.close()


class Here(Folder):
    """A working folder whose commands run in this process, one at a time."""

    def paceline(self, *words: str, timeout_s: float = 900, **env: str) -> subprocess.CompletedProcess[str]:
        """``paceline`` with these words, to its end. What it raises besides refusals is raised here."""
        if REAL:
            return super().paceline(*words, timeout_s=timeout_s, **env)
        from cluster.cli.main import main
        from cluster.driver import driver

        drive = driver.drive

        def drive_here(home: Any, observer: Any, trials: int | None = None, leave_ray: bool = False) -> int:
            return drive(home, observer, trials, joined=OneRay.started())  # type: ignore[arg-type] # as good as one

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
    """What this process writes to a file descriptor goes into ``file``, from Python and from below it."""
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
