"""The interface of targets: submit, watch and stop sweeps, whatever kind of cluster runs them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from cluster.doctor.machine import Check
    from cluster.sweep.steering.asking import Wish
    from cluster.targets.submission import Code, Submission

State = Literal["queued", "starting", "running", "retrying", "finished", "stopped", "failed", "unknown"]
ENDED: tuple[State, ...] = ("finished", "stopped", "failed")
LOCAL = "local"


class TargetError(RuntimeError):
    """Error: the target cannot be reached, or cannot do what was asked; the message says what to do."""


@dataclass(frozen=True, kw_only=True)
class SweepJob:
    """State of a sweep's latest submission on its target."""

    id: str
    job_name: str
    """Name of the job on the target; empty of a sweep that was begun there and not submitted."""
    name: str = ""
    owner: str = ""
    attempt: int = 1
    state: State = "unknown"
    message: str = ""
    """Explanation of the state, as the error of a failed job; else empty."""
    submitted_at: str = ""
    """Time of the submission: ISO 8601, UTC."""
    code: str = ""
    """How Paceline's code came, as `--code` says it; empty where the target does not know it."""
    exit_code: int | None = None
    """Exit code of the driver; None where it has not ended or the target does not know it."""

    @property
    def ended(self) -> bool:
        """Whether the job has finished, stopped or failed."""
        return self.state in ENDED


class Target(Protocol):
    """A machine or cluster that runs sweeps. All methods raise TargetError where it cannot be reached or refuses.

    ``str(target)`` is the text from which ``parse_target`` makes the same target.
    """

    def checks(self, code: Code) -> Iterator[Check]:
        """Yield the checks of `paceline doctor --on`; ``code`` says whether Paceline is sent or in the image."""

    def submit(self, submission: Submission) -> str:
        """Start the sweep and return the name of its job, without waiting for its end.

        Raises SpecError with every fault of the submission before anything is sent.
        """

    def status(self, sweep_id: str) -> SweepJob:
        """Return the state of the sweep's latest submission. Raises LookupError where the target has none."""

    def sweeps(self) -> list[SweepJob]:
        """Return the latest submission of every sweep on the target, the newest first."""

    def next_attempt(self, sweep_id: str) -> int:
        """Return an attempt number above those of all the sweep's submissions on the target."""

    def logs(self, sweep_id: str, follow: bool = False) -> Iterator[str]:
        """Yield the lines of the driver's log, without line ends; with ``follow`` until the sweep ends."""

    def steer(self, sweep_id: str, wish: Wish) -> list[str]:
        """Leave what a user wants of a running sweep for its driver, and return what it says. Raises SpecError."""

    def stop(self, sweep_id: str, now: bool = False) -> None:
        """Ask the driver to save and stop, or (``now``) kill it. Returns at once."""
