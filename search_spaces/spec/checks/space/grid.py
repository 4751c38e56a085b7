"""Checks whether a space has a grid, and counts its points."""

from __future__ import annotations

from search_spaces.space.domain_contract import DomainFault
from search_spaces.space.space import Space
from search_spaces.spec.yaml_document import Document
from search_spaces.types.faults import shown

MAX_GRID = 100_000
"""Largest number of grid points, which is also that of trials."""


def grid_size(document: Document, space: Space, method: str, limited: bool) -> int | None:
    """Return the number of grid points; None where a fault was noted. With ``limited`` trials they may be more."""
    before = len(document.faults)
    for name, domain in space.domains.items():
        try:
            domain.grid()
        except DomainFault as error:
            rule = f"{error.field} {error.rule}: method {method} tries every one"
            document.fault(("parameters", name), rule, shown(str(domain)))
    if len(document.faults) > before:
        return None
    size = space.size()
    if size is None or (size > MAX_GRID and not limited):
        many = "too many to see which satisfy require" if size is None else shown(size)
        document.fault(("method",), f"must make at most {MAX_GRID} grid points", many)
        return None
    return size


def refuse_counts(document: Document, space: Space, method: str) -> None:
    """Note a fault for each ``count`` of a range's values, which only a grid has."""
    for path, value in _counts(document).items():
        if path[-2] in space.domains:
            rule = f"has no effect with method {method}: only method grid tries so many values of a range"
            document.fault(path, rule, shown(value))


def _counts(document: Document) -> dict[tuple[str | int, ...], object]:
    found = {}
    for path in document.places:
        if path[0:1] == ("parameters",) and path[-1] == "count" and len(path) > 2 and "when" not in path:
            value = document.tree
            for part in path:
                value = value[part]
            found[path] = value
    return found
