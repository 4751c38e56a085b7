"""Remembers which sweeps this folder has submitted, and to which target: small files for each sweep."""

from __future__ import annotations

import contextlib
import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from cluster.sweep.files.kept import write_whole
from cluster.sweep.home import matching
from cluster.targets.contract import Target
from cluster.targets.submission import usual_code
from search_spaces.types.driver_errors import Unreadable
from search_spaces.types.files.private_files import private_files
from search_spaces.types.files.sealed import Rotten, document, sealed

FOLDER = Path(".paceline", "jobs")
"""Folder of these files, relative to the submitting folder, wherever PACELINE_HOME is."""


SPEC = "spec"


@dataclass(frozen=True, kw_only=True)
class SubmittedSweep:
    """Latest submission of one sweep."""

    id: str
    target: str
    submission_id: str
    name: str
    submitted_at: str
    """Time of the submission: ISO 8601, UTC."""
    owner: str
    attempt: int = 1
    code: str = "ship"
    folder: str = ""
    """Folder of the spec's file; empty in those of earlier versions, which knew the submitting one alone."""


def remember(entry: SubmittedSweep, spec_text: str) -> None:
    """Write the entry with the spec as it was sent, for ``resubmit``, twice; and the spec once more, to be read."""
    with private_files():
        FOLDER.mkdir(parents=True, exist_ok=True)
    text = sealed(json.dumps({**asdict(entry), SPEC: spec_text}, indent=1))
    write_whole(FOLDER / f"{entry.id}.yaml", spec_text)
    for path in _paths(entry.id):
        write_whole(path, text)


def _paths(sweep_id: str) -> tuple[Path, Path]:
    return FOLDER / f"{sweep_id}.json", FOLDER / f"{sweep_id}.json.copy"


def _record(sweep_id: str) -> dict[str, Any]:
    """Return what was remembered of a submission. Raises Unreadable where neither file holds it."""
    for path in _paths(sweep_id):
        with contextlib.suppress(OSError, Rotten):
            found = document(path.read_bytes())
            if found.get("id") == sweep_id:
                return found
    raise Unreadable(
        f"{_paths(sweep_id)[0]}: the submission of sweep {sweep_id} cannot be read, nor its copy; "
        f"`paceline status {sweep_id} --on TARGET` finds the sweep there, as do `logs` and `stop`, and "
        f"`paceline resume {sweep_id} --on TARGET` has the submission back from there"
    )


def spec_of(sweep_id: str) -> str:
    """Return the spec as it was sent; the paths in it are relative to the submitting folder. Raises Unreadable."""
    found = _record(sweep_id).get(SPEC)  # earlier versions kept it in a file of its own alone
    try:
        return (FOLDER / f"{sweep_id}.yaml").read_text(encoding="utf-8") if found is None else str(found)
    except (OSError, UnicodeDecodeError) as error:
        raise Unreadable(f"the spec that was sent cannot be read: {error}") from error


def had_back(reference: str, target: Target) -> SubmittedSweep:
    """Remember anew, from what the target knows of it, a submission whose files have lost it, and return it.

    Raises LookupError where the target does not know it, and Unreadable where the spec that was sent is lost, too.
    """
    sweep_id = matching(reference, _ids())
    assert sweep_id is not None, reference
    job, path = target.status(sweep_id), FOLDER / f"{sweep_id}.yaml"
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Unreadable(
            f"the submission of sweep {sweep_id} is lost, and so is the spec that was sent ({path}: {error}): "
            f"`paceline submit SPEC --on {target}` sends the sweep's file as a new one; what this one has found "
            "stays in MLflow, and in its stores"
        ) from error
    entry = SubmittedSweep(
        id=sweep_id,
        target=str(target),
        submission_id=job.job_name,
        name=job.name,
        submitted_at=job.submitted_at,
        owner=job.owner,
        attempt=job.attempt,
        code=job.code or usual_code(str(target)),
    )
    remember(entry, text)
    return entry


def entries() -> list[SubmittedSweep]:
    """Return the latest submission of every sweep, the newest first; those in ``unreadable`` are left out."""
    found = []
    for sweep_id in _ids():
        with contextlib.suppress(Unreadable):
            known = {field.name for field in fields(SubmittedSweep)}
            found.append(SubmittedSweep(**{key: value for key, value in _record(sweep_id).items() if key in known}))
    return sorted(found, key=lambda entry: entry.submitted_at, reverse=True)


def unreadable() -> list[Unreadable]:
    """Return an error for each submission that cannot be read."""
    found = []
    for sweep_id in _ids():
        try:
            _record(sweep_id)
        except Unreadable as error:
            found.append(error)
    return found


def _ids() -> list[str]:
    return sorted({path.name.partition(".")[0] for path in FOLDER.glob("*.*") if not path.name.startswith(".")})


def find(reference: str) -> SubmittedSweep | None:
    """Return the submission of an ID, a unique prefix of one, ``last``, or a name, of which the newest; else None.

    Raises LookupError where several IDs begin with ``reference``, and Unreadable for one that is damaged.
    """
    known = {entry.id: entry for entry in entries()}
    found = matching(reference, known if reference == "last" else _ids())
    if found is None:
        return next((entry for entry in known.values() if entry.name == reference), None)
    if found not in known:
        _record(found)
    return known[found]
