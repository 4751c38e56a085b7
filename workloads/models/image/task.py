"""Classification of images that are augmented and mixed in training, and only there."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field

from torch import Tensor

from workloads.models.image.augment import Strengths, augmented, mixed
from workloads.tasks.contract import Model, Numbers, Task


@dataclass
class Augmented:
    """The classification ``inner`` on augmented images in 0 to 1; one member at a time.

    ``train_*`` are measured on the augmented images, and weighted by the shares of mixed labels.
    """

    inner: Task
    _seen: Numbers = field(default_factory=dict)
    _strengths: Strengths = field(default_factory=Strengths)

    def loss(self, model: Model, x: Tensor, y: Tensor, numbers: Numbers) -> dict[str, Tensor]:
        """Return mean loss and metrics over augmented images; of mixed images, both labels' weighted by share."""
        how = self._how(numbers)
        new = mixed(augmented(x, how), how)
        outputs = model(new.x)
        own = self.inner.loss(lambda _: outputs, new.x, y, numbers)
        if new.partner is None:
            return own
        other = self.inner.loss(lambda _: outputs, new.x, y[new.partner], numbers)
        return {name: other[name] + new.own * (own[name] - other[name]) for name in own}

    def over_epoch(self, means: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return the training metrics of an epoch from its means."""
        return self.inner.over_epoch(means)

    def evaluate(self, model: Model, x: Tensor, y: Tensor) -> dict[str, Tensor]:
        """Return the values of each image without augmentation."""
        return self.inner.evaluate(model, x, y)

    def by_row(self, values: Mapping[str, Tensor], y: Tensor) -> dict[str, Tensor]:
        """Return the scores of each image."""
        return self.inner.by_row(values, y)

    def metrics(self, values: Mapping[str, Tensor], y: Tensor) -> dict[str, Tensor]:
        """Return the metrics of a whole split from the values of its images."""
        return self.inner.metrics(values, y)

    def _how(self, numbers: Numbers) -> Strengths:
        """Return the strengths in ``numbers``, read from the device once: in every step, that would wait for it."""
        if numbers is not self._seen:
            names = [known.name for known in dataclasses.fields(Strengths)]
            self._strengths = Strengths(**{name: float(numbers[name]) for name in names})
            self._seen = numbers
        return self._strengths
