"""Streams images, decoded as they are read: from a column of Parquet files, or from one folder for each class."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import numpy as np

from search_spaces.spec.image_folder import FolderFault, are_splits, is_hidden, refuse_unsafe
from workloads.arrays import Array, DataError
from workloads.data.sources.image_pixels import EIGHT_BITS, Depth
from workloads.data.sources.images import Encoded, ImagesRead, encoded_bytes, readable
from workloads.data.streaming.files import Piece, content, filesystem_at, is_local, listed, root_of

if TYPE_CHECKING:
    import pyarrow as pa

    from search_spaces.spec.data import Data

PATH, LABEL = "path", "label"
FILES_A_PIECE = 64
"""Largest number of image files in a piece."""
READERS = 8
"""Threads of a task, which mostly wait for files of an object store."""


@dataclass(frozen=True)
class ImageFiles:
    """A folder with a folder of images for each class: rows are relative paths and labels; opens no image."""

    place: str
    uri: str
    root: str
    pieces: tuple[Piece, ...]

    def tables(self, piece: Piece) -> Iterator[pa.Table]:
        """Return the rows of one piece: columns PATH (relative to the folder) and LABEL."""
        import pyarrow as pa

        paths = [_within(self.root, path) for path in piece.paths]
        yield pa.table({PATH: paths, LABEL: [path.split("/")[0] for path in paths]})


def _within(root: str, path: str) -> str:
    return path[len(root) :].strip("/")


def image_files(uri: str) -> ImageFiles:
    """Return all files below the class folders of ``uri``. Raises DataError for fewer than two classes."""
    place, root = f"data.folder: {PurePosixPath(uri).name}", root_of(uri)
    whole = listed(uri)
    paths = [path for path in whole if "/" in _within(root, path) and not _is_hidden(_within(root, path))]
    if is_local(uri):
        _refuse_unsafe(place, [*paths, *(path for path in whole if Path(path).is_dir())], root)
    classes = sorted({_within(root, path).split("/")[0] for path in paths})
    if _are_splits(place, [_within(root, path) for path in paths]):
        raise DataError(
            f"{place}: holds a folder for each split: to stream it, write folder: {uri}/train, and the others as "
            "data.val and data.test"
        )
    if len(classes) < 2:
        raise DataError(
            f"{place}: must hold a folder of images for each of two or more classes, received {classes}"
        )
    return ImageFiles(place, uri, root, tuple(_pieces(paths)))


def _is_hidden(path: str) -> bool:
    return any(map(is_hidden, path.split("/")))


def _are_splits(place: str, paths: Sequence[str]) -> bool:
    held: dict[str, set[str]] = {}
    for path in paths:
        name, *inner = path.split("/")[:-1]
        held.setdefault(name, set()).update(inner[:1])
    try:
        return are_splits(held)
    except FolderFault as fault:
        raise DataError(f"{place}: {fault}") from fault


def _refuse_unsafe(place: str, paths: Sequence[str], root: str) -> None:
    try:
        for path in paths:
            refuse_unsafe(Path(path), Path(root))
    except FolderFault as fault:
        raise DataError(f"{place}: {fault}") from fault


def _pieces(paths: Sequence[str]) -> Iterator[Piece]:
    """Divide the sorted paths into pieces that each mix all classes, so that no batch holds a single class."""
    num_pieces = -(-len(paths) // FILES_A_PIECE)
    for k in range(num_pieces):
        yield Piece(tuple(paths[k::num_pieces]))


def with_sizes(table: pa.Table, uri: str) -> pa.Table:
    """Return the rows of ``ImageFiles`` with the size of each file in bytes, by which changed images are seen."""
    import pyarrow as pa

    filesystem, root = filesystem_at(uri)
    sizes = filesystem.sizes([f"{root.rstrip('/')}/{path}" for path in table[PATH].to_pylist()])
    return table.append_column("bytes", pa.array(sizes, pa.int64()))


@dataclass(frozen=True)
class ImageRows:
    """Decodes a table's rows to images of ``shape`` (channels, height, width), uint8."""

    shape: tuple[int, ...]
    skip_bad: bool
    place: str
    column: str
    uri: str | None = None
    """Folder to which the paths in the column are relative; None: the column holds the images themselves."""
    depth: Depth = EIGHT_BITS
    """Depth of the images; values beyond its range become its ends."""

    def of(self, table: pa.Table) -> tuple[Array, Array]:
        """Return the images (rows, *shape), and their rows in ``table``. DataError for a bad one, or skipped."""
        how = ImagesRead(self.place, self.skip_bad, shape=self.shape, depth=self.depth)
        found = read_each(table, self.column, self.uri, lambda encoded: readable(encoded, how))
        kept = [k for k, image in enumerate(found) if image is not None]
        images = [image for image in found if image is not None]
        return np.stack(images) if images else np.empty((0, *self.shape), np.uint8), np.array(kept, dtype=int)


def read_each(table: pa.Table, column: str, uri: str | None, then: Callable[[Encoded], Any]) -> list[Any]:
    """Return the result of ``then`` for each row's image, called in threads."""
    cells, root = table[column].to_pylist(), "" if uri is None else root_of(uri)

    def one(k: int) -> Any:
        if uri is None:
            return then(Encoded(f"row {k + 1} of a piece", encoded_bytes(cells[k], k + 1)))
        return then(Encoded(cells[k], content(uri, f"{root}/{cells[k]}")))

    with ThreadPoolExecutor(READERS) as pool:
        return list(pool.map(one, range(len(cells))))


def image_place(data: Data) -> tuple[str, str | None]:
    """Return the column with a streamed source's images, and the folder of its paths (None for images in cells)."""
    return (PATH, data.folder) if data.folder is not None else (str(data.image), None)
