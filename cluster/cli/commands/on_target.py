"""Commands on a target: submit, status, wait, doctor, and run, resume and stop where the sweep is on one."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from cluster.cli.commands.shared import Failure, Refusal, load, print_json, refusing
from cluster.cli.options import CODE, JSON, ON, OVERRIDES, SPEC, SWEEP
from cluster.exit_codes import FAILED, FINISHED, INTERRUPTED
from cluster.targets import submitted as ledger
from cluster.targets.contract import LOCAL, SweepJob, Target, TargetError
from cluster.targets.parse import parse_target
from cluster.targets.place import place
from search_spaces.types.driver_errors import Unreadable

if TYPE_CHECKING:
    from cluster.targets.submission import Code
    from cluster.targets.submit import Job

POLL_S = 1.0
STOP_PATIENCE_S = 120.0


@contextmanager
def telling() -> Iterator[None]:
    """Turn SpecError, TargetError, ValueError and LookupError in the block into Refusal, StudyAway into Failure."""
    try:
        with refusing():
            yield
    except (TargetError, ValueError) as error:
        raise Refusal(str(error)) from error
    except LookupError as error:
        raise Refusal(str(error.args[0])) from error


@click.command()
@SPEC
@OVERRIDES
@ON
@CODE
@click.option("--wait", is_flag=True, help="Return when the sweep has ended, with its exit code.")
@JSON
def submit(spec: str, overrides: tuple[str, ...], on: str | None, code: Code | None, **flags: bool) -> int:
    """Submit the sweep of SPEC to a cluster and return."""
    job = _submitted(spec, overrides, chosen(on), code)
    return _as_json(job, flags["wait"]) if flags["as_json"] else _after(job, flags["wait"], follow=False)


def run_on(spec: str, overrides: tuple[str, ...], on: str, code: Code | None = None, as_json: bool = False) -> int:
    """Submit a new sweep to target ``on`` and follow its log; return the exit code. Ctrl-C leaves it running.

    With ``as_json`` it prints how the sweep has ended instead of its log.
    """
    job = _submitted(spec, overrides, on, code)
    return _as_json(job, wait=True) if as_json else _after(job, wait=True, follow=True)


def resume_on(
    reference: str, on: str | None, trials: str | None, budget: Sequence[str] = (), as_json: bool = False
) -> int:
    """Submit another attempt of a sweep that this folder submitted; return the exit code.

    ``on`` replaces its earlier target; ``trials`` and ``budget`` are those of `resume`.
    """
    from cluster.targets.submit import resubmit

    more = {"PACELINE_TRIALS": trials or "", "PACELINE_BUDGET": " ".join(budget)}
    with telling():
        try:
            entry = ledger.find(reference)
        except Unreadable:
            if on is None:
                raise
            entry = ledger.had_back(reference, parse_target(on))
        if entry is None:
            raise LookupError(f"this folder has submitted no sweep {reference}; `paceline ls` lists what it knows")
        job = resubmit(entry, parse_target(on or entry.target), {name: text for name, text in more.items() if text})
    return _as_json(job, wait=False) if as_json else _after(job, wait=False, follow=False)


def _submitted(spec: str, overrides: tuple[str, ...], on: str | None, code: Code | None) -> Job:
    from cluster.targets.submit import submit

    with telling():
        target = parse_target(on or LOCAL)
        return submit(load(spec, overrides), target, code)


def _after(job: Job, wait: bool, follow: bool) -> int:
    for note in job.notes:
        print(note)
    print(f"sweep {job.id} submitted to {job.target}; `paceline logs {job.id} -f` follows it", flush=True)
    if follow:
        return follow_driver(job.target, job.id)
    return _wait(job.target, job.id) if wait else FINISHED


def _as_json(job: Job, wait: bool) -> int:
    """Print a submitted sweep as a document, with ``wait`` when it has ended; return the exit code."""
    told: dict[str, Any] = {"sweep": job.id, "target": str(job.target), "notes": list(job.notes)}
    ended, code = _ended(job.target, job.id) if wait else (None, FINISHED)
    told |= {"state": ended.state if ended else "submitted", "message": ended.message if ended else ""}
    print_json({**told, "exit_code": code if ended else None})
    return code


@click.command()
@SWEEP
@ON
@JSON
def status(sweep: str, on: str | None, as_json: bool) -> int:
    """Show a submitted sweep's state."""
    with telling():
        sweep_id, target = place(sweep, chosen(on))
        job = target.status(sweep_id)
        last = next(iter(list(target.logs(sweep_id))[-1:]), "") if job.state == "running" else ""
    told: dict[str, Any] = {
        "sweep": job.id, "name": job.name, "target": str(target), "state": job.state, "attempt": job.attempt,
        "owner": job.owner, "submitted_at": job.submitted_at, "message": job.message, "last": last,
    }  # fmt: skip
    if as_json:
        print_json(told)
        return FINISHED
    by = f", by {job.owner}" if job.owner else ""
    print(f"{job.name}-{job.id}  {job.state}  attempt {job.attempt}, on {target}{by}")
    for line in filter(None, (job.message, last)):
        print(f"  {line}")
    print("\n".join(f"  {command}" for command in _next(job)))
    return FINISHED


