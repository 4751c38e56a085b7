"""Applies ``key=value`` from the command line to a spec: dotted paths, YAML 1.2 values, the last one wins."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from search_spaces.spec.yaml_document import Document, Path, decoded, dotted, flow, read_yaml
from search_spaces.types.faults import Fault, SpecError, shown
from search_spaces.types.passwords import masked

OTHER_NAMES = {
    "run_cap": "trials",
    "max_lanes": "max_concurrent",
    "cohort": "train_together",
    "max_failures": "max_retries",
}
"""Keys of other tools and of earlier versions, with our names."""


def settle_aliases(document: Document) -> None:
    """Rename keys of ``OTHER_NAMES`` in place, so that overrides find them. Two names of one key are a fault."""
    for alias, name in OTHER_NAMES.items():
        if alias not in document.tree:
            continue
        value = document.tree.pop(alias)
        if name in document.tree:
            document.fault((alias,), f"is another name of {name}, give one of them", shown(value))
        else:
            document.put((name,), value, document.place((alias,)))


def override(document: Document, overrides: Sequence[str]) -> None:
    """Apply the overrides to ``document``; one that cannot be read or applied is noted as a fault."""
    for text in overrides:
        place = f"override {masked(text)[:100]}"
        key, equals, value = text.partition("=")
        if not equals or not all(key.split(".")):
            document.faults.append(Fault(place, "", "must be key=value, such as epochs=3", shown(text)))
            continue
        path = tuple(
            OTHER_NAMES.get(part, part) if k == 0 else part for k, part in enumerate(key.strip().split("."))
        )
        try:
            read = read_yaml(decoded(value.encode("utf-8", "surrogateescape"), place), place, path)
            read.refuse_faulty()
        except SpecError as error:
            document.faults += [Fault(place, dotted(path), f.rule, f.received, f.suggestion) for f in error.faults]
            continue
        _put(document, path, read.tree, place)


def _put(document: Document, path: Path, value: Any, place: str) -> None:
    around: Any = document.tree
    full: list[str | int] = []
    for part in path[:-1]:
        here = _index(around, part)
        if isinstance(around, dict) and here not in around:
            document.put((*full, here), {}, place)
        full.append(here)
        around = around[here] if not isinstance(around, list) or _fits(around, here) else None
        if not isinstance(around, dict | list):
            rule = "has no keys inside to override: give it whole"
            inner = value
            for key in reversed(path[len(full) :]):
                inner = {str(key): inner}
            whole = repr(f"{full[0]}={flow(inner)}") if full[1:] == [] and full != ["parameters"] else None
            document.faults.append(Fault(place, dotted(tuple(full)), rule, shown(around), whole))
            return
    last = _index(around, path[-1])
    if isinstance(around, list) and not _fits(around, last):
        rule = f"must be the number of an item, 0 to {len(around) - 1}"
        document.faults.append(Fault(place, dotted(path), rule, shown(last)))
        return
    document.put((*full, last), value, place)


def _index(around: Any, part: str | int) -> str | int:
    return int(part) if isinstance(around, list) and str(part).isdecimal() else part


def _fits(items: list[Any], index: str | int) -> bool:
    return isinstance(index, int) and index < len(items)
