"""Networks as users write them, plain and odd ones, for the tests of ``workload: mine:Net``."""

from __future__ import annotations

import random
import time
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
import torch
from annotated_types import Ge, Interval, Le
from torch import Tensor, nn
from torch.nn import functional as F


class Perceptron(nn.Module):
    """A small perceptron with dropout."""

    def __init__(
        self,
        shape: Any,
        *,
        width: Annotated[int, Ge(1), Le(64)] = 6,
        dropout: Annotated[float, Interval(ge=0, lt=1), "share of hidden units that are dropped"] = 0.0,
        hidden: Literal["relu", "tanh"] = "relu",
        residual: bool = False,
    ) -> None:
        super().__init__()
        self.first = nn.Linear(shape.num_inputs, width)
        self.act = {"relu": nn.ReLU, "tanh": nn.Tanh}[hidden]()
        self.drop = nn.Dropout(dropout)
        self.last = nn.Linear(width, shape.num_outputs)
        self.residual = residual

    def forward(self, x: Tensor) -> Tensor:
        units = self.drop(self.act(self.first(x.flatten(1))))
        return self.last(units + units if self.residual else units)


class Napping(Perceptron):
    """A perceptron that sleeps in each step of its training, so that there is time to kill it."""

    def __init__(self, shape: Any, *, nap_s: float = 0.0) -> None:
        super().__init__(shape)
        self.nap_s = nap_s

    def forward(self, x: Tensor) -> Tensor:
        if self.training:
            time.sleep(self.nap_s)
        return super().forward(x)


class Convolutional(nn.Module):
    def __init__(self, num_channels: int, num_classes: int, *, channels: int = 4, dropout: float = 0.0) -> None:
        super().__init__()
        self.conv = nn.Conv2d(num_channels, channels, 3, padding=1)
        self.norm = nn.BatchNorm2d(channels)
        self.drop = nn.Dropout2d(dropout)
        self.last = nn.Linear(channels, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.drop(self.norm(self.conv(x)).relu()).mean((2, 3)))


