"""Cache of features on disk, by a hash of weights and inputs; shared by lanes, trials and sweeps."""

from __future__ import annotations

import fcntl
import hashlib
import os
import zlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor

from workloads.files.cache import cache_folder

KEPT_BYTES = 4 * 2**30
"""Limit on the cache's size: beyond it the files used longest ago are deleted."""


def cached(
    weights: Mapping[str, Tensor], inputs: Sequence[Tensor], compute: Callable[[], list[Tensor]]
) -> list[Tensor]:
    """Return what ``compute`` returns, from the cache if any process has computed it for equal weights and inputs.

    A file lock makes other processes wait for the first one. Where the folder cannot be written, or its disk is
    full, nothing is kept.
    """
    if (folder := cache_folder("features")) is None:
        return compute()
    file = folder / f"{_digest([*weights.values(), *inputs])}.pt"
    with (folder / f"{file.stem}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if _is_right(file):
            os.utime(file)
            found: list[Tensor] = torch.load(file, weights_only=True)
            return found
        computed = compute()
        _keep(computed, file)
    _shrink(folder, file)
    return computed


def _keep(computed: list[Tensor], file: Path) -> None:
    """Write the file and its check sum; where there is no room, nothing is kept."""
    partial = file.with_suffix(".partial")
    try:
        torch.save(computed, partial)
        file.with_suffix(".crc").write_text(_crc(partial))
        partial.replace(file)
    except (OSError, RuntimeError):  # torch raises either
        partial.unlink(missing_ok=True)


def _is_right(file: Path) -> bool:
    """Whether the file is there as it was written; any other one is computed again."""
    try:
        return file.with_suffix(".crc").read_text() == _crc(file)
    except (OSError, UnicodeDecodeError):
        return False


def _crc(file: Path) -> str:
    crc = 0
    with file.open("rb") as content:
        while chunk := content.read(1 << 20):
            crc = zlib.crc32(chunk, crc)
    return f"{crc:08x}"


def _digest(tensors: Sequence[Tensor]) -> str:
    digest = hashlib.blake2b(digest_size=20)
    for tensor in tensors:
        digest.update(f"{tuple(tensor.shape)} {tensor.dtype}".encode())
        digest.update(tensor.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def _shrink(folder: Path, newest: Path) -> None:
    files = sorted(folder.glob("*.pt"), key=lambda file: file.stat().st_mtime, reverse=True)
    total = 0
    for file in files:
        total += file.stat().st_size
        if total > KEPT_BYTES and file != newest:
            file.unlink(missing_ok=True)
            for beside in (".lock", ".crc"):
                file.with_suffix(beside).unlink(missing_ok=True)
