"""The process that reads the data dies: that is told in a sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

from cluster.sweep.data_process import Preparing
from search_spaces.spec.sweep import parse_sweep
from search_spaces.types.driver_errors import CANNOT_GO_ON, NoData
from workloads.registry import catalogue

SPEC = "workload: softmax\ndata: {name: wine}\nparameters: {lr: {min: 0.001, max: 0.1}}\n"


def test_its_death_is_an_error_that_is_told_in_a_sentence(tmp_path: Path) -> None:
    preparing = Preparing(parse_sweep(SPEC, "spec.yaml", tmp_path, catalogue=catalogue()))
    preparing._process.kill()
    with pytest.raises(NoData, match="the process that reads it ended with SIGKILL, as where memory ends"):
        preparing.result()
    assert NoData in CANNOT_GO_ON
