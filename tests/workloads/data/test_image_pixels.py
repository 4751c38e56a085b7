"""Pixels of every depth and kind of image: right, in 0 to 255 by the data's own range, or refused by name."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from search_spaces.spec.data import Data
from tests.helpers.deep_images import COLOUR, COLOUR_ALPHA, GREY_ALPHA, png, tiff
from tests.helpers.streams_without_ray import all_rows
from workloads.arrays import DataError
from workloads.data.prepare import prepare
from workloads.data.sources.image_files import read
from workloads.data.sources.image_pixels import BadImage, decoded
from workloads.data.sources.images import Encoded, ImagesRead, decode

RNG = np.random.default_rng(0)
GREY = RNG.integers(0, 4096, (5, 4)).astype(np.uint16)
"""Twelve bits in sixteen, as microscopes and X-ray machines write."""
RED = RNG.integers(0, 4096, (5, 4, 3)).astype(np.uint16)


def saved(image: Image.Image, kind: str = "PNG", **how: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **how)
    return buffer.getvalue()


def scaled(values: np.ndarray, low: float, high: float) -> np.ndarray:
    return np.rint((values.astype(float) - low) / (high - low) * 255).astype(np.uint8)


DEEP: dict[str, tuple[Callable[[np.ndarray], bytes], np.ndarray, int]] = {
    "grey png": (png, GREY, 16),
    "colour png": (lambda v: png(v, COLOUR), RED, 16),
    "grey tiff": (tiff, GREY, 16),
    "grey tiff, big end first": (lambda v: tiff(v, big=True), GREY, 16),
    "colour tiff": (tiff, RED, 16),
    "colour tiff, big end first": (lambda v: tiff(v, big=True), RED, 16),
    "colour tiff, compressed": (lambda v: tiff(v, compressed=True), RED, 16),
    "colour tiff, compressed, big end first": (lambda v: tiff(v, compressed=True, big=True), RED, 16),
    "I;16 tiff, lzw": (lambda v: saved(Image.fromarray(v), "TIFF", compression="tiff_lzw"), GREY, 16),
    "I tiff": (lambda v: saved(Image.fromarray(v.astype(np.int32)), "TIFF"), GREY.astype(int) - 70, 32),
    "F tiff": (
        lambda v: saved(Image.fromarray(v.astype(np.float32)), "TIFF"),
        (GREY / 7000 - 0.25).astype(np.float32),
        32,
    ),
}


@pytest.mark.parametrize("case", DEEP)
def test_deep_images_are_scaled_by_the_range_of_all_of_them(case: str) -> None:
    write, values, bits = DEEP[case]
    darker = values / 2 if values.dtype.kind == "f" else values // 2
    found = decode([Encoded("a", write(values)), Encoded("b", write(darker))], ImagesRead("here"))
    low, high = float(min(values.min(), darker.min())), float(max(values.max(), darker.max()))
    for image, meant in zip(found.x, (values, darker), strict=True):
        shown = image[0] if meant.ndim == 2 else image.transpose(1, 2, 0)
        assert np.abs(shown.astype(int) - scaled(meant, low, high)).max() <= (values.dtype.kind == "f")
    assert len(np.unique(found.x)) > 15, "not all white"
    assert found.details() == {"bits": bits, "lowest_value": f"{low:.9g}", "highest_value": f"{high:.9g}"}
    values = f"the values {low:.9g} to {high:.9g}, the range of all images, become 0 to 255"
    assert found.notes() == (f"images have {bits} bits a value: {values}",)


def test_white_that_is_zero_is_white() -> None:
    values = np.array([[0, 100], [65535, 40000]], np.uint16)
    assert decoded(tiff(values, photometric=0)).values.tolist() == (65535 - values.astype(int)).tolist()
    assert decoded(saved(Image.fromarray(values), "TIFF")).values.tolist() == values.tolist()


def test_large_deep_images_are_shrunk_and_turned() -> None:
    values = np.zeros((600, 1200), np.uint16)
    values[:, 600:] = 3000
    image = Image.fromarray(values)
    exif = image.getexif()
    exif[0x0112] = 6
    found = decode([Encoded("a", saved(image, "PNG", exif=exif))], ImagesRead("here")).x
    assert found.shape == (1, 1, 512, 256)
    assert found[0, 0, 100, 0] == 0 and found[0, 0, 400, 0] == 255


def ordinary(mode: str, colour: object) -> Image.Image:
    return Image.new(mode, (2, 1), colour)  # type: ignore[arg-type]


def palette(transparent: bool) -> bytes:
    image = Image.new("P", (2, 1))
    image.putpalette([10, 20, 30, 200, 100, 50])
    image.putpixel((1, 0), 1)
    return saved(image, transparency=0) if transparent else saved(image)


KINDS: dict[str, tuple[bytes, list[list[int] | int], bool]] = {
    "1 bit": (saved(ordinary("1", 1)), [255, 255], False),
    "grey": (saved(ordinary("L", 7)), [7, 7], False),
    "palette": (palette(False), [[10, 20, 30], [200, 100, 50]], False),
    "palette with a transparent colour": (palette(True), [[255, 255, 255], [200, 100, 50]], True),
    "opaque alpha": (saved(ordinary("RGBA", (1, 2, 3, 255))), [[1, 2, 3]] * 2, False),
    "transparent": (saved(ordinary("RGBA", (1, 2, 3, 0))), [[255, 255, 255]] * 2, True),
    "half transparent": (saved(ordinary("RGBA", (55, 55, 55, 51))), [[215, 215, 215]] * 2, True),
    "grey, transparent": (saved(ordinary("LA", (0, 0))), [255, 255], True),
    "grey, opaque": (saved(ordinary("LA", (9, 255))), [9, 9], False),
    "cmyk": (saved(ordinary("CMYK", (0, 0, 0, 255)), "TIFF"), [[0, 0, 0]] * 2, False),
    "cmyk jpeg": (saved(ordinary("CMYK", (0, 255, 255, 0)), "JPEG", quality=100), [[254, 0, 0]] * 2, False),
    "tiff": (saved(ordinary("RGB", (1, 2, 3)), "TIFF"), [[1, 2, 3]] * 2, False),
    "tiff, lzw": (saved(ordinary("L", 3), "TIFF", compression="tiff_lzw"), [3, 3], False),
}


@pytest.mark.parametrize("case", KINDS)
def test_images_of_8_bits_or_fewer_have_the_colours_that_people_see(case: str) -> None:
    content, meant, transparent = KINDS[case]
    found = decoded(content)
    assert found.values.dtype == np.uint8
    assert np.abs(found.values[0].astype(int) - meant).max() <= (case == "cmyk jpeg")
    assert found.transparent == transparent


FRAMES = [ordinary("RGB", (k, 2, 3)) for k in (1, 200, 90)]
REFUSED: dict[str, tuple[bytes, str]] = {
    "moving png": (saved(FRAMES[0], save_all=True, append_images=FRAMES[1:]), "it holds 3 frames or pages"),
    "moving webp": (saved(FRAMES[0], "WEBP", save_all=True, append_images=FRAMES[1:]), "it holds 3 frames"),
    "pages": (saved(FRAMES[0], "TIFF", save_all=True, append_images=FRAMES[1:]), "it holds 3 frames or pages"),
    "gif": (saved(ordinary("L", 1), "GIF"), "it is a GIF"),
    "pdf": (b"%PDF-1.7 and more", "it is a PDF"),
    "heic": (b"\0\0\0\x18ftypheic\0\0\0\0", r"a file of the kind heic \(HEIC, AVIF or a film\)"),
    "dicom": (b"\0" * 128 + b"DICM" + b"\0" * 40, "it is a DICOM file"),
    "nothing": (b"", "it is no image, or a damaged one"),
    "half a png": (saved(ordinary("RGB", (1, 2, 3)))[:50], "."),
    "deep with alpha": (png(RNG.integers(0, 9, (2, 2, 4)), COLOUR_ALPHA), "16 bits a value and transparency"),
    "deep grey with alpha": (png(RNG.integers(0, 9, (2, 2, 2)), GREY_ALPHA), "16 bits a value and transparency"),
    "not a number": (saved(Image.fromarray(np.full((2, 2), np.nan, np.float32)), "TIFF"), "no finite numbers"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_still_picture_is_refused_by_name(case: str, tmp_path: Path) -> None:
    content, reason = REFUSED[case]
    (tmp_path / "x").write_bytes(content)
    for source in (content, tmp_path / "x"):
        with pytest.raises(BadImage, match=reason):
            decoded(source)


@pytest.mark.filterwarnings("ignore")
def test_libtiff_writes_nothing_to_the_terminal(capfd: pytest.CaptureFixture[str]) -> None:
    """It would, of a damaged file, to the process's own stderr."""
    rng = np.random.default_rng(1)
    content = saved(
        Image.fromarray(rng.integers(0, 256, (40, 40)).astype(np.uint8)), "TIFF", compression="tiff_lzw"
    )
    refused = 0
    for k in range(60):
        damaged = bytearray(content[: rng.integers(100, len(content))] if k % 2 else content)
        damaged[rng.integers(8, len(damaged))] ^= 255
        try:
            decoded(bytes(damaged))
        except BadImage:
            refused += 1
    assert refused > 20 and capfd.readouterr().err == ""


