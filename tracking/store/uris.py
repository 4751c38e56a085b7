"""Tells store URIs that MLflow can never use from those that are only away, and how they are spelt right."""

from __future__ import annotations

import os
import re
from pathlib import Path
from urllib.parse import urlsplit

from tracking.names import sqlite_path
from tracking.store.damaged_file import damage
from tracking.store.open import resolve
from tracking.store.schema import refusal

KINDS = "sqlite:///FILE, http(s)://SERVER, postgresql://..., mysql://..., mssql://..., databricks"
DATABASES = ("postgresql", "mysql", "mssql")


def source(uri: str | None) -> str:
    """Return the name of the place that a sweep's store was given in; ``uri`` is the spec's."""
    return "tracking.uri" if uri or "MLFLOW_TRACKING_URI" not in os.environ else "MLFLOW_TRACKING_URI"


def is_server(uri: str) -> bool:
    """Whether the store is an MLflow server."""
    return uri.startswith(("http://", "https://"))


def unusable(uri: str | None) -> str | None:
    """Return why the store that ``uri`` (None: the environment's, or the default one) names can never be used.

    None where it can, or may at another time. Nothing is opened.
    """
    text = resolve(uri)
    path = sqlite_path(text)
    if path is not None:
        return _of_file(str(path))
    scheme = re.match(r"[a-z][a-z0-9+.-]*(?=:)|databricks\Z", text)
    if scheme is None or scheme[0] == "file":
        folder = Path(text.removeprefix("file:").removeprefix("//"))
        return f"is a folder, where MLflow keeps no runs any more: write 'sqlite:///{folder.parent / 'mlflow.db'}'"
    return _of_address(text, scheme[0])


def closed(uri: str | None) -> str | None:
    """Return why nothing can be written here to the SQLite file that ``uri`` names; None for other stores."""
    path = sqlite_path(resolve(uri))
    if path is None:
        return None
    folder = next(parent for parent in path.parents if parent.exists())
    for place in (folder, path):  # SQLite writes further files beside its own
        if place.exists() and not os.access(place, os.W_OK):
            return f"needs {place}, which cannot be written: set MLFLOW_TRACKING_URI to sqlite:///FILE elsewhere"
    return None


def unfit(uri: str | None) -> str | None:
    """Return why the SQLite file that ``uri`` names cannot be used as it is; None where it can, and for others."""
    path = sqlite_path(resolve(uri))
    if path is None or not os.access(path, os.R_OK):
        return None
    if said := damage(path):
        return (
            f"needs {path}, which is damaged ({said}): move it away, with its -wal and -shm; a new one is made, "
            "and `paceline repair ID` writes the runs of an ended sweep into it"
        )
    if said := refusal(path):
        return (
            f"needs {path}, which the installed MLflow does not use ({said}): keep a copy, and run `mlflow db "
            f"upgrade sqlite:///{path}`, or install the MLflow that made it"
        )
    return None


def _of_file(path: str) -> str | None:
    bad = " and ".join(f"'{sign}'" for sign in "%?" if sign in path)
    if not bad:
        return None
    return f"holds {bad}, which MLflow does not read as part of a path: work in another folder, or name a store"


def _of_address(text: str, scheme: str) -> str | None:
    if scheme == "sqlite":
        return (
            f"must have three slashes before the file: write 'sqlite:///{text.removeprefix('sqlite:').strip('/')}'"
        )
    if scheme.partition("+")[0] in DATABASES:
        return None
    if scheme not in ("http", "https", "uc", "databricks", "databricks-uc"):
        return f"must be one of {KINDS}"
    if re.search(r"\s", text) or (scheme.startswith("http") and not urlsplit(text).hostname):
        return "must be an address without blanks, such as http://127.0.0.1:5000"
    return None
