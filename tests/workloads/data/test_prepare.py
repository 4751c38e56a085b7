"""Data: read, split, prepared by the training split alone, and refused in one sentence."""

from __future__ import annotations

import io
import json
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from search_spaces.spec.data import Data, Split
from tests.helpers.paths import SHARED_DATA
from workloads.arrays import DataError
from workloads.data.prepare import prepare
from workloads.data.search_data import Prepared
from workloads.data.splits import completed, split
from workloads.registry import DATASETS
from workloads.tables.columns import decode
from workloads.tables.hyperparameters import TableFeatures
from workloads.training.table_inputs import table as table_inputs

CIFAR = SHARED_DATA / "cifar10-test.parquet"


def table(num_rows: int = 60, **columns: Any) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    kinds = np.array(["cat", "dog", "eel"])[np.arange(num_rows) % 3]
    return pd.DataFrame(
        {"a": rng.normal(5, 2, num_rows), "b": rng.integers(0, 99, num_rows), "kind": kinds, **columns}
    )


def csv(tmp_path: Path, frame: pd.DataFrame, name: str = "some.csv", **how: Any) -> str:
    frame.to_csv(tmp_path / name, index=False, **how)
    return str(tmp_path / name)


def encoded(kind: str, size: tuple[int, int] = (6, 5), mode: str = "RGB", shade: int = 9) -> bytes:
    buffer = io.BytesIO()
    Image.new(mode, size, shade if mode == "L" else (shade, 2 * shade, 3)).save(buffer, kind)
    return buffer.getvalue()


@pytest.mark.parametrize("name", [name for name, info in DATASETS.items() if not info.downloaded])
def test_registered_sets_are_split_with_every_class_in_every_split(name: str) -> None:
    prepared = prepare(Data(name=name), DATASETS[name].problem)
    card = prepared.card
    assert card.kind == DATASETS[name].kind
    assert all(min(counts) > 0 for counts in card.class_counts.values())
    total = sum(card.rows.values())
    assert card.rows["train"] / total == pytest.approx(0.7, abs=0.02)
    rows = np.concatenate([prepared.indices[s] for s in ("train", "val", "test")])
    assert sorted(rows) == list(range(total))
    assert json.loads(json.dumps(card.to_dict()))["name"] == name


@pytest.mark.parametrize("counts", [(500, 3, 3), (100, 100, 3), (3, 3, 3), (4, 3), (9, 1000, 3, 3, 3)])
def test_each_class_has_a_row_in_each_split_however_rare_it_is(counts: tuple[int, ...]) -> None:
    y = np.repeat(np.arange(len(counts)), counts)
    for seed in range(5):
        parts = split(y, Split(seed=seed), with_test=True)
        assert sorted(np.concatenate(list(parts.values()))) == list(range(len(y)))
        assert all(np.bincount(y[rows], minlength=len(counts)).min() > 0 for rows in parts.values())
        again = split(y, Split(seed=seed), with_test=True)
        assert all(np.array_equal(again[name], rows) for name, rows in parts.items())


def test_shares_that_leave_too_little_for_the_other_splits_keep_a_row_of_each_class() -> None:
    y = np.repeat([0, 1, 2], 10)
    parts = split(y, Split(train=0.05, val=0.05, test=0.9), with_test=True)
    assert {name: np.bincount(y[rows]).tolist() for name, rows in parts.items()} == {
        "train": [1, 1, 1],
        "val": [1, 1, 1],
        "test": [8, 8, 8],
    }


def test_a_source_that_is_split_already_is_completed_with_every_class() -> None:
    y, given = np.repeat([0, 1, 2], [200, 3, 3]), np.repeat("train", 206)
    parts = completed(y, given, Split())
    assert all(np.bincount(y[rows], minlength=3).min() > 0 for rows in parts.values())
    with pytest.raises(DataError, match=r"each class needs 3 rows to take test from.*: the rarest has 2"):
        completed(y[:-1], given[:-1], Split())


def test_splits_are_a_function_of_their_seed() -> None:
    first, again, other = (prepare(Data(name="wine", split=Split(seed=seed))) for seed in (1, 1, 2))
    assert np.array_equal(first.indices["test"], again.indices["test"])
    assert not np.array_equal(first.indices["test"], other.indices["test"])
    assert first.card.digest == again.card.digest != other.card.digest


def test_statistics_come_from_the_training_split_alone(tmp_path: Path) -> None:
    frame = table()
    path = csv(tmp_path, frame)
    first = prepare(Data(csv=path, target="kind"))
    later = np.concatenate([first.indices["val"], first.indices["test"]])
    frame.loc[later, ["a", "b"]] = 1e6
    csv(tmp_path, frame)
    second = prepare(Data(csv=path, target="kind"))
    np.testing.assert_equal(vars(second.search.statistics), vars(first.search.statistics))
    assert second.search.val.x.max() == 1e6


