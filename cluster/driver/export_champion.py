"""Exports a sweep's champion to an ONNX file."""

from __future__ import annotations

from pathlib import Path

from cluster.sweep.mlflow_models.opening import open_models_of
from cluster.sweep.reading import Reading
from search_spaces.types.trial_names import trial_key
from workloads.legs import checkpoint
from workloads.registry import described


class NoChampion(Exception):
    """Error: the sweep has no champion that can be exported; the message says why."""


def export_champion(read: Reading, path: Path) -> float:
    """Write the verdict's winner to ``path``; return the largest difference between ONNX's runtime and torch.

    Raises NoChampion, and DataError where the sweep's data cannot be prepared again.
    """
    from workloads.champion.export import export  # 1,300 ms: torch
    from workloads.champion.onnx_file import NotExportable, write_onnx  # 1,300 ms: torch
    from workloads.data.prepare import prepare  # 100 ms: NumPy

    sweep, checkpoint = read.sweep, _champion(read)
    if not (kind := described(sweep.workload)).registered or kind.serves_files or not sweep.data.given:
        way_out = f"`paceline best {read.home.id} --files DIR` copies it"
        raise NoChampion(f"what code of your own saved is for its own framework to export: {way_out}")
    open_models_of(sweep.tracking.uri)
    search = prepare(sweep.data, sweep.problem).search
    if search.sentences:
        raise NoChampion(
            "a champion of sentences takes texts, which ONNX cannot divide into tokens: load it from MLflow"
        )
    if search.train.columns:
        raise NoChampion("a table's champion has a pipeline of scikit-learn's before it: load it from MLflow")
    try:
        return write_onnx(*export(sweep.workload, checkpoint, search), path)
    except NotExportable as error:
        raise NoChampion(str(error)) from error


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