class Memory(nn.Module):
    """Reads a window of numbers, or the rows of an image, by an LSTM."""

    def __init__(self, shape: Any, *, width: int = 5) -> None:
        super().__init__()
        self.cell = nn.LSTM(shape.num_inputs // shape.num_steps, width, batch_first=True)
        self.last = nn.Linear(width, shape.num_outputs)

    def forward(self, x: Tensor) -> Tensor:
        steps = x if x.dim() == 3 else x.transpose(1, 2).flatten(2)
        return self.last(self.cell(steps)[0][:, -1])


class Tied(nn.Module):
    """Two layers that share one matrix, and dropout."""

    def __init__(self, shape: Any, *, dropout: float = 0.0) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(shape.num_inputs, 5), nn.Linear(shape.num_inputs, 5)
        self.second.weight = self.first.weight
        self.drop, self.last = nn.Dropout(dropout), nn.Linear(5, shape.num_outputs)

    def forward(self, x: Tensor) -> Tensor:
        x = x.flatten(1)
        return self.last(self.drop(torch.tanh(self.first(x)) * self.second(x)))


class Statistics(nn.Module):
    """Keeps numbers of the examples it has seen: a mean, a count and whether there was a large one."""

    def __init__(self, shape: Any) -> None:
        super().__init__()
        self.last = nn.Linear(shape.num_inputs, shape.num_outputs)
        self.register_buffer("mean", torch.tensor(0.0))
        self.register_buffer("count", torch.tensor(0))
        self.register_buffer("large", torch.tensor(False))
        self.register_buffer("mask", torch.tensor([0.0, torch.inf]), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        if self.training:
            self.mean.mul_(0.9).add_(0.1 * x.mean())
            self.count += (x > 0).sum()
            self.large |= x[0, 0].max() > 1
        return self.last(x.flatten(1) - self.mean) / (self.count + torch.exp(-self.mask)[0])


class Letters(nn.Module):
    """Predicts the next character from the one before it."""

    def __init__(self, shape: Any, *, width: int = 4) -> None:
        super().__init__()
        self.table = nn.Embedding(shape.num_outputs, width)
        self.last = nn.Linear(width, shape.num_outputs, bias=False)
        self.last.weight = self.table.weight

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.table(x))


class Focal(Perceptron):
    """A perceptron with a loss and metrics of its own."""

    space: ClassVar = {"lr": {"min": 1e-3, "max": 1e-2}, "gamma": {"min": 0.0, "max": 4.0}}
    metrics: ClassVar = {"top2": (lambda outputs, targets: _top2(outputs, targets), "maximize")}

    @staticmethod
    def loss(outputs: Tensor, targets: Tensor, *, gamma: float = 2.0) -> Tensor:
        nats = F.cross_entropy(outputs, targets, reduction="none")
        return (1 - torch.exp(-nats)) ** gamma * nats


def _top2(outputs: Tensor, targets: Tensor) -> float:
    return float((outputs.topk(2).indices == targets[:, None]).any(1).double().mean())


class Huber(nn.Module):
    """Predicts a number; its loss is a mean already."""

    loss = F.huber_loss

    def __init__(self, num_inputs: int, num_outputs: int) -> None:
        super().__init__()
        self.last = nn.Linear(num_inputs, num_outputs)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(x)


class Odd(nn.Module):
    """A network with one oddity, by its name."""

    def __init__(self, shape: Any, *, kind: str = "plain", rate: float = 0.5, scale: float = 1.0) -> None:
        super().__init__()
        self.kind, self.shape, self.calls = kind, shape, 0
        size, num = shape.num_inputs, shape.num_outputs
        self.body: nn.Module = nn.Linear(size, 5)
        self.last = nn.Linear(5, num)
        if kind == "lazy":
            self.body = nn.LazyLinear(5)
        if kind == "norm of no statistics":
            self.body = nn.Sequential(nn.Linear(size, 5), nn.BatchNorm1d(5, track_running_stats=False))
        if kind == "cumulative statistics":
            self.body = nn.Sequential(nn.Linear(size, 5), nn.BatchNorm1d(5, momentum=None))
        if kind == "weight norm":
            self.body = nn.utils.parametrizations.weight_norm(self.body)
        if kind == "spectral norm":
            self.body = nn.utils.parametrizations.spectral_norm(self.body)
        if kind == "shared":
            self.twin = nn.Linear(size, 5, bias=False)
            self.twin.weight = self.body.weight  # type: ignore[assignment]
        if kind == "strided":
            self.last.weight = nn.Parameter(torch.randn(5, num).t())
        if kind == "frozen":
            self.body.requires_grad_(False)
        if kind in ("used sometimes", "unused"):
            self.other = nn.Linear(2, 2)
        if kind == "complex":
            self.body.register_buffer("waves", torch.ones(2, dtype=torch.complex64))
        if kind == "nan":
            nn.init.constant_(self.last.bias, torch.nan)
        if kind == "script":
            self.act: Any = torch.jit.script(nn.ReLU())
        if kind == "compiled":
            self.body = torch.compile(self.body)  # type: ignore[assignment]
        if kind == "function":
            self.act = lambda x: x * scale
        if kind == "tensor":
            self.mask = torch.ones(5)
        if kind == "drawn tensor":
            self.mask = torch.rand(5)
        if kind == "own average":
            self.register_buffer("average", torch.zeros(5))
        if kind == "dropout":
            self.act = nn.Dropout(rate)
        if kind == "alpha dropout":
            self.act = nn.AlphaDropout(rate)
        if kind == "layer if":
            self.act = nn.Dropout(rate) if rate else nn.Identity()
        if kind == "number":
            self.scale = scale
        if kind == "layer in a list":
            self.hidden, self.known = [nn.Linear(5, 5).requires_grad_(False)], [self.body]
        if kind == "trained layer in a list":
            self.hidden = {"first": [nn.Linear(5, 5)]}
        if kind == "sparse":
            self.table = nn.Embedding(4, 5, sparse=True)
        if kind == "optimizer":
            self.optimizer = torch.optim.Adam(self.parameters())
        if kind == "hook":
            self.body.register_forward_hook(lambda module, inputs, outputs: outputs * scale)
        if kind == "class made inside":
            self.act = _scaling(scale)
        if kind == "rate read":
            self.drop = nn.Dropout(rate)
        if kind == "first weights":
            nn.init.normal_(self.last.weight, std=scale)

    def forward(self, x: Tensor) -> Any:
        if self.kind == "noise and a wrong rule":
            x = _OfTheFirst.apply(x + torch.randn_like(x))
        hidden = self.body(x.flatten(1))
        match self.kind:
            case "counts":
                self.calls += 1
            case "python's noise":
                hidden = hidden * random.random()
            case "numpy's noise":
                hidden = hidden * np.random.rand()
            case "noise":
                hidden = hidden + torch.randn_like(hidden)
            case "used sometimes" if x.sum() > 0:
                hidden = hidden * self.other(hidden[:, :2]).sum()
            case "branches":
                hidden = hidden if hidden.sum() > 0 else -hidden
            case "shared":
                hidden = hidden + self.twin(x.flatten(1))
            case "own average":
                self.average = 0.9 * self.average + 0.1 * hidden.detach().mean(0)
                hidden = hidden - self.average
            case "tensor" | "drawn tensor":
                hidden = hidden * self.mask
            case "number":
                hidden = hidden * self.scale
            case "layer in a list":
                hidden = self.hidden[0](hidden)
            case "rate read":
                hidden = hidden * (1 - self.drop.p)
            case "float32":
                hidden = self.body(x.flatten(1).float())
            case "in place":
                x -= 1
            case "others of the batch":
                hidden = hidden - hidden.mean(0)
            case "noise in evaluation":
                hidden = F.dropout(hidden)
            case "squeezed":
                return self.last(hidden).squeeze()
            case "wide":
                return hidden
            case "pair":
                return self.last(hidden), hidden
        act = getattr(self, "act", None)
        return self.last(hidden if act is None else act(hidden))


class _OfTheFirst(torch.autograd.Function):
    """Returns its input; where each member has its own, a wrong batching rule gives all of them the first's."""

    @staticmethod
    def forward(x: Tensor) -> Tensor:
        return x.clone()

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None: ...

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        return grad

    @staticmethod
    def vmap(info: Any, in_dims: Any, x: Tensor) -> Any:
        return _OfTheFirst.apply(x.select(in_dims[0], 0)), None


def _scaling(scale: float) -> nn.Module:
    """Return a module of a class made here, whose ``forward`` knows the number."""

    class Scaled(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x * scale

    return Scaled()


class Weighted(Perceptron):
    """Its loss of a batch is no mean: torch divides it by the sum of weights."""

    @staticmethod
    def loss(outputs: Tensor, targets: Tensor) -> Tensor:
        return F.cross_entropy(outputs, targets, weight=torch.tensor([1.0, 2.0, 9.0]))


class Masked(Perceptron):
    """Its loss picks rows, for which ``vmap`` has no rule; its metric has a name of ours."""

    metrics: ClassVar = {"accuracy": (lambda outputs, targets: _top2(outputs, targets), "maximize")}

    @staticmethod
    def loss(outputs: Tensor, targets: Tensor) -> Tensor:
        right = outputs.argmax(-1) == targets
        nats = F.cross_entropy(outputs, targets, reduction="none")
        return (nats[right].sum() + 2 * nats[~right].sum()) / len(nats)
