"""Folders of files that users' code saved: temporary on this machine, and removed with their last reference."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from workloads.files.temporary_home import temporary_home


class NotAFile(RuntimeError):
    """Error: what was saved cannot be kept; the message is one plain sentence for the user."""


@dataclass(frozen=True)
class Contents:
    """What is in a folder: its files by name, relative and with slashes, and its empty folders."""

    files: Mapping[str, Path]
    folders: tuple[str, ...]


def contents(root: Path) -> Contents:
    """Return what is below ``root``, links followed. Raises NotAFile for what is neither a file nor a folder."""
    files: dict[str, Path] = {}
    folders: list[str] = []
    for path, is_file in _below(root, ()):
        name = path.relative_to(root).as_posix()
        _check_name(name)
        if is_file:
            files[name] = path
        elif path != root:
            folders.append(name)
    return Contents(files, tuple(folders))


def _below(folder: Path, above: tuple[Path, ...]) -> Iterator[tuple[Path, bool]]:
    """Yield each file, and each empty folder, with whether it is a file."""
    real = folder.resolve()
    if real in above:
        raise NotAFile(f"the link {folder.name!r} that was saved leads back to the folder that it is in")
    entries = sorted(folder.iterdir())
    if not entries:
        yield folder, False
    for entry in entries:
        if entry.is_dir():
            yield from _below(entry, (*above, real))
        elif entry.is_file():
            yield entry, True
        else:
            what = "a link to nothing" if entry.is_symlink() else "no file"
            raise NotAFile(f"{entry.name!r} that was saved is {what}: it could not be read again")


def _check_name(name: str) -> None:
    try:
        name.encode()
    except UnicodeEncodeError as error:
        raise NotAFile(f"the file name {name!r} that was saved is no text in UTF-8") from error


def _new() -> TemporaryDirectory[str]:
    return TemporaryDirectory(dir=temporary_home(), ignore_cleanup_errors=True)


@dataclass(frozen=True)
class SavedFiles:
    """A folder of files on this machine. It is not written to any more, but for one that its only user has got."""

    path: Path
    _held: object = field(repr=False)
    """Removes the temporary folder with its last reference."""

    @classmethod
    def empty(cls) -> SavedFiles:
        """Return a new, empty folder."""
        held = _new()
        return cls(Path(held.name), held)

    @classmethod
    def joined(cls, parts: Mapping[str, SavedFiles]) -> SavedFiles:
        """Return a folder with a copy of each part, under its name."""
        made = cls.empty()
        for name, part in parts.items():
            shutil.copytree(part.path, made.path / name)
        return made

    def part(self, name: str) -> SavedFiles | None:
        """Return the folder ``name`` of this one; None where there is none."""
        path = self.path / name
        return SavedFiles(path, self._held) if path.is_dir() else None

    def copied(self) -> SavedFiles:
        """Return a copy, whose user may do what he likes to it."""
        made = SavedFiles.empty()
        shutil.copytree(self.path, made.path, dirs_exist_ok=True)
        return made
