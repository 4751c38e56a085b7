"""The columns of a Parquet file, from its footer: importing pyarrow would double the time of a check.

A file ends with its metadata, their length (4 bytes, little-endian) and the mark ``PAR1``. The metadata are a
record in Thrift's compact protocol; its field 2 lists the nodes of the schema, depth first, the root first of all.
A field's first byte holds its type below, and above by how much its number exceeds that of the field before.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

_MARK, _TAIL = b"PAR1", 8
_MAX_BYTES = 1 << 22
"""Of the metadata that are looked at; the schema comes first, 100,000 columns fit."""
_SCHEMA, _NAME, _NUM_CHILDREN = 2, 4, 5
_END, _BYTE, _BYTES, _RECORD = 0, 3, 8, 12
_BOOLS, _INTEGERS, _LISTS = (1, 2), (4, 5, 6), (9, 10)
_SIZES = {_BYTE: 1, 7: 8}
"""Bytes of what has always as many."""
_LONG = 15
"""In the header of a list: its length follows."""


def column_names(path: Path) -> list[str]:
    """The columns in order; lists and records count as one column each. ValueError for what is no Parquet file."""
    try:
        return list(_outermost(_Thrift(_metadata(path)).nodes()))
    except (IndexError, RecursionError, UnicodeDecodeError):
        raise ValueError("it is no Parquet file: its footer cannot be read") from None


def _metadata(path: Path) -> bytes:
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - _TAIL))
        tail = file.read(_TAIL)
        length = int.from_bytes(tail[:4], "little")
        if tail[4:] != _MARK or length > size - _TAIL - len(_MARK):
            raise ValueError("it is no Parquet file: it does not end as one")
        file.seek(size - _TAIL - length)
        return file.read(min(length, _MAX_BYTES))


def _outermost(nodes: Iterable[tuple[str, int]]) -> Iterator[str]:
    """The names of the root's children, from the name and the number of children of every node."""
    num_inside = 0
    for name, num_children in list(nodes)[1:]:
        if not num_inside:
            yield name
        num_inside = max(0, num_inside - 1) + num_children


class _Thrift:
    """Reads one value after the other. IndexError where there is none, or not what must be there."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def nodes(self) -> Iterator[tuple[str, int]]:
        """Name and number of children of each node of the schema."""
        for number, kind in self._fields():
            if number == _SCHEMA:
                yield from (self._node() for _ in range(self._list()[1]))
                return
            self._skip(kind)
        raise IndexError

    def _node(self) -> tuple[str, int]:
        name, num_children = None, 0
        for number, kind in self._fields():
            if number == _NAME:
                name = self._bytes(self._integer()).decode()
            elif number == _NUM_CHILDREN:
                num_children = self._integer() >> 1  # in zigzag, and never below 0
            else:
                self._skip(kind)
        if name is None:
            raise IndexError
        return name, num_children

    def _fields(self) -> Iterator[tuple[int, int]]:
        """Number and type of each field of a record; whoever asks must read or skip its value."""
        number = 0
        while (head := self._byte()) != _END:
            number = number + (head >> 4) if head >> 4 else self._integer() >> 1
            yield number, head & 15

    def _byte(self) -> int:
        self._at += 1
        return self._data[self._at - 1]

    def _bytes(self, size: int) -> bytes:
        self._at += size
        if self._at > len(self._data):
            raise IndexError
        return self._data[self._at - size : self._at]

    def _integer(self) -> int:
        """Seven bits a byte, the lowest first; the eighth says that more follow."""
        value, shift = (byte := self._byte()) & 127, 0
        while byte > 127 and shift < 63:
            shift += 7
            value |= ((byte := self._byte()) & 127) << shift
        return value

    def _list(self) -> tuple[int, int]:
        """The type of a list's items, and their number."""
        head = self._byte()
        return head & 15, self._integer() if head >> 4 == _LONG else head >> 4

    def _skip(self, kind: int) -> None:
        """Skips a field's value; a bool has none, its type says it."""
        if kind in _INTEGERS:
            self._integer()
        elif kind in _SIZES:
            self._bytes(_SIZES[kind])
        elif kind == _BYTES:
            self._bytes(self._integer())
        elif kind == _RECORD:
            for _, inner in self._fields():
                self._skip(inner)
        elif kind in _LISTS:
            item, num = self._list()
            for _ in range(num):
                self._skip(_BYTE if item in _BOOLS else item)
        elif kind not in _BOOLS:  # a map: there are none in a footer
            raise IndexError
