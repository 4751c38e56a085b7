"""Files that were read wrong, or refused without a way out: right values, or the words of the refusal.

The files are in tests/data/faults, whose README says what each of them shows.
"""

from __future__ import annotations

import gc
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from search_spaces.spec.sweep import parse_sweep
from search_spaces.types.faults import SpecError
from tests.helpers.dialects import table
from tests.helpers.paths import ROOT
from workloads.arrays import SPLITS, DataError
from workloads.data.prepare import prepare
from workloads.data.search_data import Prepared
from workloads.registry import catalogue
from workloads.tables.columns import decode

FOLDER = ROOT / "tests" / "data" / "faults"
REGRESSION = {"metric": {"name": "val_rmse", "goal": "minimize"}}


@dataclass(frozen=True, kw_only=True)
class Right:
    """Facts about a file that is read right. Rows are those of all splits that are taken from it, in its order."""

    kinds: Mapping[str, str] = field(default_factory=dict)
    classes: Sequence[str] = ()
    cells: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    """The first cells of columns."""
    target: Sequence[Any] = ()
    """The first targets: classes, or numbers."""
    rows: int | None = None
    details: Mapping[str, Any] = field(default_factory=dict)
    told: Sequence[str] = ()
    """Parts of notes and leaks."""


TABLE = table(40)
OF_TABLE = Right(
    classes=("None", "ja"),
    kinds={"größe": "number", "price": "number", "num": "number", "word": "category"},
    cells={name: TABLE[name].tolist() for name in ("größe", "price", "num", "word")},
    target=TABLE["kind"].tolist(),
    rows=40,
)
"""The table of tests/helpers/dialects.py, which many files hold."""
TABLE_FORMS: dict[str, Mapping[str, Any]] = {
    "german-excel.csv": {},
    "unicode-text.txt": {},
    "byte-order-mark.csv": {},
    "french.csv": {},
    "swiss.csv": {},
    "american-thousands.csv": {},
    "decimal-commas-in-quotes.csv": {},
    "tabs.csv": {},
    "bars.csv": {},
    "single-quotes.csv": {},
    "comments.csv": {},
    "title.csv": {},
    "separator-at-the-end.csv": {},
    "old-macintosh.csv": {},
    "blanks.csv": {"separator": " "},
    "packed.csv.gz": {},
    "packed.csv.xz": {},
    "packed.csv.zst": {},
    "packed.csv.zip": {},
    "sheets.xlsx": {"sheet": "data"},
    "lines.jsonl": {},
    "list.json": {},
    "arrow.feather": {},
}
"""What must be said of the files with that table."""


def days(start: str, num: int, freq: str = "D") -> list[float]:
    return [moment.timestamp() for moment in pd.date_range(start, periods=num, freq=freq, tz="UTC")]


