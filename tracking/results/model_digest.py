"""Digest of a model's files: whether they are as they were when the model was registered."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from tracking import names

DIGEST: Final = "model.sha256"
"""Tag of a registered version: the digest of its files."""
ADDED: Final = "registered_model_meta"
"""File that MLflow adds to a registered version's files as it copies them."""


class ChangedModel(Exception):
    """Error: the files of a registered model are not those that were registered."""


def refuse_changed(path: Path, model_uri: str, tags: Mapping[str, str]) -> None:
    """Raise ChangedModel unless the files below ``path`` are those of the version that has these ``tags``.

    Versions of earlier releases, and of others, have no digest: nothing is known of them.
    """
    if DIGEST not in tags or digest_of(path) == tags[DIGEST]:
        return
    best = f"`paceline best {tags.get(names.SWEEP_ID)} -o best.yaml`"
    way_out = f", or train the champion anew: {best}, and `paceline run best.yaml`"
    raise ChangedModel(
        f"the files of {model_uri} are not those that were registered: they were changed, and are not loaded. "
        f"Put them back from a copy{way_out if names.SWEEP_ID in tags else ''}"
    )


def digest_of(folder: Path) -> str:
    """Return the SHA-256 of the names and contents of all files below ``folder``."""
    whole = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file() and not _is_made_later(path)):
        with path.open("rb") as file:
            content = hashlib.file_digest(file, "sha256").hexdigest()
        whole.update(f"{path.relative_to(folder).as_posix()}\0{content}\n".encode())
    return whole.hexdigest()


def _is_made_later(path: Path) -> bool:
    """Return whether a file comes about as a model is copied or imported."""
    return path.name == ADDED or path.suffix == ".pyc"
