"""Exports a sweep's champion to a file of ONNX, or to a folder of Hugging Face's libraries."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cluster.sweep.mlflow_models.opening import open_models_of
from cluster.sweep.reading import Reading
from search_spaces.types.trial_names import trial_key
from workloads.legs import checkpoint
from workloads.registry import described

if TYPE_CHECKING:
    from workloads.data.search_data import SearchData

LANGUAGE: Final = "language"
"""Workload whose champions have a network of Hugging Face's."""


class NoChampion(Exception):
    """Error: the sweep has no champion that can be exported; the message says why."""


def export_champion(read: Reading, path: Path) -> str:
    """Write the verdict's winner to ``path``; return what it is, and how well it agrees, in words.

    That is a file of ONNX, or of a text encoder a folder that Hugging Face's libraries load. Raises NoChampion, and
    DataError where the sweep's data cannot be prepared again.
    """
    from workloads.data.prepare import prepare  # 100 ms: NumPy

    sweep, checkpoint = read.sweep, _champion(read)
    if not (kind := described(sweep.workload)).registered or kind.serves_files or not sweep.data.given:
        way_out = f"`paceline best {read.home.id} --files DIR` copies it"
        raise NoChampion(f"what code of your own saved is for its own framework to export: {way_out}")
    open_models_of(sweep.tracking.uri)
    search = prepare(sweep.data, sweep.problem).search
    if sweep.workload == LANGUAGE:
        return _folder(kind.champions.get(search.problem) or str(kind.champion), checkpoint, search, path)
    if search.sentences:
        raise NoChampion(
            "a champion of sentences takes texts, which ONNX cannot divide into tokens: load it from MLflow"
        )
    if search.train.columns:
        raise NoChampion("a table's champion has a pipeline of scikit-learn's before it: load it from MLflow")
    return _file(sweep.workload, checkpoint, search, path)


def _file(workload: str, checkpoint: str, search: SearchData, path: Path) -> str:
    from workloads.champion.export import export  # 1,300 ms: torch
    from workloads.champion.onnx_file import NotExportable, write_onnx  # 1,300 ms: torch

    if path.is_dir():
        raise NoChampion(f"{path} is a folder: name a file")
    try:
        difference = write_onnx(*export(workload, checkpoint, search), path)
    except NotExportable as error:
        raise NoChampion(str(error)) from error
    return f"input x, output y, any number of rows; agrees with torch to {difference:.1g}"


def _folder(module: str, checkpoint: str, search: SearchData, path: Path) -> str:
    from workloads.champion.encoders.written import NotWritten, write_folder  # 1,300 ms: torch

    if path.suffix == ".onnx":
        raise NoChampion(f"texts are divided into tokens, which ONNX cannot do: name a folder, such as {path.stem}")
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise NoChampion(f"{path} is there already: name a new folder")
    try:
        champion, examples = importlib.import_module(module).made(LANGUAGE, checkpoint, search)
        written = write_folder(champion, examples, path)
    except NotWritten as error:
        raise NoChampion(str(error)) from error
    shown = ", ".join(f"{name} ({size / 2**20:.1f} MiB)" for name, size in written.sizes.items() if size > 2**16)
    what = f"for Hugging Face's transformers: {shown}"
    return f"{what}; agrees with the champion to {written.difference:.1g}"


def _champion(read: Reading) -> str:
    """Return the URI of the winner's last checkpoint that holds the weights of a best epoch, a final member's."""
    home, verdict = read.home, read.facts.verdict
    if verdict is None:
        raise NoChampion(f"sweep {home.id} has no final evaluation, so no champion (final: none, or not finished)")
    of_winner = f"{home.checkpoints}/{trial_key(verdict['winner']['number'])}-s"
    for uri in sorted(checkpoint.found(home.checkpoints), reverse=True):
        if uri.startswith(of_winner) and checkpoint.progress(uri).curves is not None:  # which final members keep
            return uri
    raise NoChampion(f"the champion's checkpoint is not in {home.checkpoints} any more")
