"""Optuna's journal file, sealed line by line and kept twice, so that bytes that rot are seen and had back.

Optuna itself writes and syncs each operation, about ten for a trial. A sweep has one writer, its driver, and its
operations must be on disk only before the next leg starts. So they are kept in memory until ``flush``. Each line
ends with its number and its check sum, two more keys that Optuna's own reader passes over. ``journal.log.copy``
holds the same lines without a sync: it guards against rot and removal, not against a power cut.
"""

from __future__ import annotations

import filecmp
import io
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

from search_spaces.study.operations import Operation, parsed
from search_spaces.types.driver_errors import Damaged, Fenced, Gone, Unwritable
from search_spaces.types.files.broken import keep_broken
from search_spaces.types.files.sealed import numbered, seal, sealed_line


def copy_of(path: Path) -> Path:
    """Return the path of a journal's copy."""
    return path.with_name(path.name + ".copy")


def _next_of(path: Path) -> Path:
    """Return the path of a journal that takes the place of that at ``path`` and of its copy: it alone counts."""
    return path.with_name(path.name + ".next")


def is_there(path: Path) -> bool:
    """Whether there is any file of the journal, its copy included."""
    return any(file.exists() for file in (path, copy_of(path), _next_of(path)))


def put(path: Path, fresh: Path) -> None:
    """Put the journal at ``fresh`` in the place of the one at ``path`` and of its copy, both in effect at once.

    Where the process is killed on the way ``mend`` goes on with it.
    """
    fresh.replace(_next_of(path))
    _take_over(path)


def _take_over(path: Path) -> None:
    if content := _content(_next_of(path)):
        _replace(copy_of(path), content)
        _next_of(path).replace(path)


@dataclass(frozen=True)
class Contents:
    """What a journal and its copy hold together: the operations' lines, in order, and how they were found."""

    lines: list[bytes]
    num_restored: int = 0
    """Lines that are right in the copy alone."""
    torn: int = 0
    """Bytes behind the last right line: a write that was cut off."""
    is_whole: bool = True
    """Whether the journal holds just these lines."""

    @property
    def only_torn(self) -> bool:
        """Whether nothing is wrong but the end."""
        return bool(self.torn) and not self.num_restored


def read(path: Path, both: bool = False) -> Contents:
    """Return the operations of the journal at ``path``, none without a file.

    The copy is looked at where the journal is not right or shorter, or with ``both``. Raises Damaged, with line and
    byte, where an operation that others follow is right in neither.
    """
    new = _content(_next_of(path))
    content = new or _content(path)
    own, bad = _right(content)
    spare = copy_of(path)
    look = not new and (both or bad or (spare.exists() and spare.stat().st_size > len(content)))
    other = _right(_content(spare))[0] if look else {}
    lines = [own.get(number) or other.get(number) for number in range(max([*own, *other], default=-1) + 1)]
    if None in lines:
        raise Damaged(path, lines.index(None) + 1, bad[0][0] if bad else len(content))
    found = [line for line in lines if line is not None]
    torn = bad[-1] if len(bad) == 1 and bad[0][1] == len(content) else (0, 0)
    return Contents(found, len(found) - len(own), torn[1] - torn[0], is_whole=not bad and len(found) == len(own))


def holds_any(path: Path) -> bool:
    """Whether any line of the journal or its copy is right."""
    for file in (path, copy_of(path), _next_of(path)):
        if file.exists():
            with file.open("rb") as lines:
                if any(number is not None for _, number in numbered(lines)):
                    return True
    return False


def remains(path: Path) -> dict[int, bytes]:
    """Return the lines that are right in the journal or its copy, by number."""
    new = _right(_content(_next_of(path)))[0]
    return new or _right(_content(copy_of(path)))[0] | _right(_content(path))[0]


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""


def _right(content: bytes) -> tuple[dict[int, bytes], list[tuple[int, int]]]:
    """Return the right lines by number, and the places (first byte, end) of the others."""
    found: dict[int, bytes] = {}
    bad: list[tuple[int, int]] = []
    start = 0
    for line, number in numbered(io.BytesIO(content)):
        end = start + len(line)
        if number is None:
            bad.append((start, end))
        else:
            found[number] = line
        start = end
    return found, bad


def _is_whole(path: Path) -> bool:
    """Whether the journal holds sealed lines alone, each in its place, and the copy no more than these."""
    spare = copy_of(path)
    if (
        _next_of(path).exists()
        or not path.exists()
        or (spare.exists() and spare.stat().st_size > path.stat().st_size)
    ):
        return False
    with path.open("rb") as lines:
        found = enumerate(numbered(lines))
        return all(number == index and (index or seal(line)) for index, (line, number) in found)


