"""The reference loop: one model, torch.optim, textbook order."""

from __future__ import annotations

import time
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.utils import clip_grads_with_norm_, get_total_norm, parameters_to_vector

from workloads.data.epoch_order import seed_noise
from workloads.layers.layers import activate_dropout
from workloads.training.denormals import without_denormals
from workloads.training.evaluate import evaluate
from workloads.training.optimizers import SLOTS, divided, groups, parts_of, penalise, torch_optimizer
from workloads.training.process_group import WHOLE, Part, is_sharded, like, min_part, whole
from workloads.training.setup import Measurements, MemberState, Setup, Trainee, in_parts, numbers_of, report


class PlainLoop:
    """Trains one member, in this process alone or together with the others of the setup's process group."""

    def __init__(self, setup: Setup, member: Trainee) -> None:
        self.setup = setup
        self.members = [member]
        self.epoch_done = 0
        self.group = setup.group
        # What is sharded moves to the device part by part: the whole model may not fit there.
        self.model = setup.build(member, torch.device("cpu") if self.group.shards else None)
        activate_dropout([self.model])
        self.min_part = min_part(self.model.train())
        self.group.check(member.hp.batch_size, self.min_part)
        self.net = self.group.wrap(self.model)
        self.parameters = [p for p in self.model.parameters() if p.requires_grad]
        self.optimizer = torch_optimizer(member.hp, groups(self.model, member.hp.lr))
        self.counts = not isinstance(self.optimizer, torch.optim.SGD)  # which has no use for the number of updates
        self.pace = setup.pace(self.members, self.min_part)
        self.step = 0
        self.numbers = {name: v[0] for name, v in numbers_of(self.members, setup.data).items()}
        self.task = setup.task()
        self.at_once = setup.at_once(member.hp)

    @without_denormals()
    def epoch(self) -> list[dict[str, float]]:
        """Train one pass over the training split, then validate. ``train_*`` are measured during the pass."""
        started = time.perf_counter()
        member, data = self.members[0], self.setup.data
        batches = self.setup.batches(self.members, self.epoch_done, self.min_part)
        seed_noise(member.seed, self.epoch_done, self.group.rank)
        measured, rates = Measurements(), self.pace.rates(self.epoch_done)
        self.model.train()
        for i, (x, y) in enumerate(batches):
            if rates is not None:
                self._set_rate(float(rates[i, 0]))
            part = data.part(i, member.hp.batch_size, self.group)
            measured.add(0 if part.empty else len(y), self.train_step(x, y, part))
        self.group.average_statistics(self.model)
        self.model.eval()
        with self.setup.autocast():
            found = evaluate(self.task, self.model, data, at_once=self.at_once, group=self.group)
        trained = self.task.over_epoch(self.group.means(measured.means(), measured.num_examples))
        means = self.group.agree({**trained, **found})
        if rates is not None:
            means["lr"] = rates.mean(0)
        self.pace.seen(self.setup.to_minimise(means))
        self.epoch_done += 1
        return report(self.members, means, time.perf_counter() - started, data.num_examples)

    def _set_rate(self, rate: float) -> None:
        for group in self.optimizer.param_groups:
            group["lr"] = rate * group["lr_ratio"]

    def train_step(self, x: Tensor, y: Tensor, part: Part = WHOLE) -> dict[str, Tensor]:
        """Make one update; return the task's metrics and the gradient's norm from before it and before clipping.

        ``x`` and ``y`` are this process's ``part`` of the mini-batch.
        """
        hp = self.members[0].hp
        self.optimizer.zero_grad()

        def backward(x: Tensor, y: Tensor, share: float, last: bool) -> dict[str, Tensor]:
            with self.group.exchange(self.net, last):
                return self._backward(x, y, share * part.weight)

        losses = in_parts(backward, x, y, self.at_once, largest=part.largest)
        grads = [p.grad for p in self.parameters if p.grad is not None]
        grad_norm = get_total_norm(grads)
        if hp.clip_norm > 0:
            clip_grads_with_norm_(self.parameters, hp.clip_norm, grad_norm)
        penalise(hp, self.parameters)
        self.optimizer.step()
        self.step += 1
        return {**losses, "grad_norm": whole(grad_norm)}

    def _backward(self, x: Tensor, y: Tensor, share: float) -> dict[str, Tensor]:
        with self.setup.autocast():
            losses = self.task.loss(self.net, x, y, self.numbers)
        loss = losses.pop("loss")
        (loss if share == 1.0 else share * loss).backward()  # type: ignore[no-untyped-call]
        return losses

    def finite(self) -> list[bool]:
        """Return, as the only entry, whether all weights are finite."""
        return [self.group.all_true(bool(whole(get_total_norm(self.parameters)).isfinite()))]

    def state(self, k: int) -> MemberState:
        """Return a copy of the only member's state on the CPU; where the group shards it, this process's shards."""
        assert k == 0
        model = {name: value.detach().cpu().clone() for name, value in self.model.state_dict().items()}
        optimizer = {
            name: v for slot in SLOTS[self.members[0].hp.optimizer] for name, v in self._slot(slot).items()
        }
        if self.counts and (steps := self._steps()).ne(self.step).any():
            optimizer["steps"] = steps
        return MemberState(model, {**optimizer, "step": torch.tensor(self.step), **self.pace.state(0)})

    def _steps(self) -> Tensor:
        """Return each parameter's number of updates: torch leaves out those that had no part in a batch's loss."""
        return torch.tensor([int(self.optimizer.state[p].get("step", 0)) for p in self.parameters])

    def _slot(self, slot: str) -> dict[str, Tensor]:
        """Return a slot of the optimizer; zeros where torch keeps none (no step yet, momentum 0)."""
        found = (self.optimizer.state[p].get(slot) for p in self.parameters)
        pairs = zip(found, self.parameters, strict=True)
        parts = [torch.zeros_like(p, requires_grad=False) if v is None else v for v, p in pairs]
        if any(map(is_sharded, parts)):
            return divided(slot, [part.detach().cpu().clone() for part in parts])
        return {slot: parameters_to_vector(parts).cpu()}

    def load(self, k: int, state: MemberState) -> None:
        """Continue from ``state``."""
        assert k == 0
        own = self.model.state_dict()
        self.model.load_state_dict({name: like(value, own[name]) for name, value in state.model.items()})
        self.pace.load(0, state.optimizer)
        self.step = int(state.optimizer["step"])
        if self.step == 0:
            return
        sizes = [p.numel() for p in self.parameters]
        slots = {slot: parts_of(state.optimizer, slot, sizes) for slot in SLOTS[self.members[0].hp.optimizer]}
        steps = state.optimizer.get("steps", torch.full((len(sizes),), self.step)).tolist()
        for i, parameter in enumerate(self.parameters):
            if steps[i]:
                counted = {"step": torch.tensor(float(steps[i]))} if self.counts else {}
                values = {slot: like(parts[i], parameter) for slot, parts in slots.items()}
                self.optimizer.state[parameter] = {**values, **counted}

    def keep(self, ks: Sequence[int]) -> None:
        """Keep the only member; without it the whole loop is dropped instead."""
        assert list(ks) == [0]
