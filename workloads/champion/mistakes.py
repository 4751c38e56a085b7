"""Finds the champion's worst mistakes on the validation split: a table's rows in words, images on one sheet."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from search_spaces.types.inspection import Mistake
from workloads.arrays import Array
from workloads.champion.winner import Subject, Winner, errors_of, outputs
from workloads.data.prepare import Arrays
from workloads.data.sources.image_files import decoded
from workloads.tables.columns import decode

if TYPE_CHECKING:
    from PIL import Image

MAX_MISTAKES = 24
COLUMNS = 6
"""Images in a row of the sheet."""
SIDE = 96
"""Longer side of an image on the sheet in pixels: small images are enlarged by a whole factor, to at most that."""
CAPTION = 14
"""Height of a caption in pixels."""
MAX_LETTERS = 16
"""Characters of a caption."""


def mistakes(subject: Subject, winner: Winner, val: Arrays) -> dict[str, Any]:
    """Return the worst mistakes on the validation split, the worst first, with their values or a sheet of images.

    Of classes the wrong ones with the largest loss, of numbers those with the largest absolute error. Empty where
    no class is wrong.
    """
    if winner.setup.data.shape.problem == "classification":
        found = _wrong_classes(winner, val)
    else:
        truth, errors = errors_of(winner, val)
        worst = np.argsort(-np.abs(errors), kind="stable")[:MAX_MISTAKES]
        found = [
            (int(i), _number(truth[i]), _number(truth[i] + errors[i]), abs(float(errors[i])), None) for i in worst
        ]
    if not found:
        return {}
    images = decoded(val.x[[i for i, *_ in found]]) if val.x.dtype == np.uint8 else None
    listed = [
        Mistake(
            row=subject.rows[i] if subject.rows else i,
            truth=truth,
            predicted=predicted,
            badness=badness,
            sure=sure,
            example=described(val, i),
        )
        for i, truth, predicted, badness, sure in found
    ]
    captions = [f"{m.truth} > {m.predicted}" for m in listed]
    return {"mistakes": listed, "pictures": None if images is None else sheet(images, captions)}


def _wrong_classes(winner: Winner, val: Arrays) -> list[tuple[int, str, str, float, float | None]]:
    values = outputs(winner, val)
    logits, loss = values["logits"], values["loss"]
    predicted = logits.argmax(axis=1)
    wrong = np.flatnonzero(predicted != val.y)
    worst = wrong[np.argsort(-loss[wrong], kind="stable")][:MAX_MISTAKES]
    shares = np.exp(logits - logits.max(axis=1, keepdims=True))
    sure = shares.max(axis=1) / shares.sum(axis=1)
    names = winner.classes
    return [(int(i), names[val.y[i]], names[predicted[i]], float(loss[i]), float(sure[i])) for i in worst]


def _number(value: float) -> str:
    return f"{value:.6g}"


def described(part: Arrays, row: int) -> Mapping[str, str]:
    """Return a table row's values as text, by column, dates in ISO format; empty for other data."""
    if not part.columns:
        return {}
    values = decode(part.x[row : row + 1], part.columns).iloc[0]
    return {column.name: _word(values[column.name], column.kind) for column in part.columns}


def _word(value: Any, kind: str) -> str:
    if value != value or value is None:
        return ""
    if kind == "datetime":
        return str(np.datetime64(int(value), "s"))
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def sheet(images: Array, captions: Sequence[str]) -> bytes:
    """Return uint8 images (rows, channels, height, width) below their captions, as the bytes of one PNG file.

    Three channels are shown in colour; of any other number the first in grey.
    """
    from PIL import Image, ImageDraw

    tiles = [_tile(image) for image in _bright(images)]
    width, height = tiles[0].size
    num_rows = -(-len(tiles) // COLUMNS)
    page = Image.new("RGB", (COLUMNS * (width + 4), num_rows * (height + CAPTION + 4)), "white")
    draw = ImageDraw.Draw(page)
    for k, (tile, caption) in enumerate(zip(tiles, captions, strict=True)):
        left, top = k % COLUMNS * (width + 4) + 2, k // COLUMNS * (height + CAPTION + 4) + 2
        cut = caption if len(caption) <= MAX_LETTERS else caption[: MAX_LETTERS - 1] + "…"
        draw.text((left, top), cut, fill="black", font_size=10)
        page.paste(tile, (left, top + CAPTION))
    out = io.BytesIO()
    page.save(out, "PNG", optimize=True)
    return out.getvalue()


def _bright(images: Array) -> Array:
    """Return the images with their levels stretched to 255 where none is above 127, as in 4-bit images."""
    brightest = int(images.max(initial=0))
    return images if brightest == 0 or brightest >= 128 else (images * (255 / brightest)).astype(np.uint8)


def _tile(image: Array) -> Image.Image:
    from PIL import Image

    pixels = image.transpose(1, 2, 0) if len(image) == 3 else image[0]
    height, width = image.shape[1:]
    tile = Image.fromarray(np.ascontiguousarray(pixels)).convert("RGB")
    if max(height, width) > SIDE:
        scale = SIDE / max(height, width)
        return tile.resize((max(1, round(width * scale)), max(1, round(height * scale))), Image.Resampling.BOX)
    factor = max(1, SIDE // max(height, width))
    return tile.resize((width * factor, height * factor), Image.Resampling.NEAREST)
