"""Images from folders, Parquet and torchvision's files: read, split, counted, or refused by name."""

from __future__ import annotations

import io
import os
import struct
import urllib.request
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from search_spaces.spec.data import Data
from search_spaces.spec.image_folder import FolderFault, class_folders
from tests.helpers.spec_cases import refusal
from tests.helpers.sweep_here import Here
from workloads.arrays import DataError
from workloads.data.prepare import prepare
from workloads.data.sources.image_pixels import LARGEST_SIDE
from workloads.data.sources.images import Encoded, ImagesRead, decode

COLOURS = {"cat": (200, 30, 10), "dog": (20, 180, 40), "eel": (10, 20, 250)}


def picture(name: str, k: int = 0, size: tuple[int, int] = (6, 5)) -> Image.Image:
    red, green, blue = COLOURS[name]
    return Image.new("RGB", size, (red, green, blue - k))


def images(root: Path, num: int = 8, *, within: str = "", size: tuple[int, int] = (6, 5)) -> Path:
    for name in COLOURS:
        folder = root / within / name
        folder.mkdir(parents=True)
        for k in range(num):
            picture(name, k, size).save(folder / f"{k}.png")
    return root


def test_a_folder_of_classes_is_split_by_class(tmp_path: Path) -> None:
    images(tmp_path)
    (tmp_path / "cat" / "more").mkdir()
    picture("cat", 99).save(tmp_path / "cat" / "more" / "deep.png")
    (tmp_path / "cat" / ".hidden").write_text("no image")
    (tmp_path / "README.txt").write_text("beside the classes")
    prepared = prepare(Data(folder=str(tmp_path)))
    card = prepared.card
    assert (card.kind, card.shape, card.classes) == ("image", (3, 5, 6), ("cat", "dog", "eel"))
    assert sum(card.rows.values()) == 25
    assert all(min(counts) >= 1 for counts in card.class_counts.values())
    for part in (prepared.search.train, prepared.search.val, prepared.test):
        shades = [COLOURS[card.classes[y]][0] for y in part.y]
        assert part.x[:, 0, 0, 0].tolist() == shades


@pytest.mark.parametrize(
    ("given", "lacking"), [(("train",), "val test"), (("train", "valid"), "test"), (("train", "test"), "val")]
)
def test_folders_of_splits_are_kept_and_completed_from_train(
    tmp_path: Path, given: tuple[str, ...], lacking: str
) -> None:
    for split in given:
        images(tmp_path, 40 if split == "train" else 4, within=split)
    rows = prepare(Data(folder=str(tmp_path))).card.rows
    for split in ("val", "test"):
        assert (rows[split] == 12) == (split not in lacking)
        assert rows[split] > 0
    assert sum(rows.values()) == 120 + 12 * (len(given) - 1)


@pytest.mark.parametrize("names", [("Train", "TEST"), ("training", "testing"), ("train", "dev", "test")])
def test_folders_of_splits_may_be_named_as_people_do(tmp_path: Path, names: tuple[str, ...]) -> None:
    for name in names:
        images(tmp_path, 8, within=name)
    card = prepare(Data(folder=str(tmp_path))).card
    assert card.classes == ("cat", "dog", "eel")
    assert card.rows["test"] == 24


@pytest.mark.parametrize("names", [("train", "test", "pred"), ("seg_train", "seg_test"), ("test", "val")])
@pytest.mark.parametrize("streaming", [None, True])
def test_folders_that_look_like_splits_are_no_classes(
    tmp_path: Path, names: tuple[str, ...], streaming: bool | None
) -> None:
    for name in names:
        images(tmp_path, 4, within=name)
    with pytest.raises(DataError, match=r"folders of splits must be named train, val and test, .* both hold cat"):
        prepare(Data(folder=str(tmp_path), streaming=streaming))


