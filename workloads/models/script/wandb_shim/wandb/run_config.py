"""The configuration of a run: values of the sweep, which are locked, and those that the script adds."""

from __future__ import annotations

import os
import types
from collections.abc import Mapping
from typing import Any

from .items import Items
from .messages import ConfigError, termwarn


def parsed(given: Any) -> dict[str, Any]:
    """Return a configuration that is given as a mapping, an argparse Namespace, flags of absl, or a file's name."""
    if given is None:
        return {}
    if isinstance(given, str | os.PathLike):
        return _of_file(str(given), must_exist=True)
    if isinstance(given, Config):
        return dict(given.items())
    if isinstance(given, Mapping):
        return {str(key): value for key, value in given.items()}
    if isinstance(given, types.ModuleType) and hasattr(given, "FLAGS"):
        given = given.FLAGS
    if hasattr(given, "flag_values_dict"):
        return dict(given.flag_values_dict())
    if not hasattr(given, "__dict__"):
        raise TypeError("config must be a dict or have a __dict__ attribute.")
    return dict(vars(given))


def _of_file(path: str, must_exist: bool) -> dict[str, Any]:
    if not os.path.exists(path):
        if must_exist:
            raise ConfigError(f"config file {path} doesn't exist")
        return {}
    import yaml  # 10 ms, and only for scripts with such a file

    with open(path, encoding="utf-8") as file:
        found = yaml.safe_load(file) or {}
    named = {key: value for key, value in found.items() if key != "wandb_version"}
    return {k: v["value"] if isinstance(v, dict) and "value" in v else v for k, v in named.items()}


def plain(value: Any) -> Any:
    """Return a value in JSON's types: of NumPy and torch the numbers, of what has no such form the text."""
    if isinstance(value, Mapping):
        return {key: plain(inner) for key, inner in value.items()}
    if value is None or type(value) in (bool, int, float, str):
        return value
    if isinstance(value, list | tuple | set | frozenset | range):
        return [plain(inner) for inner in value]
    if hasattr(value, "__dataclass_fields__") and not isinstance(value, type):
        return {name: plain(getattr(value, name)) for name in value.__dataclass_fields__}
    if callable(getattr(value, "tolist", None)):
        return plain(value.tolist())
    for kind in (bool, int, float, str):
        if isinstance(value, kind):
            return kind(value)
    return str(value)


def _merged(old: Any, new: Any) -> Any:
    if not (isinstance(old, dict) and isinstance(new, dict)):
        return new
    return {**old, **{key: _merged(old.get(key), value) for key, value in new.items()}}


class Config(Items):
    """Values by name, as attributes and as items. Those of the sweep cannot be changed."""

    _locked: set[str]

    def __init__(self, given: Any = None, sweep: Mapping[str, Any] | None = None) -> None:
        super().__init__(_locked=set())
        for source in (_of_file("config-defaults.yaml", must_exist=False), parsed(given)):
            self._items.update({key.strip("-"): plain(value) for key, value in source.items()})
        for key, value in (sweep or {}).items():
            self._items[key] = _merged(self._items.get(key), value)
            self._locked.add(key)

    def _put(self, key: str, value: Any, allow_val_change: bool | None = None) -> None:
        key, value = key.strip("-"), plain(value)
        if key in self._locked:
            if self._items[key] == value:
                return
            termwarn(f"Config item '{key}' was locked by 'sweep' (ignored update).", repeat=False)
            return
        if not allow_val_change and key in self._items and self._items[key] != value:
            raise ConfigError(
                f'Attempted to change value of key "{key}" from {self._items[key]} to {value}\n'
                "If you really want to do this, pass allow_val_change=True to config.update()"
            )
        self._items[key] = value

    def keys(self) -> list[str]:
        """Return the names, without those that begin with an underscore."""
        return [key for key in self._items if not key.startswith("_")]

    def values(self) -> list[Any]:
        """Return the values."""
        return [value for _, value in self.items()]

    def as_dict(self) -> dict[str, Any]:
        """Return all values by name."""
        return dict(self._items)

    def update(self, d: Any, allow_val_change: bool | None = None) -> None:
        """Take up the values of a mapping, Namespace or file; those of the sweep stay as they are."""
        for key, value in parsed(d).items():
            self._put(key, value, allow_val_change)

    def setdefaults(self, d: Any) -> None:
        """Take up the values whose names are new."""
        for key, value in parsed(d).items():
            if key.strip("-") not in self._items:
                self._put(key, value)

    def persist(self) -> None:
        """Do nothing: values are kept as they are set."""
