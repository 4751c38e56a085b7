"""Values by name, as attributes and as items: what W&B's configuration and summary share."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


class Items:
    """Values by name. ``_put`` decides what becomes of one that is set."""

    _items: dict[str, Any]

    def __init__(self, **hidden: Any) -> None:
        """Begin without values; ``hidden`` are attributes that are none."""
        for name, value in {"_items": {}, **hidden}.items():
            object.__setattr__(self, name, value)

    def _put(self, name: str, value: Any) -> None:
        self._items[name] = value

    def __setitem__(self, name: str, value: Any) -> None:
        self._put(name, value)

    def __setattr__(self, name: str, value: Any) -> None:
        self._put(name, value)

    def __getitem__(self, name: str) -> Any:
        return self._items[name]

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name not in self._items:
            raise AttributeError(f"{type(self)!r} object has no attribute {name!r}")
        return self._items[name]

    def __contains__(self, name: object) -> bool:
        return name in self._items

    def __iter__(self) -> Iterator[str]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def __repr__(self) -> str:
        return str(self._items)

    def keys(self) -> list[str]:
        """Return the names."""
        return list(self._items)

    def items(self) -> list[tuple[str, Any]]:
        """Return names and values."""
        return [(name, self._items[name]) for name in self.keys()]

    def get(self, name: str, default: Any = None) -> Any:
        """Return a value, or ``default``."""
        return self._items.get(name, default)
