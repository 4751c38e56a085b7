"""Paths among hyperparameters: a file or folder beside the spec's file is found by the same name from anywhere."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from search_spaces.space.hyperparameters import hyperparameters
from search_spaces.spec.yaml_document import Document
from search_spaces.types.catalogue import WorkloadInfo

KEYS = ("parameters", "start_from")
NONE = "none"
"""Text that never is a path."""


def settle_paths(document: Document, workload: WorkloadInfo | None, base: Path | None) -> None:
    """Make relative paths absolute that begin with a dot or ``~``, or exist in ``base``; other texts stay.

    ``base`` None is for a stored spec, whose paths are absolute.
    """
    if base is not None and workload is not None:
        change_paths(document.tree, workload, lambda text: _absolute(text, base))


def change_paths(tree: dict[str, Any], workload: WorkloadInfo, change: Callable[[str], str]) -> None:
    """Replace the texts of hyperparameters that may be paths, wherever a spec has them; their defaults stay."""
    known = hyperparameters(workload.hyperparameters)
    fixed = {name: (NONE, hp.default) for name, hp in known.items() if hp.is_path}
    if not fixed:
        return

    def walk(node: Any) -> Any:
        if isinstance(node, list):
            return [walk(one) for one in node]
        if not isinstance(node, dict):
            return node
        return {key: put(value, fixed[key]) if key in fixed else walk(value) for key, value in node.items()}

    def put(node: Any, stays: tuple[Any, ...]) -> Any:
        if isinstance(node, str):
            return node if node in stays else change(node)
        if isinstance(node, list):
            return [put(one, stays) for one in node]
        if isinstance(node, dict):
            return {key: put(one, stays) if key in ("value", "values") else walk(one) for key, one in node.items()}
        return node

    for key in KEYS:
        if key in tree:
            tree[key] = walk(tree[key])


def _absolute(text: str, base: Path) -> str:
    if "://" in text or "\0" in text:
        return text
    try:
        path = base / Path(text).expanduser()
        named = text.startswith(("./", "../", "~")) or path.exists()
    except (OSError, RuntimeError):
        return text
    return str(path.resolve()) if named else text