def mend(path: Path) -> str:
    """Make journal and copy whole; return what was wrong in words, nothing where all was right.

    A process killed during a write leaves half a line at the end, which is cut off. Anything else that cannot be
    read is taken from the copy, and the file as it was is kept as ``journal.log.broken``. Lines of earlier versions
    get their seals. Only the sweep's writer may call this. Raises Damaged.
    """
    _take_over(path)
    if _is_whole(path) and copy_of(path).exists() and filecmp.cmp(path, copy_of(path), shallow=False):
        return ""
    found = read(path, both=True)
    text = b"".join(_with_seal(line, number) for number, line in enumerate(found.lines))
    kept = None
    if path.exists() and not found.is_whole and not found.only_torn:
        kept = keep_broken(path)
    for file in (path, copy_of(path)):
        if _content(file) != text:
            _replace(file, text)
    if found.is_whole:
        return ""
    if found.only_torn:
        return f"the journal's torn tail ({found.torn} bytes) was cut off"
    if found.num_restored:
        what = f"{found.num_restored} of the {len(found.lines)} lines of {path} were lost and are from its copy"
    else:
        what = f"{path} held more than its {len(found.lines)} lines, which was left out"
    return f"{what}: nothing is lost" + (f"; the file as it was is {kept.name}" if kept else "")


def _with_seal(line: bytes, number: int) -> bytes:
    return line if seal(line) else sealed_line(json.loads(line), number)


def _replace(path: Path, content: bytes) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    with temporary.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


class BatchedJournal:
    """A journal for one process: ``append`` keeps operations in memory until ``flush`` writes and syncs them.

    Opening it changes nothing on disk; a journal that is not there has no operations. Raises Damaged.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._size = path.stat().st_size if path.exists() else 0
        self._num_lines = 0
        self._unwritten: list[bytes] = []
        self._is_synced = True

    def operations(self) -> Iterator[Operation]:
        """Yield the operations in the file, one at a time, as it may be large. Called once, before ``append``."""
        self._num_lines = 0
        for line in self._lines():
            self._num_lines += 1
            yield parsed(line)

    def _lines(self) -> Iterator[bytes]:
        if _is_whole(self._path):
            with self._path.open("rb") as lines:
                yield from takewhile(_has_end, lines)  # half a line is one that the driver writes just now
        else:
            yield from read(self._path).lines

    def append(self, operation: Operation) -> None:
        """Keep an operation until ``flush``, as it is now."""
        self._unwritten.append(sealed_line(operation, self._num_lines))
        self._num_lines += 1

    def flush(self, sync: bool = True) -> None:
        """Append the operations in one write, all or none of it, and ``sync`` what was written.

        Without that it outlasts the death of this process, but maybe not that of its machine.

        Raises Fenced where another process has written since, Gone where the file was removed or cut, and OSError
        where there is no room; Unwritable where a part was written that cannot be cut off: the next time it is
        tried again.
        """
        if not self._unwritten and (self._is_synced or not sync):
            return
        text = b"".join(self._unwritten)
        if self._size and not self._path.exists():
            raise Gone(f"{self._path} was removed while the sweep was running: this driver ends")
        with self._path.open(
            "ab", buffering=0
        ) as file:  # a buffer would be written after all as the file is closed
            if (size := os.fstat(file.fileno()).st_size) != self._size:
                if size < self._size:
                    cut = f"was cut to {size} of its {self._size} bytes"
                    raise Gone(f"{self._path} {cut} while the sweep was running: this driver ends")
                if not self._holds_part_of(text):
                    raise Fenced(f"{self._path} was written by another driver of this sweep: this one ends")
                self._cut(file, "holds a part of a write that failed")
            try:
                _write(file, text)
                if sync:
                    os.fsync(file.fileno())
            except OSError as error:
                self._cut(file, f"cannot be written: {error.strerror}")
                error.filename = str(self._path)
                raise
        self._unwritten, self._size, self._is_synced = [], self._size + len(text), sync
        with copy_of(self._path).open("ab") as file:
            file.write(text)

    def _holds_part_of(self, text: bytes) -> bool:
        """Whether the file goes on behind the last flush, with the beginning of ``text``: none else writes it."""
        with self._path.open("rb") as file:
            file.seek(self._size)
            behind = file.read()
        return behind != b"" and text.startswith(behind)

    def _cut(self, file: io.FileIO, said: str) -> None:
        try:
            os.ftruncate(file.fileno(), self._size)
        except OSError as error:
            raise Unwritable(
                f"{self._path} {said}; nor can it be cut back to its {self._size} whole bytes: {error.strerror}. "
                f"Once its disk is well `paceline resume {self._path.parent.name}` cuts it, and continues"
            ) from error


def _has_end(line: bytes) -> bool:
    return line.endswith(b"\n")


def _write(file: io.FileIO, content: bytes) -> None:
    """Write all of it; where there is no room the system takes a part, and raises at the next one."""
    while content:
        content = content[file.write(content) :]
