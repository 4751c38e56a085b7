"""How many lanes a machine carries, without Ray."""

from __future__ import annotations

from pathlib import Path

import pytest

from cluster.sweep.lane_count import TooSmall, cluster_size, gpu_places, lane_size, num_cpus
from search_spaces.spec.data import Data, Split
from search_spaces.spec.streaming import decided
from search_spaces.spec.sweep import Sweep, parse_sweep
from search_spaces.types.faults import SpecError
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
    assert lane_size(sweep("resources.gpus=0.6")).count == 2, "a fraction is of one GPU"
    assert lane_size(sweep("resources.gpus=0.4", "resources.workers=2")).count == 2
    assert [gpu_places(num, gpus) for num, gpus in ((1, 1 / 3), (4, 2), (3, 2), (1, 0.1))] == [3, 2, 1, 10]
    with pytest.raises(SpecError, match=r"a fraction below 1, or a whole number"):
        sweep("resources.gpus=1.5")


def test_resources_that_only_some_nodes_have() -> None:
    asked = sweep("resources.custom={a100: 1, fast: 0.5}")
    nodes = [{"CPU": 8.0, "a100": 2.0, "fast": 4.0}, {"CPU": 8.0}]
    assert (cluster_size(asked, nodes).count, cluster_size(asked, nodes).custom) == (2, {"a100": 1, "fast": 0.5})
    with pytest.raises(TooSmall, match=r"1 a100, 0.5 fast, which a cluster's nodes may have: --on TARGET"):
        lane_size(asked)
    with pytest.raises(
        TooSmall, match=r"asks for 1 CPU, 0 GPU, 1 a100, 0.5 fast, .* has 8 CPU, 0 GPU, 0 a100, 0 fast"
    ):
        cluster_size(asked, nodes[1:])
    with pytest.raises(SpecError, match=r"write resources: \{gpus: N\}"):
        sweep("resources.custom={GPU: 1}")
    assert Sweep.model_validate_json(asked.model_dump_json()) == asked


def test_environment_variables_are_texts_and_none_of_ours() -> None:
    assert sweep("env={A_B: 1, C: 'x y', D: 1.5}").env == {"A_B": "1", "C": "x y", "D": "1.5"}
    for name, told in (
        ("RANK", "write resources: {workers: N}"),
        ("RAY_X", "those of Ray"),
        ("1A", "must be names of letters"),
    ):
        with pytest.raises(SpecError) as error:
            sweep(f"env={{{name}: x}}")
        assert told in str(error.value)
    with pytest.raises(SpecError, match=r"env\.A"):
        sweep("env={A: true}")


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
