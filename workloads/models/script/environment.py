"""The environment of a trial's script: what it is told of its trial, and where it reports.

A script, or what it imports, reports by lines of JSON that it appends to the file ``PACELINE_REPORTS``::

    {"metrics": {"val_acc": 0.91, "loss": 0.3}, "step": 3, "artifacts": {"plots/a.png": "/tmp/x/a.png"}}

``step`` is null or left out where the reports are counted; with ``"counted": true`` it is their number, and
another step may be of the same epoch. ``artifacts`` (may be left out) are files and folders
to keep, by artifact path; they stay until the script ends. A line with ``"summary": true`` holds values of the
whole run, as W&B's summary: they count where the metric was not reported otherwise. A line with ``"config": {...}``
holds values that the script itself has set.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from search_spaces.spec.keys.command import Command
from search_spaces.types.values import Params
from workloads.models.script.argv import config

SHIM: Final = Path(__file__).parent / "wandb_shim"
"""Folder that holds the module which a script imports as ``wandb``."""

NOT_PASSED_ON: Final = (
    *("PACELINE_STUDY", "PACELINE_CHECKPOINTS", "RAY_AUTH_TOKEN", "RAY_ADDRESS", "RAY_JOB_ID"),
    *("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN", "MLFLOW_EXPERIMENT_NAME"),
)
"""Variables of a lane that hold passwords of its own, or would lead a script to Paceline's stores and cluster."""


@dataclass(frozen=True, kw_only=True)
class Told:
    """What a script is told of its trial."""

    sweep: str
    """ID of the sweep."""
    trial: str
    """Name of the trial, as t007."""
    project: str
    """Name of MLflow's experiment."""
    reports: Path
    """File that it appends its reports to."""
    folder: Path
    """A folder of its own for files that need not stay: ``wandb.run.dir`` and the JSON file of its arguments."""
    seed: int
    purpose: str = "search"
    """``search``, or ``final`` in the final evaluation."""
    checkpoint: Path | None = None
    """Folder with what it saved, if it says that it saves."""
    epochs: int | None = None
    """Last epoch or step that counts; None where the trial ends with its script."""
    params: Path | None = None
    """JSON file of its hyperparameters."""
    more: Mapping[str, str] = field(default_factory=dict)
    """Further variables."""


def environment(
    command: Command, params: Params, told: Told, interpreter: str, outer: Mapping[str, str]
) -> dict[str, str]:
    """Return the variables of a trial's script; ``outer`` are those of the process that starts it.

    ``python`` is the one of ``interpreter`` in the script's command, too.
    """
    ours = {
        "PACELINE_REPORTS": str(told.reports),
        "PACELINE_CONFIG": json.dumps(config(command, params)),
        "PACELINE_SWEEP": told.sweep,
        "PACELINE_TRIAL": told.trial,
        "PACELINE_PROJECT": told.project,
        "PACELINE_FOLDER": str(told.folder),
        "PACELINE_SEED": str(told.seed),
        "PACELINE_PURPOSE": told.purpose,
        "PATH": os.pathsep.join([str(Path(interpreter).parent), outer.get("PATH", os.defpath)]),
        "PYTHONUNBUFFERED": "1",
    }
    if told.epochs is not None:
        ours["PACELINE_EPOCHS"] = str(told.epochs)
    if told.params is not None:
        ours["PACELINE_PARAMS"] = str(told.params)
    if told.checkpoint is not None:
        ours["PACELINE_CHECKPOINT"] = str(told.checkpoint)
    if command.wandb == "shim":
        found = outer.get("PYTHONPATH")
        ours["PYTHONPATH"] = os.pathsep.join([str(SHIM), *([found] if found else [])])
        ours |= {
            "WANDB_SWEEP_ID": told.sweep,
            "WANDB_RUN_ID": f"{told.sweep}-{told.trial}",
            "WANDB_MODE": "offline",
        }
    else:
        ours["WANDB_SWEEP_PARAM_PATH"] = str(told.folder / PARAMETERS)
    kept = {name: value for name, value in outer.items() if name not in NOT_PASSED_ON}
    return {**kept, **ours, **told.more}


PARAMETERS: Final = "config.yaml"
"""File in a trial's folder from which the package wandb takes the hyperparameters."""


def parameters_file(command: Command, params: Params) -> str:
    """Return the text of ``PARAMETERS``, in W&B's form."""
    return json.dumps({"wandb_version": 1, **{name: {"value": v} for name, v in config(command, params).items()}})