def _next(job: SweepJob) -> list[str]:
    """Return commands to type next; the log of a driver is one of a submitted sweep."""
    if not job.job_name:
        going_on = [] if job.state == "finished" else [f"paceline {'resume' if job.ended else 'stop'} {job.id}"]
        return [f"paceline show {job.id}", *going_on]
    if not job.ended:
        return [f"paceline logs {job.id} -f", f"paceline stop {job.id}"]
    return [f"paceline logs {job.id}"] + ([] if job.state == "finished" else [f"paceline resume {job.id}"])


@click.command()
@SWEEP
@ON
@JSON
def wait(sweep: str, on: str | None, as_json: bool) -> int:
    """Wait until a submitted sweep ends."""
    with telling():
        sweep_id, target = place(sweep, chosen(on))
    if not as_json:
        return _wait(target, sweep_id)
    job, code = _ended(target, sweep_id)
    told = {"sweep": sweep_id, "target": str(target), "state": job.state, "message": job.message}
    print_json({**told, "exit_code": code})
    return code


def stop_on(reference: str, on: str, now: bool, as_json: bool = False) -> int:
    """Stop a sweep on a target, cleanly or (``now``) at once, and wait for its end; return the exit code.

    Raises Failure where it is not running, or still runs after ``STOP_PATIENCE_S`` seconds.
    """
    with telling():
        sweep_id, target = place(reference, on)
        job = target.status(sweep_id)
        if job.ended:
            raise Failure(f"sweep {sweep_id} is not running on {target}: it is {job.state}")
        target.stop(sweep_id, now)
        deadline = time.monotonic() + STOP_PATIENCE_S
        while not (job := _there(target, sweep_id)).ended:
            if time.monotonic() > deadline:
                raise Failure(f"sweep {sweep_id} was asked to stop and still is at it; --now does not wait")
            time.sleep(POLL_S)
    if as_json:
        print_json({"sweep": sweep_id, "target": str(target), "state": job.state})
    else:
        print(f"sweep {sweep_id} {job.state}; `paceline resume {sweep_id}` continues it")
    return FINISHED


def _there(target: Target, sweep_id: str) -> SweepJob:
    """Return the sweep's state; ``stopped`` where the target has forgotten it, as Kubernetes does after a stop."""
    try:
        return target.status(sweep_id)
    except LookupError:
        return SweepJob(id=sweep_id, job_name="", state="stopped")


def follow_driver(target: Target, sweep_id: str) -> int:
    """Print the sweep's log as it comes, and wait for its end; return its exit code. Ctrl-C leaves it running."""
    try:
        with telling():
            for line in target.logs(sweep_id, follow=True):
                print(line, flush=True)
        return _wait(target, sweep_id)
    except KeyboardInterrupt:
        print(
            f"\ndetached; sweep {sweep_id} continues: `paceline logs {sweep_id} -f` follows it again, "
            f"`paceline stop {sweep_id}` ends it"
        )
        return INTERRUPTED


def _wait(target: Target, sweep_id: str) -> int:
    job, code = _ended(target, sweep_id)
    print(f"sweep {sweep_id} {job.state}{': ' + job.message if job.message else ''}")
    return code


def _ended(target: Target, sweep_id: str) -> tuple[SweepJob, int]:
    """Wait for the sweep's end; return its state, and its exit code."""
    with telling():
        while not (job := target.status(sweep_id)).ended:
            time.sleep(POLL_S)
    known = {"finished": FINISHED, "stopped": INTERRUPTED}.get(job.state, FAILED)
    return job, known if job.exit_code is None else job.exit_code


@click.command()
@click.option("--full", is_flag=True, help="Also start a local Ray.")
@ON
@CODE
@JSON
def doctor(full: bool, on: str | None, code: Code | None, as_json: bool) -> int:
    """Check this machine, or (--on) a cluster."""
    from cluster.doctor.report import examine_here, report
    from cluster.targets.submission import usual_code

    if (target := chosen(on)) is None:
        return report(examine_here(full), as_json)
    with telling():
        return report(parse_target(target).checks(code or usual_code(target)), as_json)


def away(reference: str, on: str | None) -> str | None:
    """Return the target that the sweep is on, ``on`` or the one it was submitted to; None for this machine."""
    if on is not None:
        return on
    with telling():
        try:
            target = str(place(reference, None)[1])
        except LookupError:
            return None  # the caller looks for it in this folder, and raises the error
    return None if target == LOCAL else target


def chosen(on: str | None) -> str | None:
    """Return the target of ``--on``, else of PACELINE_TARGET; None for this machine."""
    text = on or os.environ.get("PACELINE_TARGET") or LOCAL
    return None if text == LOCAL else text
