"""Update rules: torch's own for one model, and the same updates for a cohort of members.

A cohort's parameters are the rows of one matrix (members, parameters), so an update takes a handful of operations
whatever the number of layers, and a hyperparameter is a column (members, 1). torch's functional optimizers take one
learning rate for all, so the rules are written out here; a test compares them with torch.optim.
``momentum`` is that of sgd, nesterov and rmsprop, and beta1 of adam and adamw.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from search_spaces.types.plain import ASKED_FOR, plain
from workloads.hyperparameters import Training

SLOTS: dict[str, tuple[str, ...]] = {
    "sgd": ("momentum_buffer",),
    "momentum": ("momentum_buffer",),
    "nesterov": ("momentum_buffer",),
    "adagrad": ("sum",),
    "rmsprop": ("square_avg", "momentum_buffer"),
    "adam": ("exp_avg", "exp_avg_sq"),
    "adamw": ("exp_avg", "exp_avg_sq"),
}
"""State of each optimizer, by torch.optim's names."""

NUMBERS = ("lr", "momentum", "beta2", "alpha", "eps", "weight_decay", "l1", "clip_norm")
"""Hyperparameters that an update reads."""

KERNELS: dict[str, Callable[..., None]] = {
    name: kernel for name in ("adam", "adamw") if (kernel := getattr(torch, f"_fused_{name}_", None)) is not None
}
"""torch's own kernels for a CPU, which update one model in one pass: a cohort's matrix exceeds the caches.

They have no public names. If torch lacks them, the rules below are used.
"""
WITHOUT = "Adam on a CPU is made of torch's public operations: updates of large cohorts take longer"
PLANNED = 64
"""Number of updates whose ``StepNumbers`` are computed at once."""
CLIP_EPS = 1e-6
"""Added to the norm that clipping divides by, as in ``torch.nn.utils.clip_grad_norm_``."""


def why_off() -> str | None:
    """Return the reason why torch's own kernels are not used; None where they are."""
    if plain():
        return ASKED_FOR
    missing = [f"_fused_{name}_" for name in ("adam", "adamw") if name not in KERNELS]
    return f"torch has no {', '.join(missing)}" if missing else None


def groups(model: nn.Module, lr: float) -> list[dict[str, Any]]:
    """Return torch's parameter groups of the trainable parameters, one for each learning rate.

    A model's method ``lr_ratio(name)``, if it has one, gives a parameter's share of ``lr``.
    """
    ratio = getattr(model, "lr_ratio", lambda name: 1.0)
    named = [(ratio(name), p) for name, p in model.named_parameters() if p.requires_grad]
    return [
        {"params": [p for own, p in named if own == share], "lr": lr * share, "lr_ratio": share}
        for share in dict.fromkeys(own for own, _ in named)
    ]


def torch_optimizer(
    hp: Training, parameters: Iterable[nn.Parameter] | list[dict[str, Any]]
) -> torch.optim.Optimizer:
    """Return torch's optimizer for one member. It has no ``l1`` and ``clip_norm``: the loop applies them before."""
    lr, eps, decay = hp.lr, hp.eps, hp.weight_decay
    match hp.optimizer:
        case "sgd" | "momentum":
            return torch.optim.SGD(parameters, lr, momentum=hp.momentum, weight_decay=decay)
        case "nesterov":
            nesterov = hp.momentum > 0
            return torch.optim.SGD(parameters, lr, momentum=hp.momentum, weight_decay=decay, nesterov=nesterov)
        case "adagrad":
            return torch.optim.Adagrad(parameters, lr, weight_decay=decay, eps=eps)
        case "rmsprop":
            return torch.optim.RMSprop(
                parameters, lr, alpha=hp.alpha, eps=eps, momentum=hp.momentum, weight_decay=decay
            )
    kind = torch.optim.AdamW if hp.optimizer == "adamw" else torch.optim.Adam
    return kind(parameters, lr, betas=(hp.momentum, hp.beta2), eps=eps, weight_decay=decay)


def divided(slot: str, parts: Sequence[Tensor]) -> dict[str, Tensor]:
    """Return a slot as one tensor for each parameter, by names in the parameters' order."""
    return {part_name(slot, number): part for number, part in enumerate(parts)}


def part_name(slot: str, number: int) -> str:
    """Return the name of a ``divided`` slot's part for parameter ``number``."""
    return f"{slot}/{number:05d}"


def parts_of(state: Mapping[str, Tensor], slot: str, sizes: Sequence[int]) -> Sequence[Tensor]:
    """Return a slot's part for each parameter (``sizes``: their numbers of elements), ``divided`` or one vector."""
    if slot in state:
        return torch.split(state[slot], list(sizes))
    return [state[part_name(slot, number)] for number in range(len(sizes))]


