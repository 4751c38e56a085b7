"""What becomes of another tool's file: the keys of a spec, and what is said of those without a counterpart."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
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
        for key, value in ((key, plain(value)) for key, value in keys.items()):
            if isinstance(value, dict) and isinstance(self.tree.get(key), dict):
                self.tree[key].update(value)
            elif value is not None:
                self.tree[key] = value


def in_its_place(key: str) -> str:
    """Return, in words, what to write here for another tool's ``key``, or ``group.key``."""
    return KEYS.get(key, "has no counterpart").removeprefix("is not read: ")


class Watched(dict[str, Any]):
    """A mapping of another tool's file that knows which of its keys were looked at."""

    def __init__(self, tree: Mapping[str, Any]) -> None:
        super().__init__({key: watched(value) for key, value in tree.items()})
        self.seen: set[str] = set()

    def __getitem__(self, key: str) -> Any:
        self.seen.add(key)
        return super().__getitem__(key)

    def get(self, key: str, default: Any = None) -> Any:
        """Return the key's value, which is then one that was looked at."""
        self.seen.add(key)
        return super().get(key, default)

    def items(self) -> Any:
        """Return all keys and values, which are then ones that were looked at."""
        self.seen |= self.keys()
        return super().items()


def watched(tree: Any) -> Any:
    """Return the content of a file with ``Watched`` mappings."""
    if isinstance(tree, Mapping):
        return Watched(tree)
    return [watched(one) for one in tree] if isinstance(tree, list) else tree


def plain(tree: Any) -> Any:
    """Return what goes into the spec, or is told as a whole, as plain mappings: all of it was looked at."""
    if isinstance(tree, dict):
        return {key: plain(value) for key, value in tree.items()}
    return [plain(one) for one in tree] if isinstance(tree, list) else tree


def unseen(tree: Any, path: Path = ()) -> Iterator[Path]:
    """Yield the paths of the keys that were not looked at, without what is inside of them."""
    if isinstance(tree, Watched):
        for key in tree:
            if key not in tree.seen:
                yield (*path, key)
            else:
                yield from unseen(dict.__getitem__(tree, key), (*path, key))
    for place, one in enumerate(tree if isinstance(tree, list) else ()):
        yield from unseen(one, (*path, place))


def group(tree: Any, *keys: str | int) -> Tree:
    """Return the mapping behind ``keys``; an empty one where there is none, which leaves what is there unseen."""
    for key in keys:
        tree = _found(tree, key)
    return tree if isinstance(tree, Mapping) else {}


def listed(tree: Tree, key: str) -> list[Any]:
    """Return the list behind a key; an empty one where there is none."""
    found = _found(tree, key)
    return found if isinstance(found, list) else []


def groups(tree: Tree, key: str) -> list[tuple[int, Tree]]:
    """Return the mappings of the list behind a key, with their places in it."""
    return [(place, one) for place, one in enumerate(listed(tree, key)) if isinstance(one, Mapping)]


def text_of(tree: Tree, key: str) -> str | None:
    """Return the text or number behind a key as text; None where there is none."""
    found = dict.get(tree, key) if isinstance(tree, dict) else None
    return str(tree[key]) if isinstance(found, str | int | float) else None


def count(tree: Tree, key: str) -> int:
    """Return the whole number behind a key, 1 where there is none."""
    found = dict.get(tree, key) if isinstance(tree, dict) else None
    return tree[key] if isinstance(found, int) and found > 0 else 1


def _found(tree: Any, key: str | int) -> Any:
    """Return a mapping or list inside of one; None for anything else, which stays unseen."""
    if isinstance(tree, list):
        return tree[key] if isinstance(key, int) and key < len(tree) else None
    inner = dict.get(tree, key) if isinstance(tree, dict) else None
    return tree[key] if isinstance(inner, Mapping | list) else None
