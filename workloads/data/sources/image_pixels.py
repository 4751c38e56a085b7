"""Decodes one image to pixels: 8 bits a pixel as they are, deeper ones by the range of values of all images.

Microscopes and X-ray machines write 12 bits into files of 16, so that no fixed range fits. The values of one image
say nothing of another's brightness; so the range is that of the whole data, told in the data card.
"""

from __future__ import annotations

import ctypes
import io
import struct
import sys
import warnings
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from ctypes.util import find_library
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np

from search_spaces.types.error_text import one_line
from workloads.arrays import Array

if TYPE_CHECKING:
    from PIL.Image import Image

FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "TIFF")
OTHERS = {
    b"GIF8": "a GIF",
    b"%PDF": "a PDF",
    b"\0\0\1\0": "an icon (ICO)",
    b"\0\0\0\x0cjP": "a JPEG 2000",
    b"<svg": "an SVG",
    b"<?xml": "an SVG or another XML file",
    b"II*\0": "a TIFF of a kind that is not read, or a damaged one",
    b"MM\0*": "a TIFF of a kind that is not read, or a damaged one",
    b"8BPS": "a Photoshop file (PSD)",
    b"SIMPLE  =": "a FITS file",
}
"""First bytes of formats that are not read, and what they are called."""
UNREADABLE = (
    OSError, ValueError, SyntaxError, EOFError, TypeError, AttributeError, LookupError, ArithmeticError,
    struct.error, zlib.error,
)  # fmt: skip
"""Errors that Pillow's readers raise on damaged files, found by damaging thousands."""
LARGEST_SIDE = 256
"""Longest shorter side of a decoded image in pixels; larger images are shrunk to it."""
MAX_PIXELS = 178_956_970
"""Largest number of pixels that a file may claim: Pillow's limit against decompression bombs."""
MAX_DEEP_PIXELS = 2**26
"""The same for images of more than 8 bits, which take ten times the memory."""
MAX_SHRUNK_PIXELS = 2**22
"""Largest number of pixels of a decoded image: that of a very long and narrow one is not bounded by its side."""
LARGE_PIXELS = 2**24
"""Number of pixels from which images are decoded one at a time, for the sake of memory."""
BITS = 8
"""Depth of an ordinary image, and of a decoded one."""
WHITE_IS_ZERO = 0
"""Value of a TIFF's tag that says that its smallest value is white; Pillow turns only those of 8 bits around."""
_PHOTOMETRIC, _ORIENTATION = 262, 274
_one_at_a_time = Lock()


class BadImage(ValueError):
    """Error: an image cannot be used, for a reason that the message gives."""


@dataclass(frozen=True)
class Levels:
    """Range of the values of images that are deeper than 8 bits: ``low`` becomes 0, ``high`` 255."""

    low: float
    high: float

    def scaled(self, values: Array) -> Array:
        """Return the values in 0 to 255 as uint8; those outside of the range become its ends."""
        width = self.high - self.low
        share = (values - self.low) / width if width > 0 else np.zeros_like(values)
        found: Array = np.rint(np.clip(share, 0, 1) * 255).astype(np.uint8)
        return found


@dataclass(frozen=True)
class Depth:
    """Depth of images: bits of a value, and the range of the values where they are more than 8."""

    bits: int = BITS
    levels: Levels | None = None

    def joined(self, other: Depth) -> Depth:
        """Return the depth of this image and another of as many bits, with the range of both."""
        assert self.bits == other.bits
        if self.levels is None or other.levels is None:
            return self
        low, high = min(self.levels.low, other.levels.low), max(self.levels.high, other.levels.high)
        return Depth(self.bits, Levels(low, high))


EIGHT_BITS = Depth()


@dataclass(frozen=True)
class Pixels:
    """A decoded image, (height, width) if grey, else (height, width, 3)."""

    values: Array
    """Its pixels as uint8, or as float32 where it is deeper; at most LARGEST_SIDE on its shorter side."""
    depth: Depth = EIGHT_BITS
    """Its depth, with the range before the image was shrunk."""
    transparent: bool = False
    """Whether it had transparent pixels, which are shown on white."""


def decoded(content: Path | bytes) -> Pixels:
    """Decode an image file. Raises BadImage for one that cannot be read as one still picture."""
    from PIL import Image, ImageOps, UnidentifiedImageError

    _hush_pillow()

    def source() -> Any:
        return io.BytesIO(content) if isinstance(content, bytes) else content

    try:
        with Image.open(source(), formats=FORMATS) as image:
            image.draft(None, (LARGEST_SIDE, LARGEST_SIDE))  # large JPEGs are decoded at a half, a quarter ...
            _check_still(image)
            with _memory_for(image):
                bits = _bits(image)
                if bits > BITS:
                    return _deep(image, bits, source)
                return _ordinary(ImageOps.exif_transpose(image))
    except Image.DecompressionBombError as error:
        raise BadImage(f"it claims more than {MAX_PIXELS} pixels") from error
    except UnidentifiedImageError as error:
        raise BadImage(f"it is {_called(content)}") from error
    except UNREADABLE as error:
        raise BadImage(one_line(error)) from error


@cache
def _hush_pillow() -> None:
    """Turn off Pillow's warnings on odd metadata, and on large images, which are bounded here, and libtiff's lines.

    libtiff writes them to the process's stderr itself; its handlers are those of the whole process.
    """
    warnings.filterwarnings("ignore", module=r"PIL\.")
    warnings.filterwarnings("ignore", message="Image size .* exceeds limit")
    for path in _libtiff():
        library = ctypes.CDLL(path)
        library.TIFFSetErrorHandler(None)
        library.TIFFSetWarningHandler(None)


