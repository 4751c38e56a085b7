"""Shards of a member's state in its checkpoint: a folder that all processes of a group write and read together."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING
from uuid import uuid4

from workloads.files import listed_folder
from workloads.files.listed_folder import Listing
from workloads.files.stores import local

if TYPE_CHECKING:
    from torch import Tensor

    from workloads.training.process_group import ProcessGroup


def write(uri: str, name: str, tensors: Mapping[str, Tensor], group: ProcessGroup) -> Listing:
    """Write sharded ``tensors`` into the folder ``name`` of the checkpoint ``uri``; return what to write down.

    Each process writes its own shards. A local folder is written under a temporary name, and renamed by the first
    process. All must call it. Raises OSError, in all of them, where one fails.
    """
    from workloads.files import tensor_shards  # 1,200 ms: torch

    with _written(uri, name, group) as folder:
        tensor_shards.write(folder, tensors, group.control)
        told = group.gathered(_sent(uri, name, tensor_shards.files_of(folder, group.rank)))
        if faults := [one for one in told if isinstance(one, str)]:
            raise OSError(faults[0])
        path = local(uri)
        if path is not None and group.first:
            listed_folder.put_in_place(folder, path / name)
    return {
        "files": {each: mark for one in told if not isinstance(one, str) for each, mark in one.items()},
        "folders": [],
    }


def read_into(uri: str, name: str, listing: Listing, tensors: Mapping[str, Tensor], group: ProcessGroup) -> None:
    """Read into sharded ``tensors`` of the same names, in place. All processes of ``group`` must call it.

    Each checks its part of the files. Raises OSError, in all of them, where a file is not as it was written.
    """
    from workloads.files import tensor_shards  # 1,200 ms: torch

    files = listing["files"]
    part = {each: files[each] for k, each in enumerate(sorted(files)) if k % group.size == group.rank}
    if faults := [fault for fault in group.gathered(_fault(uri, name, {**listing, "files": part})) if fault]:
        raise OSError(faults[0])
    with _read(uri, name, listing) as folder:
        tensor_shards.read_into(folder, tensors, group.control)


def read_whole(uri: str, name: str, listing: Listing) -> dict[str, Tensor]:
    """Return whole tensors on the CPU, in one process alone. Raises OSError, or Mismatch for a damaged file."""
    from workloads.files import tensor_shards  # 1,200 ms: torch

    listed_folder.check(uri, name, listing)
    with _read(uri, name, listing) as folder:
        return tensor_shards.read_whole(folder)


@contextmanager
def _written(uri: str, name: str, group: ProcessGroup) -> Iterator[Path]:
    """Give a new folder to write to: beside its place on a disk that all share, else one of each process's own."""
    path = local(uri)
    if path is None:
        with TemporaryDirectory(ignore_cleanup_errors=True) as own:
            yield Path(own)
        return
    if group.first:
        for left in path.glob(f".{name}.*"):  # by processes that were killed
            shutil.rmtree(left, ignore_errors=True)
    folder = path / group.agree(f".{name}.{uuid4().hex}")
    try:
        yield folder
    finally:
        if group.first:
            shutil.rmtree(folder, ignore_errors=True)  # a disk that is full must not fill up with pieces


def _sent(uri: str, name: str, files: list[Path]) -> dict[str, list[int]] | str:
    """Return size and CRC-32 of each file, which is sent to where it is not; or what went wrong."""
    try:
        if local(uri) is None:
            return listed_folder.to_store(uri, name, {file.name: file for file in files})
        return {file.name: listed_folder.mark(file) for file in files}
    except Exception as error:  # noqa: BLE001 - each kind of store has errors of its own
        return str(error) or repr(error)


def _fault(uri: str, name: str, listing: Listing) -> str:
    try:
        listed_folder.check(uri, name, listing)
    except Exception as error:  # noqa: BLE001 - each kind of store has errors of its own, and all must hear of it
        return str(error) or repr(error)
    return ""


@contextmanager
def _read(uri: str, name: str, listing: Listing) -> Iterator[Path]:
    """Give the folder, or a copy of what is in a store."""
    path = local(uri)
    if path is not None:
        yield path / name
        return
    with TemporaryDirectory(ignore_cleanup_errors=True) as copy:
        listed_folder.read(uri, name, listing, Path(copy))
        yield Path(copy)
