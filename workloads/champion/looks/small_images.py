"""Images as small PNG files, and on one sheet below their captions."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from workloads.arrays import Array

if TYPE_CHECKING:
    from PIL import Image

COLUMNS = 6
"""Images in a row of the sheet."""
SIDE = 112
"""Longer side of an image on the sheet in pixels: small images are enlarged by a whole factor, to at most that."""
LINE = 13
"""Height of a line of a caption in pixels."""
MAX_LETTERS = 20
"""Characters of a line."""
FEW_PIXELS, NUM_COLOURS = 48 * 48, 64
ORANGE = (230, 159, 0)


def png(image: Array) -> bytes:
    """Return a uint8 image (channels, height, width) as a PNG file of at most SIDE pixels a side.

    Three channels are shown in colour; of any other number the first in grey. Levels are stretched to 255 where
    none is above 127, as in 4-bit images. An image of more than FEW_PIXELS keeps NUM_COLOURS, as a page holds many.
    """
    small, out = _reduced(_bright(image)), io.BytesIO()
    if small.width * small.height > FEW_PIXELS:
        small = small.quantize(NUM_COLOURS)
    small.save(out, "PNG", optimize=True)
    return out.getvalue()


def heat(values: Array) -> Array:
    """Return ``values`` (height, width) from 0 to 1 as colours (3, height, width): black, orange, white."""
    up, over = np.clip(values * 2, 0, 1), np.clip(values * 2 - 1, 0, 1)
    colours = np.stack([up * level + over * (255 - level) for level in ORANGE])
    found: Array = colours.round().astype(np.uint8)
    return found


def sheet(images: Array, captions: Sequence[Sequence[str]]) -> bytes:
    """Return uint8 images (rows, channels, height, width) below the lines of their captions, as one PNG file."""
    from PIL import Image, ImageDraw

    tiles = [_enlarged(_reduced(_bright(image))) for image in images]
    width, height = max(tile.width for tile in tiles), max(tile.height for tile in tiles)
    width, caption = max(width, SIDE), LINE * max(map(len, captions))
    num_rows = -(-len(tiles) // COLUMNS)
    page = Image.new("RGB", (min(COLUMNS, len(tiles)) * (width + 6), num_rows * (height + caption + 8)), "white")
    draw = ImageDraw.Draw(page)
    for k, (tile, lines) in enumerate(zip(tiles, captions, strict=True)):
        left, top = k % COLUMNS * (width + 6) + 3, k // COLUMNS * (height + caption + 8) + 2
        for number, line in enumerate(lines):
            cut = line if len(line) <= MAX_LETTERS else line[: MAX_LETTERS - 1] + "…"
            draw.text((left, top + number * LINE), cut, fill="black", font_size=10)
        page.paste(tile, (left, top + caption))
    out = io.BytesIO()
    page.save(out, "PNG", optimize=True)
    return out.getvalue()


def _bright(image: Array) -> Array:
    brightest = int(image.max(initial=0))
    return image if brightest == 0 or brightest >= 128 else (image * (255 / brightest)).astype(np.uint8)


def _reduced(image: Array) -> Image.Image:
    from PIL import Image

    pixels = image.transpose(1, 2, 0) if len(image) == 3 else image[0]
    found = Image.fromarray(np.ascontiguousarray(pixels))
    scale = SIDE / max(found.size)
    if scale >= 1:
        return found
    width, height = (max(1, round(side * scale)) for side in found.size)
    return found.resize((width, height), Image.Resampling.BOX)


def _enlarged(tile: Image.Image) -> Image.Image:
    from PIL import Image

    factor = max(1, SIDE // max(tile.size))
    size = tile.width * factor, tile.height * factor
    return tile.convert("RGB").resize(size, Image.Resampling.NEAREST)
