"""On a GPU: cohorts learn, and steps that are recorded as CUDA graphs are the steps themselves.

Needs torch and numpy alone: ``pytest --noconftest -m gpu tests/workloads/training/test_gpu.py``.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
import torch
from torch.testing import assert_close

from tests.helpers.workload_data import setup, train, trainee
from workloads.hyperparameters import OPTIMIZER_NAMES
from workloads.registry import WORKLOADS, workload
from workloads.training.fused.cuda_graphs import WARM_UP, Graphs
from workloads.training.fused.loop import FusedLoop
from workloads.training.setup import Setup, Trainee

pytestmark = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")]
FUSABLE = [name for name in WORKLOADS if workload(name).fusable]
VARIED: dict[str, dict[str, Any]] = {
    "plain": {},
    "schedule": {"lr_schedule": "one_cycle", "warmup_epochs": 1},
    "weights": {"class_weights": "balanced"},
    "rules": {"l1": 1e-3, "clip_norm": 0.5},
    "parts": {"micro_batch": 3},
}


def on_gpu(name: str, **changes: Any) -> Setup:
    shared = setup(name, torch.float32, "cuda")
    return dataclasses.replace(shared, workload=dataclasses.replace(shared.workload, **changes), horizon=4)


def cohort(name: str, seeds: tuple[int, ...] = (0, 1, 2, 3), **params: Any) -> list[Trainee]:
    """Members that drop units at various rates and learn at various rates."""
    drops = "dropout" in workload(name).hyperparameters.__dataclass_fields__
    varied = [{"lr": 0.001 * (k + 1), **({"dropout": 0.1 * k} if drops else {})} for k in range(len(seeds))]
    return [trainee(name, seed, **own, **params) for seed, own in zip(seeds, varied, strict=True)]


def assert_recorded_like_live(name: str, members: list[Trainee]) -> None:
    """Weights and measurements, with a member that leaves in between."""
    loops = [FusedLoop(on_gpu(name, recordable=recordable, half=False), members) for recordable in (True, False)]
    for kept in ([0, 1, 2, 3], [0, 2]):
        for loop in loops:
            loop.keep(kept)
        recorded, live = (train(loop, 2) for loop in loops)
        for found, expected in zip(recorded[-1], live[-1], strict=True):
            measured = found.keys() - {"examples_per_s"}
            assert {k: found[k] for k in measured} == pytest.approx({k: expected[k] for k in measured}, rel=1e-3)
        assert loops[0].graphs and loops[0].graphs.num_recorded, "nothing was recorded"
        for k in range(len(loops[0].members)):
            assert_close(loops[0].state(k).model, loops[1].state(k).model, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("name", FUSABLE)
def test_a_fused_cohort_learns(name: str) -> None:
    records = train(FusedLoop(on_gpu(name), [trainee(name, lr=0.02) for _ in range(4)]), 12)
    assert all(record["val_accuracy"] >= 0.9 for record in records[-1])


@pytest.mark.parametrize("optimizer", OPTIMIZER_NAMES)
def test_a_recorded_step_is_the_step_itself_for_each_optimizer(optimizer: str) -> None:
    assert_recorded_like_live("mlp", cohort("mlp", optimizer=optimizer))


@pytest.mark.parametrize("varied", VARIED)
@pytest.mark.parametrize("name", FUSABLE)
def test_a_recorded_step_is_the_step_itself(name: str, varied: str) -> None:
    assert_recorded_like_live(name, cohort(name, **VARIED[varied]))


def test_members_of_one_seed_share_their_noise_in_a_recorded_step() -> None:
    loop = FusedLoop(on_gpu("mlp"), [trainee("mlp", 0, dropout=0.5) for _ in range(3)])
    train(loop, 4)
    assert_close(loop.theta[0].expand_as(loop.theta), loop.theta, rtol=1e-4, atol=1e-6)


def test_noise_is_new_in_every_replay() -> None:
    found = []
    graphs = Graphs()
    x = torch.zeros(2, device="cuda")
    for _ in range(WARM_UP + 3):
        measured = graphs(lambda x, y: {"noise": torch.rand(4, device=x.device)}, x, x)
        found.append(measured["noise"])
    assert len({tuple(noise.tolist()) for noise in found}) == len(found)


def test_what_cannot_be_recorded_goes_on_as_it_is() -> None:
    def waits(x: torch.Tensor, y: torch.Tensor) -> dict[str, torch.Tensor]:
        noise = torch.rand(4, device=x.device)
        return {"sum": x.sum() + float(y.sum()), "noise": noise.sum()}

    graphs = Graphs()
    x = torch.ones(3, device="cuda")
    found = [float(graphs(waits, x * k, x)["sum"]) for k in range(WARM_UP + 3)]
    assert found == [3.0 * k + 3 for k in range(WARM_UP + 3)]
    assert torch.rand(4, device="cuda").isfinite().all()
