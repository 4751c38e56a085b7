"""Data that is read in every epoch: which rows are trained on, what a search is given, and what is refused."""

from __future__ import annotations

import io
from dataclasses import replace
from itertools import chain
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from cluster.sweep.data_process import check_first
from search_spaces.spec.data import Data, Split
from tests.helpers.streams_without_ray import OwnShard, all_rows, csv_folder, frame, parquet_folder
from workloads.arrays import DataError
from workloads.data.prepare import prepare
from workloads.data.search_data import Prepared, SearchData
from workloads.data.streaming import scan
from workloads.registry import workload
from workloads.tables.columns import decode
from workloads.training.batches import ResidentData
from workloads.training.fused.loop import FusedLoop
from workloads.training.plain_loop import PlainLoop
from workloads.training.process_group import WHOLE, ProcessGroup
from workloads.training.setup import Setup, Trainee

SPLIT = Split(train=0.6, val=0.2, test=0.2)


def prepared(where: Path, form: str = "csv", **more: object) -> Prepared:
    return prepare(
        Data.model_validate({form: str(where), "target": "kind", "split": SPLIT, "streaming": True, **more})
    )


def ids(found: Prepared) -> dict[str, list[float]]:
    """The rows of each split by their number, those of the training split as they are streamed."""
    search = found.search
    assert search.stream is not None
    parts = {"train": all_rows(search.stream)[0], "val": search.val.x, "test": found.test.x}
    place = [column.name for column in search.train.columns].index("id")
    return {name: sorted((2 * x[:, place]).astype(int).tolist()) for name, x in parts.items()}


@pytest.mark.parametrize(("form", "write"), [("csv", csv_folder), ("parquet", parquet_folder)])
def test_every_row_is_in_one_split_wherever_its_file_is_cut(form: str, write: object, tmp_path: Path) -> None:
    table = frame(600)
    few, many = (prepared(write(tmp_path / str(n), table, n), form) for n in (1, 5))  # type: ignore[operator]
    assert ids(few) == ids(many)
    assert sorted(chain.from_iterable(ids(few).values())) == list(range(600))
    assert {name: sorted(rows.tolist()) for name, rows in many.indices.items()} == ids(few)
    assert few.card.digest == many.card.digest
    shares = {name: len(rows) / 600 for name, rows in ids(few).items()}
    assert shares == pytest.approx({"train": 0.6, "val": 0.2, "test": 0.2}, abs=0.06)


def test_both_forms_of_a_table_give_the_same_examples(tmp_path: Path) -> None:
    table = frame(300)
    for form, where in (
        ("csv", csv_folder(tmp_path / "c", table)),
        ("parquet", parquet_folder(tmp_path / "p", table)),
    ):
        found = prepared(where, form)
        assert found.search.stream is not None
        x, y = all_rows(found.search.stream)
        frames = decode(x, found.search.train.columns)
        meant = table.iloc[(2 * frames["id"]).astype(int)].reset_index(drop=True)
        np.testing.assert_allclose(frames["size"], meant["size"])
        np.testing.assert_array_equal(frames["whole"].isna(), meant["whole"].isna())
        assert frames["colour"].tolist() == meant["colour"].tolist()
        assert [found.search.classes[k] for k in y] == meant["kind"].tolist()


def test_folders_named_by_a_column_are_that_column(tmp_path: Path) -> None:
    table = frame(600)
    for k in range(20):
        parquet_folder(tmp_path / "t" / f"country=C{k}", table[k::20], 1)
    found = prepared(tmp_path / "t", "parquet")
    (column,) = (column for column in found.search.train.columns if column.name == "country")
    assert column.kind == "category" and set(column.values) == {f"C{k}" for k in range(20)}
    grouped = prepared(tmp_path / "t", "parquet", split={**SPLIT.model_dump(), "group": "country"})
    assert "country" not in grouped.card.columns
    parquet_folder(tmp_path / "t" / "year=2024", table, 1)
    with pytest.raises(DataError, match=r"not all files are in a folder named country=\.\.\."):
        prepared(tmp_path / "t", "parquet")


