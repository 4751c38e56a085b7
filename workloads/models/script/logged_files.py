"""The files that a script logs (W&B's artifacts, media and folder, MLflow's artifacts), which its trial keeps."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from workloads.files.saved_files import SavedFiles
from workloads.models.script.mlflow_store import MlflowStore
from workloads.models.script.report_file import ReportFile

FILES = "files"
"""Folder of W&B's run below the script's own folder, and among the trial's artifacts."""


@dataclass
class LoggedFiles:
    """What one run of a script has logged: names among its trial's artifacts, and where each file is.

    What it reports is whole then. Of MLflow's artifacts and of W&B's folder nobody knows that before it is over,
    by itself or not: then they are as complete as they will ever be.
    """

    reports: ReportFile
    mlflow: MlflowStore
    own: Path
    """The script's own folder."""
    _all: dict[str, Path] = field(default_factory=dict)
    _new: dict[str, Path] = field(default_factory=dict)
    _over: bool = False

    def new(self, over: bool) -> Mapping[str, Path]:
        """Return the files since the last call; ``over``: all processes of the script have ended."""
        self._gather(over)
        taken, self._new = self._new, {}
        return taken

    def copied(self) -> SavedFiles | None:
        """Return a copy of all files that are still there, of a script that is over; None where there is none."""
        self._gather(over=True)
        there = {name: path for name, path in self._all.items() if path.is_file()}
        if not there:
            return None
        copy = SavedFiles.empty()
        for name, path in there.items():
            target = copy.path / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
        return copy

    def _gather(self, over: bool) -> None:
        if over and not self._over:
            self.reports.new()  # up to its end: of the metrics none counts any more
        found = dict(self._reported())
        if over and not self._over:
            self._over = True
            inside = [(f"{FILES}/{name}", path) for name, path in _below(self.own / FILES)]
            known = self._all.keys() | found.keys()
            found |= {name: path for name, path in [*self.mlflow.artifacts, *inside] if name not in known}
        found = {name: path for name, path in found.items() if not {"..", "/"} & {*PurePosixPath(name).parts}}
        self._all |= found
        self._new |= found

    def _reported(self) -> Iterator[tuple[str, Path]]:
        taken, self.reports.artifacts = self.reports.artifacts, []
        for name, path in taken:
            if path.is_file():
                yield name, path
            else:
                yield from ((PurePosixPath(name, inner).as_posix(), file) for inner, file in _below(path))


def _below(folder: Path) -> Iterator[tuple[str, Path]]:
    """Yield the name and the path of each file below a folder; none where there is nothing."""
    yield from ((file.relative_to(folder).as_posix(), file) for file in sorted(folder.rglob("*")) if file.is_file())
