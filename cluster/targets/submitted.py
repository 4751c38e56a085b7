"""Remembers which sweeps this folder has submitted, and to which target: two small files for each sweep."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from cluster.sweep.home import write_whole

ROOT = Path(".paceline")
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


def _folder(root: Path) -> Path:
    return root / "jobs"


def remember(entry: SubmittedSweep, spec_text: str, root: Path = ROOT) -> None:
    """Write the entry, and the spec as it was sent, for ``resubmit``."""
    folder = _folder(root)
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(folder / f"{entry.id}.yaml", spec_text)
    write_whole(folder / f"{entry.id}.json", json.dumps(asdict(entry), indent=2))


def spec_of(sweep_id: str, root: Path = ROOT) -> Path:
    """Return the path of the sent spec; the paths in it are relative to the submitting folder."""
    return _folder(root) / f"{sweep_id}.yaml"


def entries(root: Path = ROOT) -> list[SubmittedSweep]:
    """Return the latest submission of every sweep, the newest first."""
    found = [SubmittedSweep(**json.loads(path.read_text())) for path in _folder(root).glob("*.json")]
    return sorted(found, key=lambda entry: entry.submitted_at, reverse=True)


def find(reference: str, root: Path = ROOT) -> SubmittedSweep | None:
    """Return the submission of an ID, a unique prefix of one, or ``last``; None where there is none.

    Raises LookupError where several IDs begin with ``reference``.
    """
    known = entries(root)
    if reference == "last":
        return known[0] if known else None
    found = [entry for entry in known if entry.id.startswith(reference)]
    exact = [entry for entry in found if entry.id == reference]
    if len(exact or found) > 1:
        raise LookupError(f"more than one sweep begins with {reference!r}: {', '.join(e.id for e in found)}")
    return next(iter(exact or found), None)
