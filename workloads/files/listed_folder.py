"""Files of users' code in a checkpoint: a folder of it, each file listed with its size and CRC-32.

Files are copied piece by piece, however large they are. A local folder is written to a temporary name and renamed.
"""

from __future__ import annotations

import os
import shutil
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path, PurePosixPath
from typing import IO, Any

from workloads.data.streaming.files import filesystem_at
from workloads.files.saved_files import Contents, SavedFiles, contents
from workloads.files.stores import has_no_folders, key, local, opened

PIECE_BYTES = 2**20

Listing = Mapping[str, Any]
"""``files``: by name, size in bytes and CRC-32; ``folders``: those that are empty."""


class Mismatch(ValueError):
    """Error: a file of a checkpoint is not as it was written; the message names it."""


def write(uri: str, name: str, saved: SavedFiles) -> Listing:
    """Copy the files into the folder ``name`` of the checkpoint ``uri``, and return what to write down of them."""
    found, path = contents(saved.path), local(uri)
    files = to_store(uri, name, found.files) if path is None else _to_disk(path, name, found)
    return {"files": files, "folders": list(found.folders)}


def _to_disk(path: Path, name: str, found: Contents) -> dict[str, Any]:
    target, temporary = path / name, path / f".{name}.{os.getpid()}"
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    try:
        for folder in found.folders:
            (temporary / folder).mkdir(parents=True)
        files = {each: _to_file(source, temporary / each) for each, source in found.files.items()}
        put_in_place(temporary, target)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)  # a disk that is full must not fill up with pieces
        raise
    return files


def put_in_place(temporary: Path, target: Path) -> None:
    """Rename the folder ``temporary`` to ``target``, which it replaces."""
    old = target.with_name(f"{temporary.name}.old")
    if target.exists():
        target.rename(old)
    temporary.rename(target)
    shutil.rmtree(old, ignore_errors=True)


def _to_file(source: Path, target: Path) -> list[int]:
    target.parent.mkdir(parents=True, exist_ok=True)
    with source.open("rb") as reader, target.open("xb") as writer:
        return copied(reader, writer.write)


def to_store(uri: str, name: str, sources: Mapping[str, Path]) -> dict[str, list[int]]:
    """Copy files into the folder ``name`` of an object store's ``uri``; return size and CRC-32 of each."""
    filesystem, remote = filesystem_at(uri)
    files = {}
    for each, source in sources.items():
        target = f"{remote}/{name}/{key(each)}"
        if not has_no_folders(filesystem):
            filesystem.makedirs(target.rpartition("/")[0], exist_ok=True)
        with source.open("rb") as reader, filesystem.open(target, "wb") as writer:
            files[each] = copied(reader, writer.write)
    return files


def mark(file: Path) -> list[int]:
    """Return a file's size and CRC-32."""
    with file.open("rb") as reader:
        return copied(reader, len)


def copied(reader: IO[bytes], write: Callable[[bytes], object]) -> list[int]:
    """Copy all that ``reader`` gives; return its size and CRC-32."""
    size = crc = 0
    while piece := reader.read(PIECE_BYTES):
        write(piece)
        size, crc = size + len(piece), zlib.crc32(piece, crc)
    return [size, crc]


def check(uri: str, name: str, listing: Listing) -> None:
    """Read the files that ``write`` wrote. Raises Mismatch where one is another, OSError where one is missing."""
    for each, expected in listing["files"].items():
        with opened(uri, f"{name}/{each}") as reader:
            _compare(name, each, copied(reader, len), expected)


def read(uri: str, name: str, listing: Listing, target: Path) -> None:
    """Copy the files that ``write`` wrote into the folder ``target``. Raises as ``check`` does."""
    for folder in listing["folders"]:
        _inside(target, folder).mkdir(parents=True, exist_ok=True)
    for each, expected in listing["files"].items():
        path = _inside(target, each)
        path.parent.mkdir(parents=True, exist_ok=True)
        with opened(uri, f"{name}/{each}") as reader, path.open("xb") as writer:
            _compare(name, each, copied(reader, writer.write), expected)


def _inside(target: Path, name: str) -> Path:
    """Return the path of the file or folder ``name`` below ``target``. Raises Mismatch where it leads out of it."""
    parts = PurePosixPath(name).parts
    if not parts or parts[0] == "/" or ".." in parts:
        raise Mismatch(f"{name!r} is no name of a file that was saved")
    return target / name


def _compare(name: str, each: str, found: list[int], expected: list[int]) -> None:
    if found != expected:
        raise Mismatch(f"{name}/{each} does not match")
