"""Reads images from a folder that holds a folder for each class, or for each split with class folders inside."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from search_spaces.spec.image_folder import FolderFault, class_folders
from workloads.arrays import DataError
from workloads.data.raw import Raw
from workloads.data.sources.image_records import is_records
from workloads.data.sources.images import Encoded, ImagesRead, decode, images_like, raw_images

if TYPE_CHECKING:
    from search_spaces.spec.data import Data


def folder_images(path: str, data: Data, like: Raw | None = None) -> Raw:
    """Read all images in the class folders of ``path``; with ``like`` in the size of that source's images.

    Images that take more memory than ``data.in_memory_gib`` stay on disk, as records. Raises DataError that names
    the folder or the image at fault.
    """
    import pandas as pd

    root = Path(path)
    try:
        rows = [(folder, file) for folder in class_folders(root) for file in folder.files()]
    except FolderFault as fault:
        raise DataError(f"data.folder: {root.name}: {fault}") from fault
    except OSError as error:
        raise DataError(f"data.folder: {root.name} cannot be read: {error.strerror}") from error
    encoded = [Encoded(str(file.relative_to(root)), file) for _, file in rows]
    limit_bytes = 0 if like is not None and is_records(like.x) else data.in_memory_gib * 2**30
    how = ImagesRead(f"data.folder: {root.name}", data.skip_bad, limit_bytes)
    found = decode(encoded, images_like(how, like))
    kept = [rows[i][0] for i in found.kept]
    lost = sorted({str(folder.path.relative_to(root)) for folder, _ in rows} - {
        str(folder.path.relative_to(root)) for folder in kept
    })  # fmt: skip
    if lost:
        raise DataError(f"data.folder: {root.name}: there is no image that can be read in {', '.join(lost)}")
    splits = np.array([folder.split for folder in kept])
    target = pd.Series([folder.name for folder, _ in rows])
    return replace(raw_images(found, target), splits=splits if splits.any() else None)