TABLES: dict[str, tuple[Mapping[str, Any], Right | str]] = {
    "row-number.csv": ({}, Right(rows=60, told=["copies"])),
    "row-number.csv, strict": ({"strict": True}, "copies"),
    "patients.csv": (
        {"test": "patients-test.csv", "split": {"group": "patient"}},
        Right(kinds={"f": "number"}, told=["patient"]),
    ),
    "rare-class.csv": ({}, Right(classes=("a", "b", "c"), rows=156)),
    "day-first.csv": ({}, Right(kinds={"born": "datetime"}, cells={"born": days("2024-03-01", 36, "11D")})),
    "firsts-of-months.csv": ({}, "'01/02/2020' is 1 February 2020 by .* or 2 January 2020 by .*datetime: FORMAT"),
    "firsts-of-months.csv, said": (
        {"columns": {"born": {"datetime": "%d/%m/%Y"}}},
        Right(cells={"born": days("2020-01-01", 12, "MS")}),
    ),
    "late-word.csv.gz": ({}, Right(classes=("0", "1", "unknown"), rows=80_000, target=["0", "1"])),
    "no-header.csv": (
        {"target": "c4", "header": False},
        Right(
            cells={f"c{k}": OF_TABLE.cells[name] for k, name in enumerate(OF_TABLE.cells)}, target=OF_TABLE.target
        ),
    ),
    "polish.csv": (
        {},
        Right(
            cells={"miasto": ["Łódź", "Gdańsk", "Kraków", "Przemyśl"], "x": [0.5, 7.5, 3.5]},
            details={"encoding": "cp1250", "separator": ";", "decimal": ","},
        ),
    ),
    "cyrillic.csv": ({}, "line 1 is no UTF-8, and which encoding it is in is uncertain: say encoding: .*cp1251"),
    "cyrillic.csv, said": ({"encoding": "cp1251"}, Right(cells={"город": ["Москва", "Казань", "Омск"]})),
    "either-separator.csv": ({"target": "c1", "header": False}, "say separator: ',' or ';'"),
    "either-decimal.csv": ({}, r"column 'a' holds '1,200', which may be 1200 .* or 1.2 .*say data.decimal"),
    "either-decimal.csv, said": ({"decimal": ","}, Right(cells={"a": [1.2, 2.201], "b": [0, 3, 6]})),
    "formulas.xlsx": (
        {},
        "cell B2 and 29 more cells hold formulas that no program has calculated yet: open and save",
    ),
    "types.parquet": (
        {},
        Right(
            kinds={"level": "ordinal", "zoned": "datetime", "flag": "number"},
            cells={
                "decimal": [0.25, 1.25],
                "duration": [0, 1.5, 3],
                "clock": [1800, 5400],
                "zoned": days("2024-02-29 12:00", 12),
                "level": ["low", "middle", "high", "low"],
                "flag": [1, 0, 1, 0, 1, None, 1],
                "big": [2.0**63, 2.0**63 + 2048],
            },
            told=[
                "'list' holds lists",
                "'record' holds records",
                "'duration' is a duration",
                "'big' holds numbers be",
            ],
        ),
    ),
    "index.parquet": ({}, Right(kinds={"a": "number"}, told=["'region' is the index"])),
    "index.parquet, said": (
        {"columns": {"region": "category"}},
        Right(cells={"region": ["r0", "r1", "r2", "r3", "r0"], "a": [0, 1.25]}),
    ),
    "no-class-is-missing.csv": (
        {},
        Right(
            classes=("NA", "None", "nan", "null"),
            cells={"a": [0, 5, 3], "b": [None, 1, None, 2.5]},
            target=["None", "NA", "null", "nan"],
        ),
    ),
    "missing-by-column.csv": (
        {"missing": {"a": ["-9"]}},
        Right(cells={"a": [None, 5, 3, 1, 6, None], "b": [-9, 1, 2, -9]}),
    ),
    "long-cell.csv.gz": ({"columns": {"b": "category"}}, Right(cells={"b": ["z", "z", "z", "x" * 140_000, "z"]})),
    "line-break.csv": ({}, Right(cells={"b": ['two\nlines, "0"', 'two\nlines, "1"']}, rows=20)),
    "ragged.csv": ({}, r"6: a row must have 3 cells as the first one has, received 2 \(as well lines 11 with 4\)"),
    "doubled-names.csv": ({}, "two columns are named 'a': rename one, or say header: false"),
    "empty-names.csv": ({}, Right(cells={"c0": [0, 5, 3], "b": [0, 1, 2], "c2": [0, 3, 1]})),
    "wide.csv.gz": ({}, Right(cells={"c4999": [0, 4999 % 9, 2 * 4999 % 9]}, rows=12)),
    "whole-numbers.csv": ({}, r"too rare: 100, .* \(to predict a number, say metric: \{name: val_rmse"),
    "alike-labels.csv": ({}, Right(classes=("Yes", "no", "yes"), told=["differ only in case or blanks"])),
    "units.csv": (
        {},
        Right(
            kinds={"weight": "number", "share": "number", "price": "number", "quarter": "category"},
            cells={"weight": [60, 61, 62], "share": [0, 1.5, 3], "price": [1000, 1007]},
            told=["'weight' holds numbers with the unit 'kg'", "with the unit '%'", "with the unit '$'"],
        ),
    ),
    "huge.csv": ({}, r"column 'a' must hold numbers of at most 1e\+150"),
}
TARGETS: dict[str, tuple[Mapping[str, Any], Right | str]] = {
    "kilograms.csv": ({}, Right(target=[60 + k / 4 for k in range(40)], told=["the unit 'kg' of 'y'"])),
    "percentages.csv": ({}, Right(target=[1.5 * k for k in range(40)], told=["the unit '%'"])),
    "dollars.csv": ({}, Right(target=[1000.25 + 37.5 * k for k in range(40)], told=["the unit '$'"])),
    "euros.csv": ({}, Right(target=[1000.25 + 37.5 * k for k in range(40)], told=["the unit '€'"])),
    "whole-numbers.csv, a number": ({}, Right(target=range(100, 140))),
}
FORECASTS: dict[str, tuple[Mapping[str, Any], Right | str]] = {
    "missing-day.csv": (
        {},
        r"missing-day.csv:32: 1 x 1 day missing \(1985-01-01 after 1984-12-30\); say data.gaps",
    ),
    "missing-day.csv, said": (
        {"gaps": "carry"},
        Right(details={"step": "1 day", "gaps": "1 steps carried forward"}),
    ),
    "weekdays.csv": ({}, Right(details={"step": "1 weekday"})),
    "month-ends.csv": ({}, Right(details={"step": "1 month"})),
    "quarters.csv": ({}, Right(details={"step": "3 months"})),
    "weeks.csv": ({}, Right(details={"step": "1 week"})),
    "clock-put-forward.csv": ({}, "a clock is changed: say data.time_zone, such as Europe/Berlin, which fits"),
    "clock-put-forward.csv, said": ({"time_zone": "Europe/Berlin"}, Right(details={"step": "1 hour"})),
    "clock-put-back.csv": ({}, "2024-10-27 02:00 after 2024-10-27 02:00.*say data.time_zone, such as Europe/"),
    "clock-put-back.csv, said": ({"time_zone": "Europe/Berlin"}, Right(details={"step": "1 hour"})),
    "offsets.csv": ({}, Right(details={"step": "1 hour"})),
    "zone-names.csv": ({}, Right(details={"step": "1 day", "time_zone": "Europe/Berlin"})),
    "unix-seconds.csv": ({}, Right(details={"step": "1 hour", "time_format": "unix_s"})),
    "unix-milliseconds.csv": ({}, Right(details={"step": "1 hour", "time_format": "unix_ms"})),
    "dots.csv": ({}, Right(details={"step": "1 day", "time_format": "%d.%m.%Y"})),
    "slashes.csv": ({}, Right(details={"step": "1 day", "time_format": "%m/%d/%y"})),
    "ambiguous.csv": (
        {},
        "the times 't' are ambiguous: '01/02/2020' is 1 February .*say which by data.time_format",
    ),
    "ambiguous.csv, said": ({"time_format": "%d/%m/%Y"}, Right(details={"step": "1 month"})),
    "doubled.csv": ({}, "the time stands twice .*say data.duplicates: mean or last, or data.series_id"),
    "doubled.csv, said": ({"duplicates": "last"}, Right(details={"duplicates": "1 rows joined by last"})),
    "shops.csv": ({"series_id": "shop", "inputs": ["holiday", "price"]}, Right(details={"series": 2})),
    "words-as-inputs.csv": ({"inputs": ["weather"]}, "write one of 0 and 1 for each of its 2 words"),
}
IMAGES: dict[str, tuple[Mapping[str, Any], Right | str]] = {
    "deep": ({}, Right(details={"bits": 16}, told=["images have 16 bits a value"])),
    "sixteen": ({}, Right(details={"bits": 16}, told=["images have 16 bits a value"])),
    "floats": ({}, Right(details={"bits": 32}, told=["images have 32 bits a value"])),
    "kinds": ({}, Right(details={"transparent_images": 2})),
    "films": ({}, "one/moving.png: .*it holds 2 frames or pages, and must hold one"),
    "films, skipped": (
        {"skip_bad": True},
        Right(details={"bad_images": 3, "bad_image_names": "one/moving.png, two/moving.gif, two/pages.tif"}),
    ),
}


