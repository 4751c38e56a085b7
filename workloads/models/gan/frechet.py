"""Metrics of samples against real images: the Fréchet distance between their features, and the classes covered.

The features are those of a small classifier that is trained here, once in a lane, on the training split and with a
fixed seed. So this is not the FID, whose features come from Inception v3 and ImageNet: values can be compared
within one data set, and with ``real_frechet_distance``, the distance between training and validation images.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.utils.weak import WeakIdKeyDictionary

from workloads.arrays import DataShape
from workloads.data.epoch_order import epoch_order
from workloads.models.gan.networks import Players
from workloads.tasks.contract import Model, Numbers
from workloads.training.batches import ResidentData
from workloads.training.process_group import MIN_PART

NUM_FEATURES = 32
SEED = 1
BATCH, MIN_STEPS, MIN_EPOCHS = 64, 400, 3
PEAK_LR = 0.01
FOUND = 0.1
"""A class is covered if its share among the samples is at least this part of its share among the real images."""


class Eye(nn.Module):
    """Classifier whose features are compared: three convolutions, means in at most 4 x 4 places, and one layer.

    Two of the convolutions halve the image; the layer has ``NUM_FEATURES`` units.
    """

    def __init__(self, shape: DataShape) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        num_inputs = shape.example[0]
        for num_outputs, stride in ((16, 1), (32, 2), (64, 2)):
            layers += [nn.Conv2d(num_inputs, num_outputs, 3, stride, 1), nn.BatchNorm2d(num_outputs), nn.ReLU()]
            num_inputs = num_outputs
        sides = [-(-side // 4) for side in shape.example[1:]]
        pooled = [-(-side // 4) for side in sides]
        num_inputs *= math.prod(-(-side // pool) for side, pool in zip(sides, pooled, strict=True))
        layers += [nn.AvgPool2d((pooled[0], pooled[1]), ceil_mode=True), nn.Flatten()]
        self.features = nn.Sequential(*layers, nn.Linear(num_inputs, NUM_FEATURES), nn.ReLU())
        self.classify = nn.Linear(NUM_FEATURES, shape.num_outputs)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits (rows, classes) for images (rows, channels, height, width)."""
        logits: Tensor = self.classify(self.features(x))
        return logits


@dataclass(frozen=True)
class Yardstick:
    """The classifier in evaluation mode, its validation accuracy, and the Fréchet distance of real images."""

    eye: Eye
    accuracy: float
    real_distance: float
    """Distance between training and validation split: about that of samples as good as real images."""


_yardsticks: MutableMapping[ResidentData, Yardstick] = WeakIdKeyDictionary()  # torch's


def yardstick(data: ResidentData) -> Yardstick:
    """Return the yardstick of this data; it is trained at the first call."""
    if data not in _yardsticks:
        with torch.random.fork_rng(), torch.backends.cudnn.flags(deterministic=True, benchmark=False):
            _yardsticks[data] = _trained(data)
    return _yardsticks[data]


def _trained(data: ResidentData) -> Yardstick:
    """Train a yardstick by Adam and a one-cycle schedule with a fixed seed, so that all lanes get equal weights."""
    torch.manual_seed(SEED)
    eye = Eye(data.shape).to(data.device, data.dtype)
    num_batches = -(-len(data.y_train) // BATCH)
    num_epochs = max(MIN_EPOCHS, -(-MIN_STEPS // num_batches))
    optimizer = torch.optim.Adam(eye.parameters())
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, PEAK_LR, total_steps=num_epochs * num_batches)
    for epoch in range(num_epochs):
        order = epoch_order([SEED], epoch, len(data.y_train), data.device)
        for x, y in data.batches(order, BATCH, min_part=MIN_PART):
            optimizer.zero_grad()
            cross_entropy(eye(x), y).backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            schedule.step()
    eye.eval().requires_grad_(False)
    train, val = (_seen(eye, data, x) for x in (data.x_train, data.x_val))
    hits = (eye.classify(val).argmax(1) == data.y_val).double().mean()
    return Yardstick(eye, float(hits), float(frechet_distance(train, val)))


@torch.no_grad()
def _seen(eye: Eye, data: ResidentData, x: Tensor) -> Tensor:
    return torch.cat([eye.features(data.inputs(part)) for part in torch.split(x, 1024)])


def frechet_distance(one: Tensor, other: Tensor) -> Tensor:
    """Return the distance between the normal distributions fitted to two sets of features, float64 ().

    Features are (rows, features). The distance is |m1 - m2|^2 + tr(C1 + C2 - 2 (C1 C2)^(1/2)), with means m and
    covariances C (Dowson & Landau 1982). NaN where a feature is not finite.
    """
    if not (one.isfinite().all() and other.isfinite().all()):
        return torch.tensor(torch.nan, dtype=torch.float64)
    one, other = one.double(), other.double()
    first, second = (x.T.cov(correction=0) for x in (one, other))
    values, vectors = torch.linalg.eigh(first)
    root = vectors * values.clamp(min=0).sqrt() @ vectors.T
    overlap = torch.linalg.eigvalsh(root @ second @ root).clamp(min=0).sqrt().sum()
    distance = (one.mean(0) - other.mean(0)).square().sum() + first.trace() + second.trace() - 2 * overlap
    return torch.as_tensor(distance).clamp(min=0)


def class_coverage(predicted: Tensor, y: Tensor, num_classes: int) -> Tensor:
    """Return the share of the classes in ``y`` that the samples' ``predicted`` classes cover, float64 ().

    Both are (rows,); ``FOUND`` says when a class is covered.
    """
    real, made = (torch.bincount(c, minlength=num_classes).double() / len(c) for c in (y, predicted))
    found = (made > 0) & (made >= FOUND * real)
    return found[real > 0].double().mean()


class Generation:
    """Task that compares samples with a split's images: equally many, with its classes if conditional."""

    def __init__(self, data: ResidentData) -> None:
        self._yardstick = yardstick(data)
        self._num_classes = data.shape.num_outputs
        self._num_made = 0

    def loss(self, model: Model, x: Tensor, y: Tensor, numbers: Numbers) -> dict[str, Tensor]:
        """Raise TypeError: generator and discriminator each have a loss of their own, in ``GanLoop``."""
        raise TypeError("two players share no loss: this task measures only")

    def over_epoch(self, means: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return the means of both players' losses."""
        return dict(means)

    def evaluate(self, model: Model, x: Tensor, y: Tensor) -> dict[str, Tensor]:
        """Return features of each real image and of a sample, and the class that is predicted for the sample.

        Samples are made of the same noise at every evaluation of a split.
        """
        assert isinstance(model, Players)
        eye = self._yardstick.eye
        self._num_made += 1
        made = eye.features(model(model.inputs(y, seed=self._num_made)))
        return {"real": eye.features(x), "made": made, "seen": eye.classify(made).argmax(1)}

    def by_row(self, values: Mapping[str, Tensor], y: Tensor) -> dict[str, Tensor]:
        """Return nothing: samples are compared with images as a whole."""
        return {}

    def metrics(self, values: Mapping[str, Tensor], y: Tensor) -> dict[str, Tensor]:
        """Return Fréchet distance and class coverage, each (1,)."""
        self._num_made = 0
        [real], [made], [seen] = values["real"], values["made"], values["seen"]
        return {
            "frechet_distance": frechet_distance(made, real)[None],
            "class_coverage": class_coverage(seen, y, self._num_classes)[None],
        }
