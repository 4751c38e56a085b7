"""Finds what users' code saved in the best trial: its files are in a folder of the checkpoint that was kept."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from cluster.sweep.reading import Reading
from workloads.legs import checkpoint


def of_final(read: Reading, number: int) -> list[str]:
    """Return the URIs of the trial's checkpoints of the final evaluation: of its seeds, the best value's first."""
    objective = read.sweep.objective
    finals = [one for one in read.facts.finals if one.get("trial") == number and one.get("checkpoint")]
    best = {one["checkpoint"]: objective.best(one.get("values", {}).values(), float) for one in finals}
    named = sorted(best, key=lambda uri: objective.signed(best[uri]))
    return [checkpoint.below(read.home.checkpoints, uri) for uri in named]


def checkpoint_of(read: Reading, number: int) -> str | None:
    """Return the URI of the trial's checkpoint: of its final evaluation if it is the champion, else of the search.

    None where none was kept.
    """
    places = [*of_final(read, number), *_of_search(read, number)]
    return next((uri for uri in places if checkpoint.is_there(uri)), None)


def _of_search(read: Reading, number: int) -> Iterator[str]:
    record = next((one for one in read.study.records() if one.number == number), None)
    if record is not None and (uri := record.attributes.get("progress", {}).get("checkpoint")):
        yield checkpoint.below(read.home.checkpoints, str(uri))


def folder_of_best(read: Reading) -> str | None:
    """Return the folder with what the best trial's code saved; None where it saved nothing, or it was not kept."""
    if read.best is None or (uri := checkpoint_of(read, read.best.number)) is None:
        return None
    return checkpoint.saved_at(uri)


def copy_of_best(read: Reading, target: Path) -> bool:
    """Copy what the best trial's code saved to the folder ``target``, whole or not at all.

    Returns False where there is nothing to copy. Raises TornCheckpoint where it is damaged.
    """
    uri = None if read.best is None else checkpoint_of(read, read.best.number)
    if uri is None or checkpoint.saved_at(uri) is None:
        return False
    target.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=f".{target.name}.", dir=target.parent) as temporary:
        copy = Path(temporary, "copy")
        checkpoint.copy_saved(uri, copy)
        copy.replace(target)
    return True
