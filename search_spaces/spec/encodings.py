"""Decodes text, and names the first byte that is not valid in the encoding."""

from __future__ import annotations

import codecs

ENCODINGS = (
    "utf-8",
    "utf-16",
    "utf-32",
    "ascii",
    "latin-1",
    "cp1250",
    "cp1251",
    "cp1252",
    "shift_jis",
    "gb18030",
    "big5",
)
"""Common encodings, for suggestions; Python knows many more."""
_GUESSES = ("utf-8", "cp1252", "latin-1")


class EncodingFault(Exception):
    """Error: ``byte`` at ``position`` (from 0) is not valid in ``encoding``; ``likely`` is one that fits."""

    def __init__(self, encoding: str, position: int, byte: int, likely: str) -> None:
        super().__init__(f"byte {position} (0x{byte:02x}) is no {encoding}")
        self.likely = likely


def decoded(raw: bytes, encoding: str) -> str:
    """Return ``raw`` as text without byte order mark. Raises EncodingFault, and LookupError for the encoding."""
    try:
        return raw.decode(encoding).removeprefix("\ufeff")
    except UnicodeError as error:
        position = getattr(error, "start", 0)
        raise EncodingFault(encoding, position, raw[position], _likely(raw)) from error


def _likely(raw: bytes) -> str:
    if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    for guess in _GUESSES:
        try:
            raw.decode(guess)
        except UnicodeDecodeError:
            continue
        return guess
    raise AssertionError("latin-1 takes any byte")
