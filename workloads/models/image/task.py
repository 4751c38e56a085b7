"""Classification of images that are augmented and mixed in training alone."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field

from torch import Tensor

from workloads.models.image.augment import Strengths, augmented, mixed
from workloads.tasks.contract import Model, Numbers, Task


@dataclass
class Augmented:
    """``inner``, a classification, on augmented images in 0 to 1; one member at a time.

    ``train_*`` are measured on the augmented images, with the shares of a mixed label.
    """

    inner: Task
    _seen: Numbers = field(default_factory=dict)
    _strengths: Strengths = field(default_factory=Strengths)

    def loss(self, model: Model, x: Tensor, y: Tensor, numbers: Numbers) -> dict[str, Tensor]:
        """Mean loss over augmented images; where labels are mixed, of both labels, weighted by their shares."""
        how = self._how(numbers)
        new = mixed(augmented(x, how), how)
        outputs = model(new.x)
        own = self.inner.loss(lambda _: outputs, new.x, y, numbers)
        if new.partner is None:
            return own
        other = self.inner.loss(lambda _: outputs, new.x, y[new.partner], numbers)
        return {name: other[name] + new.own * (own[name] - other[name]) for name in own}

    def evaluate(self, model: Model, x: Tensor, y: Tensor) -> dict[str, Tensor]:
        """Values of each image as it is, without augmentation."""
        return self.inner.evaluate(model, x, y)

    def metrics(self, values: Mapping[str, Tensor], y: Tensor) -> dict[str, Tensor]:
        """Metrics of a whole split from the values of its images."""
        return self.inner.metrics(values, y)

    def _how(self, numbers: Numbers) -> Strengths:
        """Read from the device once, not in every step: that would wait for it."""
        if numbers is not self._seen:
            names = [known.name for known in dataclasses.fields(Strengths)]
            self._strengths = Strengths(**{name: float(numbers[name]) for name in names})
            self._seen = numbers
        return self._strengths
