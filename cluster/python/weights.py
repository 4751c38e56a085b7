"""Copies what a trial has saved into a folder that is read without Paceline."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cluster.sweep.document import saves_files
from cluster.sweep.files.saved_by_best import of_final
from search_spaces.types.driver_errors import SweepError
from search_spaces.types.trial_names import trial_key, trial_name
from search_spaces.types.values import stored
from workloads.legs import checkpoint

if TYPE_CHECKING:
    from cluster.sweep.reading import Reading

WAYS = "a function saves by run.report(save, ...), a script with `checkpoint: true`, or what it logs as artifacts"
"""How users' code leaves files behind."""
ABOUT, MODEL = "trial.json", "model.pt"


def unpacked(read: Reading, trial: int, folder: Path | None) -> Path:
    """Write what a trial has saved into ``folder`` (None: one of the sweep's home), and return the folder.

    The champion's is that of its best epoch with its best seed of the final evaluation, as it is registered;
    another trial's that of its last epoch. Raises SweepError where something is there already
    or cannot be written, or no checkpoint of the trial is there.
    """
    given, home = folder, read.home
    folder = home.path / "saved" / trial_name(trial) if given is None else given.absolute()
    if given is not None and not is_free(folder):
        raise SweepError(f"{folder} is there already: name another folder")
    uri = _newest(read, trial)
    part = folder.with_name(f".{folder.name}.{os.getpid()}")
    try:
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        _write(read, trial, uri, part)
        shutil.rmtree(folder, ignore_errors=True)
        part.rename(folder)
    except OSError as error:
        raise SweepError(f"{folder} cannot be written: {error.strerror}") from error
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return folder


def is_free(folder: Path) -> bool:
    """Whether nothing is there, or an empty folder, which may be replaced."""
    if folder.is_symlink() or not folder.is_dir():
        return not (folder.is_symlink() or folder.exists())
    return not any(folder.iterdir())


def _newest(read: Reading, trial: int) -> str:
    """Return the URI of the trial's newest whole checkpoint, before all others that of its best final seed."""
    if not 0 <= trial < len(read.rows):
        raise SweepError(f"sweep {read.home.id} has no trial {trial}: it has {len(read.rows)}, from 0")
    root = read.home.checkpoints
    every = sorted(checkpoint.found(root), reverse=True)
    for uri in (*of_final(read, trial), *_of(every, root, trial)):
        if checkpoint.valid(uri):
            return uri
    there = sorted({int(uri.split("/")[-2][1:].partition("-")[0]) for uri in every})
    kept = ", ".join(map(trial_name, there)) or "none"
    script = f"; {WAYS}" if read.sweep.command is not None and not there else ""
    raise SweepError(
        f"sweep {read.home.id} has no checkpoint of trial {trial_name(trial)} any more: those of ended trials are "
        f"kept only for the best, here {kept}{script}"
    )


def _of(every: list[str], root: str, trial: int) -> Iterator[str]:
    key = f"{root.rstrip('/')}/{trial_key(trial)}"
    yield from (uri for uri in every if uri.startswith(f"{key}-s"))
    yield from (uri for uri in every if uri.startswith(f"{key}/"))


def _write(read: Reading, trial: int, uri: str, folder: Path) -> None:
    progress = checkpoint.progress(uri)
    saved = checkpoint.copy_saved(uri, folder)
    if not saved:
        progress = _weights(read, trial, uri, folder)
    row = next(row for row in read.rows if row.number == trial)
    about: dict[str, Any] = {
        "sweep": read.home.id,
        "trial": trial,
        "workload": read.sweep.workload,
        "epoch": progress.best_epoch if progress.best_epoch and "-s" in uri.split("/")[-2] else progress.epoch,
        "seed": progress.seed,
        "params": stored({**read.sweep.drawn_with(trial)[1], **row.params}),
        "metric": read.sweep.metric.name,
        "best_value": progress.best_value,
    }
    (folder / ABOUT).write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")


def _weights(read: Reading, trial: int, uri: str, folder: Path) -> checkpoint.Progress:
    import torch

    progress, state, best = checkpoint.load(uri)
    if not (weights := dict((best or state).model)) and saves_files(read.sweep):
        raise SweepError(f"trial {trial_name(trial)} of sweep {read.home.id} saved nothing: {WAYS}")
    torch.save(weights, folder / MODEL)
    return progress
