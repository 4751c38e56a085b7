"""Runs sweeps on a Ray cluster through its Job Submission API: each submission is one job."""

from __future__ import annotations

import hashlib
import logging
import os
import re
import tempfile
import time
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cluster.lanes.joined_cluster import LANE_ENVIRONMENT
from cluster.sweep.steering.asking import STEER, Wish, wish_to_json
from cluster.targets.contract import State, SweepJob, TargetError
from cluster.targets.ray_jobs import head
from cluster.targets.ray_jobs.checks import examine_cluster
from cluster.targets.ray_jobs.follow_log import followed
from search_spaces.types.error_text import first_line

if TYPE_CHECKING:
    from cluster.doctor.machine import Check
    from cluster.targets.submission import Code, Submission

STOP_WAIT_S = 60
"""Seconds between SIGTERM and SIGKILL for a driver; Ray's default of 3 is too short to finish an epoch."""
ADDRESS_VARIABLES = ("RAY_ADDRESS", "RAY_API_SERVER_ADDRESS")
STOPPED = (130, 143, -15, 15)
"""Exit codes of a stopped driver: by its own handler (130), or by SIGTERM before it had one (Ray may say 15)."""
RAYS_LAST_LINE = "Running entrypoint for job "
POLL_S = 0.5
KILL = "-kill-"
"""Part of the name of a job that kills a driver, after the name of the driver's job."""
STEERED = "-steer-"
"""The same of a job that leaves a user's wish."""
CHATTY = ("ray.dashboard.modules.dashboard_sdk", "ray.dashboard.modules.job.sdk", "ray.client_builder")
_JOB = re.compile(r"paceline-([0-9a-f]+)-a(\d+)")
_STATES: Mapping[str, State] = {
    "PENDING": "starting",
    "RUNNING": "running",
    "STOPPED": "stopped",
    "SUCCEEDED": "finished",
    "FAILED": "failed",
}


@dataclass(frozen=True)
class JobsTarget:
    """Target ``http(s)://HEAD:8265``, or ``ray://HEAD:10001``, of which Ray asks the HTTP address."""

    address: str

    def __str__(self) -> str:
        return self.address

    def submit(self, submission: Submission) -> str:
        """Start the job and return its name. Raises TargetError also where a lane does not fit on the cluster.

        Ray skips the upload where the cluster has the same package already.
        """
        with self.client() as client:
            head.check_capacity(client.get_address(), submission.lane)
            return self.send(client, submission, f"python -m cluster.job {submission.id}", submission.job_name)

    def send(self, client: Any, submission: Submission, entrypoint: str, name: str) -> str:
        """Upload the submission's files and start the job ``name`` with them; return the name."""
        with tempfile.TemporaryDirectory() as folder:
            client.submit_job(
                entrypoint=entrypoint,
                submission_id=name,
                runtime_env={
                    "working_dir": str(_zipped(submission, Path(folder))),
                    "env_vars": _environment(submission),
                },
                metadata={
                    f"paceline_{key}": getattr(submission, key) for key in ("id", "name", "owner", "version")
                },
            )
        return name

    def checks(self, code: Code) -> Iterator[Check]:
        """Yield the checks of `paceline doctor --on` for the cluster."""
        return examine_cluster(self, code)

    def status(self, sweep_id: str) -> SweepJob:
        """Return the state of the sweep's newest job. Raises LookupError where a (restarted) head has none."""
        return self._latest(sweep_id)[0]

    def sweeps(self) -> list[SweepJob]:
        """Return the state of the newest job of each sweep, the newest first."""
        latest = {job.id: job for job, _ in self._attempts()}
        return sorted(latest.values(), key=lambda job: job.submitted_at, reverse=True)

    def next_attempt(self, sweep_id: str) -> int:
        """Return an attempt number above those of all the sweep's jobs."""
        return 1 + max((job.attempt for job, _ in self._attempts() if job.id == sweep_id), default=0)

    def logs(self, sweep_id: str, follow: bool = False) -> Iterator[str]:
        """Yield the log lines of the newest job; following reconnects where the connection breaks."""
        name = self._latest(sweep_id)[0].job_name
        with self.client() as client:
            if not follow:
                yield from client.get_job_logs(name).splitlines()
                return
            yield from followed(client, name)

    def stop(self, sweep_id: str, now: bool = False) -> None:
        """Ask the driver to stop. With ``now`` start a job on the driver's node that kills the driver."""
        job, details = self._latest(sweep_id)
        if job.ended:
            return
        with self.client() as client:
            if not now or details.driver_node_id is None:
                client.stop_job(job.job_name)
                return
            client.submit_job(
                entrypoint=f"python -m cluster.job {sweep_id} --kill",
                submission_id=f"{job.job_name}{KILL}{time.time_ns():x}",
                runtime_env=details.runtime_env,
                entrypoint_label_selector={"ray.io/node-id": details.driver_node_id},
            )

    def steer(self, sweep_id: str, wish: Wish) -> list[str]:
        """Start a job on the driver's node that leaves the wish in the sweep's home; return what it prints."""
        job, details = self._latest(sweep_id)
        environment = dict((details.runtime_env or {}).get("env_vars", {}))
        environment[STEER] = wish_to_json(wish)
        with self.client() as client:
            name = client.submit_job(
                entrypoint=f"python -m cluster.job {sweep_id} --steer",
                submission_id=f"{job.job_name}{STEERED}{time.time_ns():x}",
                runtime_env={**(details.runtime_env or {}), "env_vars": environment},
                entrypoint_label_selector={"ray.io/node-id": details.driver_node_id},
            )
            while not (state := client.get_job_status(name)).is_terminal():
                time.sleep(POLL_S)
            said = _said(client.get_job_logs(name))
        if str(state) != "SUCCEEDED":
            raise TargetError("\n".join(said) or f"{self}: the job {name} is {state}")
        return said

    def _latest(self, sweep_id: str) -> tuple[SweepJob, Any]:
        """Return the sweep's last attempt and Ray's record of its job. Raises LookupError where there is none."""
        found = [attempt for attempt in self._attempts() if attempt[0].id == sweep_id]
        if not found:
            raise LookupError(
                f"{self} has no sweep {sweep_id} (any more: a head that is started anew forgets its jobs)"
            )
        return found[-1]

    def _attempts(self) -> list[tuple[SweepJob, Any]]:
        """Return every attempt of every sweep with Ray's record of its job, by attempt number."""
        with self.client() as client:
            jobs = {str(details.submission_id): details for details in client.list_jobs()}
        killed = {name.rpartition(KILL)[0] for name in jobs}
        attempts = [
            (_sweep_job(details, match, name in killed), details)
            for name, details in jobs.items()
            if (match := _JOB.fullmatch(name))
        ]
        return sorted(attempts, key=lambda attempt: attempt[0].attempt)

    @contextmanager
    def client(self) -> Iterator[Any]:
        """Open a client of the head, after a check of its version. Ray's errors become TargetError."""
        if self.address.startswith("http"):
            head.check_version(self.address)
        from ray.exceptions import AuthenticationError
        from ray.job_submission import JobSubmissionClient

        for name in CHATTY:
            logging.getLogger(name).setLevel(logging.WARNING)
        try:
            with _own_address():
                client = JobSubmissionClient(self.address, headers=head.auth_headers())
            if not self.address.startswith("http"):
                head.check_version(client.get_address())
            yield client
        except AuthenticationError:
            raise TargetError(f"{self} refuses: {head.TOKEN_HOW}") from None
        except (ConnectionError, RuntimeError) as error:
            if isinstance(error, TargetError):
                raise
            raise TargetError(f"{self}: {first_line(error)}") from error


