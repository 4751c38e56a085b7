"""Images from a folder: one folder a class, or one of each split with its class folders inside."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from search_spaces.image_folder import FolderFault, class_folders
from workloads.raw import Raw
from workloads.source_images import Encoded, decode
from workloads.splits import DataError

if TYPE_CHECKING:
    from search_spaces.data import Data


def folder_images(path: str, data: Data) -> Raw:
    """All images in the class folders of ``path``. DataError names the folder or the image that is at fault."""
    import pandas as pd

    root = Path(path)
    try:
        rows = [(folder, file) for folder in class_folders(root) for file in folder.files()]
    except FolderFault as fault:
        raise DataError(f"data.folder: {root.name}: {fault}") from fault
    except OSError as error:
        raise DataError(f"data.folder: {root.name} cannot be read: {error.strerror}") from error
    encoded = [Encoded(str(file.relative_to(root)), file) for _, file in rows]
    found = decode(encoded, f"data.folder: {root.name}", skip_bad=data.skip_bad)
    kept = [rows[i][0] for i in found.kept]
    lost = sorted({str(folder.path.relative_to(root)) for folder, _ in rows} - {
        str(folder.path.relative_to(root)) for folder in kept
    })  # fmt: skip
    if lost:
        raise DataError(f"data.folder: {root.name}: there is no image that can be read in {', '.join(lost)}")
    splits = np.array([folder.split for folder in kept])
    target = pd.Series([folder.name for folder in kept])
    return Raw("image", found.x, target, splits=splits if splits.any() else None, details=found.details())
