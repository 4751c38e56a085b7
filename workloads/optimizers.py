"""SGD, Adam, AdamW and RMSprop: torch's own for one model, and the same updates for a cohort of members.

A cohort's parameters are the rows of one matrix (members, parameters), so an update is a handful of operations
whatever the number of layers, with learning rate, momentum and weight decay as columns. torch's functional
optimizers take one learning rate for all, so the rules are written out here; a test holds them to torch.optim.
``momentum`` is the momentum of sgd and rmsprop and beta1 of adam and adamw.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

from workloads.training import Training

BETA2 = 0.999
ALPHA = 0.99
EPS = 1e-8

SLOTS: dict[str, tuple[str, ...]] = {
    "sgd": ("momentum_buffer",),
    "adam": ("exp_avg", "exp_avg_sq"),
    "adamw": ("exp_avg", "exp_avg_sq"),
    "rmsprop": ("square_avg", "momentum_buffer"),
}
"""What each optimizer remembers, by torch.optim's names."""


def torch_optimizer(hp: Training, parameters: Iterable[torch.nn.Parameter]) -> torch.optim.Optimizer:
    """torch's optimizer for one member."""
    lr, decay = hp.lr, hp.weight_decay
    if hp.optimizer == "sgd":
        return torch.optim.SGD(parameters, lr, momentum=hp.momentum, weight_decay=decay)
    if hp.optimizer == "rmsprop":
        return torch.optim.RMSprop(parameters, lr, alpha=ALPHA, eps=EPS, momentum=hp.momentum, weight_decay=decay)
    kind = torch.optim.AdamW if hp.optimizer == "adamw" else torch.optim.Adam
    return kind(parameters, lr, betas=(hp.momentum, BETA2), eps=EPS, weight_decay=decay)


@dataclass
class StackedOptimizer:
    """The optimizer of a cohort. Columns have shape (members, 1), slots (members, parameters)."""

    name: str
    lr: Tensor
    momentum: Tensor
    weight_decay: Tensor
    slots: dict[str, Tensor]
    step: int = 0

    def __post_init__(self) -> None:
        self._decays = bool((self.weight_decay != 0).any())
        self._weight_of_new = 1 - self.momentum
        self._scratch = torch.empty(0)

    def update(self, theta: Tensor, grad: Tensor) -> None:
        """One step on ``theta`` in place; ``grad`` is overwritten."""
        self.step += 1
        if self._scratch.shape != grad.shape:
            self._scratch = torch.empty_like(grad)
        if self._decays and self.name == "adamw":
            theta.mul_(1 - self.lr * self.weight_decay)
        elif self._decays:
            grad.addcmul_(theta, self.weight_decay)
        UPDATES[self.name](self, theta, grad)

    def _sgd(self, theta: Tensor, grad: Tensor) -> None:
        velocity = self.slots["momentum_buffer"]
        velocity.mul_(self.momentum).add_(grad)
        theta.addcmul_(velocity, self.lr, value=-1)

    def _adam(self, theta: Tensor, grad: Tensor) -> None:
        """Kingma & Ba 2014, with both bias corrections and the rate folded into the denominator."""
        mean, square = self.slots["exp_avg"], self.slots["exp_avg_sq"]
        mean.lerp_(grad, self._weight_of_new)
        square.mul_(BETA2).addcmul_(grad, grad, value=1 - BETA2)
        root = (1 - BETA2**self.step) ** 0.5
        scale = (1 - self.momentum**self.step) / (self.lr * root)
        denominator = torch.sqrt(square, out=self._scratch).add_(EPS * root).mul_(scale)
        theta.addcdiv_(mean, denominator, value=-1)

    def _rmsprop(self, theta: Tensor, grad: Tensor) -> None:
        square, velocity = self.slots["square_avg"], self.slots["momentum_buffer"]
        square.mul_(ALPHA).addcmul_(grad, grad, value=1 - ALPHA)
        denominator = torch.sqrt(square, out=self._scratch).add_(EPS)
        velocity.mul_(self.momentum).addcdiv_(grad, denominator)
        theta.addcmul_(velocity, self.lr, value=-1)


UPDATES: dict[str, Callable[[StackedOptimizer, Tensor, Tensor], None]] = {
    "sgd": StackedOptimizer._sgd,
    "adam": StackedOptimizer._adam,
    "adamw": StackedOptimizer._adam,
    "rmsprop": StackedOptimizer._rmsprop,
}
