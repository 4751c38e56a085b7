"""Artifacts: named groups of files that a run keeps."""

from __future__ import annotations

import os
from typing import Any

from .messages import CommError, not_here


class Artifact:
    """Files with a name and a kind. They are copied when the run logs it, as W&B does."""

    def __init__(
        self,
        name: str,
        type: str,
        description: str | None = None,
        metadata: dict[str, Any] | None = None,
        **_: Any,
    ) -> None:
        self.name, self.type, self.description = name, type, description
        self.metadata: dict[str, Any] = dict(metadata or {})
        self.aliases: list[str] = []
        self.version, self.id, self.state = "v0", None, "PENDING"
        self.files: dict[str, str] = {}
        """Path of each file by its name in the artifact."""

    def add_file(self, local_path: str, name: str | None = None, **_: Any) -> None:
        """Add a file."""
        path = os.fspath(local_path)
        if not os.path.isfile(path):
            raise ValueError(f"Path is not a file: {path!r}")
        self.files[name or os.path.basename(path)] = path

    def add_dir(self, local_path: str, name: str | None = None, **_: Any) -> None:
        """Add all files of a folder."""
        top = os.fspath(local_path)
        if not os.path.isdir(top):
            raise ValueError(f"Path is not a directory: {top!r}")
        for folder, _folders, names in os.walk(top):
            for file in names:
                path = f"{folder}/{file}"
                short = os.path.relpath(path, top)
                self.files[f"{name}/{short}" if name else short] = path

    def add(self, obj: Any, name: str, **_: Any) -> None:
        """Add media, such as a table."""
        written = obj.save(f"{new_folder()}/{os.path.basename(name)}")
        if written:
            self.files[f"{name}{written.rpartition(os.path.basename(name))[2]}"] = written

    def new_file(self, name: str, mode: str = "w", encoding: str | None = None) -> Any:
        """Open a new file of the artifact, which is closed at the end of a ``with`` block."""
        self.files[name] = path = f"{new_folder()}/{os.path.basename(name)}"
        return open(path, mode, encoding=encoding)

    def add_reference(self, uri: str, name: str | None = None, **_: Any) -> list[Any]:
        """Take note of an address."""
        self.metadata.setdefault("references", []).append(str(uri))
        return []

    def save(self, *_: Any, **__: Any) -> None:
        """Do nothing: a run logs it."""

    def wait(self, timeout: int | None = None) -> Artifact:
        """Return the artifact: it is kept at once."""
        return self

    def download(self, *_: Any, **__: Any) -> str:
        """Raise CommError: nothing is fetched from W&B."""
        raise CommError(not_here("access to W&B's artifacts"))

    get_path = get_entry = download

    def copied(self, folder: str) -> dict[str, str]:
        """Copy the files below ``folder``, and return where each is, by its path there."""
        import shutil  # 3 ms

        found = {}
        kind, name = (text.replace("/", "_").replace(":", "_") for text in (self.type, self.name))
        for short, path in self.files.items():
            there = f"artifacts/{kind}/{name}/{short}"
            os.makedirs(os.path.dirname(f"{folder}/{there}"), exist_ok=True)
            found[there] = str(shutil.copyfile(path, f"{folder}/{there}"))
        self.state = "COMMITTED"
        return found


def new_folder() -> str:
    import tempfile  # 5 ms

    return tempfile.mkdtemp(prefix="wandb-")


def artifact_of(given: Any, name: str | None, kind: str | None, default_name: str) -> Artifact:
    """Return an artifact for a path, or the one that is given."""
    if isinstance(given, Artifact):
        return given
    path = os.fspath(given)
    made = Artifact(name or default_name, kind or "unspecified")
    if os.path.isdir(path):
        made.add_dir(path)
    else:
        made.add_file(path)
    return made