PIXELS = {
    "one": {"bit": 255, "cmyk": [255, 0, 0], "palette-transparent": 255, "palette": [200, 100, 50]},
    "two": {"alpha": 215, "grey-alpha": 9, "grey": 7, "opaque": [1, 2, 3]},
}
"""Colours of the images in ``kinds``, sorted by their files' names."""
KEYS = {".xlsx": "xlsx", ".jsonl": "jsonl", ".json": "jsonl", ".feather": "feather", ".parquet": "parquet"}
MORE: Mapping[str, Mapping[str, Any]] = {
    "csv": {"target": "y"},
    "series": {"time": "t", "value": "v", "window": 3, "season": 1},
    "folder": {},
}


def read(case: str, key: str, said: Mapping[str, Any]) -> Prepared:
    """Return the data of a file as a sweep over it prepares it."""
    workload = {"folder": "cnn", "series": "recurrent"}.get(key, "mlp")
    data = {key: case.partition(", ")[0], **MORE.get(key, MORE["csv"]), **said}
    tree = {"workload": workload, "data": data, **(REGRESSION if case in TARGETS else {})}
    sweep = parse_sweep(json.dumps(tree), "sweep.yaml", FOLDER, catalogue=catalogue())
    return prepare(sweep.data, sweep.problem)


