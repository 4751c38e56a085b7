"""Legs on a GPU: every workload is trained, saved, gone on with and scored there; memory that ends there.

Needs torch, numpy and scikit-learn alone: ``pytest --noconftest -m gpu tests/workloads/legs/test_gpu_legs.py``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from search_spaces.race.legs import Leg, Member, MemberEpoch, Purpose, Saved
from search_spaces.types.objective import LOSS, Objective
from tests.helpers import workload_data
from tests.helpers.workload_data import blobs, search_data
from tests.workloads.models.test_gan import SMALL as SMALL_GAN
from tests.workloads.models.test_gan import eight_by_eight
from workloads.data.prepare import Arrays
from workloads.data.search_data import SearchData
from workloads.data.statistics import fit
from workloads.legs import checkpoint
from workloads.legs.runner import LegRunner, LegSetting
from workloads.registry import WORKLOADS, workload

pytestmark = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")]
ON_GPUS = [name for name in WORKLOADS if not workload(name).one_process]
SMALL = {**workload_data.SMALL, "gan": SMALL_GAN}


def runner(folder: Path, name: str, device: str = "cuda") -> LegRunner:
    objective = Objective(*next(iter(workload(name).metrics(None).items())))
    search = eight_by_eight() if name == "gan" else search_data()
    test = blobs(30, 2) if workload(name).judged and name != "gan" else None
    return LegRunner(LegSetting(name, objective, str(folder), device=device), search, test)


def leg(name: str, start: int, stop: int, purpose: Purpose = "search") -> Leg:
    num_members = 3 if workload(name).fusable else 1
    params = [{"batch_size": 8, "lr": 0.005 * (k + 1), **SMALL[name]} for k in range(num_members)]
    members = tuple(Member(trial=k, seed=k, params=own) for k, own in enumerate(params))
    return Leg(id=0, start=start, stop=stop, horizon=9, members=members, purpose=purpose)


def going_on(work: Leg, saved: list[Saved]) -> Leg:
    uris = {one.key: one.uri for one in saved}
    return replace(work, members=tuple(replace(member, checkpoint=uris[member.key]) for member in work.members))


def run(lane: LegRunner, work: Leg) -> list[MemberEpoch]:
    lane.start(work)
    told: list[MemberEpoch] = []
    while not lane.done:
        told += lane.epoch()
    assert not any(t.failure for t in told), told
    return told


@pytest.mark.parametrize("name", ON_GPUS)
def test_a_leg_that_is_gone_on_with_is_the_leg_in_one_piece(name: str, tmp_path: Path) -> None:
    """Up to what a GPU's sums in changing order and products of eight bits come to."""
    whole = run(runner(tmp_path / "whole", name), leg(name, 0, 6))
    first = runner(tmp_path / "parts", name)
    parts = run(first, leg(name, 0, 3))
    saved = first.save()
    parts += run(runner(tmp_path / "parts", name), going_on(leg(name, 3, 6), saved))
    assert [(t.key, t.epoch) for t in parts] == [(t.key, t.epoch) for t in whole]
    key = "train_generator_loss" if name == "gan" else "train_loss"
    for one, other in zip(parts, whole, strict=True):
        assert one.metrics[key] == pytest.approx(other.metrics[key], rel=0.1, abs=0.05)


@pytest.mark.parametrize("name", [name for name in ON_GPUS if name != "gan"])
def test_a_checkpoint_of_a_gpu_goes_on_on_a_cpu(name: str, tmp_path: Path) -> None:
    lane = runner(tmp_path, name)
    run(lane, leg(name, 0, 2))
    saved = lane.save()
    state = checkpoint.load(saved[0].uri)[1]
    assert all(tensor.device.type == "cpu" for tensor in state.model.values())
    again = runner(tmp_path, name, "cpu")
    told = run(again, going_on(leg(name, 2, 4), saved))
    assert all(np.isfinite(t.metrics["train_loss"]) for t in told)


@pytest.mark.parametrize("name", [name for name in ON_GPUS if name != "gan"])
def test_finalists_are_scored(name: str, tmp_path: Path) -> None:
    lane = runner(tmp_path, name)
    run(lane, leg(name, 0, 3, "final"))
    lane.save()
    scored = lane.score()
    assert len(scored) == len(lane.aboard)
    assert all(np.isfinite(value) for one in scored for value in one.metrics.values())


@pytest.fixture
def little_memory() -> Iterator[None]:
    """A quarter of a GiB beside what is taken already."""
    torch.cuda.empty_cache()
    total = torch.cuda.get_device_properties(0).total_memory
    torch.cuda.set_per_process_memory_fraction((torch.cuda.memory_reserved() + 2**28) / total)
    yield
    torch.cuda.set_per_process_memory_fraction(1.0)
    torch.cuda.empty_cache()


@pytest.mark.usefixtures("little_memory")
def test_where_a_gpu_s_memory_ends_less_is_trained_at_once(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    x = rng.integers(0, 256, (512, 3, 32, 32), dtype=np.uint8)
    train = Arrays(x, rng.integers(0, 3, 512))
    search = SearchData(train, train.take(np.arange(64)), fit(train.x), 3)
    lane = LegRunner(LegSetting("cnn", LOSS, str(tmp_path), device="cuda"), search)
    members = tuple(
        Member(trial=k, seed=k, params={"batch_size": 256, "channels": 32, "lr": 0.001 * (k + 1)}) for k in range(8)
    )
    told = run(lane, Leg(id=0, start=0, stop=4, horizon=9, members=members))
    messages = lane.take_messages()
    assert any("out of memory; going on with" in message for message in messages), messages
    assert {(t.key, t.epoch) for t in told} == {(m.key, epoch) for m in members for epoch in (1, 2, 3, 4)}


def test_lanes_that_come_and_go_leave_nothing_on_the_gpu(tmp_path: Path) -> None:
    """A cohort's graphs and their memory go with it."""
    lane = runner(tmp_path, "mlp")
    sizes = []
    for _ in range(4):
        run(lane, leg("mlp", 0, 3))
        sizes.append(torch.cuda.memory_allocated())
    assert_close(sizes[-1], sizes[1], rtol=0.01, atol=0)