def _libtiff() -> Iterator[str]:
    """Yield the path of the libtiff that Pillow's wheel has brought, or else the name of the system's."""
    import PIL

    folder = Path(PIL.__file__).parent
    own = [*folder.parent.glob("pillow.libs/libtiff*.so*"), *folder.glob(".dylibs/libtiff*.dylib")]
    yield from map(str, own) if own else filter(None, [find_library("tiff")])


def _called(content: Path | bytes) -> str:
    """Return what the first bytes look like."""
    if isinstance(content, bytes):
        first = content[:132]
    else:
        with content.open("rb") as file:
            first = file.read(132)
    if first[4:8] == b"ftyp":
        return f"a file of the kind {first[8:12].decode('ascii', 'replace')} (HEIC, AVIF or a film)"
    if first[128:132] == b"DICM":
        return "a DICOM file"
    return next((name for start, name in OTHERS.items() if first.startswith(start)), "no image, or a damaged one")


def _check_still(image: Image) -> None:
    """Raise BadImage for a film or a file of several pages. Phones' MPO files show their first picture."""
    num_frames = 1 if image.format == "MPO" else getattr(image, "n_frames", 1)
    if num_frames > 1:
        raise BadImage(f"it holds {num_frames} frames or pages, and must hold one")


@contextmanager
def _memory_for(image: Image) -> Iterator[None]:
    large = image.width * image.height >= LARGE_PIXELS
    with _one_at_a_time if large else nullcontext():
        yield


def _raw_mode(image: Image) -> str:
    """Return Pillow's name for how the file's pixels are laid out: ``RGB;16B``."""
    tiles: Any = getattr(image, "tile", None)
    args = tiles[0].args if tiles else ""
    return str(args[0] if isinstance(args, tuple) and args else args)


def _bits(image: Image) -> int:
    """Return the bits of one value."""
    if image.mode in ("I", "F"):
        return 32
    return 16 if image.mode.startswith("I;16") or ";16" in _raw_mode(image) else BITS


def _ordinary(image: Image) -> Pixels:
    """Return an image of 8 bits: grey, or in colour, on white where it is transparent."""
    from PIL import Image as pillow

    if not image.has_transparency_data:
        grey = image.mode in ("1", "L")
        return Pixels(np.asarray(_shrunk(image.convert("L" if grey else "RGB"))))
    grey = image.mode in ("L", "LA", "La")
    layers = image.convert("RGBA")
    transparent = layers.getchannel("A").getextrema() != (255, 255)
    white = pillow.new("RGBA", layers.size, "white")
    shown = pillow.alpha_composite(white, layers).convert("L" if grey else "RGB")
    return Pixels(np.asarray(_shrunk(shown)), transparent=transparent)


def _deep(image: Image, bits: int, source: Callable[[], Any]) -> Pixels:
    """Return an image of more than 8 bits as float32. Raises BadImage for CMYK, and for one with transparency."""
    from PIL import Image as pillow
    from PIL import ImageOps

    if image.has_transparency_data or not image.mode.startswith(("I", "F", "RGB")):
        what = "transparency" if image.has_transparency_data else f"the mode {image.mode}"
        raise BadImage(f"it has {bits} bits a value and {what}, which must have 8")
    if image.width * image.height > MAX_DEEP_PIXELS:
        raise BadImage(f"it has {bits} bits a value and more than {MAX_DEEP_PIXELS} pixels")
    values = _colour_of_16_bits(image, source) if image.mode == "RGB" else np.asarray(image).astype(np.float32)
    if image.format == "TIFF" and image.tag_v2.get(_PHOTOMETRIC) == WHITE_IS_ZERO:  # type: ignore[attr-defined]
        values = np.float32(2**bits - 1) - values
    if not np.isfinite(values).all():
        raise BadImage("it holds values that are no finite numbers")
    levels, planes = Levels(float(values.min()), float(values.max())), []
    for plane in np.atleast_3d(values).transpose(2, 0, 1):
        flat = pillow.fromarray(np.ascontiguousarray(plane))
        flat.getexif()[_ORIENTATION] = image.getexif().get(_ORIENTATION, 1)
        planes.append(np.asarray(_shrunk(ImageOps.exif_transpose(flat))))
    found = planes[0] if len(planes) == 1 else np.stack(planes, axis=-1)
    return Pixels(found, Depth(bits, levels))


def _colour_of_16_bits(image: Image, source: Callable[[], Any]) -> Array:
    """Return a colour image of 16 bits as float32, (height, width, 3).

    Pillow gives the upper byte of each value: of a file opened again, in the other order of bytes, the lower one.
    """
    from PIL import Image as pillow

    upper = np.asarray(image).astype(np.float32)
    with pillow.open(source(), formats=FORMATS) as again:
        tiles: Any = again.tile
        again.tile = [tile._replace(args=_swapped(tile.args)) for tile in tiles]
        lower = np.asarray(again)
    return np.asarray(upper * 256 + lower, np.float32)


def _swapped(args: Any) -> Any:
    """Return a tile's arguments with the other order of bytes in the raw mode: ``16L`` for ``16B``."""
    if isinstance(args, tuple):
        return (_swapped(args[0]), *args[1:])
    order = args[-1] if args[-1] != "N" else {"little": "L", "big": "B"}[sys.byteorder]
    return args[:-1] + {"L": "B", "B": "L"}[order]


def _shrunk(image: Image) -> Image:
    scale = min(1.0, LARGEST_SIDE / min(image.size))
    width, height = (max(min(LARGEST_SIDE, side), round(side * scale)) for side in image.size)
    if width * height > MAX_SHRUNK_PIXELS:
        raise BadImage(f"it is too long for its width: {image.width} x {image.height} pixels")
    return image if scale == 1 else image.resize((width, height))
