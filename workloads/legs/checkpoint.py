"""A member's checkpoint: a folder with ``weights.pt`` (tensors alone), ``state.json`` (readable) and saved files.

Where several processes have each a shard of the weights, these are in the folder ``shards``, which all write.
What users' code saved is in its folder ``files``; in final legs what it saved at its best epoch is in ``best``,
unless that is the same. All this is written to a temporary name and renamed, then ``state.json``, which holds the
size and CRC-32 of each. So a checkpoint is valid if and only if ``state.json`` parses and matches the others.
"""

from __future__ import annotations

import contextlib
import io
import json
import shutil
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from search_spaces.types.values import Value
from workloads.data.streaming.files import filesystem_at
from workloads.files import listed_folder
from workloads.files.saved_files import SavedFiles
from workloads.files.stores import get as get
from workloads.files.stores import local
from workloads.files.stores import put as put
from workloads.legs import shards

if TYPE_CHECKING:
    from torch import Tensor

    from workloads.training.process_group import ProcessGroup
    from workloads.training.setup import MemberState

    _Tensors = Mapping[str, Mapping[str, Tensor] | None]

WEIGHTS = "weights.pt"
STATE = "state.json"
FILES, BEST = "files", "best"
"""Folders of what users' code saved: at the checkpoint's epoch, and at the best one."""
SHARDS = "shards"
"""Folder of the tensors that are sharded, whose names are those of ``weights.pt`` joined by a slash."""
_OWN = ("weights", FILES, BEST, SHARDS)
"""Keys of ``state.json`` that describe the other files; all others are of ``Progress``."""


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
    best_lacks: int = 0
    """How much the best epoch lacks of what a final member is judged by, and keeps."""
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


def save(
    uri: str,
    progress: Progress,
    state: MemberState,
    best: MemberState | None = None,
    group: ProcessGroup | None = None,
) -> None:
    """Write a checkpoint; ``best`` is the state of the model at its best epoch, kept in final legs.

    Of sharded states all processes of ``group`` write theirs, and must call it, and the first one writes the rest.
    Raises NotKept where the folder or store cannot be written.
    """
    import torch

    kept = None if best is None else best.model
    tensors: _Tensors = {"model": state.model, "optimizer": state.optimizer, "best": kept}
    try:
        listings = {}
        if state.sharded:
            assert group is not None
            tensors, sharded = _apart(tensors)
            listings[SHARDS] = shards.write(uri, SHARDS, sharded, group)
            if not group.first:
                return
        buffer = io.BytesIO()
        torch.save(tensors, buffer)
        weights = buffer.getvalue()
        put(uri, WEIGHTS, weights)
        record = {
            **asdict(progress),
            "weights": {"bytes": len(weights), "crc32": zlib.crc32(weights)},
            **_files_written(uri, state, best),
            **listings,
        }
        put(uri, STATE, json.dumps(record, indent=1).encode())
    except Exception as error:  # each kind of store has errors of its own
        raise NotKept(getattr(error, "strerror", None) or str(error)) from error


def _files_written(uri: str, state: MemberState, best: MemberState | None) -> dict[str, Any]:
    """Write what users' code saved; return what ``state.json`` says of it: of ``best`` a name if it is the same."""
    found: dict[str, Any] = {}
    if state.files is not None:
        found[FILES] = listed_folder.write(uri, FILES, state.files)
    if best is not None and best.files is not None:
        same = best.files is state.files
        found[BEST] = FILES if same else listed_folder.write(uri, BEST, best.files)
    return found


def _apart(tensors: _Tensors) -> tuple[_Tensors, dict[str, Tensor]]:
    """Return the tensors that are whole, and those that are sharded, by joined names."""
    from workloads.training.process_group import is_sharded  # 1,200 ms: torch

    rest: dict[str, Mapping[str, Tensor] | None] = {}
    sharded: dict[str, Tensor] = {}
    for part, of in tensors.items():
        rest[part] = None if of is None else {name: value for name, value in of.items() if not is_sharded(value)}
        sharded |= {f"{part}/{name}": value for name, value in (of or {}).items() if is_sharded(value)}
    return rest, sharded


def load(
    uri: str, like: Callable[[], MemberState] | None = None, group: ProcessGroup | None = None
) -> tuple[Progress, MemberState, MemberState | None]:
    """Return what ``save`` wrote, tensors on the CPU, and copies of the files.

    Tensors are whole. Where they were written as shards and the state that ``like`` returns is sharded, too, each
    process of ``group`` gets its shards alone, and all must call it.
    Raises TornCheckpoint if anything is missing or damaged.
    """
    import torch

    from workloads.training.setup import MemberState  # 1,200 ms: torch

    record, weights = _read(uri)
    try:
        tensors = torch.load(io.BytesIO(weights), map_location="cpu", weights_only=True)
        if SHARDS in record:
            tensors = _together(tensors, _shards_of(uri, record[SHARDS], tensors, like, group))
        state = MemberState(tensors["model"], tensors["optimizer"], _files_of(uri, record, FILES))
        kept = tensors["best"]
        best = None if kept is None else MemberState(kept, {}, _files_of(uri, record, BEST))
        return _progress(record), state, best
    except (RuntimeError, TypeError, KeyError, ValueError, OSError) as error:
        raise TornCheckpoint(f"{uri}: {error}") from error


