"""Checks the data of a spec that is streamed: its addresses, and the keys that streaming needs or excludes."""

from __future__ import annotations

from pathlib import Path

from search_spaces.spec.checks.files import found_path
from search_spaces.spec.data import Data
from search_spaces.spec.yaml_document import Document
from search_spaces.types.faults import shown

PROTOCOLS = ("s3", "gs", "gcs", "abfs", "az", "hdfs", "http", "https", "file")


def is_streamable(text: str) -> bool:
    """Whether the text is a URL, or a pattern for several files: such data is always streamed."""
    return "://" in text or "*" in Path(text).name


def check_stream(document: Document, data: Data, key: str) -> Data:
    """Note the faults of keys that concern streaming; return ``data``, with ``streaming`` true where needed."""
    away = [name for name in (key, "val", "test") if is_streamable(getattr(data, name) or "")]
    away += [key for text in data.also if is_streamable(text)]
    if away and data.streaming is False:
        rule = f"must be true: data.{away[0]} is no single file of this machine"
        document.fault(("data", "streaming"), rule, shown(data.streaming))
    if away and (data.texts or data.completion):
        rule = "must be a file of this machine, or a list of such files: columns of texts are not streamed"
        document.fault(("data", away[0]), rule, shown(getattr(data, away[0])))
    if "in_memory_gib" in data.model_fields_set and not data.in_memory_gib >= 0:
        document.fault(("data", "in_memory_gib"), "must be 0 or more", shown(data.in_memory_gib))
    if not away and not data.streaming:
        return data
    if data.split.folds is not None:
        rule = "has no effect on streamed data, whose training rows are never kept: leave it out"
        document.fault(("data", "split", "folds"), rule, shown(data.split.folds))
    if key != "folder" and data.target is None:
        document.fault(("data", "target"), "is required: the column to predict")
    return data.model_copy(update={"streaming": True})


def found_stream(document: Document, key: str, text: str, base: Path, form: str) -> tuple[str, Path | None]:
    """Return the URL or absolute path of streamed files, and the first of those on this machine, or None.

    ``form`` is csv, parquet or folder; ``key`` is the key of ``data`` that faults are noted at.
    """
    if "://" in text:
        protocol = text.split("://")[0]
        if protocol not in PROTOCOLS:
            document.fault(("data", key), f"must be an address of {', '.join(PROTOCOLS)}", shown(text))
        return text, None
    if form == "folder":
        path = found_path(document, key, text, base, folder=True)
        return str(path or text), path
    there = (base / Path(text).expanduser()).absolute()
    if "*" in there.name:
        files = sorted(there.parent.glob(there.name))
        if not files:
            document.fault(("data", key), "there are no such files", shown(text))
        return str(there), files[0] if files else None
    if there.is_dir():
        files = sorted(path for path in there.rglob(f"*.{form}") if not path.name.startswith((".", "_")))
        if not files:
            document.fault(("data", key), f"must hold files named *.{form}, this folder has none", shown(text))
        return str(there.resolve()), files[0] if files else None
    path = found_path(document, key, text, base)
    return str(path or text), path
