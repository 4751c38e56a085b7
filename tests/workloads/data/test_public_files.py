"""Public files that nobody here made are read as pandas, pyarrow and Pillow read them plainly.

Those of this suite come with the packages that Paceline needs. Larger ones, of the long form, are in shared/data.
"""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import sklearn
from PIL import Image
from pyarrow import feather, parquet

from search_spaces.spec.data import Data
from tests.helpers.paths import SHARED_DATA
from workloads.arrays import DataError
from workloads.data.prepare import prepare
from workloads.data.sources.image_pixels import decoded
from workloads.data.sources.tables import read_frame

SKLEARN = Path(sklearn.__file__).parent / "datasets"
ARROW = Path(pa.__file__).parent / "tests" / "data"
NUMPY = Path(np.__file__).parent
SAMPLES = Path(matplotlib.get_data_path()) / "sample_data"
Plain = Callable[[Path], pd.DataFrame]


def records(path: Path) -> pd.DataFrame:
    """The objects of compressed JSON lines, without nested values."""
    rows = [json.loads(line) for line in gzip.decompress(path.read_bytes()).splitlines()]
    return pd.DataFrame([{k: v for k, v in row.items() if not isinstance(v, list | dict)} for row in rows])


def arrow(path: Path) -> pd.DataFrame:
    """A Parquet file's columns but for those that pandas wrote as an index, which are told."""
    return parquet.read_table(path).to_pandas().reset_index(drop=True)


blanks = partial(pd.read_csv, sep=r"\s+")
bare = partial(pd.read_csv, header=None)
TABLES: list[tuple[str, Path, Mapping[str, Any], Plain]] = [
    ("csv", SKLEARN / "data" / "iris.csv", {}, pd.read_csv),
    ("csv", SKLEARN / "data" / "breast_cancer.csv", {"skip_rows": 1, "header": False}, partial(bare, skiprows=1)),
    ("csv", SKLEARN / "data" / "wine_data.csv", {"skip_rows": 1, "header": False}, partial(bare, skiprows=1)),
    ("csv", SKLEARN / "data" / "linnerud_exercise.csv", {"separator": " "}, blanks),
    ("csv", SKLEARN / "data" / "linnerud_physiological.csv", {"separator": " "}, blanks),
    ("csv", SAMPLES / "Stocks.csv", {}, partial(pd.read_csv, comment="#")),
    ("csv", SAMPLES / "msft.csv", {}, pd.read_csv),
    ("csv", SAMPLES / "data_x_x2_x3.csv", {"separator": " ", "header": False}, partial(blanks, header=None)),
    ("csv", NUMPY / "_core/tests/data/umath-validation-set-cos.csv", {}, partial(pd.read_csv, comment="#")),
    ("csv", NUMPY / "random/tests/data/mt19937-testset-1.csv", {}, partial(pd.read_csv, skipinitialspace=True)),
    ("csv", SKLEARN / "data" / "digits.csv.gz", {"header": False}, bare),
    (
        "csv",
        SKLEARN / "data" / "diabetes_data_raw.csv.gz",
        {"header": False, "separator": " "},
        partial(bare, sep=" "),
    ),
    ("parquet", ARROW / "parquet" / "v0.7.1.parquet", {}, arrow),
    ("parquet", ARROW / "parquet" / "v0.7.1.all-named-index.parquet", {}, arrow),
    ("parquet", ARROW / "parquet" / "v0.7.1.some-named-index.parquet", {}, arrow),
    ("parquet", ARROW / "parquet" / "v0.7.1.column-metadata-handling.parquet", {}, arrow),
    ("feather", ARROW / "feather" / "v0.17.0.version.2-compression.lz4.feather", {}, feather.read_feather),
    ("jsonl", ARROW / "orc" / "TestOrcFile.test1.jsn.gz", {}, records),
    ("jsonl", ARROW / "orc" / "decimal.jsn.gz", {}, records),
    ("jsonl", ARROW / "orc" / "TestOrcFile.testDate1900.jsn.gz", {}, records),
]
SHARED: list[tuple[str, Path, Mapping[str, Any], Plain]] = [
    ("csv", SHARED_DATA / "titanic.csv", {}, pd.read_csv),
    (
        "csv",
        SHARED_DATA / "adult-train.csv",
        {"header": False, "missing": ["?"]},
        partial(bare, skipinitialspace=True, na_values=["?"]),
    ),
    ("csv", SHARED_DATA / "sst2-train.csv", {}, pd.read_csv),
    ("csv", SHARED_DATA / "sst2-val.csv", {}, pd.read_csv),
    ("csv", SHARED_DATA / "monthly-sunspots.csv", {}, pd.read_csv),
    ("parquet", SHARED_DATA / "hpo_tables" / "hpobench-vehicle.parquet", {}, arrow),
    ("parquet", SHARED_DATA / "hpo_tables" / "hpolib-naval_propulsion.parquet", {}, arrow),
    ("parquet", SHARED_DATA / "hpo_tables" / "nasbench201-cifar100.parquet", {}, arrow),
]
here = pytest.mark.skipif(not SHARED_DATA.exists(), reason=f"no {SHARED_DATA}")


