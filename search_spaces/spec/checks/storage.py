"""Checks ``storage`` and ``resources`` of a spec, and that no text holds a password."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

from search_spaces.spec.keys.command import SCRIPT
from search_spaces.spec.keys.resources import Resources
from search_spaces.spec.schema import SpecFile, Storage
from search_spaces.spec.yaml_document import Document
from search_spaces.spec.yaml_document import Path as KeyPath
from search_spaces.study.addresses import misspelt
from search_spaces.types.catalogue import WorkloadInfo
from search_spaces.types.faults import shown
from search_spaces.types.passwords import holds_password, masked

_INSTEAD: dict[KeyPath, str] = {
    ("storage", "study"): "PACELINE_STUDY or PGPASSWORD",
    ("tracking", "uri"): "MLFLOW_TRACKING_PASSWORD, beside MLFLOW_TRACKING_USERNAME",
}


def refuse_passwords(document: Document) -> None:
    """Note a fault for every text with a password in a URL."""
    for path, text in _texts(document.tree, ()):
        if holds_password(text):
            instead = _INSTEAD.get(path, "the environment")
            document.fault(path, f"must not hold a password: put it into {instead}", shown(masked(text)))


def _texts(tree: Any, path: KeyPath) -> Iterator[tuple[KeyPath, str]]:
    if isinstance(tree, str):
        yield path, tree
    elif isinstance(tree, dict | list):
        for key, value in tree.items() if isinstance(tree, dict) else enumerate(tree):
            yield from _texts(value, (*path, key))


def checked_storage(document: Document, spec: SpecFile, base: Path | None) -> Storage:
    """Return the spec's ``storage`` with an absolute path of the checkpoint folder; faults are noted."""
    study, checkpoints = spec.storage.study, spec.storage.checkpoints
    if study is not None and not study.startswith(("postgresql+psycopg://", "postgresql://")):
        rule = "must be postgresql+psycopg://USER@HOST/DATABASE, or left out for a journal file in the sweep's home"
        document.fault(("storage", "study"), rule, shown(study))
    if checkpoints is not None and (odd := misspelt(checkpoints)):
        document.fault(("storage", "checkpoints"), odd, shown(checkpoints))
    elif checkpoints is not None and "://" not in checkpoints and base is not None:
        checkpoints = str((base / Path(checkpoints).expanduser()).resolve())
    return spec.storage.model_copy(update={"checkpoints": checkpoints and checkpoints.rstrip("/")})


def check_workers(document: Document, spec: SpecFile, workload: WorkloadInfo | None) -> None:
    """Note every fault of ``resources`` that depends on several keys."""
    wanted = spec.resources
    if workload is not None and workload.one_process:
        _check_one_process(document, wanted, workload)
    if wanted.most == 1:
        for key in ("strategy", "lr_scaling"):
            if getattr(wanted, key) != Resources.model_fields[key].default:
                rule = "has no effect on one process: leave it out, or give resources.workers"
                document.fault(("resources", key), rule, shown(getattr(wanted, key)))
        return
    if workload is not None and workload.name == SCRIPT:
        _check_ranks_of_script(document, spec)
    elif workload is not None and workload.divides_work:
        _check_own_division(document, wanted, workload)
    if spec.train_together not in (None, 1):
        rule = "must be 1 where several processes train a trial"
        document.fault(("train_together",), rule, shown(spec.train_together))


def _check_one_process(document: Document, wanted: Resources, workload: WorkloadInfo) -> None:
    """Note a fault for GPUs and further processes, of which a training on processors alone makes no use."""
    rule = f"must be %d: {workload.name} is trained by one process on processors; give it resources.cpus"
    if wanted.most > 1:
        document.fault(("resources", "workers"), rule % 1, shown(wanted.most))
    if wanted.gpus:
        document.fault(("resources", "gpus"), rule % 0, shown(wanted.gpus))


def _check_ranks_of_script(document: Document, spec: SpecFile) -> None:
    """Note a fault for each key that says how we divide the work, and for a number of ranks that begins anew."""
    wanted = spec.resources
    for key in ("strategy", "lr_scaling"):
        if getattr(wanted, key) != Resources.model_fields[key].default:
            rule = "has no effect on a script, which divides its work itself and gets its parameters as they are"
            document.fault(("resources", key), f"{rule}: leave it out", shown(getattr(wanted, key)))
    if wanted.least != wanted.most and not spec.checkpoint:
        rule = "must be one number, or needs 'checkpoint: true': else a script begins anew when workers come or go"
        document.fault(("resources", "workers"), rule, shown([wanted.least, wanted.most]))


def _check_own_division(document: Document, wanted: Resources, workload: WorkloadInfo) -> None:
    """Note a fault for each key that says how we divide the work, where users' code does that."""
    if wanted.strategy != Resources.model_fields["strategy"].default:
        rule = f"has no effect on {workload.name}, which wraps its model itself: leave it out"
        document.fault(("resources", "strategy"), rule, shown(wanted.strategy))
    if wanted.lr_scaling != Resources.model_fields["lr_scaling"].default and "lr" not in _names(workload):
        rule = f"has no effect on {workload.name}, which has no parameter lr: leave it out"
        document.fault(("resources", "lr_scaling"), rule, shown(wanted.lr_scaling))


def _names(workload: WorkloadInfo) -> set[str]:
    return {field.name for field in fields(workload.hyperparameters)}