@contextmanager
def _own_address() -> Iterator[None]:
    """Unset Ray's address variables for the block: they would override the address of ``--on``."""
    kept = {name: os.environ.pop(name) for name in ADDRESS_VARIABLES if name in os.environ}
    try:
        yield
    finally:
        os.environ.update(kept)


def _said(log: str) -> list[str]:
    """Return the lines of a job's log without those that Ray writes before the job's own."""
    before, mark, own = log.partition(f"\n{RAYS_LAST_LINE}")
    return (own.partition("\n")[2] if mark else before).splitlines()


def _environment(submission: Submission) -> dict[str, str]:
    return {
        **LANE_ENVIRONMENT,
        **submission.environment,
        "PACELINE_ATTEMPT": str(submission.attempt),
        "PACELINE_SPEC": submission.spec_file,
        "PACELINE_CODE": submission.code,
        "PACELINE_VERSION": submission.version,
        "RAY_JOB_STOP_WAIT_TIME_S": str(STOP_WAIT_S),
    }


def _zipped(submission: Submission, folder: Path) -> Path:
    """Write the files to a zip archive and return its path. Equal files give equal bytes, uploaded only once."""
    path = folder / f"{hashlib.sha256(submission.id.encode()).hexdigest()[:8]}.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        for name, content in sorted(submission.files.items()):
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return path


def _sweep_job(details: Any, match: re.Match[str], killed: bool) -> SweepJob:
    told, code = details.metadata or {}, details.driver_exit_code
    state = _STATES.get(str(details.status), "unknown")
    if state == "failed" and (killed or code in STOPPED):
        state = "stopped"
    started = datetime.fromtimestamp((details.start_time or 0) / 1000, UTC)
    return SweepJob(
        id=match[1],
        job_name=match[0],
        name=told.get("paceline_name", ""),
        owner=told.get("paceline_owner", ""),
        attempt=int(match[2]),
        state=state,
        message=_what_failed(details) if state == "failed" else "",
        exit_code=code,
        submitted_at=started.isoformat(timespec="seconds"),
        code=(details.runtime_env or {}).get("env_vars", {}).get("PACELINE_CODE", ""),
    )


def _what_failed(details: Any) -> str:
    """Return the driver's exit code and last line, or Ray's message where there was no driver."""
    lines = [line for line in str(details.message or "").splitlines() if line.strip()]
    told = f"exit code {details.driver_exit_code}: " if details.driver_exit_code is not None else ""
    return told + (lines[-1] if lines else "no reason given")
