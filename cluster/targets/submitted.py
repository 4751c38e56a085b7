"""Remembers which sweeps this folder has submitted, and to which target: two small files for each sweep."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from cluster.sweep.home import matching, write_whole
from search_spaces.types.files.private_files import private_files

FOLDER = Path(".paceline", "jobs")
"""Folder of these files, relative to the submitting folder, wherever PACELINE_HOME is."""


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


def remember(entry: SubmittedSweep, spec_text: str) -> None:
    """Write the entry, and the spec as it was sent, for ``resubmit``."""
    with private_files():
        FOLDER.mkdir(parents=True, exist_ok=True)
    write_whole(FOLDER / f"{entry.id}.yaml", spec_text)
    write_whole(FOLDER / f"{entry.id}.json", json.dumps(asdict(entry), indent=2))


def spec_of(sweep_id: str) -> Path:
    """Return the path of the sent spec; the paths in it are relative to the submitting folder."""
    return FOLDER / f"{sweep_id}.yaml"


def entries() -> list[SubmittedSweep]:
    """Return the latest submission of every sweep, the newest first."""
    found = [SubmittedSweep(**json.loads(path.read_text())) for path in FOLDER.glob("*.json")]
    return sorted(found, key=lambda entry: entry.submitted_at, reverse=True)


def find(reference: str) -> SubmittedSweep | None:
    """Return the submission of an ID, a unique prefix of one, or ``last``; None where there is none.

    Raises LookupError where several IDs begin with ``reference``.
    """
    known = {entry.id: entry for entry in entries()}
    found = matching(reference, known)
    return None if found is None else known[found]
