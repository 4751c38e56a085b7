"""A sweep that was submitted: to a cluster, or to a process of this machine that outlives this one."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cluster.python.begin import checked
from cluster.python.given_code import separated
from cluster.python.outcome import telling
from cluster.python.result import Result
from cluster.python.resume import home_of
from cluster.targets import submitted
from cluster.targets.contract import LOCAL, SweepJob, TargetError
from cluster.targets.parse import parse_target
from cluster.targets.place import place
from cluster.targets.submit import Job as Submitted
from cluster.targets.submit import resubmit, submit
from search_spaces.types.driver_errors import SweepError, Unable
from search_spaces.types.faults import Fault, SpecError

if TYPE_CHECKING:
    from cluster.python.specs import Spec
    from cluster.targets.submission import Code

POLL_S = 1.0


@contextmanager
def _asking() -> Iterator[None]:
    """Raise Unable where a target cannot be reached, or refuses, in the block."""
    try:
        yield
    except (TargetError, ValueError) as error:
        raise Unable(str(error)) from error


@dataclass(frozen=True)
class Job:
    """A submitted sweep. All methods raise Unable where its target cannot be reached, or refuses."""

    _submitted: Submitted

    @property
    def id(self) -> str:
        """The sweep's ID."""
        return self._submitted.id

    @property
    def target(self) -> str:
        """Where it was sent: ``local``, ``http://HEAD:8265``, ..."""
        return str(self._submitted.target)

    @property
    def notes(self) -> tuple[str, ...]:
        """Which data and links were not sent."""
        return self._submitted.notes

    def status(self) -> SweepJob:
        """Return its ``state``, ``attempt``, ``message`` and ``exit_code`` there."""
        with _asking():
            return self._submitted.status()

    def logs(self, follow: bool = False) -> Iterator[str]:
        """Yield the lines of its log; with ``follow`` until it ends."""
        with _asking():
            yield from self._submitted.target.logs(self.id, follow)

    def wait(self, timeout_s: float | None = None) -> SweepJob:
        """Wait for its end, and return its status then; an interrupt leaves it running.

        Raises TimeoutError where it has not ended after ``timeout_s`` seconds.
        """
        begun = time.monotonic()
        while not (job := self.status()).ended:
            if timeout_s is not None and time.monotonic() - begun > timeout_s:
                raise TimeoutError(f"sweep {self.id} is {job.state} on {self.target} after {timeout_s:g} s")
            time.sleep(POLL_S)
        return job

    def stop(self, now: bool = False) -> None:
        """Have it stop at the next epoch, with everything saved, or at once (``now``); ``wait`` for the end."""
        with _asking():
            self._submitted.target.stop(self.id, now)

    def resume(self, trials: int | str | None = None, budget: Mapping[str, float | str] | None = None) -> Job:
        """Submit another attempt, with more trials or a larger budget as ``Result.resume`` takes them."""
        wanted = " ".join(f"{limit}={amount}" for limit, amount in (budget or {}).items())
        more = {"PACELINE_TRIALS": str(trials or ""), "PACELINE_BUDGET": wanted}
        if (entry := submitted.find(self.id)) is None:
            raise Unable(f"this folder has not submitted sweep {self.id}: resume it where it was")
        with _asking():
            given = {name: text for name, text in more.items() if text}
            return Job(resubmit(entry, self._submitted.target, given))

    def result(self) -> Result:
        """Return its result so far. Raises SweepError where this machine has neither its home nor its study."""
        try:
            with telling():
                return Result(home_of(self.id))
        except LookupError as error:
            raise SweepError(
                f"the home of sweep {self.id} is on {self.target}: set PACELINE_STUDY to its database of studies, "
                "to read it here; its trials are in MLflow, by the tag sweep.id"
            ) from error

    def __repr__(self) -> str:
        return f"<sweep {self.id} on {self.target}>"


def submitted_of(spec: Spec, overrides: Mapping[str, Any], on: str | None, code: Code | None) -> Job:
    """Submit the sweep of a spec with overrides to target ``on``, as `paceline submit` does."""
    given = separated(spec, overrides)[2]
    if given is not None:
        name = given.name.rpartition(":")[2]
        rule = f"must be in a module that other machines can import: write {name} into a file, mine.py"
        raise SpecError([Fault("spec", "workload", rule, given.name, repr(f"mine:{name}"))])
    sweep = checked(spec, overrides)
    with _asking():
        return Job(submit(sweep, parse_target(on or os.environ.get("PACELINE_TARGET") or LOCAL), code))


def job_of(reference: str, on: str | None) -> Job:
    """Return a sweep that was submitted from this folder, or is on target ``on``. Raises LookupError."""
    with _asking():
        sweep_id, target = place(reference, on)
        return Job(Submitted(sweep_id, target))