def named(case: tuple[str, Path, Mapping[str, Any], Plain]) -> str:
    return case[1].name


def check_read(case: tuple[str, Path, Mapping[str, Any], Plain]) -> None:
    key, path, said, plain = case
    found, _ = read_frame(str(path), Data.model_validate({key: str(path), "target": "y", **said}))
    meant = plain(path)
    names = list(found.columns)
    meant.columns = pd.Index([f"c{k}" for k in range(len(names))] if said.get("header") is False else names)
    assert len(found) == len(meant) > 0
    for name in names:
        if pd.api.types.is_numeric_dtype(meant[name]):
            np.testing.assert_array_equal(found[name].to_numpy(np.float64), meant[name].to_numpy(np.float64))
        else:
            assert found[name].isna().equals(meant[name].isna())
            assert found[name].dropna().tolist() == meant[name].dropna().tolist()


@pytest.mark.parametrize("case", TABLES, ids=named)
def test_a_table_is_read_as_by_pandas(case: tuple[str, Path, Mapping[str, Any], Plain]) -> None:
    check_read(case)


@here
@pytest.mark.soak
@pytest.mark.parametrize("case", SHARED, ids=named)
def test_a_larger_table_is_read_as_by_pandas(case: tuple[str, Path, Mapping[str, Any], Plain]) -> None:
    check_read(case)


KNOWN: dict[str, tuple[Mapping[str, Any], Mapping[str, int], list[float]]] = {
    "iris.csv": ({"target": "virginica"}, {"0": 50, "1": 50, "2": 50}, [5.8433, 3.0573, 3.758, 1.1993]),
    "wine_data.csv": (
        {"target": "c13", "skip_rows": 1, "header": False},
        {"0": 59, "1": 71, "2": 48},
        [13.0006, 2.3363, 2.3665],
    ),
    "breast_cancer.csv": (
        {"target": "c30", "skip_rows": 1, "header": False},
        {"0": 212, "1": 357},
        [14.1273, 19.2896, 91.969],
    ),
}
"""What must be said, the classes' rows, and the means of the first columns, by the descriptions of scikit-learn."""


@pytest.mark.parametrize("name", KNOWN)
def test_known_numbers(name: str) -> None:
    said, counts, means = KNOWN[name]
    found = prepare(Data(csv=str(SKLEARN / "data" / name), **said))
    rows = zip(*found.card.class_counts.values(), strict=True)
    assert dict(zip(found.card.classes, map(sum, rows), strict=True)) == counts
    x = np.concatenate([found.search.train.x, found.search.val.x, found.test.x])
    assert x.mean(axis=0)[: len(means)] == pytest.approx(means, abs=5e-5)


def test_what_must_be_said_of_a_public_file_is() -> None:
    for name, rule in {
        "wine_data.csv": "say skip_rows: 1 if the first line is none of the table",
        "linnerud_exercise.csv": "it looks separated by blanks: say separator: ' '",
        "digits.csv.gz": "rename one, or say header: false",
    }.items():
        with pytest.raises(DataError, match=rule):
            read_frame(str(SKLEARN / "data" / name), Data(csv=str(SKLEARN / "data" / name), target="y"))


def check_series(path: Path, time: str, value: str, step: str) -> None:
    found = prepare(Data(series=str(path), time=time, value=value, window=5, season=1))
    values = pd.read_csv(path)[value].iloc[:: -1 if path.name == "msft.csv" else 1].to_numpy()
    assert found.card.details["step"] == step
    for part, index in ((found.search.train, found.indices["train"]), (found.test, found.indices["test"])):
        assert part.y[:, 0].tolist() == values[index].tolist()


