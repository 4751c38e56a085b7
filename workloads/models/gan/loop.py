"""Trains a generative adversarial network: the discriminator sees mini-batches, then the generator takes steps."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, softplus
from torch.nn.utils import get_total_norm

from workloads.data.epoch_order import epoch_order, seed_noise
from workloads.models.gan.frechet import yardstick
from workloads.models.gan.hyperparameters import GANHyperparameters
from workloads.models.gan.networks import Players
from workloads.training.denormals import without_denormals
from workloads.training.evaluate import evaluate
from workloads.training.process_group import MIN_PART
from workloads.training.setup import Measurements, MemberState, Setup, Trainee, report

ROLES = ("generator", "discriminator")


class GanLoop:
    """Trains one member's generator and discriminator.

    An epoch is one pass of the discriminator over the training split.
    """

    def __init__(self, setup: Setup, member: Trainee) -> None:
        self.setup, self.group = setup, setup.group
        self.members = [member]
        self.epoch_done = 0
        model, hp = setup.build(member), member.hp
        assert isinstance(model, Players) and isinstance(hp, GANHyperparameters)
        self.group.check(hp.batch_size, MIN_PART)
        self.model, self.hp = model, hp
        model.follow(0.0)
        self.task = setup.task()
        self.players: dict[str, nn.Module] = {"generator": model.generator, "discriminator": model.discriminator}
        rates = {"generator": hp.lr, "discriminator": hp.lr * hp.discriminator_lr_ratio}
        betas = (hp.beta1, hp.beta2)
        self.optimizers = {
            role: torch.optim.Adam(player.parameters(), rates[role], betas=betas)
            for role, player in self.players.items()
        }
        self.critic = hp.variant in ("wasserstein_gp", "progressive")
        self.num_made = 0
        """Number of the generator's updates so far."""

    @without_denormals()
    def epoch(self) -> list[dict[str, float]]:
        """Train one pass over the training split, then compare samples with the validation split."""
        started = time.perf_counter()
        data, hp = self.setup.data, self.hp
        order = epoch_order([self.members[0].seed], self.epoch_done, len(data.y_train), data.device)
        seed_noise(self.members[0].seed, self.epoch_done, self.group.rank)
        measured = {role: Measurements() for role in ROLES}
        self.model.train()
        waiting = 0
        for i, (x, y) in enumerate(data.batches(order, hp.batch_size, self.group, MIN_PART)):
            self._grow(i * hp.batch_size / len(data.y_train))
            measured["discriminator"].add(len(y), self.discriminator_step(x, y))
            waiting += 1
            if waiting == hp.discriminator_steps:
                waiting = 0
                self._generator_turn(y, measured["generator"])
        if waiting:
            self._generator_turn(y, measured["generator"])
        self.group.average_statistics(self.model)
        self.model.eval()
        means: dict[str, Tensor] = {}
        for played in measured.values():
            means |= self.group.means(played.means(), played.num_examples)
        means = self.group.agree({**means, **evaluate(self.task, self.model, data)} if self.group.first else means)
        self.epoch_done += 1
        [record] = report(self.members, means, time.perf_counter() - started, len(data.y_train))
        eye = yardstick(data)
        extra = {"classifier_accuracy": eye.accuracy, "real_frechet_distance": eye.real_distance}
        return [{**record, **extra, "discriminator_lr": hp.lr * hp.discriminator_lr_ratio}]

    def _generator_turn(self, y: Tensor, measured: Measurements) -> None:
        for _ in range(self.hp.generator_steps):
            measured.add(len(y), self.generator_step(y))

    def _grow(self, passed: float) -> None:
        """Set the resolution of the progressive variant; ``passed`` is the share of the epoch that is done."""
        if self.hp.variant == "progressive":
            self.model.grow(
                *growth(self.epoch_done + passed, self.hp.growth_epochs, self.model.generator.pyramid.top)
            )

    def discriminator_step(self, x: Tensor, y: Tensor) -> dict[str, Tensor]:
        """Update the discriminator once, on real images ``x`` and equally many samples of their classes ``y``.

        Returns loss and gradient norm.
        """
        with torch.no_grad():
            made = self._made(y)
        real, judge = self.model.real(x), self.model.discriminator
        of_real, of_made = judge(real, y), judge(made, y)
        if self.critic:
            loss = of_made.mean() - of_real.mean()
            total = loss + self.hp.gradient_penalty * slope_penalty(lambda image: judge(image, y), real, made)
        else:
            wanted = torch.full_like(of_real, 1 - self.hp.label_smoothing)
            loss = total = binary_cross_entropy_with_logits(of_real, wanted) + softplus(of_made).mean()
        norm = self._step("discriminator", total)
        return {"train_discriminator_loss": loss.detach(), "discriminator_grad_norm": norm}

    def generator_step(self, y: Tensor) -> dict[str, Tensor]:
        """Update the generator once, so that the discriminator takes samples of classes ``y`` for real.

        Returns loss and gradient norm.
        """
        judged = self.model.discriminator(self._made(y), y)
        loss = -judged.mean() if self.critic else softplus(-judged).mean()
        norm = self._step("generator", loss)
        self.num_made += 1
        self.model.follow(min(self.hp.average, self.num_made / (self.num_made + 10)))
        return {"train_generator_loss": loss.detach(), "generator_grad_norm": norm}

    def _made(self, y: Tensor) -> Tensor:
        noise = torch.randn(len(y), self.hp.latent, device=self.setup.data.device, dtype=self.setup.data.dtype)
        image: Tensor = self.model.generator(self.model.with_classes(noise, y))
        return image

    def _step(self, role: str, loss: Tensor) -> Tensor:
        """Update one network; return the norm of its gradient before the update."""
        parameters = list(self.players[role].parameters())
        self.optimizers[role].zero_grad()
        loss.backward(inputs=parameters)  # type: ignore[no-untyped-call]
        grads = [p.grad for p in parameters if p.grad is not None]
        self.group.average_(grads)
        norm = get_total_norm(grads)
        self.optimizers[role].step()
        return norm

    def finite(self) -> list[bool]:
        """Return, as the only entry, whether all weights are finite."""
        return [bool(get_total_norm(list(self.model.parameters())).isfinite())]

    def state(self, k: int) -> MemberState:
        """Return a copy of the only member's state: both networks, the average and both optimizers, on the CPU."""
        assert k == 0
        model = {name: value.detach().cpu().clone() for name, value in self.model.state_dict().items()}
        slots = {
            f"{role}.{i}.{slot}": value.detach().cpu().clone()
            for role, optimizer in self.optimizers.items()
            for i, kept in optimizer.state_dict()["state"].items()
            for slot, value in kept.items()
        }
        return MemberState(model, {**slots, "step": torch.tensor(self.num_made)})

    def load(self, k: int, state: MemberState) -> None:
        """Continue from ``state``."""
        assert k == 0
        self.model.load_state_dict(state.model)
        self.num_made = int(state.optimizer["step"])
        kept: dict[str, dict[int, dict[str, Any]]] = {role: {} for role in ROLES}
        for name, value in state.optimizer.items():
            if name != "step":
                role, i, slot = name.split(".")
                kept[role].setdefault(int(i), {})[slot] = value.clone()
        for role, optimizer in self.optimizers.items():
            optimizer.load_state_dict({**optimizer.state_dict(), "state": kept[role]})

    def keep(self, ks: Sequence[int]) -> None:
        """Keep the only member; without it the whole loop is dropped instead."""
        assert list(ks) == [0]


def growth(epoch: float, epochs_each: int, top: int) -> tuple[int, float]:
    """Return level and share (0 to 1) after ``epoch`` epochs, which may be a fraction.

    A new level is faded in over the first half of its ``epochs_each`` epochs: its share of the image grows to 1.
    """
    level = min(top, int(epoch / epochs_each))
    share = 1.0 if level == 0 else min(1.0, 2 * (epoch / epochs_each - level))
    return (level, share) if share > 0 else (level - 1, 1.0)


def slope_penalty(judge: Callable[[Tensor], Tensor], real: Tensor, made: Tensor) -> Tensor:
    """Return the mean of (|gradient of ``judge``| - 1)^2 at one random point between each real and made image.

    The gradient penalty of Gulrajani et al. 2017, arXiv:1704.00028.
    """
    place = torch.rand(len(real), 1, 1, 1, device=real.device, dtype=real.dtype)
    between = torch.lerp(real, made, place).requires_grad_()
    (slope,) = torch.autograd.grad(judge(between).sum(), between, create_graph=True)
    steepness: Tensor = torch.linalg.vector_norm(slope.flatten(1), dim=1)
    return torch.square(steepness - 1).mean()
