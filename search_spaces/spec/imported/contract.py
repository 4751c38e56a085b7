"""What becomes of another tool's file: the keys of a spec, and what is said of those without a counterpart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from search_spaces.spec.other_tools.words import KEYS
from search_spaces.spec.yaml_document import Path

Tree = Mapping[str, Any]


@dataclass
class Import:
    """A spec in the making: its ``tree``, and notes on the file's keys, by their paths in it."""

    tree: dict[str, Any] = field(default_factory=dict)
    notes: list[tuple[Path, str]] = field(default_factory=list)
    refused: list[tuple[Path, str]] = field(default_factory=list)
    """Reasons for which no spec is written, by the paths of their keys."""

    def note(self, path: Path, text: str) -> None:
        """Note that a key has no counterpart, or what the user is to do about it."""
        self.notes.append((path, text))

    def refuse(self, path: Path, text: str) -> None:
        """Refuse the whole file because of a key: no spec is written."""
        self.refused.append((path, text))

    def put(self, **keys: Any) -> None:
        """Set keys of the spec, those of groups beside what they hold already; None is left out."""
        for key, value in keys.items():
            if isinstance(value, dict) and isinstance(self.tree.get(key), dict):
                self.tree[key].update(value)
            elif value is not None:
                self.tree[key] = value


def in_its_place(key: str) -> str:
    """Return, in words, what to write here for another tool's ``key``, or ``group.key``."""
    return KEYS.get(key, "has no counterpart").removeprefix("is not read: ")


def group(tree: Any, *keys: str | int) -> Any:
    """Return the part of a tree at the path ``keys``; an empty mapping where one is missing."""
    for key in keys:
        listed = isinstance(tree, list) and isinstance(key, int) and key < len(tree)
        if not listed and not (isinstance(tree, Mapping) and key in tree):
            return {}
        tree = tree[key]
    return tree
