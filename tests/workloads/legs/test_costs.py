"""What a member costs: parameters, latency, seconds and memory, in its reports."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from search_spaces.race.legs import MemberEpoch
from search_spaces.types.problems import COSTS, COSTS_OF_MODEL
from tests.workloads.legs.test_gan_legs import legs
from tests.workloads.legs.test_runner import leg, members, run, runner
from workloads.legs import checkpoint, costs
from workloads.legs.costs import timed
from workloads.registry import workload


def told(epochs: list[list[MemberEpoch]], name: str, member: int = 0) -> list[float | None]:
    return [epoch[member].metrics.get(name) for epoch in epochs]


@pytest.mark.parametrize("name", ["mlp", pytest.param("cnn", marks=pytest.mark.soak)])
def test_parameters_are_those_of_the_model_and_told_once_a_leg(tmp_path: Path, name: str) -> None:
    lane = runner(tmp_path, name)
    epochs = run(lane, leg(0, 2, members(name)))
    hp = workload(name).hyperparameters(**members(name)[0].params)
    num = sum(p.numel() for p in workload(name).build(hp, lane.setup.data.shape).parameters())
    for member in range(3):
        assert told(epochs, "params_m", member) == [pytest.approx(num / 1e6), None]
        assert [latency is not None and latency > 0 for latency in told(epochs, "latency_ms", member)] == [1, 0]


def test_seconds_grow_from_leg_to_leg_and_are_shared_by_members_that_train_together(tmp_path: Path) -> None:
    lane = runner(tmp_path)
    first = run(lane, leg(0, 2, members()))
    seconds = told(first, "training_s")
    assert seconds == sorted(seconds) and seconds == told(first, "training_s", 1)
    saved = [one.uri for one in lane.save()]
    assert checkpoint.progress(str(saved[0])).seconds == seconds[-1]
    onward = [replace(member, checkpoint=uri) for member, uri in zip(members(), saved, strict=True)]
    after = run(runner(tmp_path), leg(2, 3, onward))
    assert told(after, "training_s")[0] > seconds[-1]
    assert all(peak > 10 for peak in told(after, "peak_memory_mib"))


def test_an_own_measurement_goes_before_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lane = runner(tmp_path)
    lane.start(leg(0, 1, members()[:1]))
    loop = lane.aboard[0].loop
    trained = loop.epoch
    monkeypatch.setattr(loop, "epoch", lambda: [{**trained()[0], "latency_ms": 12.5}])
    [report] = lane.epoch()
    assert report.metrics["latency_ms"] == 12.5 and report.metrics.keys() >= COSTS.keys()


@pytest.mark.soak
def test_of_a_gan_the_generator_is_served(tmp_path: Path) -> None:
    lane, [first, _] = legs(tmp_path, "dcgan", "search")
    whole = sum(tensor.numel() for tensor in lane.aboard[0].loop.state(0).model.values())
    assert 0 < first.metrics["params_m"] < whole / 1e6 / 2
    assert all(math.isfinite(first.metrics[name]) for name in COSTS)


def test_a_model_without_room_for_a_second_one_has_no_latency(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(action: object) -> float:
        raise torch.OutOfMemoryError("out of memory")

    monkeypatch.setattr(costs, "timed", full)
    epochs = run(runner(tmp_path), leg(0, 1, members()))
    assert not epochs[0][0].metrics.keys() & set(COSTS_OF_MODEL)
    assert epochs[0][0].failure is None


def test_a_model_that_takes_no_single_example_trains_and_that_is_told_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def odd(action: object) -> float:
        raise IndexError("too many indices for a batch of one")

    monkeypatch.setattr(costs, "timed", odd)
    lane = runner(tmp_path)
    epochs = run(lane, leg(0, 2, members()))
    assert all(report.failure is None for epoch in epochs for report in epoch)
    assert not epochs[0][0].metrics.keys() & set(COSTS_OF_MODEL)
    [told_of] = [text for text in lane.take_messages() if "latency" in text]
    assert "one example raised IndexError: too many indices" in told_of


def test_the_time_of_passes_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr(costs.time, "perf_counter", lambda: clock[0])

    def slow() -> None:
        clock[0] += 2.0

    assert timed(slow) == 2.0
    assert clock[0] == 4.0
