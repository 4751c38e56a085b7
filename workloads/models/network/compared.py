"""Compares members trained fused with networks alone: forward pass, gradients, statistics and evaluation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor
from torch.nn.utils import vector_to_parameters

from workloads.data.epoch_order import seed_noise
from workloads.layers.layers import activate_dropout
from workloads.tasks.contract import Model
from workloads.training.fused.loop import FusedLoop
from workloads.training.fused.mlp_by_hand import is_sequence
from workloads.training.fused.stacked_forward import stacked_forward
from workloads.training.setup import Setup, Trainee, numbers_of

TOLERANCE = {torch.float64: 1e-6, torch.float32: 2e-3}
"""Largest difference, relative to the largest number of a tensor, that rounding explains."""


def compared(setup: Setup, member: Trainee) -> str | None:
    """Return the first difference between members trained fused and each alone; None where there is none."""
    together = [member, member]
    apart = [member, replace(member, seed=member.seed + 1)]
    return _differing(setup, together) or _differing(setup, apart)


def _differing(setup: Setup, members: Sequence[Trainee]) -> str | None:
    data, one_order = setup.data, setup.in_one_order(members)
    loop = FusedLoop(setup, members)
    loop.theta[1] *= 0.9  # other weights where the seeds are one
    thetas, buffers = loop.theta.clone(), {name: value.clone() for name, value in loop.buffers.items()}
    x, y = data.x_train, data.y_train
    if not one_order:
        x, y = torch.stack([x, x.flip(0)]), torch.stack([y, y.flip(0)])
    loop.model.train()
    grads, noisy = _gradients(loop, loop.forward, x, y)
    if noisy and not one_order:
        # A network alone cannot draw the noise of one among several: one noise for all is compared.
        if is_sequence(loop.model):
            return None  # its products are written out by hand, each with its own noise
        loop.buffers, dims = buffers, len(data.shape.example)
        one_noise = stacked_forward(loop.model, dims, shared=False, one_noise=True)
        grads, _ = _gradients(loop, lambda x: one_noise(loop.theta, loop.buffers, x), x, y)
    loop.model.eval()
    with torch.no_grad():
        outputs = loop.forward(data.x_train)
    for k in range(len(members)):
        examples = (x, y) if one_order else (x[k], y[k])
        found = {f"its buffer {name}": value[k] for name, value in loop.buffers.items()}
        found |= {"its gradients": grads[k], "its outputs": outputs[k]}
        try:
            expected = _alone(setup, members[k], thetas[k], examples, noise=members[0].seed)
        except _Unused as error:
            return str(error)
        for what, value in found.items():
            if not _close(value, expected[what], TOLERANCE[data.dtype]):
                return f"{what} would differ from those of a network alone"
    return None


def _gradients(loop: FusedLoop, forward: Model, x: Tensor, y: Tensor) -> tuple[Tensor, bool]:
    """Return the members' gradients of one step with ``forward``, and whether it has drawn noise."""
    loop.theta = loop.theta.detach().clone().requires_grad_()
    seed_noise(loop.members[0].seed, 0)
    state = torch.default_generator.get_state()
    losses = loop.task.loss(forward, x, y, loop.numbers)
    noisy = not torch.equal(state, torch.default_generator.get_state())
    (grads,) = torch.autograd.grad(losses["loss"].sum(), loop.theta)
    return grads, noisy


class _Unused(Exception):
    """Raised where a parameter has no gradient."""


def _alone(
    setup: Setup, member: Trainee, theta: Tensor, examples: tuple[Tensor, Tensor], noise: int
) -> dict[str, Tensor]:
    """Return gradients, outputs and buffers of one network alone with weights ``theta`` and the noise of a seed."""
    model = setup.build(member)
    activate_dropout([model])
    vector_to_parameters(theta, model.parameters())
    numbers = {name: value[0] for name, value in numbers_of([member], setup.data).items()}
    seed_noise(noise, 0)
    losses = setup.task().loss(model.train(), *examples, numbers)
    losses["loss"].backward()  # type: ignore[no-untyped-call]
    for name, parameter in model.named_parameters():
        if parameter.grad is None:
            raise _Unused(f"its parameter {name} has no part in the outputs")
    grad = torch.cat([p.grad.reshape(-1) for p in model.parameters() if p.grad is not None])
    with torch.no_grad():
        outputs = model.eval()(setup.data.x_train)
    buffers = {f"its buffer {name}": value for name, value in model.named_buffers()}
    return {"its gradients": grad, "its outputs": outputs, **buffers}


def _close(found: Tensor, expected: Tensor, tolerance: float) -> bool:
    if found.shape != expected.shape:
        return False
    largest = max(float(expected.abs().max()) if expected.numel() else 0.0, 1e-12)
    return bool(((found.double() - expected.double()).abs() <= tolerance * largest).all())
