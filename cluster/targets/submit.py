"""Submits a sweep: checks that the cluster can reach its stores, packs its files, sends and remembers it."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from cluster.doctor import reachability
from cluster.sweep.knowledge.warm_start import beside, travelling
from cluster.sweep.lane_count import LaneNeed
from cluster.targets import package, submitted
from cluster.targets.contract import ENDED, LOCAL, SweepJob, Target, TargetError
from cluster.targets.submission import PODS, Code, Submission, usual_code
from search_spaces.types.faults import SpecError
from search_spaces.types.module_path import FOLDER, users_folder
from tracking.store.records import user
from workloads.registry import catalogue

if TYPE_CHECKING:
    from search_spaces.spec.sweep import Sweep


@dataclass(frozen=True)
class Job:
    """A submitted sweep. ``notes`` tell the user which data and links were not sent."""

    id: str
    target: Target
    notes: tuple[str, ...] = ()

    def status(self) -> SweepJob:
        """Return the sweep's state on its target. Raises LookupError and TargetError."""
        return self.target.status(self.id)


def submit(sweep: Sweep, target: Target, code: Code | None) -> Job:
    """Submit a new sweep, with a random ID. Raises SpecError with every fault, and TargetError."""
    return _send(os.urandom(4).hex(), sweep, target, code, 1, {})


def resubmit(entry: submitted.SubmittedSweep, target: Target, more: Mapping[str, str] | None = None) -> Job:
    """Submit another attempt of a sweep that this folder submitted, with ``more`` environment variables of the job.

    Raises TargetError, also where the sweep has not ended there, and SpecError.
    """
    from search_spaces.spec.sweep import parse_sweep  # 120 ms: pydantic

    with contextlib.suppress(LookupError):  # a restarted head has forgotten its jobs
        state = target.status(entry.id).state
        if state not in ENDED:
            raise TargetError(f"sweep {entry.id} is {state} on {target}: `paceline stop {entry.id}` ends it")
    text = submitted.spec_of(entry.id)
    folder = users_folder(entry.folder or Path.cwd())  # the working_dir that it was submitted with, if any
    sweep = parse_sweep(text, f"the spec of sweep {entry.id}", _sent_from(folder), catalogue=catalogue())
    sweep = sweep.model_copy(update={"folder": folder})
    attempt = max(entry.attempt + 1, target.next_attempt(entry.id))
    code: Code = "image" if entry.code == "image" else "ship"
    return _send(entry.id, sweep, target, code, attempt, more or {})


def _sent_from(spec_folder: str) -> Path:
    """Return the folder whose files are sent: the working folder, or the spec's where that is not in it."""
    here = Path.cwd()
    return here if Path(spec_folder).is_relative_to(here) else Path(spec_folder)


def _send(
    sweep_id: str, sweep: Sweep, target: Target, code: Code | None, attempt: int, more: Mapping[str, str]
) -> Job:
    spec_folder = sweep.folder or str(Path.cwd())
    place, folder = str(target), _sent_from(spec_folder)
    cluster, pods = place != LOCAL, place.startswith(PODS)
    code = code or usual_code(place)
    given = reachability.travelling(os.environ) if cluster else {}
    if cluster:
        faults = [*reachability.unseen(sweep, given, place), *package.unsent_packages(sweep, folder, pods)]
        if faults:
            raise SpecError(faults)
    spec_text, staying = package.travelling_spec(sweep, folder)
    notes = [f"{path} does not travel: the cluster must have it there" for path in staying] if cluster else []
    packed = package.pack(folder, code, modules_only=pods) if cluster else package.Package({})
    spec_file = "sweep.yaml" if pods else f"{packed.below}paceline-{sweep_id}.yaml"
    text = spec_text if cluster else sweep.to_text()
    known, told = travelling(sweep) if cluster else (b"", "")
    notes += [told] if told else []
    within = f"{packed.below}{os.path.relpath(spec_folder, folder)}" if cluster else spec_folder
    submission = Submission(
        id=sweep_id,
        name=sweep.name,
        owner=user(),
        version=metadata.version("paceline"),
        files={**packed.files, spec_file: text.encode(), **({beside(spec_file): known} if known else {})},
        spec_file=spec_file,
        code=code,
        environment={**given, **more, "PACELINE_OWNER": user(), "PACELINE_PLACE": place, FOLDER: within},
        attempt=attempt,
        priority=sweep.priority,
        lane=LaneNeed.of(sweep.resources),
    )
    name = target.submit(submission)
    entry = submitted.SubmittedSweep(
        id=sweep_id,
        target=place,
        submission_id=name,
        name=sweep.name,
        submitted_at=datetime.now(UTC).isoformat(timespec="seconds"),
        owner=user(),
        attempt=attempt,
        code=code,
        folder=spec_folder,
    )
    submitted.remember(entry, spec_text)
    return Job(sweep_id, target, (*notes, *packed.notes))
