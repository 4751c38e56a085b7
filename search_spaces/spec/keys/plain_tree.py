"""Turns a spec that is given as Python's objects into the values that a file would hold."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from search_spaces.spec.yaml_document import MAX_DEPTH, Document, Path, decoded
from search_spaces.types.faults import SpecError, shown


def tree_document(tree: Mapping[str, Any], origin: str) -> Document:
    """Return ``tree`` as a document whose places are ``origin``; what no file could hold is noted as faults.

    Tuples, ranges and arrays become lists, paths become text, NumPy's numbers become Python's.
    """
    document = Document(origin)
    document.tree = _plain(document, dict(tree), ())
    return document


def plain_value(value: Any, origin: str, path: Path) -> Any:
    """Return one value in the same way. Raises SpecError where no file could hold it."""
    document = Document(origin)
    found = _plain(document, value, path)
    document.refuse_faulty()
    return found


def _plain(document: Document, value: Any, path: Path) -> Any:
    if len(path) > MAX_DEPTH:
        document.fault(path[:MAX_DEPTH], f"must not be nested deeper than {MAX_DEPTH}")
        return None
    value = _unwrapped(value)
    if isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, str):
                document.fault(path, "must have keys that are text", shown(key))
        return {key: _plain(document, inner, (*path, key)) for key, inner in value.items() if isinstance(key, str)}
    if isinstance(value, list | tuple | range):
        return [_plain(document, inner, (*path, number)) for number, inner in enumerate(value)]
    if isinstance(value, str):
        return _text(document, value, path)
    if value is None or isinstance(value, bool | int | float):
        return value
    rule = "must be text, a number, true or false, or a list or mapping of them"
    document.fault(path, rule, f"an object of type {type(value).__name__}")
    return None


def _unwrapped(value: Any) -> Any:
    """Return a path as text, and what NumPy, pandas or torch hold, as Python's own values."""
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    return value.tolist() if hasattr(value, "tolist") and hasattr(value, "dtype") else value


def _text(document: Document, text: str, path: Path) -> str:
    try:
        return decoded(text.encode("utf-8", "surrogatepass"), document.origin)
    except SpecError as error:
        for fault in error.faults:
            document.fault(path, fault.rule, fault.received)
        return ""
