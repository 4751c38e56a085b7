"""The stacked optimizers against torch.optim, member by member, with every number of theirs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch.nn.utils import clip_grad_norm_
from torch.testing import assert_close

from tests.helpers.workload_data import setup, trainee
from workloads.hyperparameters import OPTIMIZER_NAMES, Training
from workloads.training import optimizers
from workloads.training.fused.loop import FusedLoop
from workloads.training.optimizers import KERNELS, SLOTS, StackedOptimizer, penalise, torch_optimizer
from workloads.training.plain_loop import PlainLoop

MEMBERS = (
    Training(lr=0.1, momentum=0.9),
    Training(lr=0.01, momentum=0.0, weight_decay=0.1),
    Training(lr=0.001, momentum=0.5, weight_decay=0.01),
)
VARIED = (
    replace(MEMBERS[0], beta2=0.99, alpha=0.9, eps=1e-6),
    replace(MEMBERS[1], beta2=0.9999, alpha=0.999, eps=1e-10),
    MEMBERS[2],
)
SHARED = tuple(replace(hp, beta2=0.98, alpha=0.95, eps=1e-5) for hp in MEMBERS)


def start_and_grads(dtype: torch.dtype = torch.float64) -> tuple[torch.Tensor, torch.Tensor]:
    torch.manual_seed(0)
    return torch.randn(3, 7, dtype=dtype), torch.randn(50, 3, 7, dtype=dtype)


def stacked(members: tuple[Training, ...], dtype: torch.dtype = torch.float64) -> torch.Tensor:
    theta, grads = start_and_grads(dtype)
    optimizer = StackedOptimizer(members, {slot: torch.zeros_like(theta) for slot in SLOTS[members[0].optimizer]})
    for grad in grads:
        optimizer.advance()
        optimizer.update(theta, grad.clone(), torch.linalg.vector_norm(grad, dim=1))
    return theta


def assert_like_torch(members: tuple[Training, ...], dtype: torch.dtype, **tolerance: float) -> None:
    found, (start, grads) = stacked(members, dtype), start_and_grads(dtype)
    for k, hp in enumerate(members):
        parameter = torch.nn.Parameter(start[k].clone())
        optimizer = torch_optimizer(hp, [parameter])
        for grad in grads:
            parameter.grad = grad[k].clone()
            optimizer.step()
        assert_close(found[k], parameter.detach(), **tolerance)


@pytest.mark.parametrize(
    ("name", "written_out"), [*((n, False) for n in OPTIMIZER_NAMES), *((n, True) for n in KERNELS)]
)
@pytest.mark.parametrize("members", [MEMBERS, SHARED, VARIED], ids=["default", "shared", "varied"])
def test_fifty_steps_agree_with_torch(
    name: str, written_out: bool, members: tuple[Training, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """``written_out``: by the rule that other devices than a CPU have."""
    if written_out:
        monkeypatch.setattr(optimizers, "KERNELS", {})
    members = tuple(replace(hp, optimizer=name) for hp in members)
    assert_like_torch(members, torch.float64, rtol=1e-6, atol=1e-10)
    assert_like_torch(members, torch.float32, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("sgd", lambda p: torch.optim.SGD(p, 0.1, momentum=0.8, weight_decay=0.2)),
        ("momentum", lambda p: torch.optim.SGD(p, 0.1, momentum=0.8, weight_decay=0.2)),
        ("nesterov", lambda p: torch.optim.SGD(p, 0.1, momentum=0.8, weight_decay=0.2, nesterov=True)),
        ("adagrad", lambda p: torch.optim.Adagrad(p, 0.1, weight_decay=0.2, eps=1e-6)),
        ("rmsprop", lambda p: torch.optim.RMSprop(p, 0.1, alpha=0.7, eps=1e-6, momentum=0.8, weight_decay=0.2)),
        ("adam", lambda p: torch.optim.Adam(p, 0.1, betas=(0.8, 0.9), eps=1e-6, weight_decay=0.2)),
        ("adamw", lambda p: torch.optim.AdamW(p, 0.1, betas=(0.8, 0.9), eps=1e-6, weight_decay=0.2)),
    ],
)
def test_each_name_is_torch_s_rule_with_all_its_numbers(name: str, expected: Any) -> None:
    hp = Training(optimizer=name, lr=0.1, momentum=0.8, beta2=0.9, alpha=0.7, eps=1e-6, weight_decay=0.2)
    start, grads = start_and_grads()
    parameter = torch.nn.Parameter(start[0].clone())
    optimizer = expected([parameter])
    for grad in grads:
        parameter.grad = grad[0].clone()
        optimizer.step()
    assert_close(stacked((hp, hp, hp))[0], parameter.detach())


@pytest.mark.parametrize("name", ["sgd", "adam", "adamw"])
def test_l1_and_clipping_are_autograd_s_and_torch_s(name: str) -> None:
    """The penalty's gradient comes after the clipping, where torch's optimizers add that of L2."""
    members = tuple(replace(hp, optimizer=name, l1=0.05 * k, clip_norm=2.0 * k) for k, hp in enumerate(MEMBERS))
    found, (start, grads) = stacked(members), start_and_grads()
    for k, hp in enumerate(members):
        by_hand, ours = (torch.nn.Parameter(start[k].clone()) for _ in range(2))
        first, second = torch_optimizer(hp, [by_hand]), torch_optimizer(hp, [ours])
        for grad in grads:
            by_hand.grad, ours.grad = grad[k].clone(), grad[k].clone()
            if hp.clip_norm:
                clip_grad_norm_([by_hand], hp.clip_norm)
                clip_grad_norm_([ours], hp.clip_norm)
            (hp.l1 * by_hand.abs().sum()).backward()
            penalise(hp, [ours])
            first.step()
            second.step()
        assert_close(ours, by_hand)
        assert_close(found[k], by_hand.detach())


@pytest.mark.parametrize("kind", [FusedLoop, PlainLoop])
def test_the_gradient_s_norm_is_measured_before_clipping(kind: type[FusedLoop] | type[PlainLoop]) -> None:
    shared = setup("mlp")
    x, y = next(shared.data.batches(torch.arange(8), 8))
    norms, moves = [], []
    for clip_norm in (0.0, 1e-3):
        member = trainee("mlp", optimizer="sgd", momentum=0.0, clip_norm=clip_norm)
        loop = FusedLoop(shared, [member]) if kind is FusedLoop else PlainLoop(shared, member)
        before = loop.state(0).model
        norms.append(float(loop.train_step(x, y)["grad_norm"]))
        after = loop.state(0).model
        moves.append(float(sum((after[name] - before[name]).square().sum() for name in after) ** 0.5))
    assert norms[0] == pytest.approx(norms[1]) and norms[0] > 1e-3
    assert moves == pytest.approx([0.002 * norms[0], 0.002 * 1e-3], rel=2e-2)


@pytest.mark.parametrize("name", OPTIMIZER_NAMES)
def test_planned_rates_are_taken_in_turn_and_lr_behind_them(name: str) -> None:
    """A rate of 0 changes no weight, not even one whose gradient has always been 0."""
    hp = Training(optimizer=name, lr=0.1)
    theta = torch.tensor([[1.0, 2.0, 3.0]], dtype=torch.float64)
    optimizer = StackedOptimizer([hp], {slot: torch.zeros_like(theta) for slot in SLOTS[name]})
    optimizer.plan(torch.tensor([[0.0], [0.05]], dtype=torch.float64))
    rates = []
    for _ in range(4):
        before, grad = theta.clone(), torch.tensor([[1.0, -1.0, 0.0]], dtype=torch.float64)
        optimizer.advance()
        rates.append(float(optimizer._now[0]))
        optimizer.update(theta, grad, torch.linalg.vector_norm(grad, dim=1))
        assert theta.isfinite().all()
        assert torch.equal(theta, before) == (rates[-1] == 0)
    assert rates == [0.0, 0.05, 0.1, 0.1]


def test_a_resumed_optimizer_forgets_what_was_planned() -> None:
    hp = Training(optimizer="adam", lr=0.1)
    theta = torch.ones(1, 3, dtype=torch.float64)
    whole, resumed = (
        StackedOptimizer([hp], {slot: torch.zeros_like(theta) for slot in SLOTS["adam"]}) for _ in range(2)
    )
    for _ in range(3):
        whole.advance()
    resumed.advance()
    resumed.resume(2)
    resumed.advance()
    assert resumed.step == whole.step == 3
    assert_close(resumed._now, whole._now)
