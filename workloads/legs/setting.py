"""Settings that all legs of a sweep share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch

from search_spaces.criteria.constraints import NO_CRITERIA, Criteria
from search_spaces.spec.keys.command import Command
from search_spaces.types.objective import Objective


@dataclass(frozen=True)
class LegSetting:
    """Settings for the runner of a sweep's legs."""

    workload: str
    objective: Objective
    checkpoints: str
    """Folder (path or fsspec URI) under which each member has its own."""
    device: str = "auto"
    """``cpu``, ``cuda``, ``cuda:1`` ...; ``auto`` takes a GPU where there is one."""
    lr_scaling: Literal["none", "linear", "sqrt"] = "none"
    """How the learning rate grows with the number of processes that train a member together."""

    criteria: Criteria = NO_CRITERIA
    """What decides besides the objective."""
    command: Command | None = None
    """What a trial of a script runs; None for other workloads."""
    sweep: str = ""
    """The sweep's ID."""
    project: str = ""
    """Name of MLflow's experiment."""

    def torch_device(self) -> torch.device:
        """Return the device that ``device`` names; for a script the CPU, as a GPU is its own processes' alone."""
        if self.command is not None:
            return torch.device("cpu")
        auto = "cuda" if torch.cuda.is_available() else "cpu"
        return torch.device(auto if self.device == "auto" else self.device)
