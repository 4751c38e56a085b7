"""Reads which modules a file of code imports, without running it."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from pathlib import Path


def imported_names(path: Path, package: Sequence[str]) -> Iterator[tuple[str, int]]:
    """Yield the dotted names that a file imports, also inside of functions, each with its line.

    ``package`` has the names of the packages that the file is in, for its relative imports. What stands behind
    ``from x import`` need be no module. Of a file that is no Python there are none: its import will tell.
    """
    try:
        tree = ast.parse(path.read_bytes())
    except (SyntaxError, ValueError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) + 1 - node.level] if node.level else ()
            if base := ".".join([*above, *filter(None, [node.module])]):
                yield base, node.lineno
                yield from ((f"{base}.{alias.name}", node.lineno) for alias in node.names)
