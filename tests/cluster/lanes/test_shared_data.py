"""What lanes are given at birth: places that mean the same wherever a lane happens to run."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest

from cluster.lanes.shared_data import SharedData, shared
from cluster.sweep.home import SweepHome
from cluster.sweep.steering.leg_marks import LegMarks
from tests.helpers.spec_texts import parsed

SPEC = "workload: mlp\ndata: {name: digits}\nparameters: {lr: {min: 1e-3, max: 1e-1}}\n"


@pytest.mark.parametrize("named", ["", "tracking: {uri: 'sqlite:///mlflow.db'}\n"])
def test_lanes_look_for_models_where_the_driver_does(
    named: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ray Tune gives each lane a folder of its own, where a relative path is another store."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    sweep = parsed(SPEC + named)
    data = SharedData(cast(Any, None), cast(Any, None))
    found = shared(SweepHome.create(sweep), sweep, data, LegMarks("leg-"))
    assert found.tracking_uri == f"sqlite:///{tmp_path}/mlflow.db"