def whole(found: Prepared) -> tuple[pd.DataFrame, list[Any]]:
    """Return the rows and the targets of all splits, in the order of the file."""
    parts = {"train": found.search.train, "val": found.search.val, "test": found.test}
    order = np.argsort(np.concatenate([found.indices[name] for name in SPLITS]))
    frame = pd.concat([decode(part.x, part.columns) for part in parts.values()], ignore_index=True).iloc[order]
    codes = np.concatenate([part.y for part in parts.values()])[order]
    return frame, [found.card.classes[y] for y in codes] if found.card.classes else codes[:, 0].tolist()


def check(found: Prepared, right: Right) -> None:
    """Compare what was read."""
    card, said = found.card, [*found.card.notes, *found.card.leaks]
    assert right.kinds.items() <= card.columns.items()
    assert card.classes == tuple(right.classes) or not right.classes
    assert all(0 not in counts for counts in card.class_counts.values()), "each class is in each split"
    assert sum(card.rows.values()) == (right.rows or sum(card.rows.values()))
    assert right.details.items() <= card.details.items()
    for part in right.told:
        assert any(part in text for text in said), (part, said)
    if right.cells or right.target:
        frame, target = whole(found)
        assert target[: len(right.target)] == list(right.target)
        for name, expected in right.cells.items():
            cells = [None if pd.isna(cell) else cell for cell in frame[name][: len(expected)]]
            assert cells == list(expected), name


CASES = [
    *(("csv", name, case) for name, case in TABLES.items()),
    *(("csv", name, ({"target": "kind", **said}, OF_TABLE)) for name, said in TABLE_FORMS.items()),
    *(("csv", name, case) for name, case in TARGETS.items()),
    *(("series", name, case) for name, case in FORECASTS.items()),
    *(("folder", name, case) for name, case in IMAGES.items()),
]


@pytest.fixture(scope="module", autouse=True)
def nothing_is_left_to_warn_of() -> None:
    """Collect what tests before have left open, whose warnings would be taken for those of a reader."""
    gc.collect()


@pytest.mark.parametrize(("key", "name", "case"), CASES, ids=lambda value: value if isinstance(value, str) else "")
def test_an_old_fault_s_file_is_read_right(
    key: str, name: str, case: tuple[Mapping[str, Any], Right | str], recwarn: pytest.WarningsRecorder
) -> None:
    said, right = case
    if key == "csv":
        key = KEYS.get(Path(name.partition(", ")[0]).suffix, "csv")
    if isinstance(right, str):
        with pytest.raises((SpecError, DataError)) as refused:
            read(name, key, said)
        assert re.search(right, " ".join(str(refused.value).split()))
    else:
        found = read(name, key, said)
        check(found, right)
        if key == "series" and not said:  # the value of row k is k
            for split, part in (("train", found.search.train), ("val", found.search.val), ("test", found.test)):
                assert part.y[:, 0].tolist() == found.indices[split].tolist()
        if key == "folder":
            check_pixels(name, found)
    assert [str(warning.message) for warning in recwarn] == []


def check_pixels(name: str, found: Prepared) -> None:
    """Compare images with what Pillow, scaled by the range of all, or the list above has."""
    parts = [(found.indices["train"], found.search.train), (found.indices["val"], found.search.val)]
    parts.append((found.indices["test"], found.test))
    order = np.argsort(np.concatenate([index for index, _ in parts]))
    x = np.concatenate([part.x for _, part in parts])[order]
    if name == "kinds":
        meant = [colour for files in PIXELS.values() for colour in files.values()]
        for image, colour in zip(x, meant, strict=True):
            assert np.abs(image[:, 0, 0].astype(int) - colour).max() <= 1
    elif name != "films, skipped":
        files = sorted((FOLDER / name).rglob("*.*"))
        values = np.stack([np.asarray(Image.open(file), np.float64) for file in files])
        scaled = np.rint((values - values.min()) / (values.max() - values.min()) * 255)
        assert np.abs(x[:, 0] - scaled).max() <= 1 and set(found.card.duplicates.values()) == {0}


def test_the_files_readme_names_each_of_them() -> None:
    text = (FOLDER / "README.md").read_text()
    there = {path.name for path in FOLDER.iterdir()} - {"README.md"}
    assert there == set(re.findall(r"^\| `([^`]+?)/?` \|", text, re.M))
    assert there <= {part for _, name, (said, _) in CASES for part in (name.partition(", ")[0], said.get("test"))}