def test_the_card_counts_all_rows(tmp_path: Path) -> None:
    table = frame(400)
    found = prepared(csv_folder(tmp_path / "t", table))
    card, rows = found.card, ids(found)
    assert card.rows == {name: len(each) for name, each in rows.items()}
    of_train = table.iloc[rows["train"]]["kind"].value_counts()
    assert card.class_counts["train"] == (of_train["big"], of_train["small"])
    assert found.search.shape().class_counts == card.class_counts["train"]
    assert card.missing == {"whole": int(table["whole"].isna().sum())}
    table.loc[17, "size"] += 1e-9
    assert prepared(csv_folder(tmp_path / "t", table)).card.digest != card.digest


def test_the_card_of_a_stream_counts_missing_words_too(tmp_path: Path) -> None:
    table = frame(400)
    table.loc[::10, "colour"] = None
    found = prepared(csv_folder(tmp_path / "t", table))
    assert found.card.missing == {name: int(table[name].isna().sum()) for name in ("colour", "whole")}


CHANGES = {
    "a label": lambda t: t.assign(
        kind=t["kind"].where(t["id"] != 17, "big" if t["kind"][34] == "small" else "small")
    ),
    "two labels exchanged": lambda t: t.assign(kind=np.r_[t["kind"][[1, 0]], t["kind"][2:]]),
    "a feature": lambda t: t.assign(size=t["size"].where(t["id"] != 17, 99.0)),
    "a group": lambda t: t.assign(house=t["house"].where(t["id"] != 17, 1000)),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("group", [None, "house"])
def test_the_digest_is_of_all_features_labels_and_groups(tmp_path: Path, change: str, group: str | None) -> None:
    table = frame(300).assign(house=np.arange(300) // 3)
    table.loc[[0, 1], "kind"] = ["big", "small"]
    how = {"split": {"train": 0.6, "val": 0.2, "test": 0.2, "group": group}, "columns": {"colour": "drop"}}
    before = prepared(csv_folder(tmp_path / "a", table), **how).card.digest
    after = prepared(csv_folder(tmp_path / "b", CHANGES[change](table)), **how).card.digest
    assert before[48:] != after[48:], "the part that also covers the rows that are not kept"
    shuffled = table.sample(frac=1, random_state=0).assign(colour="none")
    assert prepared(csv_folder(tmp_path / "c", shuffled), **how).card.digest[48:] == before[48:]


def test_copies_of_a_row_are_in_one_split_and_so_are_groups(tmp_path: Path) -> None:
    table = frame(300)
    found = prepared(csv_folder(tmp_path / "t", pd.concat([table, table])))
    assert found.card.duplicates == {"val_in_train": 0, "test_in_train": 0, "test_in_val": 0}
    table["house"] = np.arange(300) // 10
    split = {"train": 0.6, "val": 0.2, "test": 0.2, "group": "house"}
    rows = ids(prepared(csv_folder(tmp_path / "g", table), split=split))
    houses = {name: {row // 10 for row in each} for name, each in rows.items()}
    assert sum(map(len, houses.values())) == len(set.union(*houses.values())) == 30


def test_files_of_their_own_and_measurements(tmp_path: Path) -> None:
    table = frame(300).rename(columns={"size": "kind", "kind": "sort"})
    own = csv_folder(tmp_path / "own", frame(40, 1).rename(columns={"size": "kind", "kind": "sort"}))
    found = prepared(csv_folder(tmp_path / "t", table), test=str(own))
    assert (found.card.problem, len(found.test)) == ("regression", 40)
    assert found.card.rows["train"] + found.card.rows["val"] == 300
    x, y = all_rows(found.search.stream)  # type: ignore[arg-type]
    np.testing.assert_allclose(y[:, 0], table.iloc[(2 * x[:, 0]).astype(int)]["kind"])


def loops(search: SearchData, num: int, group: ProcessGroup | None = None) -> tuple[Setup, list[Trainee]]:
    kind = workload("mlp")
    members = [
        Trainee(seed, kind.hyperparameters(width=8, depth=1, batch_size=32, lr=0.003 * (seed + 1), dropout=0.0))
        for seed in range(num)
    ]
    data: ResidentData = kind.data(members[0].hp, search, torch.device("cpu"), torch.float64)
    assert search.stream is not None
    return Setup(kind, replace(data, shard=OwnShard(search.stream))), members


def test_a_stream_trains_all_rows_fused_and_plain_alike_and_resumed(tmp_path: Path) -> None:
    """Members of a cohort meet the rows in one order, also with seeds of their own."""
    setup, members = loops(prepared(csv_folder(tmp_path / "t", frame(500))).search, 3)
    assert setup.data.num_examples == setup.data.shard.stream.num_rows > 250  # type: ignore[union-attr]
    fused, plain = FusedLoop(setup, members), [PlainLoop(setup, member) for member in members]
    for _ in range(2):
        together, alone = fused.epoch(), [loop.epoch()[0] for loop in plain]
        for one, other in zip(together, alone, strict=True):
            assert one["train_loss"] == pytest.approx(other["train_loss"], rel=1e-9)
            assert one["val_loss"] == pytest.approx(other["val_loss"], rel=1e-9)
    resumed = PlainLoop(setup, members[0])
    resumed.load(0, plain[0].state(0))
    resumed.epoch_done = 2
    assert resumed.epoch()[0]["val_loss"] == plain[0].epoch()[0]["val_loss"]


@pytest.mark.parametrize("num_workers", [1, 2, 3, 4])
def test_no_row_is_left_out_of_an_epoch(tmp_path: Path, num_workers: int) -> None:
    """The last batch is shorter, as in memory."""
    setup, _ = loops(prepared(csv_folder(tmp_path / "t", frame(500))).search, 1)
    stream = setup.data.shard.stream  # type: ignore[union-attr]
    each, rest = divmod(stream.num_rows // num_workers, 12)
    assert rest
    for rank in range(num_workers):
        group = ProcessGroup(rank, num_workers, "ddp")
        part = replace(setup.data, shard=OwnShard(stream, rank, num_workers))
        sizes = [len(y) for _, y in part.streamed(0, 12 * num_workers, group)]
        assert sizes[:each] == [12] * each and sizes[each:] == [pytest.approx(rest, abs=1)]
        assert len(sizes) == part.num_steps(12 * num_workers, group)
        assert {part.part(step, 12 * num_workers, group) for step in range(len(sizes))} == {WHOLE}


def test_an_epoch_is_full_batches_of_parts_that_cannot_be_equal(tmp_path: Path) -> None:
    setup, _ = loops(prepared(csv_folder(tmp_path / "t", frame(500))).search, 1)
    data, stream = setup.data, setup.data.shard.stream  # type: ignore[union-attr]
    counts = []
    for rank in range(2):
        part = replace(data, shard=OwnShard(stream, rank, 2))
        counts.append([len(y) for _, y in part.streamed(0, 33, ProcessGroup(rank, 2, "ddp"))])
    assert [set(sizes) for sizes in counts] == [{17}, {16}]
    assert len(counts[0]) == len(counts[1]) == data.num_steps(33, ProcessGroup(0, 2, "ddp"))


def png(colour: tuple[int, int, int]) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (6, 5), colour).save(buffer, "PNG")
    return buffer.getvalue()


def pictures(folder: Path, num: int = 40) -> Path:
    """A folder of two classes; every image has a colour of its own."""
    for name, blue in (("sky", 200), ("sea", 90)):
        (folder / name).mkdir(parents=True)
        for k in range(num):
            (folder / name / f"{k}.png").write_bytes(png((k, 2 * k, blue)))
    return folder


def test_images_of_a_folder_and_of_parquet(tmp_path: Path) -> None:
    where = pictures(tmp_path / "zoo")
    rows = [(path.read_bytes(), path.parent.name) for path in sorted(where.glob("*/*.png"))]
    pd.DataFrame(rows, columns=["picture", "kind"]).to_parquet(tmp_path / "zoo.parquet", row_group_size=16)
    for data in (
        Data(folder=str(where), streaming=True, split=SPLIT),
        Data(parquet=str(tmp_path / "zoo.parquet"), target="kind", image="picture", streaming=True, split=SPLIT),
    ):
        found = prepare(data)
        assert found.search.stream is not None
        x, y = all_rows(found.search.stream)
        assert (x.shape[1:], x.dtype) == ((3, 5, 6), np.uint8)
        assert [found.search.classes[k] for k in y] == ["sky" if blue == 200 else "sea" for blue in x[:, 2, 0, 0]]
        seen = [(int(i[0, 0, 0]), int(i[2, 0, 0])) for part in (x, found.search.val.x, found.test.x) for i in part]
        assert sorted(seen) == sorted((k, blue) for k in range(40) for blue in (200, 90))


def test_a_bad_image_of_a_stream_is_named_or_skipped(tmp_path: Path) -> None:
    where = pictures(tmp_path / "zoo")
    good = prepare(Data(folder=str(where), streaming=True, split=SPLIT)).search.stream
    assert good is not None
    kept = {
        name
        for piece in good.files.pieces
        for table in good.files.tables(piece)
        for name in table["path"].to_pylist()
    }
    assert len(kept) == 80
    bad = where / "sky" / "7.png"
    bad.write_bytes(b"no image")
    with pytest.raises(DataError, match=r"sky/7\.png: the image cannot be decoded"):
        found = prepare(Data(folder=str(where), streaming=True, split=SPLIT))
        all_rows(found.search.stream)  # type: ignore[arg-type]
    found = prepare(Data(folder=str(where), streaming=True, split=SPLIT, skip_bad=True))
    rows = len(all_rows(found.search.stream)[1]) + len(found.search.val) + len(found.test)  # type: ignore[arg-type]
    assert rows == 79


def test_how_many_rows_were_looked_at_for_copies_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scan, "TABLE_SAMPLE", 100)
    where, own = csv_folder(tmp_path / "t", frame(300)), csv_folder(tmp_path / "own", frame(40, 1))
    card = prepared(where, test=str(own)).card
    assert f"copies of rows are looked for among 100 of {card.rows['train']} training rows" in card.notes
    assert not [note for note in prepared(where).card.notes if "copies" in note], "they are in one split"


def test_an_image_that_is_exchanged_changes_the_digest(tmp_path: Path) -> None:
    where = pictures(tmp_path / "zoo")
    data = Data(folder=str(where), streaming=True, split=SPLIT)
    before = prepare(data).card.digest[48:]
    assert prepare(data).card.digest[48:] == before
    larger = io.BytesIO()
    Image.effect_noise((20, 20), 9).save(larger, "PNG")
    (where / "sky" / "7.png").write_bytes(larger.getvalue())
    assert prepare(data).card.digest[48:] != before


REFUSED = [
    ({}, lambda t: t.assign(kind="big"), "holds one class only"),
    ({}, lambda t: t.assign(kind=t["kind"].mask(t["id"] == 3)), "'kind' is empty in 1 of"),
    ({"in_memory_gib": 1e-6}, lambda t: t, r"received data\.in_memory_gib: 1e-06"),
    ({"target": "sort"}, lambda t: t, "has no column 'sort'"),
    ({}, lambda t: t.assign(note=[f"row {k} is as it is" for k in range(len(t))]), "'note' holds free text"),
    ({}, lambda t: t.assign(kind=["rare", *t["kind"][1:]]), "and (train|val|test) has none of rare"),
]


@pytest.mark.parametrize(("more", "change", "words"), REFUSED)
def test_what_cannot_be_streamed_is_refused(
    more: dict[str, object], change: object, words: str, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match=words):
        prepared(csv_folder(tmp_path / "t", change(frame(200))), **more)  # type: ignore[operator]


def test_files_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    where = csv_folder(tmp_path / "t", frame(200))
    (where / "part-1.csv").write_text("id,size,whole,colour,kind\n1,2,3,red\n")
    with pytest.raises(DataError, match=r"part-1\.csv cannot be read: .*Expected 5 columns, got 4"):
        prepared(where)
    with pytest.raises(DataError, match="there is no csv file in"):
        prepared(tmp_path / "nowhere")
    (tmp_path / "zoo" / "sky").mkdir(parents=True)
    (tmp_path / "zoo" / "sky" / "1.png").write_bytes(png((1, 2, 3)))
    with pytest.raises(DataError, match=r"two or more classes, received \['sky'\]"):
        prepare(Data(folder=str(tmp_path / "zoo"), streaming=True))
    for split in ("train", "val"):
        pictures(tmp_path / "parts" / split, 2)
    with pytest.raises(DataError, match=r"write folder: .*parts/train, and the others as data.val and data.test"):
        prepare(Data(folder=str(tmp_path / "parts"), streaming=True))


def test_workloads_that_need_all_rows_refuse_a_stream(tmp_path: Path) -> None:
    images = prepare(Data(folder=str(pictures(tmp_path / "zoo")), streaming=True, split=SPLIT)).search
    for name in ("gan", "transfer"):
        with pytest.raises(DataError, match=f"workload {name} keeps all training rows in memory; softmax, mlp"):
            check_first(name, {}, images)
    check_first("cnn", {}, images)
    with pytest.raises(DataError, match="sampling: must be left out"):
        check_first("cnn", {"sampling": "balanced"}, images)
    with pytest.raises(DataError, match="sampling: must be left out"):
        check_first("cnn", {}, images, ["sampling"])
