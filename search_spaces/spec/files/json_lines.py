"""Records of a JSON file: one object on each line, or one list of objects."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from search_spaces.spec.files.compressed import opened
from search_spaces.spec.files.dialect import Dialect, opened_text
from search_spaces.spec.files.encodings import certain_encoding

HEAD_BYTES = 1 << 16
"""Number of bytes that tell the encoding."""


def records(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the objects. Raises ValueError, with the line, for what is no JSON or no object."""
    with opened(path) as raw:
        encoding = certain_encoding(raw.read(HEAD_BYTES), whole=False)
    if encoding is None:
        raise ValueError("it is in no encoding that is certain: write it in UTF-8")
    with opened_text(path, Dialect(encoding=encoding)) as file:
        first = file.read(1)
        while first.isspace():
            first = file.read(1)
        if first == "[":
            yield from _checked(1, json.loads(first + file.read()))
            return
        for number, line in enumerate(file, 1):
            text = first + line if number == 1 else line
            if text.strip():
                yield from _checked(number, [_parsed(number, text)])


def _parsed(number: int, text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise ValueError(f"line {number} is no JSON: {error}") from error


def _checked(number: int, found: list[Any]) -> Iterator[dict[str, Any]]:
    for value in found:
        if not isinstance(value, dict):
            rule = 'must hold an object, such as {"a": 1}'
            raise ValueError(f"line {number} {rule}, received {str(value)[:40]!r}")
        yield value
