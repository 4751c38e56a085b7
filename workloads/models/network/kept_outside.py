"""Finds by trying which hyperparameters a constructor keeps outside of the network, on its class or in a global.

All networks of a process share such a value: members of one leg would all compute with the last one's.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from itertools import islice
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
from torch import Tensor, nn

from search_spaces.types.errors.whose_code import is_users
from search_spaces.types.values import Value

MOST_VALUES = 3
"""Values of each hyperparameter that are tried beside the first."""
MOST_ENTRIES = 256
"""Entries of a list, mapping or tensor that are looked at."""
DEEPEST = 3
Snapshot = Mapping[str, object]


def kept_outside(
    cls: type, first: Mapping[str, Value], others: Mapping[str, Iterable[Value]], build: Callable[..., object]
) -> tuple[str, str] | None:
    """Return a hyperparameter and where its value is kept, such as ``Net.width``; None where none is kept.

    ``build(values)`` makes a network, or returns None where it refuses them. ``others``: values beside ``first``.
    """
    places = _Places(cls)
    build(first)
    before = places.now()
    build(first)
    steady = {place: value for place, value in places.now().items() if _kept(before.get(place, _NONE), value)}
    for name, values in others.items():
        for value in islice(values, MOST_VALUES):
            if build({**first, name: value}) is None:
                continue
            after = places.now()
            changed = (place for place, old in steady.items() if not _kept(old, after.get(place, _NONE)))
            new = (place for place in after if place not in before)
            if place := next(changed, None) or next(new, None):
                return name, place
    return None


class _Nothing: ...


_NONE = _Nothing()


class _Places:
    """The attributes of a class and of those that it derives from, and the globals that their methods read."""

    def __init__(self, cls: type) -> None:
        self._classes = [one for one in cls.__mro__ if _users(one)]
        methods = [inspect.unwrap(one) for cls in self._classes for one in vars(cls).values() if callable(one)]
        spaces = [method.__globals__ for method in methods if inspect.isfunction(method)]
        self._globals = list({id(space): space for space in spaces}.values())

    def now(self) -> Snapshot:
        """Return all values as they are at present, by place."""
        return dict(self._all())

    def _all(self) -> Iterator[tuple[str, object]]:
        for cls in self._classes:
            yield from _named(f"{cls.__name__}.", vars(cls), 0)
        for space in self._globals:
            yield from _named("", space, 0)


def _users(cls: type) -> bool:
    module = inspect.getmodule(cls)
    return module is None or not (file := getattr(module, "__file__", None)) or is_users(file)


def _named(prefix: str, values: Mapping[str, Any], depth: int) -> Iterator[tuple[str, object]]:
    for name, value in list(values.items()):
        if not name.startswith("__"):
            yield prefix + name, _content(value, depth)


def _content(value: Any, depth: int) -> object:
    """Return what can be compared later of a value, though it may change in place."""
    if value is None or isinstance(value, bool | int | str | bytes | complex):
        return value
    if isinstance(value, float):
        return repr(value)  # nan equals itself
    if isinstance(value, Tensor | np.ndarray | np.generic):
        numbers = value.detach() if isinstance(value, Tensor) else value
        return str(value.dtype), tuple(value.shape), repr(numbers.reshape(-1)[:MOST_ENTRIES].tolist())
    if depth == DEEPEST or isinstance(value, nn.Module) or (callable(value) and not isinstance(value, type)):
        return type(value)
    if isinstance(value, Mapping):
        return {repr(key): _content(one, depth + 1) for key, one in list(value.items())[:MOST_ENTRIES]}
    if isinstance(value, list | tuple):
        return [_content(one, depth + 1) for one in value[:MOST_ENTRIES]]
    if isinstance(value, Set):
        return dict.fromkeys(map(repr, value))
    if isinstance(value, ModuleType):
        file = getattr(value, "__file__", None)
        return dict(_named("", vars(value), DEEPEST - 1)) if file and is_users(file) else value.__name__
    own = _users(value if isinstance(value, type) else type(value))
    if own or isinstance(value, SimpleNamespace):
        return dict(_named("", vars(value), depth + 1)) if hasattr(value, "__dict__") else type(value)
    return type(value)


def _kept(old: object, new: object) -> bool:
    """Return whether ``new`` has all that ``old`` had: a store of masks may grow."""
    if isinstance(old, dict) and isinstance(new, dict):
        return all(_kept(value, new.get(key, _NONE)) for key, value in old.items())
    if isinstance(old, list) and isinstance(new, list):
        return len(old) <= len(new) and all(map(_kept, old, new))
    return old == new
