"""Files in a folder on a disk or in an object store (fsspec URI), written whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path
from typing import IO, Any

from workloads.data.streaming.files import filesystem_at

_BUCKETS = {"s3", "s3a", "gs", "gcs", "az", "abfs", "abfss"}
"""fsspec's protocols of object stores. They have no folders: making one would make a bucket."""


def local(uri: str) -> Path | None:
    """Return the folder's path on this machine; None where it is in an object store."""
    return Path(uri.removeprefix("file://")) if "://" not in uri or uri.startswith("file://") else None


def get(uri: str, name: str) -> bytes:
    """Return the content of file ``name`` in folder ``uri``. Raises FileNotFoundError where there is none."""
    path = local(uri)
    if path is not None:
        return (path / name).read_bytes()
    filesystem, remote = filesystem_at(uri)
    return bytes(filesystem.cat_file(f"{remote}/{name}"))


def put(uri: str, name: str, content: bytes) -> None:
    """Write file ``name`` in folder ``uri``, whole or not at all.

    A local file is written to a temporary name and renamed; an object store's own put is atomic.
    """
    path = local(uri)
    if path is None:
        filesystem, remote = filesystem_at(uri)
        try:
            filesystem.pipe_file(f"{remote}/{name}", content)
        except FileNotFoundError:
            if has_no_folders(filesystem):
                raise
            filesystem.makedirs(remote, exist_ok=True)
            filesystem.pipe_file(f"{remote}/{name}", content)
        return
    path.mkdir(parents=True, exist_ok=True)
    temporary = path / f".{name}.{os.getpid()}"
    try:
        temporary.write_bytes(content)
        temporary.replace(path / name)
    except OSError:
        temporary.unlink(missing_ok=True)  # a disk that is full must not fill up with pieces
        raise


def opened(uri: str, name: str) -> IO[bytes]:
    """Open file ``name`` in folder ``uri`` to read it piece by piece."""
    path = local(uri)
    if path is not None:
        return (path / name).open("rb")
    filesystem, remote = filesystem_at(uri)
    found: IO[bytes] = filesystem.open(f"{remote}/{key(name)}", "rb")
    return found


def key(name: str) -> str:
    """Return the name by which an object store keeps the file ``name``: without control characters."""
    return "".join(f"%{ord(one):02X}" if one < " " or one == "\x7f" else one for one in name)


def has_no_folders(filesystem: Any) -> bool:
    """Whether fsspec's file system is an object store's."""
    return filesystem.protocol in _BUCKETS or bool(_BUCKETS.intersection(filesystem.protocol))
