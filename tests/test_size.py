"""How many lanes a machine carries, without Ray."""

from __future__ import annotations

from pathlib import Path

import pytest

from cluster.size import TooSmall, lane_size, num_cpus
from search_spaces.sweep import Sweep, parse_sweep
from workloads.registry import catalogue


def sweep(*overrides: str) -> Sweep:
    text = "workload: mlp\ndata: {name: wine}\ntrials: 30\n"
    return parse_sweep(text, "sweep.yaml", Path(), overrides, catalogue=catalogue())


def test_as_many_lanes_as_cores() -> None:
    assert lane_size(sweep()).count == min(num_cpus(), 30)


def test_no_more_lanes_than_trials_or_asked_for() -> None:
    assert lane_size(sweep("max_concurrent=3")).count == 3
    assert lane_size(sweep("max_concurrent=9", "trials=2")).count == 2


def test_a_lane_may_ask_for_more_cores_than_there_are() -> None:
    assert lane_size(sweep("resources.cpus=4000")).count == 1


def test_fractions_of_gpus_make_several_lanes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1")
    assert lane_size(sweep("resources.gpus=0.5")).count == 4


def test_more_gpus_than_there_are_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    with pytest.raises(TooSmall, match="asks for 2, and this machine has 1"):
        lane_size(sweep("resources.gpus=2"))
