"""Draws a grid of images as a PNG file."""

from __future__ import annotations

import io

import torch
from torch import Tensor

LINE = 1
"""Pixels between two images of a grid."""


def grid_png(images: Tensor, num_columns: int, least_side: int = 1) -> bytes:
    """Return a PNG file with images (rows, channels, height, width) in [-1, 1], ``num_columns`` side by side.

    Small images are enlarged by a whole factor, to a shorter side of about ``least_side`` pixels. With other than 1
    or 3 channels the first one is shown in grey. Pixels that are not finite are black.
    """
    from PIL import Image

    images = images if images.shape[1] in (1, 3) else images[:, :1]
    factor = max(1, round(least_side / min(images.shape[-2:])))
    pixels = ((images.nan_to_num(-1.0, -1.0, -1.0).clamp(-1, 1) + 1) * 127.5).round().to("cpu", torch.uint8)
    pixels = pixels.repeat_interleave(factor, -1).repeat_interleave(factor, -2)
    count, channels, height, width = pixels.shape
    num_rows = -(-count // num_columns)
    sheet = torch.full((channels, num_rows * (height + LINE) - LINE, num_columns * (width + LINE) - LINE), 64)
    for i, image in enumerate(pixels):
        top, left = i // num_columns * (height + LINE), i % num_columns * (width + LINE)
        sheet[:, top : top + height, left : left + width] = image
    array = sheet.to(torch.uint8).permute(1, 2, 0).contiguous().numpy()
    out = io.BytesIO()
    Image.fromarray(array[..., 0] if channels == 1 else array).save(out, "PNG")
    return out.getvalue()
