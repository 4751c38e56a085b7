"""The classification task against torch's own loss."""

from __future__ import annotations

import pytest
import torch
from torch.nn.functional import cross_entropy
from torch.testing import assert_close

from workloads.task import Classification

SMOOTHING = (0.0, 0.1, 0.9)


@pytest.mark.parametrize("own_batches", [False, True])
def test_loss_gradient_and_hits_agree_with_torch(own_batches: bool) -> None:
    torch.manual_seed(0)
    logits = (3 * torch.randn(3, 8, 4, dtype=torch.float64)).requires_grad_()
    y = torch.randint(0, 4, (3, 8) if own_batches else (8,))
    numbers = {"label_smoothing": torch.tensor(SMOOTHING, dtype=torch.float64)}
    found = Classification().loss(lambda x: x, logits, y, numbers)
    weights = torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64)
    (gradient,) = torch.autograd.grad(found["loss"] @ weights, logits)
    for k, smoothing in enumerate(SMOOTHING):
        own, labels = logits[k].detach().requires_grad_(), y[k] if own_batches else y
        expected = cross_entropy(own, labels, label_smoothing=smoothing)
        assert_close(found["loss"][k], expected)
        assert_close(gradient[k], torch.autograd.grad(expected * weights[k], own)[0])
        assert_close(found["train_loss"][k], cross_entropy(own, labels).detach())
        assert_close(found["train_acc"][k], (own.argmax(-1) == labels).double().mean())
    sums = Classification().evaluate(lambda x: x, logits.detach(), y)
    assert_close(sums["loss"] / 8, found["train_loss"])
    assert_close(sums["acc"] / 8, found["train_acc"])


def test_a_nan_is_no_hit_and_no_finite_loss() -> None:
    logits = torch.full((2, 3), float("nan"))
    sums = Classification().evaluate(lambda x: x, logits, torch.tensor([0, 1]))
    assert sums["acc"] == 0
    assert sums["loss"].isnan()