def test_what_systems_hide_is_no_image_and_a_class_may_be_a_train(tmp_path: Path) -> None:
    images(tmp_path, 20)
    (tmp_path / "cat" / "shown").mkdir()
    for name in ("cat/Thumbs.db", "cat/desktop.ini", "__MACOSX/cat/1.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "eel").rename(tmp_path / "train")
    for streaming in (None, True):
        found = prepare(Data(folder=str(tmp_path), streaming=streaming))
        assert found.card.classes == ("cat", "dog", "train")


def test_a_test_folder_of_its_own_is_the_test_split(tmp_path: Path) -> None:
    images(tmp_path / "a")
    images(tmp_path / "b", 3)
    assert prepare(Data(folder=str(tmp_path / "a"), test=str(tmp_path / "b"))).card.rows["test"] == 9
    images(tmp_path / "c", 6, within="train")
    images(tmp_path / "c", 6, within="test")
    with pytest.raises(DataError, match=r"data\.test: has no effect"):
        prepare(Data(folder=str(tmp_path / "c"), test=str(tmp_path / "b")))


def broken(root: Path, fault: str) -> tuple[str, str]:
    """Makes a folder with a fault; the rule and what is received."""
    if fault == "no class folders":
        (root / "1.png").write_bytes(b"")
        return "of two or more classes", f"no class folder in {root.name}"
    if fault == "one class":
        (root / "cat").mkdir()
        picture("cat").save(root / "cat" / "1.png")
        return "of two or more classes", "one class folder, cat"
    images(root, 4, within="train" if fault == "unknown class" else "")
    if fault == "unknown class":
        (root / "val" / "fox").mkdir(parents=True)
        picture("cat").save(root / "val" / "fox" / "1.png")
        return "must have a folder in train", "val/fox has none"
    (root / "ant").mkdir()
    return "every class folder must hold images", "ant is empty"


@pytest.mark.parametrize("fault", ["no class folders", "one class", "unknown class", "empty class"])
def test_a_faulty_folder_is_refused_with_its_place_before_anything_is_read(tmp_path: Path, fault: str) -> None:
    root = tmp_path / "zoo"
    root.mkdir()
    rule, received = broken(root, fault)
    with pytest.raises(FolderFault, match=rule):
        class_folders(root)
    error = refusal("workload: cnn\ndata:\n  folder: zoo\n", tmp_path)
    (told,) = error.faults
    assert (told.place, told.path, told.received) == ("sweep.yaml:3", "data.folder", received)
    assert rule in told.rule
    with pytest.raises(DataError, match=rule):
        prepare(Data(folder=str(root)))


def test_a_folder_that_cannot_be_read_is_neither_empty_nor_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def closed(path: str) -> Any:
        if Path(path).name == "more":
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    images(tmp_path, 4)
    (tmp_path / "cat" / "more").mkdir()
    scandir = os.scandir
    monkeypatch.setattr(os, "scandir", closed)  # nothing is closed to root
    with pytest.raises(DataError, match="must hold folders that can be read: cat/more: Permission denied"):
        prepare(Data(folder=str(tmp_path)))


def test_a_folder_that_is_not_there_is_refused_with_the_nearest(tmp_path: Path) -> None:
    images(tmp_path / "photos")
    (told,) = refusal("workload: cnn\ndata: {folder: fotos}\n", tmp_path).faults
    assert (told.path, told.received, told.suggestion) == ("data.folder", "'fotos'", "'photos'")
    os.mkfifo(tmp_path / "photo")
    (told,) = refusal("workload: cnn\ndata: {folder: photo}\n", tmp_path).faults
    assert (told.rule, told.suggestion) == ("must be a folder, this is a pipe, a socket or a device", None)
    (told,) = refusal("workload: cnn\ndata: {folder: photos, target: x}\n", tmp_path).faults
    assert told.path == "data.target"


def test_an_image_that_is_none_is_named_or_left_out_and_counted(tmp_path: Path) -> None:
    images(tmp_path)
    whole = (tmp_path / "cat" / "0.png").read_bytes()
    (tmp_path / "dog" / "9.jpg").write_bytes(b"no image")
    (tmp_path / "cat" / "8.png").write_bytes(whole[: len(whole) // 2])
    named = rf"data\.folder: {tmp_path.name}: cat/8\.png: .* cannot be decoded"
    with pytest.raises(DataError, match=named) as told:
        prepare(Data(folder=str(tmp_path)))
    assert "data.skip_bad: true" in str(told.value)
    assert "\n" not in str(told.value)
    card = prepare(Data(folder=str(tmp_path), skip_bad=True)).card
    assert sum(card.rows.values()) == 24
    assert card.details == {"bad_images": 2, "bad_image_names": "cat/8.png, dog/9.jpg"}


def test_a_class_of_which_no_image_is_left_is_refused(tmp_path: Path) -> None:
    images(tmp_path)
    (tmp_path / "fox").mkdir()
    (tmp_path / "fox" / "1.png").write_bytes(b"no image")
    with pytest.raises(DataError, match="no image that can be read in fox"):
        prepare(Data(folder=str(tmp_path), skip_bad=True))


def test_bad_images_of_a_parquet_file_are_left_out_with_their_labels(tmp_path: Path) -> None:
    cells, labels = [], []
    for k in range(30):
        buffer = io.BytesIO()
        picture(["cat", "dog"][k % 2], k // 2).save(buffer, "PNG")
        cells.append(b"none" if k in (4, 7) else buffer.getvalue())
        labels.append(["cat", "dog"][k % 2])
    pd.DataFrame({"image": cells, "label": labels}).to_parquet(tmp_path / "i.parquet")
    how: dict[str, Any] = {"parquet": str(tmp_path / "i.parquet"), "image": "image", "target": "label"}
    with pytest.raises(DataError, match=r"row 5: the image cannot be decoded"):
        prepare(Data(**how))
    prepared = prepare(Data(**how, skip_bad=True))
    assert prepared.card.details["bad_images"] == 2
    train = prepared.search.train
    assert train.x[:, 0, 0, 0].tolist() == [COLOURS[prepared.card.classes[y]][0] for y in train.y]


def test_images_of_different_sizes_become_squares_and_grey_ones_colour() -> None:
    def encoded(image: Image.Image) -> Encoded:
        buffer = io.BytesIO()
        image.save(buffer, "PNG")
        return Encoded("x", buffer.getvalue())

    sizes = [(6, 5), (20, 10), (9, 30)]
    found = decode([encoded(picture("cat", size=size)) for size in sizes], ImagesRead("here"))
    assert found.x.shape == (3, 3, 9, 9)
    assert {tuple(pixel) for pixel in found.x.transpose(0, 2, 3, 1).reshape(-1, 3)} == {COLOURS["cat"]}
    mixed = decode(
        [encoded(Image.new("L", (4, 4), 7)), encoded(Image.new("RGB", (4, 4), (1, 2, 3)))], ImagesRead("here")
    )
    assert mixed.x[:, :, 0, 0].tolist() == [[7, 7, 7], [1, 2, 3]]
    large = decode([encoded(Image.new("L", (2 * LARGEST_SIDE, 3 * LARGEST_SIDE)))] * 2, ImagesRead("here"))
    assert large.x.shape == (2, 1, LARGEST_SIDE * 3 // 2, LARGEST_SIDE)


def test_photos_are_turned_as_their_camera_says() -> None:
    image, buffer = Image.new("RGB", (8, 4)), io.BytesIO()
    exif = image.getexif()
    exif[0x0112] = 6
    image.save(buffer, "JPEG", exif=exif)
    assert decode([Encoded("x", buffer.getvalue())], ImagesRead("here")).x.shape == (1, 3, 8, 4)


def write_idx(path: Path, array: np.ndarray[Any, Any]) -> None:
    """MNIST's own format: two zero bytes, the type, the number of dimensions, their sizes, the numbers."""
    path.parent.mkdir(parents=True, exist_ok=True)
    head = struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape)
    path.write_bytes(head + array.astype(np.uint8).tobytes())


@pytest.mark.parametrize(("name", "folder"), [("mnist", "MNIST"), ("fashion_mnist", "FashionMNIST")])
def test_torchvision_s_files_are_read_with_their_own_test_split(tmp_path: Path, name: str, folder: str) -> None:
    raw, rng = tmp_path / folder / "raw", np.random.default_rng(0)
    for split, num in (("train", 60), ("t10k", 20)):
        write_idx(raw / f"{split}-images-idx3-ubyte", rng.integers(0, 255, (num, 28, 28)))
        write_idx(raw / f"{split}-labels-idx1-ubyte", np.arange(num) % 10)
    prepared = prepare(Data(name=name, root=str(tmp_path)))
    assert prepared.card.shape == (1, 28, 28)
    assert prepared.card.rows["test"] == 20
    assert prepared.card.rows["train"] + prepared.card.rows["val"] == 60
    assert len(prepared.card.classes) == 10


@pytest.mark.parametrize("name", ["cifar10", "cifar100", "mnist", "fashion_mnist"])
def test_a_set_that_cannot_be_downloaded_names_the_folder_to_fill(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(urllib.request, "_opener", None)  # urllib keeps the proxies that it met first
    for proxy in ("http_proxy", "https_proxy"):
        monkeypatch.setenv(proxy, "http://127.0.0.1:9")
    monkeypatch.setenv("PACELINE_DATA", str(tmp_path))
    with pytest.raises(DataError, match=rf"{name} is not in {tmp_path} and cannot be downloaded") as told:
        prepare(Data(name=name))
    assert f"into {tmp_path}/" in str(told.value)
    assert "\n" not in str(told.value)
    assert {"cifar10": "data_batch_1", "cifar100": "meta"}.get(name, "t10k-labels-idx1-ubyte") in str(told.value)


@pytest.mark.slow
def test_a_sweep_on_an_image_that_is_none_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    images(tmp_path / "zoo")
    (tmp_path / "zoo" / "cat" / "x.png").write_bytes(b"no image")
    folder = Here(tmp_path)
    folder.write("workload: image\ndata: {folder: zoo}\ntrials: 2\nepochs: 1\nfinal: none\n")
    done = folder.paceline("run", "sweep.yaml", "--json")
    assert done.returncode == 2, done.stderr
    assert "data.folder: zoo: cat/x.png: the image cannot be decoded" in done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["sweep.yaml", "zoo"]
    small = "parameters={width: 4, lr: {min: 0.001, max: 0.01}}"
    document = folder.document("run", "sweep.yaml", "data.skip_bad=true", small)
    assert [trial["state"] for trial in document["trials"]] == ["done", "done"]
