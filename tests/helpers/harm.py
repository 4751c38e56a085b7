"""What happens to files: a bit that flips, a tail that is cut off, an empty file, zeros, no file at all."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path


def flip(path: Path, at: float = 0.5) -> None:
    """Flip one bit at this share of the file."""
    content = bytearray(path.read_bytes())
    content[int(at * (len(content) - 1))] ^= 4
    path.write_bytes(content)


def cut(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def zero(path: Path) -> None:
    path.write_bytes(bytes(path.stat().st_size))


def remove(path: Path) -> None:
    path.unlink()


HARMS: dict[str, Callable[[Path], None]] = {harm.__name__: harm for harm in (flip, cut, empty, zero, remove)}
