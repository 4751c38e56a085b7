"""Seals of the JSON files that we keep: check sums that JSON's readers pass over, so that bytes that rot are seen.

A line ends with its number and its check sum, a document with its check sum, as further keys. What has no seal was
written by an earlier version, and is believed where it is JSON.
"""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO

SEAL = re.compile(rb',"n":(\d+),"crc":"([0-9a-f]{8})"}\n?\Z')
SEAL_BYTES = 64
"""Bytes at the end of a line in which its seal is looked for; lines may have many thousands."""
_DOCUMENT_SEAL = re.compile(rb',\s*"crc": "([0-9a-f]{8})"\s*}\s*\Z')

_ANY = ord("?")
_DOCUMENT_END = b',\n "crc": "????????"\n}\n'
"""How ``sealed`` ends; the question marks stand for the check sum."""
MOST_ROTTEN = 3
"""Number of bytes of that in which a seal that has rotted may differ."""


class Rotten(ValueError):
    """Error: a document is not what was written; the text is the reason."""


def sealed_line(record: Mapping[str, Any], number: int) -> bytes:
    """Return the line, with its end, of the record ``number``, counted from 0."""
    text = json.dumps({**record, "n": number}, separators=(",", ":")).encode()
    return b"".join((memoryview(text)[:-1], b',"crc":"%08x"}\n' % zlib.crc32(text)))  # texts may have many MB


def seal(line: bytes) -> re.Match[bytes] | None:
    """Return the match of ``SEAL`` at the end of a line; None where it has no seal."""
    return SEAL.search(line, max(0, len(line) - SEAL_BYTES))


def line_number(line: bytes, expected: int | None) -> int | None:
    """Return the number of a right line without its end, None for any other.

    A line without a seal, of an earlier version, has the number ``expected``; None: there can be none any more.
    """
    found = seal(line)
    if found is not None:
        check_sum = zlib.crc32(b"}", zlib.crc32(memoryview(line)[: found.end(1)]))
        return int(found[1]) if check_sum == int(found[2], 16) else None
    if expected is None:
        return None
    try:
        record = json.loads(line)
    except ValueError:
        return None
    return expected if isinstance(record, dict) and not {"n", "crc"} & record.keys() else None  # else its seal rots


def record_of(line: bytes) -> dict[str, Any]:
    """Return the record of a right line, without number and check sum."""
    record: dict[str, Any] = json.loads(line)
    return {key: value for key, value in record.items() if key not in ("n", "crc")}


def numbered(lines: BinaryIO) -> Iterator[tuple[bytes, int | None]]:
    """Yield the lines of a file, with their ends, and the number of each; None for one that is not right."""
    expected: int | None = 0
    for line in lines:
        number = line_number(line[:-1], expected) if line.endswith(b"\n") else None
        yield line, number
        # Behind a bad line nobody can tell the number of one without a seal, and behind a seal there is none.
        expected = None if number is None or seal(line) else number + 1


def sealed(text: str) -> str:
    """Return a JSON object's text with its check sum as the last key."""
    body = text.rstrip().removesuffix("}").rstrip()
    return f'{body},\n "crc": "{zlib.crc32(body.encode()):08x}"\n}}\n'


def unsealed(content: bytes) -> bytes:
    """Return the JSON that ``sealed`` was given, and that of an earlier version as it is. Raises Rotten."""
    found = _DOCUMENT_SEAL.search(content)
    right = found is None or zlib.crc32(content[: found.start()]) == int(found[1], 16)
    if not right or (found is None and _nearly_sealed(content)):
        raise Rotten("its check sum does not fit: it was changed, or is damaged")
    return without_seal(content)


def _nearly_sealed(content: bytes) -> bool:
    """Whether a document without a seal ends as one does but for a few bytes: those of its seal have rotted."""
    tail = content[-len(_DOCUMENT_END) :]
    pairs = [(a, b) for a, b in zip(tail, _DOCUMENT_END, strict=False) if b != _ANY]
    return len(tail) == len(_DOCUMENT_END) and sum(a != b for a, b in pairs) <= MOST_ROTTEN


def without_seal(content: bytes) -> bytes:
    """Return the JSON of a sealed document, whether or not it is what was written."""
    found = _DOCUMENT_SEAL.search(content)
    return content if found is None else content[: found.start()] + b"}"


def document(content: bytes) -> dict[str, Any]:
    """Return the object of a sealed document. Raises Rotten where it is none, or is not what was written."""
    try:
        found = json.loads(unsealed(content))
    except Rotten:
        raise
    except ValueError as error:
        raise Rotten(f"it is no JSON ({error})") from error
    if not isinstance(found, dict):
        raise Rotten("it is no object of JSON")
    return found