@pytest.mark.parametrize("value", ["Close", "Open", "Volume"])
def test_a_series_is_read_as_by_pandas(value: str) -> None:
    check_series(SAMPLES / "msft.csv", "Date", value, "1 trading day")


@here
@pytest.mark.soak
def test_a_longer_series_is_read_as_by_pandas() -> None:
    check_series(SHARED_DATA / "monthly-sunspots.csv", "Month", "Sunspots", "1 month")


@pytest.mark.parametrize("value", ["IBM", "^GSPC"])
def test_months_with_dividends_between_them_say_what_to_write(tmp_path: Path, value: str) -> None:
    """Yahoo's monthly prices hold rows of dividends, without a price, and a last row of the day of the download."""
    path = SAMPLES / "Stocks.csv"
    data = Data(series=str(path), time="Date", value=value, window=5, season=1)
    with pytest.raises(DataError, match=r"Stocks.csv:5: .* equal ones .*; 133 rows have no value: say data.gaps: "):
        prepare(data)
    given = data.model_copy(update={"gaps": "drop"})
    rule = r"Stocks.csv:526: the step is not 1 month as elsewhere, .* \(2022-06-28 after 2022-06-01\)"
    with pytest.raises(DataError, match=rule):
        prepare(given)
    (tmp_path / "s.csv").write_text("\n".join(path.read_text().splitlines()[:-1]))
    found = prepare(given.model_copy(update={"series": str(tmp_path / "s.csv")}))
    prices = pd.read_csv(path, comment="#")[value].dropna().to_numpy()
    assert found.card.details["step"] == "1 month"
    assert found.search.train.y[:, 0].tolist() == prices[found.indices["train"]].tolist()


TEXTS = sorted((SKLEARN / "descr").glob("*.rst"))[:4]


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.stem)
def test_a_text_is_read_as_it_is(path: Path) -> None:
    found, text = prepare(Data(text=str(path), window=8)), path.read_text("utf-8")
    for part, index in ((found.search.train, found.indices["train"]), (found.test, found.indices["test"])):
        for row, start in zip(part.x, index, strict=True):
            written = "".join(found.search.vocabulary[code - 1] if code else "\0" for code in row)
            assert all(a in (b, "\0") for a, b in zip(written, text[start : start + 8], strict=True))


IMAGES = [
    *(SKLEARN / "images" / name for name in ("china.jpg", "flower.jpg")),
    *(SAMPLES / name for name in ("grace_hopper.jpg", "Minduka_Present_Blue_Pack.png", "logo2.png")),
    *sorted((SAMPLES.parent / "images").glob("*_large.png"))[:2],
]


@pytest.mark.parametrize("path", IMAGES, ids=lambda path: path.name)
def test_an_image_is_read_as_by_pillow(path: Path) -> None:
    found = decoded(path).values.astype(int)
    with Image.open(path) as image:
        whole = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image.convert("RGBA")).convert("RGB")
    assert found.shape[:2] == whole.size[::-1] or min(found.shape[:2]) == 256
    meant = np.asarray(whole.resize(found.shape[1::-1]), dtype=int)
    difference = np.abs((found if found.ndim == 3 else found[..., None]) - meant)
    assert difference.mean() < (1 if found.shape[:2] == whole.size[::-1] else 4)


@here
@pytest.mark.soak
def test_images_of_a_folder_and_of_parquet_are_read_as_by_pillow() -> None:
    root = SHARED_DATA / "cifar10-folder"
    found = prepare(Data(folder=str(root)))
    files = sorted((root / "test").rglob("*.jpg"))
    meant = {np.asarray(Image.open(file).convert("RGB")).transpose(2, 0, 1).tobytes() for file in files}
    assert {image.tobytes() for image in found.test.x} == meant
    table = SHARED_DATA / "cifar10-test.parquet"
    rows = parquet.read_table(table).slice(0, 100).to_pandas()
    whole = prepare(Data(parquet=str(table), image="image", target="label"))
    assert sum(whole.card.rows.values()) == 10_000
    place = {row: at for at, row in enumerate(whole.indices["train"])}
    for row, content in enumerate(rows["image"]):
        if row in place:
            cell = content["bytes"] if isinstance(content, dict) else content
            pixels = np.asarray(Image.open(io.BytesIO(cell)).convert("RGB")).transpose(2, 0, 1)
            assert np.array_equal(whole.search.train.x[place[row]], pixels)
