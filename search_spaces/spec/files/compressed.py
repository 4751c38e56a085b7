"""Opens a file that may be compressed; which way is told by its first bytes, whatever its name."""

from __future__ import annotations

import bz2
import gzip
import lzma
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from search_spaces.spec.files.memory import GIB, memory_bytes
from search_spaces.spec.files.steady import limited


def _zipped(path: Path) -> Any:
    archive = zipfile.ZipFile(path)
    names = [name for name in archive.namelist() if not name.endswith("/") and not name.startswith("__MACOSX/")]
    if len(names) != 1:
        raise ValueError(f"the archive must hold one file, it holds {len(names)}: unpack it, and name the file")
    return archive.open(names[0])


def _zstd(path: Path) -> Any:
    import pyarrow  # 0.2 s

    return pyarrow.CompressedInputStream(pyarrow.OSFile(str(path)), "zstd")


_KINDS: Mapping[bytes, Callable[[Path], Any]] = {
    b"\x1f\x8b": gzip.open,
    b"BZh": bz2.open,
    b"\xfd7zXZ\x00": lzma.open,
    b"\x28\xb5\x2f\xfd": _zstd,
    b"PK\x03\x04": _zipped,
}
"""How to open a file that begins with these bytes."""
MEMORY_SHARE = 4
"""A compressed file is read up to this fraction of the memory: a few bytes may hold very many."""
_FAULTS = (EOFError, zlib.error, zipfile.BadZipFile, lzma.LZMAError, RuntimeError, NotImplementedError)


def is_compressed(path: Path) -> bool:
    """Return whether a file begins as a compressed one does."""
    return _kind(path) is not None


@contextmanager
def opened(path: Path) -> Iterator[IO[bytes]]:
    """Open the bytes of a file as far as it reaches now, decompressed.

    Raises ValueError for an archive that cannot be read; reading raises it for one that is too large for memory.
    """
    kind = _kind(path)
    try:
        if kind is None:
            with path.open("rb") as file:
                yield limited(file, path.stat().st_size)
        else:
            largest = memory_bytes() // MEMORY_SHARE
            rule = f"decompressed it takes more than {largest / GIB:.2g} GiB, a quarter of this machine's memory"
            with kind(path) as file:
                yield limited(file, largest, f"{rule}: decompress it, and say data.streaming: true")
    except _FAULTS as error:
        raise ValueError(f"it cannot be decompressed: {error}") from error


def _kind(path: Path) -> Callable[[Path], Any] | None:
    with path.open("rb") as file:
        first = file.read(max(map(len, _KINDS)))
    return next((kind for magic, kind in _KINDS.items() if first.startswith(magic)), None)
