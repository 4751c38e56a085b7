"""Files that lie, that never end or that lead elsewhere are refused in bounded time and memory."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import resource
import struct
import threading
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from PIL import Image

from search_spaces.spec.data import Data
from search_spaces.spec.files import compressed
from search_spaces.spec.files.compressed import opened
from tests.helpers.deep_images import png
from tests.helpers.streams_without_ray import all_rows
from workloads.arrays import DataError
from workloads.data.prepare import prepare
from workloads.data.sources.tables import read_frame


def folder(root: Path, num: int = 8) -> Path:
    for label in ("cat", "dog"):
        (root / label).mkdir(parents=True)
        for k in range(num):
            Image.new("L", (4, 4), 10 * k + (label == "dog")).save(root / label / f"{k}.png")
    return root


def encoded(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def link_out(root: Path) -> None:
    secret = root.parent / "secret.png"
    Image.new("L", (4, 4), 99).save(secret)
    (root / "cat" / "more").mkdir()
    (root / "cat" / "more" / "x.png").symlink_to("../../../secret.png")


def link_to_a_folder_outside(root: Path) -> None:
    folder(root.parent / "other")
    (root / "dog" / "more").symlink_to(root.parent / "other" / "dog")


def a_class_outside(root: Path) -> None:
    folder(root.parent / "other")
    (root / "eel").symlink_to(root.parent / "other" / "dog")


UNSAFE: dict[str, tuple[Callable[[Path], object], str]] = {
    "a link out": (link_out, r"no symbolic link that leads out of it .*cat/more/x\.png -> .*/secret\.png"),
    "a link to a folder outside": (link_to_a_folder_outside, r"link.*dog/more"),
    "a class outside": (a_class_outside, r"leads out of it .*eel -> .*other/dog"),
    "links in a circle": (lambda root: (root / "cat" / "x.png").symlink_to("x.png"), "to nothing: cat/x"),
    "a link around": (lambda root: (root / "cat" / "all").symlink_to(root), r"no link.*cat/all"),
    "a link to nothing": (
        lambda root: (root / "cat" / "x.png").symlink_to(root / "gone"),
        r"to nothing: cat/x\.png",
    ),
    "a pipe": (lambda root: os.mkfifo(root / "cat" / "x.png"), r"must hold files: cat/x\.png is a pipe"),
    "a device": (lambda root: (root / "cat" / "x.png").symlink_to("/dev/zero"), r"leads out of it .*/dev/zero"),
}


@pytest.mark.parametrize("streaming", [False, True])
@pytest.mark.parametrize("case", UNSAFE)
def test_what_leads_out_of_an_image_folder_or_never_ends_is_refused(
    case: str, streaming: bool, tmp_path: Path
) -> None:
    root = folder(tmp_path / "zoo")
    make, rule = UNSAFE[case]
    make(root)
    for skip_bad in (False, True):
        with pytest.raises(DataError, match=rf"data\.folder: zoo: .*{rule}"):
            prepare(Data(folder=str(root), streaming=streaming, skip_bad=skip_bad))


def test_a_split_that_is_elsewhere_is_refused(tmp_path: Path) -> None:
    folder(tmp_path / "other")
    (tmp_path / "zoo").mkdir()
    (tmp_path / "zoo" / "train").symlink_to(tmp_path / "other")
    with pytest.raises(DataError, match=r"data\.folder: zoo: .*train/cat -> .*other/cat"):
        prepare(Data(folder=str(tmp_path / "zoo")))


def test_links_inside_of_a_folder_are_followed(tmp_path: Path) -> None:
    root = folder(tmp_path / "zoo")
    (root / "cat" / "x.png").symlink_to(root / "dog" / "1.png")
    (tmp_path / "link").symlink_to(root)
    assert sum(prepare(Data(folder=str(root))).card.rows.values()) == 17
    assert sum(prepare(Data(folder=str((tmp_path / "link").resolve()))).card.rows.values()) == 17


def peak_mib() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def test_an_image_that_claims_to_be_huge_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    root, before = folder(tmp_path / "zoo"), peak_mib()
    (root / "cat" / "x.png").write_bytes(png(np.zeros((3, 3), np.uint16), size=(50_000, 50_000)))
    with pytest.raises(DataError, match=r"cat/x\.png: .*it claims more than 178956970 pixels"):
        prepare(Data(folder=str(root)))
    assert prepare(Data(folder=str(root), skip_bad=True)).card.details["bad_images"] == 1
    assert peak_mib() < before + 100


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def with_chunk(name: bytes, data: bytes) -> bytes:
    """A small PNG with one more chunk behind its head."""
    content = png(np.zeros((3, 3), np.uint16))
    return content[:33] + chunk(name, data) + content[33:]


ZEROS = zlib.compress(bytes(10**8))
BOMBS: dict[str, bytes] = {
    "text": with_chunk(b"zTXt", b"Comment\0\0" + ZEROS),
    "colour profile": with_chunk(b"iCCP", b"profile\0\0" + ZEROS),
    "a long strip": encoded(Image.new("L", (10_000_000, 1))),
    "many deep pixels": png(np.zeros((3, 3), np.uint16), size=(9_000, 9_000)),
}


@pytest.mark.parametrize("case", BOMBS)
def test_what_a_few_bytes_expand_to_is_bounded(tmp_path: Path, case: str) -> None:
    root = folder(tmp_path / "zoo")
    (root / "cat" / "x.png").write_bytes(BOMBS[case])
    before = peak_mib()
    found = prepare(Data(folder=str(root), skip_bad=True)).card
    assert found.details.get("bad_images") == 1 and peak_mib() < before + 150


ROWS = 500


def varint(number: int) -> bytes:
    """A whole number as Thrift writes it into a footer: zigzag, 7 bits a byte."""
    left, found = number << 1, b""
    while left > 127:
        left, found = left >> 7, found + bytes([left & 127 | 128])
    return found + bytes([left])


def lying(path: Path, claimed: int, places: slice = slice(None)) -> Path:
    """Write a Parquet file of ROWS rows, whose footer says ``claimed`` in some of the places that count them."""
    rng = np.random.default_rng(0)
    numbers = {name: rng.normal(size=ROWS) for name in ("a", "b")}
    kinds = np.array(["cat", "dog"])[np.arange(ROWS) % 2]
    pd.DataFrame({**numbers, "kind": kinds}).to_parquet(path)
    content = path.read_bytes()
    begin = len(content) - 8 - struct.unpack("<I", content[-8:-4])[0]
    footer = content[begin:-8]
    parts = footer.split(varint(ROWS))
    which = set(range(len(parts) - 1)[places])
    told = b"".join(
        part + (b"" if k == len(parts) - 1 else varint(claimed if k in which else ROWS))
        for k, part in enumerate(parts)
    )
    path.write_bytes(content[:begin] + told + struct.pack("<I", len(told)) + b"PAR1")
    return path


@pytest.mark.parametrize("streaming", [False, True])
@pytest.mark.parametrize("claimed", [ROWS - 1, ROWS + 100, 10**7, 10**12])
def test_a_footer_that_lies_is_refused(tmp_path: Path, claimed: int, streaming: bool) -> None:
    before = peak_mib()
    everywhere = [slice(None)] if claimed > ROWS else []  # who leaves rows out everywhere tells of a shorter file
    for places in (slice(0, 1), slice(1, 2), slice(-1, None), *everywhere):
        path = lying(tmp_path / "lie.parquet", claimed, places)
        with pytest.raises(DataError, match=r"lie\.parquet.* cannot be read: "):
            prepare(Data(parquet=str(path), target="kind", streaming=streaming))
    assert peak_mib() < before + 200


def test_what_does_not_fit_into_memory_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = lying(tmp_path / "lie.parquet", 10**12)
    with pytest.raises(DataError, match=r"by its footer it takes \d+\.\d GiB or more.*data\.streaming: true"):
        prepare(Data(parquet=str(path), target="kind"))


def test_damaged_parquet_files_are_refused_and_nothing_else(tmp_path: Path) -> None:
    path, rng = lying(tmp_path / "some.parquet", ROWS), np.random.default_rng(0)
    assert sum(prepare(Data(parquet=str(path), target="kind")).card.rows.values()) == ROWS
    content = path.read_bytes()
    begin = len(content) - 8 - struct.unpack("<I", content[-8:-4])[0]
    refused = 0
    for _ in range(200):
        damaged = bytearray(content)
        damaged[rng.integers(begin, len(content) - 8)] = rng.integers(0, 256)
        path.write_bytes(damaged)
        try:
            read_frame(str(path), Data(parquet=str(path), target="kind"))
        except DataError:
            refused += 1
    assert refused > 20


PACKED: dict[str, Callable[[bytes, Path], object]] = {
    "csv.gz": lambda content, path: path.write_bytes(gzip.compress(content)),
    "csv.bz2": lambda content, path: path.write_bytes(bz2.compress(content)),
    "csv.zst": lambda content, path: path.write_bytes(pa.Codec("zstd").compress(content, asbytes=True)),
    "csv.zip": lambda content, path: zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED).writestr("a.csv", content),
    "feather": lambda content, path: pd.read_csv(io.BytesIO(content)).to_feather(path),
}


@pytest.mark.parametrize("form", PACKED)
def test_damaged_archives_and_arrow_files_are_refused_and_nothing_else(tmp_path: Path, form: str) -> None:
    path, rng = tmp_path / f"some.{form}", np.random.default_rng(0)
    PACKED[form](b"a,kind\n" + b"".join(b"%d.5,%s\n" % (k, b"cat" if k % 2 else b"dog") for k in range(60)), path)
    data = Data.model_validate({form.split(".")[0]: str(path), "target": "kind"})
    assert len(read_frame(str(path), data)[0]) == 60
    content, refused = path.read_bytes(), 0
    for k in range(150):
        damaged = bytearray(content[: rng.integers(1, len(content))] if k % 3 == 0 else content)
        damaged[rng.integers(0, len(damaged))] = rng.integers(0, 256)
        path.write_bytes(damaged)
        try:
            read_frame(str(path), data)
        except DataError:
            refused += 1
    assert refused > 40


class Writer:
    """Appends rows to a file, as a program does that logs, for as long as it is entered."""

    def __init__(self, path: Path, row: str, pause_s: float = 0.0) -> None:
        self.path, self.row, self.pause_s, self.ended = path, row, pause_s, threading.Event()
        self._thread = threading.Thread(target=self._write)

    def _write(self) -> None:
        with self.path.open("a") as file:
            while not self.ended.wait(self.pause_s):
                file.write(self.row)
                file.flush()

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self.ended.set()
        self._thread.join()


SOURCES: dict[str, tuple[str, str, dict[str, object]]] = {
    "table": ("a,kind\n", "0.25,cat\n1.5,dog\n", {"target": "kind"}),
    "blanks before quotes": ("a,kind\n", '0.25, "cat"\n1.5, "dog"\n', {"target": "kind"}),
    "stream": ("a,kind\n", "0.25,cat\n1.5,dog\n", {"target": "kind", "streaming": True}),
    "series": ("v,w\n", "1,2\n2,3\n3,4\n", {"value": "v", "time": "w"}),
    "text": ("", "to be or not to be\n", {}),
}


@pytest.mark.parametrize("case", SOURCES)
def test_a_file_that_grows_while_it_is_read_is_refused(tmp_path: Path, case: str) -> None:
    header, row, options = SOURCES[case]
    path, key = tmp_path / "log.csv", case if case in ("series", "text") else "csv"
    path.write_text(header + row * 60_000)
    with (
        Writer(path, row[: len(row) // 2], 0.001),
        pytest.raises(DataError, match=r"log\.csv.* has changed (while it was read|since)"),
    ):
        prepare(Data.model_validate({key: str(path), **options}))


def test_a_file_that_is_cut_while_it_is_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text("a,kind\n" + "0.25,cat\n1.5,dog\n" * 60_000)
    ended = threading.Event()

    def cut() -> None:
        while not ended.wait(0.001):
            os.truncate(path, max(0, path.stat().st_size - 4096))

    thread = threading.Thread(target=cut)
    thread.start()
    try:
        with pytest.raises(DataError, match=r"log\.csv has changed while it was read"):
            prepare(Data(csv=str(path), target="kind"))
    finally:
        ended.set()
        thread.join()


def test_no_more_of_a_file_is_read_than_there_was(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"ab")
    with opened(path) as file:
        assert file.read(1) == b"a"
        with path.open("ab") as other:
            other.write(b"c" * 100)
        assert file.read() == b"b"


@pytest.mark.parametrize("pack", [gzip, bz2, lzma])
def test_what_is_much_larger_than_its_archive_is_refused(
    tmp_path: Path, pack: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "bomb.csv.packed"
    path.write_bytes(pack.compress(b"a,kind\n" + b"1,cat\n2,dog\n" * 1_000_000))
    assert path.stat().st_size < 100_000
    monkeypatch.setattr(compressed, "memory_bytes", lambda: 2**24)
    before = peak_mib()
    with pytest.raises(DataError, match=r"bomb.* decompressed it takes more than 0\.0039 GiB"):
        prepare(Data(csv=str(path), target="kind"))
    assert peak_mib() < before + 250


def test_a_stream_that_changed_after_the_sweep_began_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text("a,kind\n" + "".join(f"{k},{'cat' if k % 2 else 'dog'}\n" for k in range(300)))
    stream = prepare(Data(csv=str(path), target="kind", streaming=True)).search.stream
    assert stream is not None and len(all_rows(stream)[1]) == stream.num_rows
    with path.open("a") as file:
        file.write("7,cat\n")
    with pytest.raises(DataError, match=r"log\.csv cannot be read: it has changed since the sweep began, from \d+"):
        all_rows(stream)