def folder(root: Path, depth: int = 16, num: int = 12) -> Path:
    """Two classes, whose brightness differs, of images of 12 bits in 16."""
    for label, least in (("dim", 0), ("bright", 2000)):
        (root / label).mkdir(parents=True)
        for k in range(num):
            values = (RNG.integers(0, 2000, (4, 4)) + least).astype(np.uint16)
            content = png(values) if depth == 16 else saved(Image.fromarray((values // 16).astype(np.uint8)))
            (root / label / f"{k}.png").write_bytes(content)
    return root


def test_a_folder_of_deep_images_is_no_folder_of_copies(tmp_path: Path) -> None:
    data = Data(folder=str(folder(tmp_path / "zoo")), strict=True)
    found = prepare(data)
    assert set(found.card.duplicates.values()) == {0}
    assert found.card.details["bits"] == 16 and 3000 < int(found.card.details["highest_value"]) < 4000
    assert any("images have 16 bits a value" in note for note in found.card.notes)
    bright = found.search.train.x[found.search.train.y == found.card.classes.index("dim")]
    assert bright.max() <= 132
    on_disk = prepare(data.model_copy(update={"in_memory_gib": 0.0}))
    for part, other in ((found.search.train, on_disk.search.train), (found.test, on_disk.test)):
        assert np.array_equal(read(other.x)[:, :1], part.x)


def test_further_files_are_scaled_by_the_range_of_the_first(tmp_path: Path) -> None:
    own = folder(tmp_path / "own")
    (own / "dim" / "0.png").write_bytes(png(np.full((4, 4), 65535, np.uint16)))
    (own / "dim" / "1.png").write_bytes(png(np.full((4, 4), 2000, np.uint16)))
    whole = folder(tmp_path / "zoo")
    found = prepare(Data(folder=str(whole), test=str(own)))
    levels = {key: float(found.card.details[f"{key}_value"]) for key in ("lowest", "highest")}
    assert found.test.x[found.test.y == found.card.classes.index("dim")].max() == 255, "cut, not rescaled"
    assert found.test.x.max(axis=(1, 2, 3)).tolist().count(255) == 1
    meant = scaled(np.array([2000]), levels["lowest"], levels["highest"])[0]
    assert any((image == meant).all() for image in found.test.x)
    shallow = folder(tmp_path / "shallow", depth=8)
    with pytest.raises(DataError, match=r"bright/0\.png: .*it has 8 bits a value, and the others 16"):
        prepare(Data(folder=str(whole), test=str(shallow)))


def test_images_of_different_depths_are_refused_by_name(tmp_path: Path) -> None:
    folder(tmp_path / "zoo")
    (tmp_path / "zoo" / "dim" / "5.png").write_bytes(saved(Image.new("L", (4, 4), 5)))
    both = r"the same number of bits a value, bright/0\.png has 16 and dim/5\.png 8"
    with pytest.raises(DataError, match=both):
        prepare(Data(folder=str(tmp_path / "zoo"), skip_bad=True))


@pytest.mark.parametrize("form", ["folder", "parquet"])
def test_streamed_deep_images_are_scaled_by_one_range(tmp_path: Path, form: str) -> None:
    root = folder(tmp_path / "zoo", num=60)
    data = Data(folder=str(root), streaming=True)
    if form == "parquet":
        files = sorted(root.rglob("*.png"))
        cells = {"image": [file.read_bytes() for file in files], "label": [file.parent.name for file in files]}
        pd.DataFrame(cells).to_parquet(tmp_path / "i.parquet")
        data = Data(parquet=str(tmp_path / "i.parquet"), image="image", target="label", streaming=True)
    found = prepare(data)
    assert found.search.stream is not None and found.card.details["bits"] == 16
    x, y = all_rows(found.search.stream)
    of = {name: x[y == k] for k, name in enumerate(found.card.classes)}
    assert of["dim"].max() < of["bright"].max() and len(np.unique(x)) > 200
    assert x.dtype == np.uint8
