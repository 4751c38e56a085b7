"""Features on disk, by the content of what they were computed from: shared by lanes, trials and sweeps."""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor

FOLDER = "PACELINE_CACHE"
KEPT_BYTES = 4 * 2**30
"""The files used longest ago are deleted beyond this."""


def cached(
    weights: Mapping[str, Tensor], inputs: Sequence[Tensor], compute: Callable[[], list[Tensor]]
) -> list[Tensor]:
    """What ``compute`` gives, computed once for equal weights and inputs by whichever process comes first."""
    folder = Path(os.environ.get(FOLDER) or Path.home() / ".cache" / "paceline") / "features"
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{_digest([*weights.values(), *inputs])}.pt"
    with (folder / f"{file.stem}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if file.exists():
            os.utime(file)
            found: list[Tensor] = torch.load(file, weights_only=True)
            return found
        computed = compute()
        partial = file.with_suffix(".partial")
        torch.save(computed, partial)
        partial.replace(file)
    _shrink(folder, file)
    return computed


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
            file.with_suffix(".lock").unlink(missing_ok=True)
