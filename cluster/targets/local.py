"""Runs submitted sweeps on this machine: each driver is a background process, each home is in this folder."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from cluster.sweep.home import Busy, SweepHome, root
from cluster.sweep.reading import Reading
from cluster.sweep.steering.asking import Wish, asked
from cluster.targets.contract import LOCAL, SweepJob, TargetError
from search_spaces.types.files.private_files import private_files
from search_spaces.types.module_path import command, environment

if TYPE_CHECKING:
    from cluster.doctor.machine import Check
    from cluster.targets.submission import Code, Submission

POLL_S = 0.1


@dataclass(frozen=True)
class LocalTarget:
    """Target ``local``. Nothing is sent: this installation runs the sweep, in this folder."""

    def __str__(self) -> str:
        return LOCAL

    def checks(self, code: Code) -> Iterator[Check]:
        """Yield all checks of this machine, as `paceline doctor --full` does."""
        from cluster.doctor.report import FULL, examine  # 60 ms

        return examine(FULL)

    def submit(self, submission: Submission) -> str:
        """Start the driver in a session of its own, which outlives this shell; return the sweep's ID.

        Waits until the driver holds the sweep's lock. Raises TargetError with its last line where it fails before.
        """
        home = SweepHome(submission.id, (root() / submission.id).resolve())
        spec = home.path / "submitted.yaml"
        given = {"PACELINE_ATTEMPT": str(submission.attempt), "PACELINE_SPEC": str(spec)}
        with private_files():
            home.path.mkdir(parents=True, exist_ok=True)
            spec.write_bytes(submission.files[submission.spec_file])
            log = (home.driver_log).open("ab")
        with log:
            driver = subprocess.Popen(
                command("-m", "cluster.job", submission.id, "--local"),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, **submission.environment, **environment(), **given},
                start_new_session=True,
            )
        while home.driver_pid() is None and driver.poll() is None:
            time.sleep(POLL_S)
        if driver.poll():
            told = (home.driver_log).read_text(encoding="utf-8", errors="replace").strip().splitlines()
            raise TargetError(f"sweep {submission.id} did not begin: {told[-1] if told else driver.returncode}")
        return submission.id

    def status(self, sweep_id: str) -> SweepJob:
        """Return the state of the sweep in this folder. Raises LookupError where there is none."""
        return _sweep_job(SweepHome.find(sweep_id))

    def sweeps(self) -> list[SweepJob]:
        """Return the sweeps of this folder, the newest first."""
        return [_sweep_job(home) for home in SweepHome.all()]

    def next_attempt(self, sweep_id: str) -> int:
        """Return 1: the sweep's home counts its attempts (``cluster.sweep.attempt``)."""
        return 1

    def logs(self, sweep_id: str, follow: bool = False) -> Iterator[str]:
        """Yield the lines of the driver's log; with ``follow`` until the sweep ends.

        Raises LookupError where there is no such sweep, or where it was not submitted.
        """
        home = SweepHome.find(sweep_id)
        path = home.driver_log
        if not path.exists():
            raise LookupError(f"sweep {home.id} was not submitted: `paceline show {home.id}` shows it")
        with path.open(encoding="utf-8", errors="replace") as log:
            rest = ""
            while True:
                ended = home.driver_pid() is None  # before reading, so that its last lines are read, too
                *lines, rest = (rest + log.read()).split("\n")
                yield from lines
                if ended or not follow:
                    break
                time.sleep(POLL_S)
            if rest:
                yield rest

    def steer(self, sweep_id: str, wish: Wish) -> list[str]:
        """Leave what a user wants in the sweep's home, and return what its driver says."""
        return asked(Reading.of(SweepHome.find(sweep_id)), wish)

    def stop(self, sweep_id: str, now: bool = False) -> None:
        """Signal the driver to save and stop, or (``now``) kill it. Returns at once."""
        try:
            SweepHome.find(sweep_id).request_stop(now)
        except Busy as error:
            raise TargetError(str(error)) from error


def _sweep_job(home: SweepHome) -> SweepJob:
    read = Reading.of(home)
    began = datetime.fromtimestamp(home.began_s, UTC)
    return SweepJob(
        id=home.id,
        job_name=home.id if home.driver_log.exists() else "",
        owner=home.owner,
        name=read.sweep.name,
        state=read.state,
        submitted_at=began.isoformat(timespec="seconds"),
    )
