"""Resolutions of an image, level by level, for networks that may grow.

The image's sides are halved until the shorter one has 4 to 8 pixels: this base is doubled at each level. The top
level, the canvas, may be a few rows and columns larger than the image: real images are padded to it by repeating
their edges, samples are cut out of its middle. So images are resized to these levels only.
"""

from __future__ import annotations

import math

from torch import Tensor
from torch.nn import functional

MOST_WIDENED = 8
"""Largest number of maps as a multiple of the width; each halving of the image doubles them up to it."""


class Pyramid:
    """Sizes and numbers of maps by level: 0 is the base, ``top`` the canvas."""

    def __init__(self, example: tuple[int, ...], width: int, *, grows: bool) -> None:
        self.channels, self.height, self.width = example
        self.top = max(0, int(math.log2(min(self.height, self.width) / 4)))
        self.base = (-(-self.height >> self.top), -(-self.width >> self.top))
        self.bottom = 0 if grows else self.top
        """Lowest level at which images are made: networks that do not grow use the canvas alone."""
        self.maps = [width * min(1 << (self.top - level), MOST_WIDENED) for level in range(self.top + 1)]

    @property
    def levels(self) -> range:
        """Levels at which images are made."""
        return range(self.bottom, self.top + 1)

    @property
    def margins(self) -> tuple[int, int, int, int]:
        """Margins of the image on the canvas in pixels: left, right, above, below."""
        rows, columns = (self.base[0] << self.top) - self.height, (self.base[1] << self.top) - self.width
        return columns // 2, columns - columns // 2, rows // 2, rows - rows // 2

    def lay(self, images: Tensor) -> Tensor:
        """Pad images of the data's size to the canvas by repeating their edges."""
        return functional.pad(images, self.margins, mode="replicate") if any(self.margins) else images

    def cut(self, canvas: Tensor) -> Tensor:
        """Return the middle of the canvas, of the data's size."""
        left, _, above, _ = self.margins
        return canvas[..., above : above + self.height, left : left + self.width]


def doubled(image: Tensor) -> Tensor:
    """Return the image with twice the side: each pixel becomes 2 x 2."""
    return functional.interpolate(image, scale_factor=2.0, mode="nearest")


def halved(image: Tensor) -> Tensor:
    """Return the image with half the side: means of 2 x 2 pixels."""
    return functional.avg_pool2d(image, 2)
