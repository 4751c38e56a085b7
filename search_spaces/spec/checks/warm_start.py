"""Checks ``warm_start`` of a spec as far as that goes without the earlier sweeps."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from search_spaces.space.space import Space
from search_spaces.spec.yaml_document import Document
from search_spaces.types.catalogue import SamplerInfo
from search_spaces.types.faults import shown


def checked_warm_start(
    document: Document, given: Sequence[str], base: Path | None, method: SamplerInfo, space: Space
) -> tuple[str, ...]:
    """Return the IDs, and paths made absolute by the folder ``base``; faults are noted."""
    found = [_absolute(text, base) if is_path(text) else text for text in given]
    for k, text in enumerate(found):
        if text in found[:k]:
            document.fault(("warm_start", k), "must be named once", shown(given[k]))
    if found and not method.learns and space.domains and space.size() is None:
        rule = (
            f"has no effect with method {method.name}, which does not learn from trials, in a space where no "
            "configuration comes twice: leave it out, or use another method"
        )
        document.fault(("warm_start",), rule, shown(list(given)))
    if found and not space.domains and not any(f.path.startswith("parameters") for f in document.faults):
        document.fault(("warm_start",), "has no effect where nothing is searched: leave it out", shown(list(given)))
    return tuple(found)


def is_path(reference: str) -> bool:
    """Whether it is the path of a home, and not an ID."""
    return os.sep in reference or reference.startswith(("~", "."))


def _absolute(text: str, base: Path | None) -> str:
    try:
        path = Path(text).expanduser()
    except RuntimeError:  # no such user: it will not be found
        path = Path(text)
    return str(path if base is None else (base / path).resolve())
