"""Finds the classes in a folder of images or texts, with folders CLASS or SPLIT/CLASS. Opens no file."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

SPLIT_NAMES: Mapping[str, str] = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "dev"), "val"),
    **dict.fromkeys(("test", "testing"), "test"),
}
"""Split of each folder name, in small letters."""
_LIKE_A_SPLIT = re.compile(r"(^|[\W_])(train|val|dev|test|eval)(ing|id|idation|uation)?([\W_\d]|$)", re.IGNORECASE)
_OF_SYSTEMS = ("thumbs.db", "ehthumbs.db", "desktop.ini", "__macosx")
"""Files and folders that Windows and macOS hide, in small letters."""


def is_hidden(name: str) -> bool:
    """Return whether a file or folder is none of the user's."""
    return name.startswith(".") or name.lower() in _OF_SYSTEMS


def are_splits(inner: Mapping[str, Collection[str]]) -> bool:
    """Return whether folders are those of splits, from the folders in each; else they are classes.

    Raises FolderFault where some are named like splits, and others hold the same folders as these.
    """
    splits = [SPLIT_NAMES.get(name.lower()) for name in inner]
    if "train" in splits and all(splits):
        return True
    for name, held in inner.items():
        if _LIKE_A_SPLIT.search(name):
            for other in sorted(inner.keys() - {name}):
                if shared := sorted(set(held) & set(inner[other])):
                    rule = "folders of splits must be named train, val and test, and stand alone"
                    raise FolderFault(rule, f"{name} and {other}, which both hold {shared[0]}")
    return False


class FolderFault(ValueError):
    """Error: a folder of examples breaks ``rule``; ``received`` is what was found instead."""

    def __init__(self, rule: str, received: object) -> None:
        super().__init__(f"{rule}: {received}")
        self.rule, self.received = rule, str(received)


@dataclass(frozen=True)
class ClassFolder:
    """Folder of one class in one split, or in no split (''), where the examples are split later."""

    split: str
    name: str
    path: Path
    root: Path
    """Folder that holds all classes, out of which no symbolic link may lead."""

    def files(self) -> Iterator[Path]:
        """Yield all files in it and below it, in order, without hidden ones.

        Raises FolderFault for what cannot be opened safely: a link that leads out or to a folder, or a pipe; and
        for a folder that cannot be read, which would be left out.
        """
        refuse_unsafe(self.path, self.root, folder=True)
        for folder, inner, names in os.walk(self.path, onerror=self._refuse_closed):
            inner[:] = sorted(name for name in inner if not is_hidden(name))
            for name in sorted(names):
                if not is_hidden(name):
                    refuse_unsafe(Path(folder, name), self.root)
                    yield Path(folder, name)
            for name in inner:
                if Path(folder, name).is_symlink():
                    refuse_unsafe(Path(folder, name), self.root)

    def _refuse_closed(self, error: OSError) -> None:
        where = Path(os.fsdecode(error.filename)).relative_to(self.root)
        raise FolderFault("must hold folders that can be read", f"{where}: {error.strerror}")


def refuse_unsafe(path: Path, root: Path, folder: bool = False) -> None:
    """Raise FolderFault for a file or ``folder`` in ``root`` that cannot be opened safely.

    A symbolic link may lead anywhere, and the opening of a pipe or a device may never end.
    """
    mode = path.lstat().st_mode
    where = path.relative_to(root)
    if folder or stat.S_ISLNK(mode):
        target = Path(os.path.realpath(path))  # of links in a circle, too
        if not target.is_relative_to(root.resolve()):
            rule = "must hold no symbolic link that leads out of it (copy the file, or name the folder that has it)"
            raise FolderFault(rule, f"{where} -> {target}")
        if not target.exists():
            raise FolderFault("must hold no symbolic link to nothing", f"{where} -> {target}")
        mode = target.stat().st_mode
    if stat.S_ISDIR(mode) and not folder:
        raise FolderFault("must hold no link to a folder inside of a class, which is not followed", where)
    if not stat.S_ISDIR(mode) and not stat.S_ISREG(mode):
        raise FolderFault("must hold files", f"{where} is a {'pipe' if stat.S_ISFIFO(mode) else 'device'}")


def class_folders(root: Path, what: str = "images") -> list[ClassFolder]:
    """Return the folder of every class in every split, which hold ``what``.

    Raises FolderFault for fewer than two classes, an empty class folder, or a class that train lacks.
    """
    inner = _folders(root)
    held = {name: _held(root / name) for name in inner}
    if are_splits(held):
        found = [
            ClassFolder(SPLIT_NAMES[split.lower()], name, root / split / name, root)
            for split, names in held.items()
            for name in names
        ]
    else:
        found = [ClassFolder("", name, root / name, root) for name in inner]
    _check(root, found, what)
    return found


def _folders(path: Path) -> list[str]:
    with os.scandir(path) as entries:
        return sorted(entry.name for entry in entries if entry.is_dir() and not is_hidden(entry.name))


def _held(path: Path) -> list[str]:
    try:
        return _folders(path)
    except OSError:  # such as a link in a circle, which is refused where files are listed
        return []


def _check(root: Path, found: list[ClassFolder], what: str) -> None:
    learned = [folder.name for folder in found if folder.split in ("", "train")]
    if len(learned) < 2:
        each = f"a folder of {what} for each of two or more classes"
        rule = f"must hold {each} (or train/CLASS, val/CLASS, test/CLASS)"
        one = f"one class folder, {learned[0]}" if learned else f"no class folder in {root.name}"
        raise FolderFault(rule, one)
    for folder in found:
        if next(folder.files(), None) is None:
            where = folder.path.relative_to(root)
            raise FolderFault(f"every class folder must hold {what}", f"{where} is empty")
        if folder.name not in learned:
            where = folder.path.relative_to(root)
            raise FolderFault("every class must have a folder in train", f"{where} has none")