def _shards_of(
    uri: str,
    listing: Mapping[str, Any],
    tensors: _Tensors,
    like: Callable[[], MemberState] | None,
    group: ProcessGroup | None,
) -> dict[str, Tensor]:
    """Return the tensors that were written as shards, by joined names: as those of ``like``, or whole."""
    state = like() if like else None
    if state is None or group is None or not state.sharded:
        return shards.read_whole(uri, SHARDS, listing)
    best = None if tensors["best"] is None else {name: value.clone() for name, value in state.model.items()}
    _, targets = _apart({"model": state.model, "optimizer": state.optimizer, "best": best})
    shards.read_into(uri, SHARDS, listing, targets, group)
    return targets


def _together(tensors: _Tensors, sharded: Mapping[str, Tensor]) -> dict[str, dict[str, Tensor] | None]:
    """Return both kinds of tensors; slots that are whole are vectors."""
    from workloads.training.optimizers import undivided  # 1,200 ms: torch
    from workloads.training.process_group import is_sharded

    found: dict[str, dict[str, Tensor] | None] = {}
    for part, of in tensors.items():
        lead = f"{part}/"
        more = {name.removeprefix(lead): value for name, value in sharded.items() if name.startswith(lead)}
        found[part] = None if of is None else {**of, **more}
    if not any(map(is_sharded, sharded.values())):
        found["optimizer"] = undivided(found["optimizer"] or {})
    return found


def _files_of(uri: str, record: Mapping[str, Any], name: str) -> SavedFiles | None:
    place = _place(record, name)
    if place is None:
        return None
    copy = SavedFiles.empty()
    listed_folder.read(uri, place, record[place], copy.path)
    return copy


def _place(record: Mapping[str, Any], name: str) -> str | None:
    """Return the folder that has the files ``name``; None where nothing was saved."""
    found = record.get(name)
    return found if isinstance(found, str) else name if found else None


def copy_saved(uri: str, target: Path) -> bool:
    """Copy what users' code saved into the new folder ``target``.

    That of the best epoch if it was kept, else of the last one. Returns False where nothing was saved. Raises
    TornCheckpoint.
    """
    record, _ = _read(uri)
    place = _place(record, BEST) or _place(record, FILES)
    if place is None:
        return False
    target.mkdir(parents=True, exist_ok=True)
    try:
        listed_folder.read(uri, place, record[place], target)
    except (TypeError, KeyError, ValueError, FileNotFoundError) as error:
        raise TornCheckpoint(f"{uri}: {error}") from error
    return True


def saved_at(uri: str) -> str | None:
    """Return the folder (URI) that ``copy_saved`` copies; None where nothing was saved, or it cannot be read."""
    try:
        record = json.loads(get(uri, STATE))
        place = _place(record, BEST) or _place(record, FILES)
    except (OSError, ValueError, AttributeError):
        return None
    return place and f"{uri.rstrip('/')}/{place}"


def progress(uri: str) -> Progress:
    """Return the content of ``state.json`` without importing torch.

    Raises TornCheckpoint unless the whole checkpoint is complete and undamaged.
    """
    return _progress(_checked(uri))


def _progress(record: Mapping[str, Any]) -> Progress:
    return Progress(**{key: value for key, value in record.items() if key not in _OWN})


def valid(uri: str) -> bool:
    """Whether the checkpoint is complete and undamaged. Needs no torch."""
    try:
        _checked(uri)
    except TornCheckpoint:
        return False
    return True


def is_there(uri: str) -> bool:
    """Whether there is a checkpoint, which may be damaged."""
    path = local(uri)
    if path is not None:
        return (path / STATE).is_file()
    filesystem, remote = filesystem_at(uri)
    return bool(filesystem.exists(f"{remote}/{STATE}"))


def num_bytes(uri: str) -> int:
    """Return the size of a checkpoint's files; 0 where they are not on a disk of this machine."""
    path = local(uri)
    if path is None or not path.is_dir():
        return 0
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())


def delete(uri: str) -> None:
    """Remove a checkpoint's folder, if there is one."""
    path = local(uri)
    if path is not None:
        shutil.rmtree(path, ignore_errors=True)
        return
    filesystem, remote = filesystem_at(uri)
    with contextlib.suppress(FileNotFoundError):
        filesystem.rm(remote, recursive=True)


def found(root: str) -> set[str]:
    """Return the URIs of all checkpoints below ``root``, complete or not, as ``folder`` writes them."""
    path = local(root)
    if path is not None:
        inside = [(one.parent.name, one.name) for one in path.glob("*/*") if one.is_dir()]
    else:
        filesystem, remote = filesystem_at(root)
        filesystem.invalidate_cache()
        files = (str(file).removeprefix(f"{remote}/").split("/") for file in filesystem.find(remote))
        inside = [(parts[0], parts[1]) for parts in files if len(parts) > 2]
    return {f"{root.rstrip('/')}/{key}/{name}" for key, name in inside}


def _checked(uri: str) -> dict[str, Any]:
    """Return the content of ``state.json``. Raises TornCheckpoint unless all other files are as it says."""
    record, _ = _read(uri)
    try:
        for name in (FILES, BEST, SHARDS):
            if _place(record, name) == name:
                listed_folder.check(uri, name, record[name])
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise TornCheckpoint(f"{uri}: {error}") from error
    return record


def _read(uri: str) -> tuple[dict[str, Any], bytes]:
    """Return the content of ``state.json`` and of ``weights.pt``, which match; saved files are not looked at."""
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
