"""torchvision's networks without their classifiers: their features, fixed or trained further."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from workloads.arrays import DataShape, Infeasible
from workloads.files.feature_cache import cached
from workloads.layers.frozen_features import ScaledFeatures, head
from workloads.models.transfer.weights import WeightsError, load_into, network
from workloads.training.batches import ResidentData

if TYPE_CHECKING:
    from workloads.models.transfer.hyperparameters import TransferHyperparameters

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
AT_ONCE = 64
"""Number of images in a batch through a fixed network."""


class Backbone(nn.Module):
    """Computes features (batch, features) of images (batch, 1 or 3, height, width) in 0 to 1."""

    keeps_weights = True
    """``initialise`` leaves these weights as they are."""
    mean: Tensor
    std: Tensor

    def __init__(self, net: nn.Module, mean: tuple[float, ...], std: tuple[float, ...]) -> None:
        super().__init__()
        self.net = net
        self.register_buffer("mean", torch.tensor(mean).view(-1, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).view(-1, 1, 1), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Return the features of ``x``; a grey image becomes three equal channels."""
        x = (x - self.mean.to(x.dtype)) / self.std.to(x.dtype)
        features: Tensor = self.net(x.expand(-1, 3, -1, -1))
        return features.flatten(1)


def backbone(hp: TransferHyperparameters, shape: DataShape) -> Backbone:
    """Return the network with its weights. Raises Infeasible where they cannot be loaded or do not fit.

    Images are standardised by ImageNet's channels for torchvision's own weights, else by the training split's.
    """
    net = network(hp.backbone, shape.example[-1])
    try:
        load_into(net, hp.backbone, hp.weights)
    except WeightsError as error:
        raise Infeasible(str(error)) from error
    if hp.weights == "default":
        return Backbone(net, IMAGENET_MEAN, IMAGENET_STD)
    return Backbone(net, shape.channel_mean, shape.channel_std)


def extracted(hp: TransferHyperparameters, images: ResidentData) -> ResidentData:
    """Return ``images`` as features, which are taken from the cache if any sweep has computed them before."""
    fixed = backbone(hp, images.shape).to(images.device, images.dtype).eval().requires_grad_(False)
    parts = [images.x_train, images.x_val]

    def compute() -> list[Tensor]:
        return [_features(fixed, images, x) for x in parts]

    found = cached(fixed.state_dict(), [*parts, fixed.mean, fixed.std], compute)
    x_train, x_val = (x.to(images.device, images.dtype) for x in found)
    scaled = ScaledFeatures(x_train)
    return replace(
        images,
        x_train=scaled(x_train),
        x_val=scaled(x_val),
        shape=replace(images.shape, example=(x_train.shape[1],)),
        prepare=nn.Sequential(images.prepare, fixed, scaled),
        ready=True,
    )


@torch.inference_mode()
def _features(fixed: Backbone, images: ResidentData, x: Tensor) -> Tensor:
    return torch.cat([fixed(images.inputs(part)).float().cpu() for part in torch.split(x, AT_ONCE)])


class Tuned(nn.Module):
    """Network whose last stages are trained, at a lower learning rate than the classifier after them.

    Frozen stages stay in evaluation mode, so that their running statistics do not change either.
    """

    def __init__(self, body: Backbone, shape: DataShape, hp: TransferHyperparameters) -> None:
        super().__init__()
        self.body = body.requires_grad_(False)
        with torch.no_grad():
            num_features = body.eval()(torch.zeros(1, *shape.example)).shape[1]
        self.head = head(num_features, shape.num_outputs, hp.dropout)
        known = stages(body.net)
        self._trained = known[max(0, len(known) - hp.unfrozen) :]
        for stage in self._trained:
            stage.requires_grad_(True)
        self._ratio = hp.backbone_lr_ratio

    def forward(self, x: Tensor) -> Tensor:
        """Return logits (batch, num_outputs) for images (batch, channels, height, width) in 0 to 1."""
        logits: Tensor = self.head(self.body(x))
        return logits

    def train(self, mode: bool = True) -> Tuned:
        """Set the mode of the classifier and the trained stages; frozen stages stay in evaluation mode."""
        super().train(mode)
        self.body.train(False)
        for stage in self._trained:
            stage.train(mode)
        return self

    def lr_ratio(self, name: str) -> float:
        """Return the learning rate of parameter ``name`` as a share of ``lr``."""
        return 1.0 if name.startswith("head.") else self._ratio


def stages(net: nn.Module) -> list[nn.Module]:
    """Return the parts of a network that hold weights, from the input to the output."""
    container = net
    for path in ("encoder.layers", "features"):
        if any(name == path for name, _ in net.named_modules()):
            container = net.get_submodule(path)
            break
    found = list(container.children())
    if container is not net and "classifier" in dict(net.named_children()):
        found.append(net.get_submodule("classifier"))
    return [part for part in found if any(True for _ in part.parameters())]