def undivided(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return an optimizer's whole tensors with each slot that is ``divided`` as one vector."""
    parts: dict[str, list[Tensor]] = {}
    for name in sorted(state):
        slot, _, number = name.rpartition("/")
        parts.setdefault(slot if number.isdigit() else name, []).append(state[name])
    return {
        name: found[0] if name in state else torch.cat([part.flatten() for part in found])
        for name, found in parts.items()
    }


def penalise(hp: Training, parameters: Iterable[nn.Parameter]) -> None:
    """Add the gradient of ``l1 * sum of |weights|``; after clipping, as torch's optimizers do with L2's."""
    if hp.l1 > 0:
        for parameter in parameters:
            if parameter.grad is not None:
                parameter.grad.add_(parameter.detach().sign(), alpha=hp.l1)


class StepNumbers(NamedTuple):
    """Numbers that change from update to update, each (members, 1)."""

    lr: Tensor
    scale: Tensor
    """Adam's factor on the root of the mean squares, in update t: (1 - beta1^t) / (lr sqrt(1 - beta2^t))."""
    floor: Tensor
    """Adam's eps, times (1 - beta1^t) / lr."""


class StackedOptimizer:
    """Optimizer of a cohort's members with these hyperparameters; ``slots`` are (members, parameters).

    Rules that no member uses (clipping, L2, L1) are skipped. ``step`` is the number of updates so far.
    """

    def __init__(self, members: Sequence[Training], slots: Mapping[str, Tensor], step: int = 0) -> None:
        self.name, self.slots, self.step = members[0].optimizer, slots, step
        like = next(iter(slots.values()))
        columns = torch.tensor([[getattr(hp, name) for hp in members] for name in NUMBERS], dtype=torch.float64)
        self._exact = dict(zip(NUMBERS, columns, strict=True))
        numbers = dict(zip(NUMBERS, columns.unsqueeze(2).to(like), strict=True))
        self.momentum, self._decay, self._l1 = numbers["momentum"], numbers["weight_decay"], numbers["l1"]
        self._weight_of_new = 1 - self.momentum
        self._clip = numbers["clip_norm"].masked_fill(numbers["clip_norm"] == 0, torch.inf)
        self._beta2, self._alpha, self._eps = (_common(members, name, like) for name in ("beta2", "alpha", "eps"))
        self._clips, self._decays, self._lasso = (
            any(getattr(hp, rule) > 0 for hp in members) for rule in ("clip_norm", "weight_decay", "l1")
        )
        self._scratch = torch.empty(0)
        kernel = KERNELS.get(self.name) if like.device.type == "cpu" and why_off() is None else None
        self._rows = _Rows(kernel, members, slots) if kernel else None
        self._rates: list[float] = []
        self._plan: Iterator[tuple[Tensor, list[float]]] = iter(())
        self._now = like.new_empty(len(StepNumbers._fields), len(members), 1)

    def resume(self, step: int) -> None:
        """Continue after ``step`` updates."""
        self.step, self._plan = step, iter(())

    def plan(self, rates: Tensor) -> None:
        """Set the learning rates of the next updates, float64 (updates, members); later updates take ``lr``."""
        steps = torch.arange(self.step + 1, self.step + 1 + len(rates), dtype=torch.float64).unsqueeze(1)
        root = (1 - self._exact["beta2"] ** steps).sqrt()
        scale = (1 - self._exact["momentum"] ** steps) / (rates * root)
        scale.clamp_(max=torch.finfo(self._now.dtype).max)  # infinite at a rate of 0, and NaN times a root of 0
        numbers = StepNumbers(rates, scale, scale * root * self._exact["eps"])
        self._plan = zip(torch.stack(numbers, dim=1).unsqueeze(3).to(self._now), rates.tolist(), strict=True)

    def advance(self) -> None:
        """Make the next update's numbers the present ones, without waiting for the device."""
        planned = next(self._plan, None)
        if planned is None:
            self.plan(self._exact["lr"].expand(PLANNED, -1))
            planned = next(self._plan)
        now, self._rates = planned
        self._now.copy_(now)
        self.step += 1

    def update(self, theta: Tensor, grad: Tensor, norm: Tensor) -> None:
        """Update ``theta`` (members, parameters) in place, after ``advance``; overwrites its gradient ``grad``.

        ``norm`` holds the gradients' norms, (members,).
        """
        if self._clips:
            grad.mul_((self._clip / (norm.unsqueeze(1) + CLIP_EPS)).clamp_(max=1))
        if self._lasso:
            grad.addcmul_(theta.sign(), self._l1)
        if self._rows is not None:
            self._rows.update(theta, grad, self._rates, self.step)
            return
        now = StepNumbers(*self._now.unbind())
        if self._scratch.shape != grad.shape:
            self._scratch = torch.empty_like(grad)
        if self._decays and self.name == "adamw":
            theta.mul_(1 - now.lr * self._decay)
        elif self._decays:
            grad.addcmul_(theta, self._decay)
        UPDATES[self.name](self, theta, grad, now)

    def _sgd(self, theta: Tensor, grad: Tensor, now: StepNumbers) -> None:
        velocity = self.slots["momentum_buffer"]
        velocity.mul_(self.momentum).add_(grad)
        theta.addcmul_(velocity, now.lr, value=-1)

    def _nesterov(self, theta: Tensor, grad: Tensor, now: StepNumbers) -> None:
        """Nesterov's momentum in torch's form: the step looks one momentum ahead (Sutskever et al. 2013)."""
        velocity = self.slots["momentum_buffer"]
        velocity.mul_(self.momentum).add_(grad)
        theta.addcmul_(grad.addcmul_(velocity, self.momentum), now.lr, value=-1)

    def _adagrad(self, theta: Tensor, grad: Tensor, now: StepNumbers) -> None:
        """Adagrad (Duchi et al. 2011)."""
        total = self.slots["sum"].addcmul_(grad, grad)
        denominator = torch.sqrt(total, out=self._scratch).add_(self._eps)
        theta.addcmul_(grad.div_(denominator), now.lr, value=-1)

    def _adam(self, theta: Tensor, grad: Tensor, now: StepNumbers) -> None:
        """Adam (Kingma & Ba 2014), with both bias corrections and the rate folded into the denominator."""
        mean, square = self.slots["exp_avg"], self.slots["exp_avg_sq"]
        mean.lerp_(grad, self._weight_of_new)
        _average(square, self._beta2, grad)
        denominator = torch.sqrt(square, out=self._scratch).mul_(now.scale).add_(now.floor)
        theta.addcdiv_(mean, denominator, value=-1)

    def _rmsprop(self, theta: Tensor, grad: Tensor, now: StepNumbers) -> None:
        square, velocity = self.slots["square_avg"], self.slots["momentum_buffer"]
        _average(square, self._alpha, grad)
        denominator = torch.sqrt(square, out=self._scratch).add_(self._eps)
        velocity.mul_(self.momentum).addcdiv_(grad, denominator)
        theta.addcmul_(velocity, now.lr, value=-1)


class _Rows:
    """Adam's updates of a cohort, member by member, by torch's own kernel."""

    def __init__(
        self, kernel: Callable[..., None], members: Sequence[Training], slots: Mapping[str, Tensor]
    ) -> None:
        self._kernel = kernel
        self._step = torch.zeros(())
        self._numbers = [
            {"beta1": hp.momentum, "beta2": hp.beta2, "eps": hp.eps, "weight_decay": hp.weight_decay}
            for hp in members
        ]
        self._slots = [[[row] for row in slots[name].unbind()] for name in SLOTS["adam"]]

    def update(self, theta: Tensor, grad: Tensor, rates: Sequence[float], step: int) -> None:
        """Make update number ``step`` (from 1) on ``theta`` in place, at each member's rate."""
        steps = [self._step.fill_(step)]
        rows = zip(theta.unbind(), grad.unbind(), *self._slots, rates, self._numbers, strict=True)
        for row, gradient, mean, square, lr, numbers in rows:
            self._kernel(
                [row], [gradient], mean, square, [], steps, lr=lr, amsgrad=False, maximize=False, **numbers
            )


def _common(members: Sequence[Training], name: str, like: Tensor) -> float | Tensor:
    """Return the number that all members share, or their column in float64: 1 - beta2 needs the digits."""
    values = [float(getattr(hp, name)) for hp in members]
    if len(set(values)) == 1:
        return values[0]
    return torch.tensor(values, dtype=torch.float64, device=like.device).unsqueeze(1)


def _average(square: Tensor, kept: float | Tensor, grad: Tensor) -> None:
    """Update ``square``, the running mean of the squared gradient, in place."""
    if isinstance(kept, float):
        square.mul_(kept).addcmul_(grad, grad, value=1 - kept)
    else:
        square.lerp_(grad.square(), (1 - kept).to(square.dtype))


UPDATES: dict[str, Callable[[StackedOptimizer, Tensor, Tensor, StepNumbers], None]] = {
    "sgd": StackedOptimizer._sgd,
    "momentum": StackedOptimizer._sgd,
    "nesterov": StackedOptimizer._nesterov,
    "adagrad": StackedOptimizer._adagrad,
    "rmsprop": StackedOptimizer._rmsprop,
    "adam": StackedOptimizer._adam,
    "adamw": StackedOptimizer._adam,
}
