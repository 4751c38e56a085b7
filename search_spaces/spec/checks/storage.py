"""Where a sweep keeps its study and its checkpoints; and no password in a spec: it is stored and shown."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from search_spaces.spec.schema import SpecFile, Storage
from search_spaces.spec.yaml_document import Document
from search_spaces.spec.yaml_document import Path as KeyPath
from search_spaces.types.faults import shown
from search_spaces.types.passwords import holds_password, masked

_INSTEAD: dict[KeyPath, str] = {
    ("storage", "study"): "PACELINE_STUDY or PGPASSWORD",
    ("tracking", "uri"): "MLFLOW_TRACKING_PASSWORD, beside MLFLOW_TRACKING_USERNAME",
}


def refuse_passwords(document: Document) -> None:
    """A fault for every text with a URL that names a password."""
    for path, text in _texts(document.tree, ()):
        if holds_password(text):
            instead = _INSTEAD.get(path, "the environment")
            document.fault(path, f"must not hold a password: put it into {instead}", shown(masked(text)))


def _texts(tree: Any, path: KeyPath) -> Iterator[tuple[KeyPath, str]]:
    if isinstance(tree, str):
        yield path, tree
    elif isinstance(tree, dict | list):
        for key, value in tree.items() if isinstance(tree, dict) else enumerate(tree):
            yield from _texts(value, (*path, key))


def checked_storage(document: Document, spec: SpecFile, base: Path | None) -> Storage:
    """The spec's ``storage`` with a checkpoint folder that is not a URI made absolute."""
    study, checkpoints = spec.storage.study, spec.storage.checkpoints
    if study is not None and not study.startswith(("postgresql+psycopg://", "postgresql://")):
        rule = "must be postgresql+psycopg://USER@HOST/DATABASE, or left out for a journal file in the sweep's home"
        document.fault(("storage", "study"), rule, shown(study))
    if checkpoints is not None and "://" not in checkpoints and base is not None:
        checkpoints = str((base / Path(checkpoints).expanduser()).resolve())
    return spec.storage.model_copy(update={"checkpoints": checkpoints and checkpoints.rstrip("/")})
