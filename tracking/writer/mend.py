"""Makes a file of sealed lines whole again: what cannot be read is left out, told, and kept in a copy."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from search_spaces.types.files.broken import keep_broken
from search_spaces.types.files.sealed import line_number, record_of, sealed_line


@dataclass(kw_only=True)
class Mended:
    """A file of sealed lines that is whole. ``told`` says in words what was wrong with it, if anything."""

    num_lines: int = 0
    sent: int = 0
    """Bytes of the lines that stood before the byte that was asked for."""
    told: str = ""
    is_sealed: bool = False
    """Whether this version has written to it: earlier ones did not seal their lines."""
    is_torn: bool = False
    """Whether only its end was cut off."""


def mend(path: Path, sent: int = 0, moving: Callable[[], None] = lambda: None) -> Mended:
    """Leave out the lines that cannot be read, number the others anew, and keep the file as it was, ``.broken``.

    ``moving`` is called before the file is replaced by one in which lines have other places. Only a line that was
    cut off at the end, by a process that was killed, is removed without a copy.
    """
    if not path.exists():
        return Mended()
    found, first_bad, lost, start, has_end = Mended(), None, 0, 0, True
    for index, (line, number) in enumerate(_lines(path)):
        end = start + len(line)
        if (number is None or number > found.num_lines + lost) and first_bad is None:
            first_bad = index, start
        if number is not None:
            lost = max(lost, number - found.num_lines)
            found.num_lines += 1
            found.is_sealed |= number >= 0
            found.sent = end if end <= sent else found.sent
        start, has_end = end, line.endswith(b"\n")
    if first_bad is None:
        return found
    if first_bad[0] == index == found.num_lines and not has_end:  # nothing is wrong but the end
        os.truncate(path, first_bad[1])
        found.is_torn = True
        found.told = f"the torn tail of {path} ({start - first_bad[1]} bytes) was cut off"
        return found
    broken = keep_broken(path)
    moving()
    found.sent = _rewrite(path, sent)
    place = f"line {first_bad[0] + 1} (byte {first_bad[1]})"
    found.told = f"{path}: {place} cannot be read or is missing; the file as it was is {broken}"
    return found


def _lines(path: Path) -> Iterator[tuple[bytes, int | None]]:
    """Yield each line and its number; -1 for a line of an earlier version, None for what cannot be read."""
    with path.open("rb") as lines:
        for line in lines:
            yield line, line_number(line[:-1], -1) if line.endswith(b"\n") else None


def _rewrite(path: Path, sent: int) -> int:
    """Write the right lines alone; return the bytes of those that stood before byte ``sent``."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    end = kept = count = 0
    with temporary.open("wb") as file:
        for line, number in _lines(path):
            end += len(line)
            if number is None:
                continue
            written = file.write(sealed_line(record_of(line), count))
            kept += written if end <= sent else 0
            count += 1
    temporary.replace(path)
    return kept