def test_the_search_is_never_given_a_row_of_the_test_split() -> None:
    prepared = prepare(Data(name="breast_cancer"))
    seen = {row.tobytes() for part in (prepared.search.train, prepared.search.val) for row in part.x}
    assert prepared.card.duplicates == {"val_in_train": 0, "test_in_train": 0, "test_in_val": 0}
    assert not any(row.tobytes() in seen for row in prepared.test.x)
    assert not np.shares_memory(prepared.test.x, prepared.search.train.x)


def test_copies_across_splits_are_counted(tmp_path: Path) -> None:
    frame = pd.concat([table(30)] * 2, ignore_index=True)
    prepared = prepare(Data(csv=csv(tmp_path, frame), target="kind"))
    rows = {name: list(map(bytes, part.x)) for name, part in parts(prepared).items()}
    for name, count in prepared.card.duplicates.items():
        late, early = name.split("_in_")
        assert count == sum(row in rows[early] for row in rows[late])
    assert prepared.card.duplicates["test_in_train"] > 0


def parts(prepared: Prepared) -> dict[str, Any]:
    return {"train": prepared.search.train, "val": prepared.search.val, "test": prepared.test}


@pytest.mark.parametrize("labels", [["no", "yes"], [False, True], [0, 1], [-1.0, 1.0]])
def test_labels_of_any_kind_become_classes(tmp_path: Path, labels: list[Any]) -> None:
    frame = table(kind=[labels[i % 2] for i in range(60)])
    prepared = prepare(Data(csv=csv(tmp_path, frame), target="kind"))
    assert prepared.card.classes == tuple(str(label) for label in labels)
    assert [labels[y] for y in prepared.test.y] == frame["kind"][prepared.indices["test"]].tolist()


def test_missing_numbers_are_filled_with_the_training_median(tmp_path: Path) -> None:
    frame = table()
    frame.loc[::7, "a"] = np.nan
    prepared = prepare(Data(csv=csv(tmp_path, frame), target="kind"))
    train = frame["a"].iloc[prepared.indices["train"]]
    assert prepared.search.statistics.fill[0] == pytest.approx(train.median())
    assert prepared.search.statistics.mean[0] == pytest.approx(train.fillna(train.median()).mean())


def test_a_file_without_a_header_names_its_columns(tmp_path: Path) -> None:
    path = csv(tmp_path, table(), header=False)
    prepared = prepare(Data(csv=path, target="c2", header=False))
    assert (prepared.card.features, prepared.card.classes) == (("c0", "c1"), ("cat", "dog", "eel"))


def test_a_test_file_of_its_own_is_the_test_split(tmp_path: Path) -> None:
    path, test = csv(tmp_path, table()), csv(tmp_path, table(9), "test.csv")
    prepared = prepare(Data(csv=path, target="kind", test=test))
    assert prepared.card.rows == {"train": 49, "val": 11, "test": 9}
    assert prepared.indices["test"].tolist() == list(range(9))
    other = csv(tmp_path, table(9, kind="fox"), "fox.csv")
    with pytest.raises(DataError, match="fox"):
        prepare(Data(csv=path, target="kind", test=other))


