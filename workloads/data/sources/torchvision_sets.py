"""Reads torchvision's data sets by name, each with its published test split."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Any

import numpy as np

from search_spaces.types.error_text import one_line
from workloads.arrays import DataError
from workloads.data.raw import Raw

SETS = {"cifar10": "CIFAR10", "cifar100": "CIFAR100", "mnist": "MNIST", "fashion_mnist": "FashionMNIST"}
"""Names in a spec, and names of torchvision's classes."""
ROOT_VARIABLE = "PACELINE_DATA"
DEFAULT_ROOT = "~/.cache/paceline"
CONNECT_TIMEOUT_S = 20.0


def torchvision_images(name: str, root: str | None) -> Raw:
    """Read both splits from ``root``, else the folder in ``PACELINE_DATA``, else ``~/.cache/paceline``.

    Missing files are downloaded; where that fails, DataError names them and the folder to put them into.
    """
    import pandas as pd

    folder = Path(root or os.environ.get(ROOT_VARIABLE) or DEFAULT_ROOT).expanduser()
    parts = [_loaded(name, folder, train=train) for train in (True, False)]
    images = np.concatenate([np.asarray(part.data) for part in parts])
    x = images[:, None] if images.ndim == 3 else np.ascontiguousarray(images.transpose(0, 3, 1, 2))
    labels = np.concatenate([np.asarray(part.targets) for part in parts])
    names = np.array(parts[0].classes)
    splits = np.repeat(["train", "test"], [len(part) for part in parts])
    return Raw("image", x, pd.Series(names[labels]), splits=splits)


def _loaded(name: str, folder: Path, *, train: bool) -> Any:
    from torchvision import datasets

    kind = getattr(datasets, SETS[name])
    try:
        return kind(folder, train=train, download=False)
    except (RuntimeError, OSError):  # files are missing or damaged
        pass
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(CONNECT_TIMEOUT_S)
    try:
        return kind(folder, train=train, download=True)
    except (RuntimeError, OSError) as error:
        where, files = _expected(kind, folder)
        raise DataError(
            f"data.name: {name} is not in {folder} and cannot be downloaded ({one_line(error)}): put {files} into "
            f"{where}, or name the folder that holds it by data.root or the variable {ROOT_VARIABLE}"
        ) from error
    finally:
        socket.setdefaulttimeout(before)


def _expected(kind: Any, folder: Path) -> tuple[Path, str]:
    """Return the folder in which torchvision looks for files, and their names."""
    if hasattr(kind, "base_folder"):
        names = [name for name, _ in (*kind.train_list, *kind.test_list)] + [kind.meta["filename"]]
        return folder / kind.base_folder, ", ".join(names)
    return folder / kind.__name__ / "raw", ", ".join(name.removesuffix(".gz") for name, _ in kind.resources)
