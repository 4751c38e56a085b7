"""Checks the files and folders that a spec names, and the classes of an image folder; opens no file."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

from search_spaces.spec.data import Data
from search_spaces.spec.image_folder import FolderFault, class_folders
from search_spaces.spec.yaml_document import Document
from search_spaces.types.faults import nearest, shown

_PATH_CHARACTERS = 4096


def found_path(document: Document, key: str, text: str, base: Path, *, folder: bool = False) -> Path | None:
    """Return the absolute path of the file or ``folder`` at ``data.key``; None, with a fault, if it is missing."""
    path, what, other = ("data", key), *(("folder", "file") if folder else ("file", "folder"))
    if "://" in text:
        document.fault(path, f"must be a {what} on this machine", shown(text))
        return None
    if len(text) > _PATH_CHARACTERS:  # resolving them is slow, and no known system can open them
        document.fault(path, f"must be a path of at most {_PATH_CHARACTERS} characters", shown(text))
        return None
    try:
        file = (base / Path(text).expanduser()).resolve()
        there, wrong = (file.is_dir(), file.is_file()) if folder else (file.is_file(), file.is_dir())
    except (OSError, RuntimeError, ValueError) as error:
        document.fault(path, f"must be a path ({getattr(error, 'strerror', None) or error})", shown(text))
        return None
    if there:
        return file
    if wrong:
        document.fault(path, f"must be a {what}, this is a {other}", shown(text))
        return None
    if file.exists():
        document.fault(path, f"must be a {what}, this is a pipe, a socket or a device", shown(text))
        return None
    close = nearest(file.name, _names_in(file.parent))
    document.fault(path, f"there is no such {what}", shown(text), close and repr(str(Path(text).with_name(close))))
    return None


def _names_in(folder: Path) -> list[str]:
    try:
        return [path.name for path in islice(folder.iterdir(), 1000)]
    except OSError:
        return []


def check_folder(document: Document, key: str, path: Path, data: Data) -> None:
    """Note a fault for a folder of images with fewer than two classes or with an empty one."""
    _check_classes(document, key, path, "images")


def check_documents(document: Document, key: str, path: Path, data: Data) -> None:
    """Note a fault for a folder of texts with fewer than two classes or with an empty one."""
    _check_classes(document, key, path, "texts")


def _check_classes(document: Document, key: str, path: Path, what: str) -> None:
    try:
        class_folders(path, what)
    except FolderFault as fault:
        document.fault(("data", key), fault.rule, fault.received)
    except OSError as error:
        document.fault(("data", key), f"cannot be read: {error.strerror}", shown(str(path)))
