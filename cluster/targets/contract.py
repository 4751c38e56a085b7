"""Where sweeps run. A target is chosen once, by its text; nothing else knows the difference."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from cluster.doctor.machine import Check
    from cluster.targets.submission import Code, Submission

State = Literal["queued", "starting", "running", "retrying", "finished", "stopped", "failed", "unknown"]
ENDED: tuple[State, ...] = ("finished", "stopped", "failed")
LOCAL = "local"


class TargetError(RuntimeError):
    """The target cannot be used, or cannot do what was asked; the message says what to do."""


@dataclass(frozen=True, kw_only=True)
class SweepJob:
    """A sweep's latest submission to a target, as it stands there."""

    id: str
    job_name: str
    """What the target itself calls it."""
    name: str = ""
    owner: str = ""
    attempt: int = 1
    state: State = "unknown"
    message: str = ""
    """What there is to say about the state; empty when all is well."""
    submitted_at: str = ""
    """ISO 8601, UTC."""

    exit_code: int | None = None
    """The driver's, where the target knows it."""

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen."""
        return self.state in ENDED


class Target(Protocol):
    """A place where sweeps run. Everything raises TargetError when it is not there or refuses.

    ``str`` of a target is the text that ``parse_target`` makes it of.
    """

    def checks(self, code: Code) -> Iterator[Check]:
        """What `paceline doctor --on` tells of the target, for what is shipped or sits in the image."""

    def submit(self, submission: Submission) -> str:
        """Hands the sweep over and returns at once, with the target's own name for it.

        Raises SpecError with every fault before anything is sent.
        """

    def status(self, sweep_id: str) -> SweepJob:
        """The sweep's latest submission. LookupError when the target knows of none (any more)."""

    def sweeps(self) -> list[SweepJob]:
        """The latest submission of every sweep that the target knows of, the newest first."""

    def next_attempt(self, sweep_id: str) -> int:
        """A number above that of every submission of the sweep that the target knows of."""

    def logs(self, sweep_id: str, follow: bool = False) -> Iterator[str]:
        """The driver's lines, without their ends; with ``follow`` until the sweep ends."""

    def stop(self, sweep_id: str, now: bool = False) -> None:
        """Asks the driver to save and stop, or (``now``) ends it. Returns at once."""
