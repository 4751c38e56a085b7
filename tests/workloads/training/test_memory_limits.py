"""Micro-batches have the mathematics of whole batches, and take their place where memory ends."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch.testing import assert_close

from search_spaces.race.legs import Leg, Member, MemberEpoch
from search_spaces.types.failure import FailureReason
from search_spaces.types.objective import LOSS
from tests.helpers.out_of_memory_model import ROOM
from tests.helpers.workload_data import search_data, setup, train, trainee
from workloads.legs import checkpoint
from workloads.legs.runner import LegRunner, LegSetting
from workloads.training.fused.loop import FusedLoop
from workloads.training.memory_limits import Bound, MemoryEnded, memory_ended
from workloads.training.plain_loop import PlainLoop

SMALL = {"batch_size": 8, "depth": 1, "width": 6, "lr": 0.01}


@pytest.fixture(autouse=True)
def room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ROOM, "examples", 10**9)


@pytest.mark.parametrize("name", ["softmax", "mlp", "cnn"])
@pytest.mark.parametrize("size", [1, 3, 4, 7])
@pytest.mark.parametrize("seeds", [(0, 0), (0, 5)])
def test_micro_batches_have_the_mathematics_of_the_whole(name: str, size: int, seeds: tuple[int, int]) -> None:
    """Without batch norm, which sees each part for itself; with clipping, which sees the whole gradient."""
    shared, params = setup(name), {"clip_norm": 0.5, "l1": 1e-3, "label_smoothing": 0.1}
    params |= {"batch_norm": False} if name == "cnn" else {}
    whole = [trainee(name, seed, **params) for seed in seeds]
    parts = [trainee(name, seed, micro_batch=size, **params) for seed in seeds]
    expected, found = FusedLoop(shared, whole), FusedLoop(shared, parts)
    records = zip(train(expected, 2)[-1], train(found, 2)[-1], strict=True)
    for k, (one, other) in enumerate(records):
        alone = PlainLoop(shared, parts[k])
        (third,) = train(alone, 2)[-1]
        for key in ("train_loss", "train_accuracy", "grad_norm", "val_loss", "val_accuracy"):
            assert other[key] == pytest.approx(one[key], rel=1e-6)
            assert third[key] == pytest.approx(one[key], rel=1e-6)
        assert_close(found.state(k), expected.state(k), rtol=1e-6, atol=1e-9)
        assert_close(alone.state(0), expected.state(k), rtol=1e-6, atol=1e-9)


def test_the_largest_part_that_is_in_memory_is_a_micro_batch() -> None:
    seen: list[int] = []
    loop = PlainLoop(setup("mlp"), trainee("mlp", batch_size=16, micro_batch=5))
    loop.model.register_forward_pre_hook(lambda _, args: seen.append(len(args[0])))
    loop.epoch()
    assert max(seen) == 5 and min(seen) > 1, "no part holds one example by accident"


def runner(folder: Path) -> LegRunner:
    return LegRunner(
        LegSetting("tests.helpers.out_of_memory_model:GREEDY", LOSS, str(folder), "cpu"),
        search_data(),
    )


def leg(num_members: int, stop: int = 3) -> Leg:
    members = tuple(Member(trial=k, seed=0, params={**SMALL, "lr": 0.01 * (k + 1)}) for k in range(num_members))
    return Leg(id=0, start=0, stop=stop, horizon=9, members=members)


def run(lane: LegRunner, work: Leg) -> list[MemberEpoch]:
    lane.start(work)
    told: list[MemberEpoch] = []
    while not lane.done:
        told += lane.epoch()
    return told


def assert_as_with_room(lane: LegRunner, work: Leg, folder: Path) -> None:
    ROOM.examples = 10**9
    free = runner(folder / "free")
    run(free, work)
    for found, expected in zip(lane.save(), free.save(), strict=True):
        assert (found.key, found.epoch) == (expected.key, expected.epoch)
        one, other = (checkpoint.load(saved.uri)[1] for saved in (found, expected))
        assert_close(one.model, other.model, rtol=1e-4, atol=1e-6)


def test_a_leg_is_retried_at_half_the_micro_batch_until_it_fits(tmp_path: Path) -> None:
    ROOM.examples = 3
    lane = runner(tmp_path)
    told = run(lane, leg(1))
    assert [t.epoch for t in told] == [1, 2, 3] and not any(t.failure for t in told)
    assert lane.take_messages() == [f"out of memory; going on with micro-batches of {size}" for size in (4, 2)]
    assert_as_with_room(lane, leg(1), tmp_path)


def test_a_cohort_is_trained_with_fewer_members_first(tmp_path: Path) -> None:
    ROOM.examples = 12
    lane = runner(tmp_path)
    told = run(lane, leg(3))
    assert len(told) == 9 and not any(t.failure for t in told)
    assert [message.partition("with ")[2] for message in lane.take_messages()] == [
        "2 trials at a time",
        "1 trial at a time",
    ]
    assert_as_with_room(lane, leg(3), tmp_path)


def test_what_a_leg_has_learned_of_memory_later_legs_know(tmp_path: Path) -> None:
    ROOM.examples = 5
    lane = runner(tmp_path)
    run(lane, leg(1))
    assert len(lane.take_messages()) == 1
    run(lane, leg(1))
    assert lane.take_messages() == []


def test_memory_that_ends_in_the_middle_costs_the_epochs_since_the_last_checkpoint(tmp_path: Path) -> None:
    lane, work = runner(tmp_path), leg(2, stop=5)
    lane.start(work)
    told = [*lane.epoch(), *lane.epoch()]
    lane.save()
    told += lane.epoch()
    ROOM.examples = 8
    while not lane.done:
        told += lane.epoch()
    assert [t.epoch for t in told if t.key == "t0000-s0"] == [1, 2, 3, 3, 4, 5]
    assert lane.take_messages()
    assert_as_with_room(lane, work, tmp_path)


def test_one_example_that_does_not_fit_is_infeasible(tmp_path: Path) -> None:
    ROOM.examples = 0
    lane = runner(tmp_path)
    told = run(lane, leg(2))
    assert [t.key for t in told] == ["t0000-s0", "t0001-s0"]
    assert {t.failure for t in told} == {
        FailureReason("out_of_memory", "memory ends with one trial and one example at a time")
    }
    assert lane.done and lane.save() == []


@pytest.mark.parametrize(
    ("error", "ended"),
    [
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."), True),
        (RuntimeError("CUDA error: out of memory"), True),
        (RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"), True),
        (RuntimeError("[enforce fail at alloc_cpu.cpp:124] DefaultCPUAllocator: can't allocate memory"), True),
        (MemoryError(), True),
        (RuntimeError("mat1 and mat2 shapes cannot be multiplied"), False),
        (ValueError("out of memory"), False),
    ],
)
def test_only_the_end_of_memory_is_taken_for_it(
    error: Exception, ended: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert memory_ended(error) is ended
    monkeypatch.setattr(ROOM, "error", error)
    ROOM.examples = 5
    if ended:
        assert len(run(runner(tmp_path), leg(1))) == 3
    else:
        with pytest.raises(type(error), match=str(error)):
            run(runner(tmp_path), leg(1))


def test_cpu_memory_really_ends_with_such_an_error() -> None:
    with pytest.raises(RuntimeError) as caught:
        torch.empty(2**60, dtype=torch.uint8)
    assert memory_ended(caught.value)


def test_bounds_halve_down_to_one() -> None:
    bound, tried = Bound(), []
    width, size = 5, 6
    with pytest.raises(MemoryEnded):
        while True:
            bound = bound.tighter(width, size)
            width, size = bound.width or width, bound.micro_batch or size
            tried.append((width, size))
    assert tried == [(3, 6), (2, 6), (1, 6), (1, 3), (1, 2), (1, 1)]
    assert str(replace(bound, micro_batch=0)) == "1 trial at a time"
