"""Files that a user's function logs as artifacts of its trial's MLflow run; they travel with the epoch's report."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

MAX_BYTES = 2**22
"""Limit on the files of a trial's epoch together, of all its folds, as they travel with its report."""
MAX_REPORT_BYTES = 2**25
"""Limit on the files of one epoch of all trials of a leg."""
MIB = 2**20


@dataclass
class Artifacts:
    """Files that were logged since the last epoch's end, by their path among the run's artifacts."""

    files: dict[str, bytes] = field(default_factory=dict)
    told: list[str] = field(default_factory=list)
    """Sentences on files that were left out."""
    way: str = "what is larger belongs into run.report(save)"
    """What to do about these."""

    def add(self, path: Path, into: str) -> None:
        """Read a file, or all files of a folder, as they are now. One that is too large is left out, and told.

        Raises FileNotFoundError, and ValueError where ``into`` leads out of the run's artifacts.
        """
        if not path.exists():
            raise FileNotFoundError(f"run.log_artifact: there is no {path}")
        parts = PurePosixPath(into).parts
        if ".." in parts or parts[:1] == ("/",):
            raise ValueError(f"run.log_artifact: {into!r} must be a folder among the run's artifacts")
        for name, file in _files(path):
            self.keep(PurePosixPath(into, name).as_posix(), file)

    def keep(self, name: str, file: Path) -> None:
        """Read the file that is to be ``name`` among the run's artifacts."""
        size = file.stat().st_size
        if self.num_bytes + size <= MAX_BYTES:
            self.files[name] = file.read_bytes()
        else:
            self._leave_out(name, size)

    def join(self, other: Artifacts, folder: str) -> None:
        """Take the files of another training of the trial into ``folder``, as far as there is room."""
        self.told += other.told
        for name, content in other.files.items():
            if self.num_bytes + len(content) <= MAX_BYTES:
                self.files[f"{folder}{name}"] = content
            else:
                self._leave_out(f"{folder}{name}", len(content))

    @property
    def num_bytes(self) -> int:
        """Size of all files together."""
        return sum(map(len, self.files.values()))

    def _leave_out(self, name: str, size: int) -> None:
        limit = f"the artifacts of an epoch may have {MAX_BYTES // MIB} MiB together"
        told = f"{name} of {size / MIB:.1f} MiB is left out: {limit}"
        self.told.append(f"{told}; {self.way}")
        self.files[f"{name}.left_out.txt"] = f"{told}\n".encode()

    def take(self) -> Artifacts:
        """Return what there is, and forget it."""
        taken = Artifacts(self.files, self.told, self.way)
        self.files, self.told = {}, []
        return taken


def _files(path: Path) -> Iterator[tuple[str, Path]]:
    if path.is_file():
        yield path.name, path
        return
    for file in sorted(path.rglob("*")):
        if file.is_file():
            yield f"{path.resolve().name}/{file.relative_to(path).as_posix()}", file
