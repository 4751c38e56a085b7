"""What this folder has submitted, and where to: one small file a sweep, beside the homes."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from cluster.sweep.home import write_whole

ROOT = Path(".paceline")
"""Of the folder that submits, wherever the homes are."""


@dataclass(frozen=True, kw_only=True)
class SubmittedSweep:
    """The latest submission of one sweep."""

    id: str
    target: str
    submission_id: str
    name: str
    submitted_at: str
    """ISO 8601, UTC."""
    owner: str
    attempt: int = 1
    code: str = "ship"


def _folder(root: Path) -> Path:
    return root / "jobs"


def remember(entry: SubmittedSweep, spec_text: str, root: Path = ROOT) -> None:
    """Keeps the entry, and the spec as it travelled, for a submission after the next."""
    folder = _folder(root)
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(folder / f"{entry.id}.yaml", spec_text)
    write_whole(folder / f"{entry.id}.json", json.dumps(asdict(entry), indent=2))


def spec_of(sweep_id: str, root: Path = ROOT) -> Path:
    """The file with the spec that travelled; its paths are relative to the folder that was submitted from."""
    return _folder(root) / f"{sweep_id}.yaml"


def entries(root: Path = ROOT) -> list[SubmittedSweep]:
    """Every submission, the newest first."""
    found = [SubmittedSweep(**json.loads(path.read_text())) for path in _folder(root).glob("*.json")]
    return sorted(found, key=lambda entry: entry.submitted_at, reverse=True)


def find(reference: str, root: Path = ROOT) -> SubmittedSweep | None:
    """The submission by ID, a prefix that only it has, or ``last``; None where there is none."""
    known = entries(root)
    if reference == "last":
        return known[0] if known else None
    found = [entry for entry in known if entry.id.startswith(reference)]
    exact = [entry for entry in found if entry.id == reference]
    if len(exact or found) > 1:
        raise LookupError(f"more than one sweep begins with {reference!r}: {', '.join(e.id for e in found)}")
    return next(iter(exact or found), None)
