"""The page of what is read names kinds of columns, image formats, and the facts that cards of small data hold."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from search_spaces.spec.column_kinds import DECLARED
from search_spaces.spec.data import Data
from tests.docs.generate import DOCS
from tests.docs.json_documents import CARD
from tests.helpers.sequence_data import RHYME, monthly, series, text
from tests.helpers.streams_without_ray import csv_folder, frame
from workloads.data.data_card import DataCard
from workloads.data.prepare import prepare
from workloads.data.search_data import Prepared
from workloads.data.sources.image_pixels import FORMATS

PAGE = (DOCS / "reference" / "data.md").read_text(encoding="utf-8")


def dialect(folder: Path) -> Prepared:
    rows = ["Report", "", "a;b;y", *(f"{i},5;{i % 7};{'xz'[i % 2]}" for i in range(40))]
    (folder / "odd.csv").write_text("\n".join(rows), encoding="utf-16")
    return prepare(Data(csv=str(folder / "odd.csv"), target="y", skip_rows=2))


def deep_images(folder: Path) -> Prepared:
    for label in ("one", "two"):
        (folder / label).mkdir()
        for i in range(4):
            values = np.full((8, 8), 1000 * i + len(label), np.uint16)
            Image.fromarray(values).save(folder / label / f"{i}.png")
        (folder / label / "bad.png").write_bytes(b"no image")
    return prepare(Data(folder=str(folder), skip_bad=True))


def gaps(folder: Path) -> Prepared:
    lines = monthly(200)
    return series(folder, [*lines[:90], *lines[91:]], gaps="carry")


def streamed(folder: Path) -> Prepared:
    return prepare(Data(csv=str(csv_folder(folder / "rows", frame(300))), target="kind", streaming=True))


def rhyme(folder: Path) -> Prepared:
    return text(folder, RHYME * 12 + "?!")


@pytest.mark.parametrize("make", [dialect, deep_images, gaps, streamed, rhyme])
def test_facts_of_a_card_stand_on_the_page(make: object, tmp_path: Path) -> None:
    details = make(tmp_path).card.details  # type: ignore[operator]
    assert details
    assert [name for name in details if f"`{name}`" not in PAGE] == []


def test_kinds_and_fields_stand_on_the_page() -> None:
    assert [kind for kind in DECLARED if f"\n| `{kind}` | " not in PAGE] == []
    assert [name for name in FORMATS if name.lower() not in PAGE.lower()] == []
    assert set(CARD) == {field.name for field in fields(DataCard)}
