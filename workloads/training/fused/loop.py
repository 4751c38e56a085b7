"""A cohort trained as one program: stacked parameters, one forward pass, one backward pass, one update."""

from __future__ import annotations

import time
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.utils import parameters_to_vector

from workloads.data.epoch_order import seed_noise
from workloads.layers.activations import agree_on_slopes
from workloads.layers.layers import activate_dropout
from workloads.training.denormals import without_denormals
from workloads.training.evaluate import evaluate
from workloads.training.fused.cuda_graphs import Graphs
from workloads.training.fused.gradient_by_hand import DirectGradient, written_out
from workloads.training.fused.layout import Layout, shared_names
from workloads.training.fused.stacked_forward import stacked_forward
from workloads.training.optimizers import SLOTS, StackedOptimizer
from workloads.training.process_group import min_part
from workloads.training.setup import Measurements, MemberState, Setup, Trainee, in_parts, numbers_of, report


class FusedLoop:
    """Trains members of one signature together, each with its own numbers and its own seed.

    The members' losses are back-propagated together onto the stacked parameters; as no member's loss depends on
    another's parameters, each receives its own gradient, and a member that diverges harms no other. Members with
    equal seeds share the order of mini-batches and the dropout noise, and agree with the plain loop; with different
    seeds each has its own order, unless the examples are streamed, and the noise agrees in distribution.
    """

    def __init__(self, setup: Setup, members: Sequence[Trainee]) -> None:
        self.setup = setup
        self.members = list(members)
        self.epoch_done = 0
        self.task = setup.task()
        self.at_once = setup.at_once(members[0].hp)
        models = [setup.build(member) for member in members]
        self.min_part = min_part(models[0].train())
        self.pace = setup.pace(members, self.min_part)
        activate_dropout(models)
        agree_on_slopes(models)
        self.model = models[0]
        self.layout = Layout.of(self.model)
        self.theta = torch.stack([parameters_to_vector(model.parameters()).detach() for model in models])
        named = [dict(model.named_buffers()) for model in models]
        self.buffers = {name: torch.stack([buffers[name] for buffers in named]) for name in named[0]}
        self.slots = {slot: torch.zeros_like(self.theta) for slot in SLOTS[members[0].hp.optimizer]}
        self._arrange(step=0)

    def _arrange(self, step: int) -> None:
        """Set up what depends on the present members, after ``step`` updates."""
        self.numbers = numbers_of(self.members, self.setup.data)
        self.optimizer = StackedOptimizer([member.hp for member in self.members], self.slots, step)
        shared = self.setup.in_one_order(self.members)
        self._batch_dim = 0 if shared else 1
        example_dims = len(self.setup.data.shape.example)
        self._forwards = {
            training: stacked_forward(self.model.train(training), example_dims, shared=shared or not training)
            for training in (False, True)
        }
        cost = None if self.at_once else written_out(self.task, self.numbers)
        self.direct = DirectGradient.of(self.model, cost, self.theta, self.buffers, shared)
        self.graphs = Graphs() if self.setup.recorded else None

    def forward(self, x: Tensor) -> Tensor:
        """Return outputs (members, batch, ...) in the model's present mode.

        ``x`` is (batch, *example) if the members share it, else (members, batch, *example).
        """
        return self._forwards[self.model.training](self.theta, self.buffers, x)

    @without_denormals()
    def epoch(self) -> list[dict[str, float]]:
        """Train one pass over the training split, then validate. ``train_*`` are measured during the pass."""
        started = time.perf_counter()
        data, members = self.setup.data, self.members
        batches = self.setup.batches(members, self.epoch_done, self.min_part)
        seed_noise(members[0].seed, self.epoch_done)
        measured, rates = Measurements(), self.pace.rates(self.epoch_done)
        if rates is not None:
            self.optimizer.plan(rates)
        self.model.train()
        for x, y in batches:
            measured.add(y.shape[self._batch_dim], self.train_step(x, y))
        self.model.eval()
        with self.setup.autocast():
            found = evaluate(self.task, self.forward, data, len(members), self.at_once)
        means = {**self.task.over_epoch(measured.means()), **found}
        if rates is not None:
            means["lr"] = rates.mean(0)
        self.pace.seen(self.setup.to_minimise(means))
        self.epoch_done += 1
        seconds_each = (time.perf_counter() - started) / len(members)
        return report(members, means, seconds_each, data.num_examples)

    def train_step(self, x: Tensor, y: Tensor) -> dict[str, Tensor]:
        """Make one update of every member; return metrics and gradients' norms from before it, each (members,)."""
        self.optimizer.advance()
        if self.graphs:
            return self.graphs(self._train_step, x, y)
        with torch.inference_mode(self.direct is not None):  # saves a tenth of every small operation's time
            return self._train_step(x, y)

    def _train_step(self, x: Tensor, y: Tensor) -> dict[str, Tensor]:
        losses, grad = self.direct(x, y) if self.direct else self._differentiated(x, y)
        losses.pop("loss")
        grad_norm = torch.linalg.vector_norm(grad, dim=1)
        self.optimizer.update(self.theta, grad, grad_norm)
        return {**losses, "grad_norm": grad_norm}

    def _differentiated(self, x: Tensor, y: Tensor) -> tuple[dict[str, Tensor], Tensor]:
        leaf = self.theta.detach().requires_grad_()
        grads: list[Tensor] = []

        def backward(x: Tensor, y: Tensor, share: float, last: bool) -> dict[str, Tensor]:
            losses, grad = self._gradient(leaf, x, y)
            grads[:] = [grads[0].add_(grad, alpha=share) if grads else grad if share == 1.0 else grad.mul_(share)]
            return losses

        losses = in_parts(backward, x, y, self.at_once, dim=self._batch_dim)
        return losses, grads[0]

    def _gradient(self, leaf: Tensor, x: Tensor, y: Tensor) -> tuple[dict[str, Tensor], Tensor]:
        with self.setup.autocast():
            losses = self.task.loss(lambda x: self._forwards[True](leaf, self.buffers, x), x, y, self.numbers)
        # The sum's gradient is every member's own; a gradient handed in would make torch import sympy to check it.
        (grad,) = torch.autograd.grad(losses["loss"].sum(), leaf)
        return losses, grad

    def finite(self) -> list[bool]:
        """Return, for each member, whether all its weights are finite."""
        finite: list[bool] = torch.linalg.vector_norm(self.theta, dim=1).isfinite().tolist()
        return finite

    def state(self, k: int) -> MemberState:
        """Return a copy of member ``k``'s state, on the CPU."""
        kept = self.model.state_dict().keys()
        buffers = {name: value[k] for name, value in self.buffers.items() if name in kept}
        model = {**self.layout.views(self.theta[k]), **buffers}
        model |= {name: model[first] for name, first in shared_names(self.model).items() if first in model}
        optimizer = {slot: value[k].cpu().clone() for slot, value in self.slots.items()}
        if self.members[k].hp.momentum == 0 and "momentum_buffer" in optimizer:
            optimizer["momentum_buffer"].zero_()  # torch.optim keeps none then
        model = {name: model[name].detach().cpu().clone() for name in kept}
        return MemberState(model, {**optimizer, "step": torch.tensor(self.optimizer.step), **self.pace.state(k)})

    def load(self, k: int, state: MemberState) -> None:
        """Continue member ``k`` from ``state``; all members must have made the same number of updates."""
        for name, view in self.layout.views(self.theta[k]).items():
            view.copy_(state.model[name])
        for name, buffer in self.buffers.items():
            if name in state.model:
                buffer[k].copy_(state.model[name])
        for slot, value in self.slots.items():
            value[k].copy_(state.optimizer[slot])
        self.pace.load(k, state.optimizer)
        self.optimizer.resume(int(state.optimizer["step"]))

    def keep(self, ks: Sequence[int]) -> None:
        """Continue with the members at the places ``ks`` only."""
        index = torch.tensor(list(ks), device=self.theta.device)
        self.members = [self.members[k] for k in ks]
        self.pace.keep(ks)
        self.theta = self.theta.index_select(0, index)
        self.slots = {slot: value.index_select(0, index) for slot, value in self.slots.items()}
        self.buffers = {name: value.index_select(0, index) for name, value in self.buffers.items()}
        self._arrange(self.optimizer.step)
