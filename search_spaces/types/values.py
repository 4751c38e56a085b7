"""Types of a hyperparameter's value, and of the hyperparameters of one trial, by name."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

Value = bool | int | float | str | None
Params = Mapping[str, Value]
Identity = tuple[tuple[str, ...], tuple[object, ...]]
"""Names and values of a configuration in the order of the names; a set of pairs takes eight times the memory."""


def distinct(value: Value) -> object:
    """Return what only an equal value of the same type equals: to Python 1, 1.0 and true are one."""
    if isinstance(value, bool) or (isinstance(value, float) and value.is_integer()):
        return (repr(value),)
    return value


def identity(params: Params) -> Identity:
    """Return what two equal configurations have in common; 1, 1.0 and true are three values."""
    names = tuple(sorted(params))
    return names, tuple(distinct(params[name]) for name in names)


class Nested(str):
    """A list or mapping as a value: its JSON text, which is hashable, and kept wherever a text is.

    Where such a text has been stored and read again it is a ``str``, until ``read_nested`` reads it.
    """

    __slots__ = ()


def value_of(given: Any) -> Any:
    """Return ``given`` as a value: a list or mapping as ``Nested``, anything else unchanged.

    Raises ValueError for what JSON cannot hold: NaN, infinity, or keys that are no texts.
    """
    if not isinstance(given, list | tuple | dict):
        return given
    if not _has_text_keys(given):
        raise ValueError("must have texts as keys")
    return Nested(json.dumps(given, allow_nan=False, ensure_ascii=False))


def _has_text_keys(given: Any) -> bool:
    if isinstance(given, dict):
        return all(isinstance(key, str) and _has_text_keys(inner) for key, inner in given.items())
    return not isinstance(given, list | tuple) or all(map(_has_text_keys, given))


def unnested(value: Any) -> Any:
    """Return the list or mapping that a ``Nested`` holds, anything else unchanged."""
    return json.loads(value) if isinstance(value, Nested) else value


def stored(params: Params) -> dict[str, Any]:
    """Return ``params`` as values of JSON's types, with the lists and mappings that they hold."""
    return {name: unnested(value) for name, value in params.items()}


def restored(record: Mapping[str, Any]) -> dict[str, Value]:
    """Return the params that ``stored`` wrote."""
    return {name: value_of(value) for name, value in record.items()}


def reads_as_nested(text: Any) -> bool:
    """Whether a text is the JSON of a list or mapping."""
    if not isinstance(text, str) or text[:1] not in ("[", "{"):
        return False
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def read_nested(value: Value) -> Any:
    """Return the list or mapping whose text ``value`` is, of whatever class the text; anything else unchanged."""
    return json.loads(value) if isinstance(value, str) and reads_as_nested(value) else value
