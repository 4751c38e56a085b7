"""Reads texts from a folder that holds a folder for each class, or for each split with class folders inside."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from search_spaces.spec.files.encodings import TEXT_ENCODING
from search_spaces.spec.image_folder import ClassFolder, FolderFault, class_folders
from workloads.arrays import Column, DataError
from workloads.data.raw import Raw
from workloads.data.sources.text import read_text
from workloads.tables.columns import encode

if TYPE_CHECKING:
    from search_spaces.spec.data import Data

NAME = "text"
"""Name of the only column of documents."""


def documents(path: str, data: Data, like: Raw | None = None) -> Raw:
    """Return every file in the class folders of ``path`` as one text; with ``like`` numbered like that source's.

    Raises DataError that names the folder or the file at fault.
    """
    import pandas as pd

    root = Path(path)
    rows = _files(root)
    encoding = data.encoding or TEXT_ENCODING
    texts = [read_text(str(file), encoding, str(file.relative_to(root))) for _, file in rows]
    columns = (Column(NAME, "text"),) if like is None else like.columns
    x, columns = encode(pd.DataFrame({NAME: pd.Series(texts, dtype=object)}), columns, root.name)
    splits = np.array([folder.split for folder, _ in rows])
    target = pd.Series([folder.name for folder, _ in rows])
    return Raw("sentences", x, target, columns, splits=splits if splits.any() else None)


def _files(root: Path) -> list[tuple[ClassFolder, Path]]:
    try:
        return [(folder, file) for folder in class_folders(root, "texts") for file in folder.files()]
    except FolderFault as fault:
        raise DataError(f"data.documents: {root.name}: {fault}") from fault
    except OSError as error:
        raise DataError(f"data.documents: {root.name} cannot be read: {error.strerror}") from error
