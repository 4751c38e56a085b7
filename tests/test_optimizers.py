"""The stacked optimizers against torch.optim, member by member."""

from __future__ import annotations

import pytest
import torch
from torch.testing import assert_close

from workloads.optimizers import SLOTS, StackedOptimizer, torch_optimizer
from workloads.training import OPTIMIZER_NAMES, Training

LR = (0.1, 0.01, 0.001)
MOMENTUM = (0.9, 0.0, 0.5)
DECAY = (0.0, 0.1, 0.01)


@pytest.mark.parametrize("name", OPTIMIZER_NAMES)
def test_fifty_steps_agree_with_torch(name: str) -> None:
    torch.manual_seed(0)
    start = torch.randn(3, 7, dtype=torch.float64)
    grads = torch.randn(50, 3, 7, dtype=torch.float64)
    lr, momentum, decay = (torch.tensor(column, dtype=torch.float64)[:, None] for column in (LR, MOMENTUM, DECAY))
    theta = start.clone()
    slots = {slot: torch.zeros_like(theta) for slot in SLOTS[name]}
    stacked = StackedOptimizer(name, lr, momentum, decay, slots)
    for grad in grads:
        stacked.update(theta, grad.clone())
    for k in range(3):
        parameter = torch.nn.Parameter(start[k].clone())
        hp = Training(lr=LR[k], momentum=MOMENTUM[k], weight_decay=DECAY[k], optimizer=name)
        optimizer = torch_optimizer(hp, [parameter])
        for grad in grads:
            parameter.grad = grad[k].clone()
            optimizer.step()
        assert_close(theta[k], parameter.detach(), rtol=1e-6, atol=1e-10)
