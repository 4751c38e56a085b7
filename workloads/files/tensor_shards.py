"""Sharded tensors in a folder: each process writes its own shards, and any number of processes reads them.

torch.distributed.checkpoint does both. What it knows of the files is kept as JSON, as its own way is a pickle.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor
from torch.distributed.checkpoint.api import CheckpointException
from torch.distributed.checkpoint.filesystem import FileSystemReader, FileSystemWriter
from torch.distributed.checkpoint.metadata import (
    ChunkStorageMetadata,
    Metadata,
    MetadataIndex,
    TensorProperties,
    TensorStorageMetadata,
)
from torch.distributed.checkpoint.state_dict_loader import load
from torch.distributed.checkpoint.state_dict_saver import save

INDEX: Final = "index.json"
"""By tensor its dtype, its size, and its chunks: offsets and sizes, file, and first byte and length there."""


def write(folder: Path, tensors: Mapping[str, Tensor], group: Any) -> None:
    """Write this process's shards into a new ``folder``, and in the first process the index.

    All processes of torch's ``group`` (None: the default one) must call it. Raises OSError in all where one fails.
    """
    with _errors():
        save(dict(tensors), storage_writer=_Writer(folder, sync_files=False), process_group=group)


def read_into(folder: Path, tensors: Mapping[str, Tensor], group: Any) -> None:
    """Read what ``write`` wrote into sharded ``tensors`` of the same names, in place: each process its own shards.

    All processes of ``group`` must call it. Raises OSError in all where a tensor or a file is missing.
    """
    with _errors():
        load(dict(tensors), storage_reader=_Reader(folder), process_group=group)


def read_whole(folder: Path) -> dict[str, Tensor]:
    """Return what ``write`` wrote as whole tensors on the CPU. Raises OSError where a file is missing."""
    with _errors():
        known = _Reader(folder).read_metadata().state_dict_metadata
        found = {name: torch.empty(of.size, dtype=of.properties.dtype) for name, of in known.items()}  # type: ignore[union-attr]
        with warnings.catch_warnings(action="ignore", category=UserWarning):  # that this process reads alone
            load(found, storage_reader=_Reader(folder), no_dist=True)
    return found


def files_of(folder: Path, rank: int) -> list[Path]:
    """Return the files that the process ``rank`` has written into ``folder``."""
    own = [file for file in folder.iterdir() if file.name.startswith(f"__{rank}_")]
    return [*own, folder / INDEX] if rank == 0 else own


@dataclass(frozen=True)
class _Place:
    """Where a chunk is; DCP's reader looks at these names."""

    relative_path: str
    offset: int
    length: int
    transform_descriptors: Sequence[str] = ()


class _Writer(FileSystemWriter):
    def finish(self, metadata: Metadata, results: list[list[Any]]) -> None:
        """Write the index: the first process calls it when all have written their shards."""
        places = {(one.index.fqn, one.index.offset): one.storage_data for one in chain.from_iterable(results)}
        index = {}
        for name, known in metadata.state_dict_metadata.items():
            assert isinstance(known, TensorStorageMetadata)
            at = [places[name, chunk.offsets] for chunk in known.chunks]
            index[name] = {
                "dtype": str(known.properties.dtype).removeprefix("torch."),
                "size": list(known.size),
                "chunks": [
                    [list(chunk.offsets), list(chunk.sizes), place.relative_path, place.offset, place.length]
                    for chunk, place in zip(known.chunks, at, strict=True)
                ],
            }
        Path(self.path, INDEX).write_text(json.dumps(index))


class _Reader(FileSystemReader):
    def read_metadata(self, *args: Any, **kwargs: Any) -> Metadata:
        """Return what the index says."""
        tensors: dict[str, Any] = {}
        places: dict[MetadataIndex, _Place] = {}
        for name, known in json.loads(Path(self.path, INDEX).read_text()).items():
            properties = TensorProperties(dtype=getattr(torch, known["dtype"]))
            chunks = [ChunkStorageMetadata(torch.Size(at), torch.Size(of)) for at, of, *_ in known["chunks"]]
            tensors[name] = TensorStorageMetadata(properties, torch.Size(known["size"]), chunks)
            places |= {MetadataIndex(name, at): _Place(*place) for at, _, *place in known["chunks"]}
        return Metadata(tensors, storage_data=places)


@contextmanager
def _errors() -> Iterator[None]:
    try:
        yield
    except CheckpointException as error:  # a BaseException, which holds those of each process
        first, _ = next(iter(error.failures.values()))
        raise OSError(str(first) or repr(first)) from error
