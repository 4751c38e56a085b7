"""Makes texts that UTF-8 cannot hold printable, before a store, a file or a terminal meets them.

Python keeps the bytes of a file name that is no UTF-8 as lone surrogates, and so does an error that quotes it.
"""

from __future__ import annotations

from typing import Any


def encodable(text: str) -> str:
    r"""Return ``text`` with lone surrogates written out, as in ``caf\udce9.csv``, and NULs, as in ``\x00``."""
    if text.isascii() and "\0" not in text:
        return text
    return text.encode("utf-8", "backslashreplace").decode().replace("\0", "\\x00")


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
