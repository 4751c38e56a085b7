"""The reference loop: one model, torch.optim, textbook order."""

from __future__ import annotations

import time
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.utils import get_total_norm, parameters_to_vector

from workloads.evaluate import evaluate
from workloads.layers import activate_dropout
from workloads.loop import Measurements, MemberState, Setup, Trainee, numbers_of, report
from workloads.optimizers import SLOTS, torch_optimizer
from workloads.order import epoch_order, seed_noise


class PlainLoop:
    """Trains one member."""

    def __init__(self, setup: Setup, member: Trainee) -> None:
        self.setup = setup
        self.members = [member]
        self.epoch_done = 0
        self.model = setup.build(member)
        activate_dropout([self.model])
        self.parameters = list(self.model.parameters())
        self.optimizer = torch_optimizer(member.hp, self.parameters)
        self.step = 0
        self.numbers = {name: v[0] for name, v in numbers_of(self.members, setup.data).items()}
        self.task = setup.task()

    def epoch(self) -> list[dict[str, float]]:
        """One pass over the training split, then validation. Train metrics are those of the pass itself."""
        started = time.perf_counter()
        member, data = self.members[0], self.setup.data
        order = epoch_order([member.seed], self.epoch_done, len(data.y_train), data.device)
        seed_noise(member.seed, self.epoch_done)
        measured = Measurements()
        self.model.train()
        for x, y in data.batches(order, member.hp.batch_size):
            measured.add(len(x), self.train_step(x, y))
        self.model.eval()
        with self.setup.autocast():
            means = {**measured.means(), **evaluate(self.task, self.model, data)}
        self.epoch_done += 1
        return report(self.members, means, time.perf_counter() - started, len(data.y_train))

    def train_step(self, x: Tensor, y: Tensor) -> dict[str, Tensor]:
        """One update; the task's metrics and the gradient's norm before it."""
        self.optimizer.zero_grad()
        with self.setup.autocast():
            losses = self.task.loss(self.model, x, y, self.numbers)
        losses.pop("loss").backward()  # type: ignore[no-untyped-call]
        grad_norm = get_total_norm([p.grad for p in self.parameters if p.grad is not None])
        self.optimizer.step()
        self.step += 1
        return {**losses, "grad_norm": grad_norm}

    def finite(self) -> list[bool]:
        """Whether the weights are all finite."""
        return [bool(get_total_norm(self.parameters).isfinite())]

    def state(self, k: int) -> MemberState:
        """A copy of the only member's state."""
        assert k == 0
        model = {name: value.detach().cpu().clone() for name, value in self.model.state_dict().items()}
        optimizer = {slot: self._slot(slot).cpu() for slot in SLOTS[self.members[0].hp.optimizer]}
        return MemberState(model, {**optimizer, "step": torch.tensor(self.step)})

    def _slot(self, slot: str) -> Tensor:
        """A slot of the optimizer as one vector; zeros where torch has none yet, or none for a momentum of 0."""
        found = (self.optimizer.state[p].get(slot) for p in self.parameters)
        pairs = zip(found, self.parameters, strict=True)
        return parameters_to_vector([torch.zeros_like(p) if value is None else value for value, p in pairs])

    def load(self, k: int, state: MemberState) -> None:
        """Go on from ``state``."""
        assert k == 0
        self.model.load_state_dict(state.model)
        self.step = int(state.optimizer["step"])
        if self.step == 0:
            return
        sizes = [p.numel() for p in self.parameters]
        slots = {slot: torch.split(state.optimizer[slot], sizes) for slot in SLOTS[self.members[0].hp.optimizer]}
        for i, parameter in enumerate(self.parameters):
            values = {slot: parts[i].view_as(parameter).to(parameter).clone() for slot, parts in slots.items()}
            self.optimizer.state[parameter] = {**values, "step": torch.tensor(float(self.step))}

    def keep(self, ks: Sequence[int]) -> None:
        """One member is kept or the loop is thrown away as a whole."""
        assert list(ks) == [0]
