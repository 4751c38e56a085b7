"""Makes texts that a store, a file or a terminal would stumble over printable, before they meet them.

Python keeps the bytes of a file name that is no UTF-8 as lone surrogates, and so does an error that quotes it.
"""

from __future__ import annotations

import re
from typing import Any

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
"""Control characters but tab and line feed: a terminal would obey an escape sequence in an error's text."""


def encodable(text: str) -> str:
    r"""Return ``text`` with lone surrogates written out, as in ``caf\udce9``, and controls, as in ``\x1b[2J``."""
    if not text.isascii():
        text = text.encode("utf-8", "backslashreplace").decode()
    return _CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", text.replace("\r\n", "\n"))


def all_encodable(value: Any) -> Any:
    """Return a value of JSON's types with every text in it, keys too, made ``encodable``."""
    match value:
        case str():
            return encodable(value)
        case dict():
            return {all_encodable(key): all_encodable(item) for key, item in value.items()}
        case list() | tuple():
            return [all_encodable(item) for item in value]
        case _:
            return value