def test_words_of_a_validation_file_are_read_as_they_are(tmp_path: Path) -> None:
    """Texts that train lacks give the features that they have in one file with train: none is unknown."""
    rows = [(f"the film {k} was very {'fine' if k % 2 else 'dull'}", "ab"[k // 4 % 2], k % 2) for k in range(80)]
    frame = pd.DataFrame(rows, columns=["review", "kind", "label"])
    frame[:60].to_csv(tmp_path / "train.csv", index=False)
    frame[60:].assign(kind="new").to_csv(tmp_path / "val.csv", index=False)
    data = Data(csv=str(tmp_path / "train.csv"), target="label", val=str(tmp_path / "val.csv"))
    found = prepare(data)
    read = decode(found.search.val.x, found.search.train.columns)
    assert list(read["review"]) == list(frame.review[60:]) and set(read["kind"]) == {"new"}
    features = table_inputs(TableFeatures(), found.search, torch.device("cpu"), torch.float32)
    assert (features.x_val.std(0) > 0).any()
    assert set(decode(found.test.x, found.test.columns)["review"]) < set(frame.review[:60])


def test_a_test_file_that_lacks_a_class_is_told(tmp_path: Path) -> None:
    path, test = csv(tmp_path, table()), csv(tmp_path, table(9, kind=["cat", "dog", "cat"] * 3), "test.csv")
    card = prepare(Data(csv=path, target="kind", test=test)).card
    assert "test has no row of class 'eel'" in card.notes


def test_a_parquet_table_equals_the_same_csv(tmp_path: Path) -> None:
    table().to_parquet(tmp_path / "some.parquet")
    ours = prepare(Data(parquet=str(tmp_path / "some.parquet"), target="kind"))
    theirs = prepare(Data(csv=csv(tmp_path, table()), target="kind"))
    assert ours.card.digest == theirs.card.digest


@pytest.mark.parametrize(("mode", "channels"), [("RGB", 3), ("L", 1)])
def test_parquet_images_become_bytes_by_channel(tmp_path: Path, mode: str, channels: int) -> None:
    cells: list[Any] = [encoded("PNG", mode=mode, shade=i) for i in range(30)]
    cells[0] = {"bytes": cells[0], "path": "a.png"}
    pd.DataFrame(
        {"image": [{"bytes": c} if isinstance(c, bytes) else c for c in cells], "label": [0, 1] * 15}
    ).to_parquet(tmp_path / "i.parquet")
    prepared = prepare(Data(parquet=str(tmp_path / "i.parquet"), image="image", target="label"))
    x = prepared.search.train.x
    assert (x.dtype, x.shape[1:], prepared.card.kind) == (np.uint8, (channels, 5, 6), "image")
    assert x[:, 0, 0, 0].tolist() == prepared.indices["train"].tolist()
    values = x.astype(float).transpose(1, 0, 2, 3).reshape(channels, -1)
    assert prepared.search.statistics.mean.ravel() == pytest.approx(values.mean(1))
    std = np.where(values.std(1) > 0, values.std(1), 1.0)
    assert prepared.search.statistics.std.ravel() == pytest.approx(std)


@pytest.mark.skipif(not CIFAR.exists(), reason="the shared CIFAR-10 file is not here")
def test_real_images_from_parquet(tmp_path: Path) -> None:
    pd.read_parquet(CIFAR).iloc[:300].to_parquet(tmp_path / "few.parquet")
    prepared = prepare(Data(parquet=str(tmp_path / "few.parquet"), image="image", target="label"))
    assert prepared.card.shape == (3, 32, 32)
    assert len(prepared.card.classes) == 10
    assert 80 < prepared.search.statistics.mean.mean() < 160


Fault = tuple[Callable[[], pd.DataFrame], dict[str, Any], str]
FAULTS: dict[str, Fault] = {
    "no such column": (table, {"target": "sort"}, "has no column 'sort'; it has a, b, kind"),
    "one number": (lambda: table(kind=0.5), {}, "one value only"),
    "rare class": (lambda: table(kind=["a", "b"] + ["c", "d"] * 29), {}, "too rare: a, b"),
    "one class": (lambda: table(kind="a"), {}, "one class only"),
    "empty target": (lambda: table(kind=["a", None] * 30), {}, "is empty in 30 rows"),
    "infinite": (lambda: table(b=np.inf), {}, "column 'b' must hold finite numbers, received inf in line 2"),
    "target alone": (
        lambda: table()[["kind"]],
        {},
        "some.csv cannot be read: it must have at least two columns",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_in_the_data_is_told_in_one_sentence(tmp_path: Path, fault: str) -> None:
    frame, how, expected = FAULTS[fault]
    with pytest.raises(DataError, match=expected) as caught:
        prepare(Data(**{"csv": csv(tmp_path, frame()), "target": "kind", **how}))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [None, b"", b"\xff\xfe\x00junk\x00", b'a,b\n1,2\n3,4,5\n"'])
@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, content: bytes | None, kind: str) -> None:
    path = tmp_path / "broken"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DataError, match="broken"):
        prepare(Data(**{kind: str(path), "target": "b"}))


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        ([encoded("PNG"), b"junk"] * 6, "row 2: the image cannot be decoded"),
        ([encoded("PNG"), encoded("GIF", mode="L")] * 6, "row 2: the image cannot be decoded"),
        (["text"] * 12, "row 1: the image is str"),
    ],
)
def test_images_that_cannot_be_used_are_named(tmp_path: Path, cells: list[Any], expected: str) -> None:
    pd.DataFrame({"image": cells, "label": [0, 1] * 6}).to_parquet(tmp_path / "i.parquet")
    with pytest.raises(DataError, match=expected):
        prepare(Data(parquet=str(tmp_path / "i.parquet"), image="image", target="label"))


def test_a_target_of_measurements_is_a_regression_unless_classes_are_asked_for(tmp_path: Path) -> None:
    path = csv(tmp_path, table(kind=np.linspace(3, 9, 60)))
    prepared = prepare(Data(csv=path, target="kind"))
    assert prepared.card.problem == "regression" and prepared.card.classes == ()
    shape = prepared.search.shape()
    assert shape.num_outputs == 1
    assert shape.target_mean == pytest.approx(prepared.search.train.y.mean())
    assert prepared.test.y.shape == (9, 1)
    with pytest.raises(DataError, match=r"metric: \{name: val_rmse"):
        prepare(Data(csv=path, target="kind"), "classification")


def test_a_table_is_never_in_memory_three_times(tmp_path: Path) -> None:
    rng, num = np.random.default_rng(0), 20_000
    table = pd.DataFrame({f"x{k}": rng.normal(size=num) for k in range(20)} | {"y": rng.integers(0, 2, num)})
    table.to_parquet(tmp_path / "table.parquet")
    table[:100].to_parquet(tmp_path / "tiny.parquet")
    prepare(Data(parquet=str(tmp_path / "tiny.parquet"), target="y"))  # what is imported counts as well
    tracemalloc.start()
    try:
        prepare(Data(parquet=str(tmp_path / "table.parquet"), target="y"))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 3 * 20 * 8 * num
