"""How many lanes a machine carries, without Ray."""

from __future__ import annotations

from pathlib import Path

import pytest

from cluster.sweep.lane_count import TooSmall, cluster_size, lane_size, num_cpus
from search_spaces.spec.data import Data, Split
from search_spaces.spec.streaming import decided
from search_spaces.spec.sweep import Sweep, parse_sweep
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


def test_a_table_is_streamed_when_a_lane_has_no_room_for_it(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes(b"1,2,3\n" * 1000)
    data = Data(csv=str(tmp_path / "t.csv"), target="c2", header=False)
    assert [decided(data, lane_bytes) for lane_bytes in (1e5, 9e4)] == [False, True]
    assert not decided(data.model_copy(update={"streaming": False}), 1)
    assert not decided(data.model_copy(update={"split": Split(folds=3)}), 1)
    assert not decided(Data(name="digits"), 1) and not decided(Data(csv="s3://b/t.csv"), 1)


def streamed(*overrides: str) -> Sweep:
    return sweep("data={csv: 's3://b/t.csv', target: y}", *overrides)


def test_tasks_that_read_have_a_place_beside_each_lane() -> None:
    """On this machine they share the cores with those who train; on a cluster they take places."""
    assert streamed().data.streaming
    here = lane_size(streamed("max_concurrent=2"))
    assert (here.count, here.all_cpus) == (2, 4)
    nodes = [{"CPU": 4.0}, {"CPU": 2.0}]
    assert (cluster_size(sweep(), nodes).count, cluster_size(streamed(), nodes).count) == (6, 3)
    assert cluster_size(streamed("resources.workers=2"), nodes).count == 1
    with pytest.raises(
        TooSmall, match="asks for 4 CPU, 0 GPU and 1 CPU to read its data, and the cluster has 4 CPU"
    ):
        cluster_size(streamed("resources.cpus=4"), nodes)
