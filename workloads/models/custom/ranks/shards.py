"""Joins the files that each rank has saved into one folder, that of the first rank."""

from __future__ import annotations

import shutil
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch.distributed as dist

from workloads.files.listed_folder import copied
from workloads.files.saved_files import SavedFiles, contents
from workloads.models.custom.ranks.reports import BadReport
from workloads.training.process_group import ProcessGroup

PIECE_BYTES = 2**26
"""Bytes that are sent to another machine at once."""


def joined(group: ProcessGroup, own: SavedFiles) -> SavedFiles | None:
    """Return the folder with the files of all ranks, on rank 0, and None on the others. All must call it.

    Raises BadReport, on all ranks, where two of them have saved different files of one name.
    """
    if group.alone:
        return own
    files = contents(own.path).files
    told = group.gathered({name: _mark(path) for name, path in files.items()})
    _check(told)
    mine = {name: path for name, path in files.items() if _owner(told, name) == group.rank}
    first = Path(group.agree(str(own.path)))
    near = first.is_dir()  # a temporary folder with a random name: it is there on the first rank's machine alone
    reaches = group.gathered(near)
    if near and not group.first:
        for name, path in mine.items():
            (first / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.move(path, first / name)
    for rank in (rank for rank, one in enumerate(reaches) if not one):
        _send(group, rank, mine, first)
    group.gathered(None)  # all is moved
    return own if group.first else None


def _send(group: ProcessGroup, rank: int, files: Mapping[str, Path], first: Path) -> None:
    """Send the files of ``rank`` to rank 0; the others do nothing."""
    if group.rank == rank:
        for name, path in files.items():
            with path.open("rb") as file:
                while piece := file.read(PIECE_BYTES):
                    _put(group, (name, piece))
            if not path.stat().st_size:
                _put(group, (name, b""))
        _put(group, None)
    elif group.first:
        while (found := _got(group, rank)) is not None:
            name, piece = found
            (first / name).parent.mkdir(parents=True, exist_ok=True)
            with (first / name).open("ab") as file:
                file.write(piece)


def _put(group: ProcessGroup, value: Any) -> None:
    dist.send_object_list([value], dst=0, group=group.control)


def _got(group: ProcessGroup, rank: int) -> Any:
    values: list[Any] = [None]
    dist.recv_object_list(values, src=rank, group=group.control)
    return values[0]


def _owner(told: Sequence[Mapping[str, object]], name: str) -> int:
    return next(rank for rank, files in enumerate(told) if name in files)


def _mark(path: Path) -> tuple[int, int]:
    """Return a file's size and CRC-32."""
    with path.open("rb") as file:
        size, crc = copied(file, len)
    return size, crc


def _check(told: Sequence[Mapping[str, tuple[int, int]]]) -> None:
    by_name = defaultdict(list)
    for rank, files in enumerate(told):
        for name, mark in files.items():
            by_name[name].append((rank, mark))
    for name, found in by_name.items():
        if len({mark for _, mark in found}) > 1:
            ranks = " and ".join(str(rank) for rank, _ in found)
            raise BadReport(
                f"ranks {ranks} saved different files named {name}: put run.rank into the name, or save it on one"
            )
