"""The examples that the winner is most wrong about: a table's row in words, images on one sheet."""

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
SIDE = 96
"""Small images are enlarged by a whole factor to about this many pixels, large ones reduced to it."""
CAPTION = 14
MAX_LETTERS = 16


def mistakes(subject: Subject, winner: Winner, val: Arrays) -> dict[str, Any]:
    """The validation examples that the winner is most wrong about, the worst first, with their images or values."""
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
    """The values of a table's row by column, dates as such; empty for any other data."""
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
    """uint8 images (rows, channels, height, width) under their captions, as one PNG file.

    Of other than one or three channels the first is shown in grey.
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
    """Of images that use few of the 256 levels, all of them."""
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
