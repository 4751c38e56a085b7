"""The workload of a person's own script, whose hyperparameters are whatever the spec's ``parameters`` name.

This file imports no torch, as it is needed to check a spec.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from search_spaces.space.hyperparameters import Open
from search_spaces.spec.keys.command import SCRIPT
from workloads.arrays import DataShape
from workloads.contract import Workload

if TYPE_CHECKING:
    from torch import nn


def _build(hp: Any, shape: DataShape) -> nn.Module:
    raise RuntimeError("a script has no network that could be built: its files are in its checkpoint")


SCRIPT_WORKLOAD = Workload(
    name=SCRIPT,
    summary="a script of your own, started once a trial",
    hyperparameters=Open,
    space={},
    problems={},
    build=_build,
    fusable=False,
    distributed=False,
    own_data=True,
    own_metrics=True,
    judged=False,
    registered=False,
    scales_targets=False,
    streams=False,
)
