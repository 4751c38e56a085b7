"""The folder of images that a spec names, against what is in it; opens no image."""

from __future__ import annotations

from pathlib import Path

from search_spaces.spec.data import Data
from search_spaces.spec.image_folder import FolderFault, class_folders
from search_spaces.spec.yaml_document import Document
from search_spaces.types.faults import shown


def check_folder(document: Document, key: str, path: Path, data: Data) -> None:
    """Notes a fault for a folder without classes, with a single one or with an empty one."""
    try:
        class_folders(path)
    except FolderFault as fault:
        document.fault(("data", key), fault.rule, fault.received)
    except OSError as error:
        document.fault(("data", key), f"cannot be read: {error.strerror}", shown(str(path)))
