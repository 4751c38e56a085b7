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
    from torch import device, dtype, nn

    from workloads.data.search_data import SearchData
    from workloads.training.batches import ResidentData
    from workloads.training.setup import Loop, Setup, Trainee


def _build(hp: Any, shape: DataShape) -> nn.Module:
    from torch import nn  # 1,200 ms

    return nn.Identity()  # its files are in its checkpoint


def _data(hp: Any, search: SearchData, device: device, dtype: dtype) -> ResidentData:
    from workloads.models.custom.loop import untouched  # 1,200 ms: torch

    return untouched(search)


def _loop(setup: Setup, member: Trainee) -> Loop:
    from workloads.models.script.loop import ScriptLoop  # 1,200 ms: torch

    return ScriptLoop(setup, member)


SCRIPT_WORKLOAD = Workload(
    name=SCRIPT,
    summary="a script of your own, started once a trial",
    hyperparameters=Open,
    space={},
    problems={},
    build=_build,
    fusable=False,
    divides_work=True,
    own_data=True,
    own_metrics=True,
    judged=False,
    registered=False,
    scales_targets=False,
    streams=False,
    data=_data,
    loop=_loop,
)
