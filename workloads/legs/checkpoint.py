"""A member's checkpoint: a folder with ``weights.pt`` (tensors alone) and ``state.json`` (readable).

``weights.pt`` is written to a temporary name and renamed, then ``state.json``, which holds the size and CRC-32 of
the former. So a checkpoint is valid if and only if ``state.json`` parses and matches ``weights.pt``.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from search_spaces.types.values import Value
from workloads.data.streaming.files import filesystem_at

if TYPE_CHECKING:
    from workloads.training.setup import MemberState, State

WEIGHTS = "weights.pt"
STATE = "state.json"
_BUCKETS = {"s3", "s3a", "gs", "gcs", "az", "abfs", "abfss"}
"""fsspec's protocols of object stores. They have no folders: making one would make a bucket."""


class TornCheckpoint(Exception):
    """Raised for a checkpoint that is incomplete or damaged; the message is its URI and the reason."""


class NotKept(Exception):
    """Raised where a checkpoint cannot be written; the message is the reason."""


@dataclass(frozen=True, kw_only=True)
class Progress:
    """Content of ``state.json``: the member's epoch, seed, hyperparameters and its best epoch by the objective."""

    epoch: int
    seed: int
    params: Mapping[str, Value]
    best_epoch: int = 0
    best_value: float | None = None
    best_metrics: Mapping[str, float] | None = None
    reference: float | None = None
    """Value of the last epoch that improved by more than the member's ``min_improvement``."""
    num_stale: int = 0
    """Number of epochs since ``reference`` was measured."""
    seconds: float = 0.0
    """Seconds of training so far, its share of a group that trains as one program."""
    curves: Mapping[str, Sequence[float]] | None = None
    """Learning curves: one value an epoch by metric; kept in final legs only."""


def folder(root: str, key: str, epoch: int) -> str:
    """Return the URI of a member's checkpoint of an epoch: ``<root>/<key>/e0003``."""
    return f"{root.rstrip('/')}/{key}/e{epoch:04d}"


def below(root: str, uri: str) -> str:
    """Return where the checkpoint ``uri`` is below ``root``: one of a home that was moved, or copied, is there."""
    return "/".join([root.rstrip("/"), *uri.rstrip("/").split("/")[-2:]])


def save(uri: str, progress: Progress, state: MemberState, best: State | None = None) -> None:
    """Write a checkpoint; ``best`` holds the model's weights of its best epoch, kept in final legs.

    Raises NotKept where the folder or store cannot be written.
    """
    import torch

    buffer = io.BytesIO()
    torch.save({"model": state.model, "optimizer": state.optimizer, "best": best}, buffer)
    weights = buffer.getvalue()
    record = {**asdict(progress), "weights": {"bytes": len(weights), "crc32": zlib.crc32(weights)}}
    try:
        put(uri, WEIGHTS, weights)
        put(uri, STATE, json.dumps(record, indent=1).encode())
    except Exception as error:  # each kind of store has errors of its own
        raise NotKept(getattr(error, "strerror", None) or str(error)) from error


def load(uri: str) -> tuple[Progress, MemberState, State | None]:
    """Return what ``save`` wrote, tensors on the CPU. Raises TornCheckpoint if anything is missing or damaged."""
    import torch

    from workloads.training.setup import MemberState  # 1,200 ms: torch

    record, weights = _checked(uri)
    try:
        tensors = torch.load(io.BytesIO(weights), map_location="cpu", weights_only=True)
        del record["weights"]
        return Progress(**record), MemberState(tensors["model"], tensors["optimizer"]), tensors["best"]
    except (RuntimeError, TypeError, KeyError, ValueError) as error:
        raise TornCheckpoint(f"{uri}: {error}") from error


def progress(uri: str) -> Progress:
    """Return the content of ``state.json`` without importing torch.

    Raises TornCheckpoint unless the whole checkpoint is complete and undamaged.
    """
    record, _ = _checked(uri)
    del record["weights"]
    return Progress(**record)


def valid(uri: str) -> bool:
    """Whether the checkpoint is complete and undamaged. Needs no torch."""
    try:
        _checked(uri)
    except TornCheckpoint:
        return False
    return True


def num_bytes(uri: str) -> int:
    """Return the size of a checkpoint's files; 0 where they are not on a disk of this machine."""
    path = _local(uri)
    return sum(file.stat().st_size for file in path.glob("*")) if path is not None and path.is_dir() else 0


def delete(uri: str) -> None:
    """Remove a checkpoint's folder, if there is one."""
    path = _local(uri)
    if path is not None:
        shutil.rmtree(path, ignore_errors=True)
        return
    filesystem, remote = filesystem_at(uri)
    with contextlib.suppress(FileNotFoundError):
        filesystem.rm(remote, recursive=True)


def found(root: str) -> set[str]:
    """Return the URIs of all checkpoints below ``root``, complete or not, as ``folder`` writes them."""
    path = _local(root)
    if path is not None:
        inside = [(one.parent.name, one.name) for one in path.glob("*/*") if one.is_dir()]
    else:
        filesystem, remote = filesystem_at(root)
        filesystem.invalidate_cache()
        files = (str(file).removeprefix(f"{remote}/").split("/") for file in filesystem.find(remote))
        inside = [(parts[0], parts[1]) for parts in files if len(parts) > 2]
    return {f"{root.rstrip('/')}/{key}/{name}" for key, name in inside}


def _checked(uri: str) -> tuple[dict[str, Any], bytes]:
    try:
        record = json.loads(get(uri, STATE))
        expected = record["weights"]
        weights = get(uri, WEIGHTS)
    except FileNotFoundError as error:
        raise TornCheckpoint(f"{uri}: a file is missing") from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise TornCheckpoint(f"{uri}: {STATE} cannot be read: {error}") from error
    if expected != {"bytes": len(weights), "crc32": zlib.crc32(weights)}:
        raise TornCheckpoint(f"{uri}: {WEIGHTS} does not match {STATE}")
    return record, weights


def _local(uri: str) -> Path | None:
    return Path(uri.removeprefix("file://")) if "://" not in uri or uri.startswith("file://") else None


def get(uri: str, name: str) -> bytes:
    """Return the content of file ``name`` in folder ``uri``. Raises FileNotFoundError where there is none."""
    path = _local(uri)
    if path is not None:
        return (path / name).read_bytes()
    filesystem, remote = filesystem_at(uri)
    return bytes(filesystem.cat_file(f"{remote}/{name}"))


def put(uri: str, name: str, content: bytes) -> None:
    """Write file ``name`` in folder ``uri``, whole or not at all.

    A local file is written to a temporary name and renamed; an object store's own put is atomic.
    """
    path = _local(uri)
    if path is None:
        filesystem, remote = filesystem_at(uri)
        try:
            filesystem.pipe_file(f"{remote}/{name}", content)
        except FileNotFoundError:
            if filesystem.protocol in _BUCKETS or _BUCKETS.intersection(filesystem.protocol):
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
