"""Checks ``data`` of a spec: one source that exists, options with an effect on it, fractions that sum to 1."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from search_spaces.spec.checks.files import check_documents, check_folder, found_path
from search_spaces.spec.checks.sequences import check_conll, check_series, check_text
from search_spaces.spec.checks.streams import check_stream, found_stream
from search_spaces.spec.checks.tables import check_table
from search_spaces.spec.data import DOCUMENT, TABLES, Data
from search_spaces.spec.files.dialect import FORM
from search_spaces.spec.yaml_document import Document
from search_spaces.types.catalogue import DatasetInfo, WorkloadInfo
from search_spaces.types.faults import nearest, shown
from search_spaces.types.problems import DataKind


@dataclass(frozen=True)
class _Source:
    """Rules for a key of ``data`` that names the place of the examples."""

    kind: Callable[[Data], DataKind]
    options: tuple[str, ...]
    """Other keys that have an effect with this source; any further key is refused."""
    check: Callable[[Document, str, Path, Data], None]
    """Function (document, key, path, data) that notes the faults of the file itself; imports nothing slow."""
    folder: bool = False


def _rows(data: Data) -> DataKind:
    if data.prompt is not None or data.completion is not None:
        return "completions"
    return "sentences" if data.texts else "table"


_TABLE = ("also", "target", "val", "test", "columns", "missing", "texts")
_SHEET = ("decimal", "thousands", "skip_rows")
_PAIRS = ("prompt", "completion")
_STREAM = ("streaming", "in_memory_gib")
_STEPS = ("series_id", "inputs", "time_format", "time_zone", "gaps", "duplicates")

# A new source is one row here, and one in workloads.data.sources.read.
SOURCES: Mapping[str, _Source] = {
    "csv": _Source(_rows, (*_TABLE, *_PAIRS, "header", *FORM, *_STREAM), check_table),
    "parquet": _Source(
        lambda data: "image" if data.image else _rows(data),
        (*_TABLE, *_PAIRS, "image", "skip_bad", *_STREAM),
        check_table,
    ),
    "xlsx": _Source(_rows, (*_TABLE, "sheet", "header", *_SHEET), check_table),
    "jsonl": _Source(_rows, (*_TABLE, *_PAIRS, "decimal", "thousands"), check_table),
    "feather": _Source(_rows, _TABLE, check_table),
    "folder": _Source(lambda _: "image", ("skip_bad", "val", "test", *_STREAM), check_folder, folder=True),
    "documents": _Source(lambda _: "sentences", ("encoding", "val", "test"), check_documents, folder=True),
    "conll": _Source(lambda _: "tagged", ("texts", "target", "encoding", "comment", "val", "test"), check_conll),
    "text": _Source(lambda _: "text", ("encoding", "window", "test"), check_text),
    "series": _Source(
        lambda _: "series",
        ("value", "time", *_STEPS, "window", "horizon", "season", "test", "missing", *FORM),
        check_series,
    ),
}
MOST_TEXTS = 2
"""Columns of texts that are read together."""
_ANY = ("name", "split", "strict")
"""Keys that are allowed with every source."""


def read_data(
    document: Document, data: Data, base: Path | None, datasets: Mapping[str, DatasetInfo]
) -> tuple[Data, DataKind] | None:
    """Return ``data`` with absolute paths, and its kind; None, with the faults noted, where it is invalid.

    ``base`` None: the paths are absolute already, and no file is examined.
    """
    before = len(document.faults)
    keys = ("name", *SOURCES)
    given = [key for key in keys if getattr(data, key) is not None]
    _check_split(document, data)
    if len(given) != 1:
        rule = f"must have exactly one of {', '.join(keys[:-1])} and {keys[-1]}"
        document.fault(("data",), rule, ", ".join(given) or "none of them")
        return None
    _check_options(document, data, given[0])
    _check_folds(document, data, given[0])
    if given[0] == "name":
        return _registered(document, data, base, datasets) if len(document.faults) == before else None
    source = SOURCES[given[0]]
    _check_texts(document, data)
    _check_pairs(document, data)
    if set(_STREAM) <= set(source.options):
        data = check_stream(document, data, given[0])
    if base is not None:
        data = resolved(document, data, base, given[0])
    return (data, source.kind(data)) if len(document.faults) == before else None


def refuse_unread(document: Document, workload: WorkloadInfo, data: Data) -> bool:
    """Note a fault for each key that the workload does not look at; return whether there is none."""
    unread = sorted(data.model_fields_set & workload.unread.keys())
    for key in unread:
        rule = f"has no effect on workload {workload.name}: {workload.unread[key]}"
        document.fault(("data", key), rule, shown(getattr(data, key)))
    return not unread


def lacks_data(document: Document, workload: WorkloadInfo) -> None:
    """Note a fault where a workload needs data, and the spec has none."""
    if not workload.own_data:
        document.fault(("data",), f"is required for workload {workload.name}: give {_either(['name', *SOURCES])}")


def refuse_sourceless(document: Document, workload: WorkloadInfo, data: Data) -> None:
    """Note a fault for what is said of data that a workload brings itself."""
    for key in sorted(data.model_fields_set):
        rule = f"has no effect without a source such as data.csv: {workload.name} brings its own data"
        document.fault(("data", key), rule, shown(document.tree["data"][key]))
    if not data.model_fields_set:
        rule = f"must hold a source ({_either(['name', *SOURCES])}), or be left out: {workload.name} brings its own"
        document.fault(("data",), rule, shown(document.tree["data"]))


def _check_options(document: Document, data: Data, key: str) -> None:
    meant = SOURCES[key].options if key in SOURCES else ("root",)
    for option in data.model_fields_set - {key, *meant, *_ANY}:
        owners = [f"data.{name}" for name, source in SOURCES.items() if option in source.options] or ["data.name"]
        rule = f"has no effect with data.{key} (only with {_either(owners)})"
        document.fault(("data", option), rule, shown(getattr(data, option)))


def _check_texts(document: Document, data: Data) -> None:
    """Note a fault for each key that has no effect beside columns of texts, and for one named twice."""
    if not data.texts:
        return
    if len(data.texts) > (most := 1 if data.conll else MOST_TEXTS):
        document.fault(("data", "text"), f"must name at most {most} column{'s' * (most > 1)}", shown(data.texts))
    for option in {"columns", "image", "streaming", "in_memory_gib"} & data.model_fields_set:
        rule = "has no effect beside data.text, whose columns alone are read, whole"
        document.fault(("data", option), rule, shown(getattr(data, option)))
    if len({*data.texts, data.target}) <= len(data.texts):
        document.fault(("data", "text"), "must be other columns than the target, each once", shown(data.texts))


def _check_pairs(document: Document, data: Data) -> None:
    """Note a fault for prompts without completions and the reverse, and for keys without effect beside them."""
    given = {key: getattr(data, key) for key in _PAIRS}
    if not any(given.values()):
        return
    for key, other in (_PAIRS, _PAIRS[::-1]):
        if given[key] is None:
            document.fault(("data", key), f"is required beside data.{other}: the other column of texts")
    if data.prompt == data.completion:
        document.fault(("data", "completion"), "must be another column than the prompt", shown(data.completion))
    if data.split.group is not None and data.split.group == data.completion:
        document.fault(
            ("data", "split", "group"), "must be another column than the completion", shown(data.completion)
        )
    left_out = {"target", "texts", "columns", "image", "skip_bad", "decimal", "thousands", *_STREAM}
    for option in left_out & data.model_fields_set:
        name = "text" if option == "texts" else option
        rule = "has no effect beside data.completion, which is predicted: both columns are read whole, as they are"
        document.fault(("data", name), rule, shown(getattr(data, option)))


def _either(names: Sequence[str]) -> str:
    *first, last = names
    return f"{', '.join(first)} or {last}" if first else last


def _check_folds(document: Document, data: Data, key: str) -> None:
    split, path = data.split, ("data", "split")
    if split.group is not None and key == "conll" and split.group != DOCUMENT:
        rule = f"must be {DOCUMENT} with data.conll: the sentences between two lines -DOCSTART- stay in one split"
        document.fault((*path, "group"), rule, shown(split.group))
    elif split.group is not None and key not in (*TABLES, "conll"):
        owners = _either([f"data.{name}" for name in TABLES])
        document.fault((*path, "group"), f"has no effect with data.{key} (only with {owners})", shown(split.group))
    if split.group is not None and split.group in (data.target, data.image):
        document.fault((*path, "group"), "must be another column than the target and the image", shown(split.group))
    if split.folds is not None and data.val is not None:
        rule = "has no effect beside data.val, whose examples are all the validation there is"
        document.fault((*path, "folds"), rule, shown(split.folds))
    if split.folds is not None and key == "text":
        document.fault((*path, "folds"), "must be left out for a text", shown(split.folds))


def resolved(document: Document, data: Data, base: Path, key: str) -> Data:
    """Return ``data`` with absolute paths for its source ``key``; faults of the files are noted."""
    source = SOURCES[key]
    paths: dict[str, Any] = {"also": _also(document, data, base, key)} if data.also else {}
    for name in (key, "val", "test"):
        if (text := getattr(data, name)) is None:
            continue
        if data.streaming:
            paths[name], path = found_stream(document, name, text, base, key)
        else:
            path = found_path(document, name, text, base, folder=source.folder)
            paths[name] = str(path or text)
        if path:
            source.check(document, name, path, data)
    return data.model_copy(update=paths)


def _also(document: Document, data: Data, base: Path, key: str) -> list[str]:
    """Return the absolute paths of further files; faults of the files are noted."""
    if data.streaming:
        files = [found_stream(document, key, text, base, key) for text in data.also]
        places = [getattr(data, key), *data.also]
        if len({text.rpartition("://")[0] for text in places}) > 1:
            rule = "must be files of one file system, of this machine or an object store, as they are streamed"
            document.fault(("data", key), rule, shown(places))
    else:
        found = [(text, found_path(document, key, text, base)) for text in data.also]
        files = [(str(path or text), path) for text, path in found]
    for _, path in files:
        if path:
            SOURCES[key].check(document, key, path, data)
    return [text for text, _ in files]


def _registered(
    document: Document, data: Data, base: Path | None, datasets: Mapping[str, DatasetInfo]
) -> tuple[Data, DataKind] | None:
    assert data.name is not None
    if data.name in datasets:
        info = datasets[data.name]
        if data.root is not None and not info.downloaded:
            document.fault(("data", "root"), f"has no effect: {data.name} needs no files", shown(data.root))
            return None
        if data.root is not None and base is not None:  # it need not exist: the download creates it
            data = data.model_copy(update={"root": str((base / Path(data.root).expanduser()).absolute())})
        return data, info.kind
    close = nearest(data.name, datasets)
    rule = "unknown data set" if close else f"unknown data set (there are {', '.join(datasets)})"
    document.fault(("data", "name"), rule, shown(data.name), close and repr(close))
    return None


def _check_split(document: Document, data: Data) -> None:
    split = data.split
    fractions = {key: getattr(split, key) for key in ("train", "val", "test")}
    for key, fraction in fractions.items():
        if not 0 < fraction < 1:
            document.fault(("data", "split", key), "must be a fraction between 0 and 1", shown(fraction))
            return
    total = math.fsum(fractions.values())
    own = [key for key in ("val", "test") if getattr(data, key)]
    rest = math.fsum(fraction for key, fraction in fractions.items() if key not in own)
    if abs(total - 1) > 1e-6 and not (own and abs(rest - 1) <= 1e-6):
        parts = " + ".join(f"{fraction:g}" for fraction in fractions.values())
        document.fault(("data", "split"), "must sum to 1", f"{parts} = {total:g}")
    if not 0 <= split.seed < 2**32:
        document.fault(("data", "split", "seed"), f"must be 0 to {2**32 - 1}", shown(split.seed))
