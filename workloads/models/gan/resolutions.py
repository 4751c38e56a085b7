"""An image as a pyramid of resolutions, for players that may grow.

A base of 4 to 7 rows and columns is doubled until the image fits. The whole, the canvas, is at most a few rows and
columns larger than the image: real images are laid on it with their edges repeated, made ones are cut out of its
middle. Nothing is resized but to the pyramid's own levels.
"""

from __future__ import annotations

import math

from torch import Tensor
from torch.nn import functional

MOST_WIDENED = 8
"""Each halving of the image doubles the maps, up to this many times the width."""


class Pyramid:
    """Sizes and maps by level: 0 is the base, ``top`` the canvas."""

    def __init__(self, example: tuple[int, ...], width: int, *, grows: bool) -> None:
        self.channels, self.height, self.width = example
        self.top = max(0, int(math.log2(min(self.height, self.width) / 4)))
        self.base = (-(-self.height >> self.top), -(-self.width >> self.top))
        self.bottom = 0 if grows else self.top
        """The lowest level at which there are images: players that do not grow know the canvas alone."""
        self.maps = [width * min(1 << (self.top - level), MOST_WIDENED) for level in range(self.top + 1)]

    @property
    def levels(self) -> range:
        """Those at which there are images."""
        return range(self.bottom, self.top + 1)

    @property
    def margins(self) -> tuple[int, int, int, int]:
        """Columns left and right of the image on the canvas, rows above and below."""
        rows, columns = (self.base[0] << self.top) - self.height, (self.base[1] << self.top) - self.width
        return columns // 2, columns - columns // 2, rows // 2, rows - rows // 2

    def lay(self, images: Tensor) -> Tensor:
        """Images of the data's size on the canvas, their edges repeated."""
        return functional.pad(images, self.margins, mode="replicate") if any(self.margins) else images

    def cut(self, canvas: Tensor) -> Tensor:
        """The middle of the canvas, of the data's size."""
        left, _, above, _ = self.margins
        return canvas[..., above : above + self.height, left : left + self.width]


def doubled(image: Tensor) -> Tensor:
    """Each pixel four times."""
    return functional.interpolate(image, scale_factor=2.0, mode="nearest")


def halved(image: Tensor) -> Tensor:
    """Means of 2 x 2 pixels."""
    return functional.avg_pool2d(image, 2)
