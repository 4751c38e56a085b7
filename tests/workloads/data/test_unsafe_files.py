"""Files that lie, that never end or that lead elsewhere are refused in bounded time and memory."""

from __future__ import annotations

import os
import resource
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from search_spaces.spec.data import Data
from tests.helpers.deep_images import png
from workloads.arrays import DataError
from workloads.data.prepare import prepare


def folder(root: Path, num: int = 8) -> Path:
    for label in ("cat", "dog"):
        (root / label).mkdir(parents=True)
        for k in range(num):
            Image.new("L", (4, 4), 10 * k + (label == "dog")).save(root / label / f"{k}.png")
    return root


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
