"""What is proposed for a file or folder of data."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from search_spaces.spec.starting.template import template
from search_spaces.spec.sweep import parse_sweep
from workloads.arrays import DataError
from workloads.data.prepare import prepare
from workloads.data.proposed import proposed, target_of
from workloads.registry import catalogue


def rows(num: int = 60) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "customer": [f"c{k:04d}" for k in range(num)],
            "age": [20 + k % 50 for k in range(num)],
            "plan": ["basic", "pro", "pro"] * (num // 3),
            "churned": ["yes", "no"] * (num // 2),
            "spent": [k * 1.5 for k in range(num)],
        }
    )


@pytest.mark.parametrize("ending", ["csv", "csv.gz", "parquet", "jsonl"])
def test_a_table_is_named_with_its_target(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"churn.{ending}"
    if ending == "parquet":
        rows().to_parquet(path)
    elif ending == "jsonl":
        rows().to_json(path, orient="records", lines=True)
    else:
        rows().to_csv(path, index=False)
    found = proposed(path, path.name)
    assert (found.kind, found.problem) == ("table", "classification")
    assert found.data.spec == {ending.split(".")[0]: path.name, "target": "churned"}
    assert found.notes[0].startswith("to predict: churned (2 classes: yes, no)")
    assert "2 numbers: age, spent; 1 category: plan" in found.notes[1]
    assert "'customer' names its rows" in found.notes[2]
    info = catalogue().workload("mlp")
    text = template(info, found, "schema.json", catalogue())
    sweep = parse_sweep(text, "sweep.yaml", tmp_path, catalogue=catalogue())
    assert sweep.metric.name == "val_accuracy" and sweep.name == "mlp-churn"


def test_a_column_of_numbers_is_a_regression_and_one_of_times_a_series(tmp_path: Path) -> None:
    path = tmp_path / "other.csv"
    rows().to_csv(path, index=False)
    found = proposed(path, "other.csv")
    assert found.data.spec["target"] == "spent" and found.problem == "regression"
    sales = tmp_path / "sales.csv"
    months = [f"{2000 + k // 12}-{1 + k % 12:02d}-01" for k in range(60)]
    pd.DataFrame({"month": months, "sold": [float(k) for k in range(60)]}).to_csv(sales, index=False)
    found = proposed(sales, "sales.csv")
    assert (found.kind, found.data.spec) == ("series", {"series": "sales.csv", "time": "month", "value": "sold"})


def test_a_column_of_names_or_of_one_value_is_not_what_is_predicted(tmp_path: Path) -> None:
    path, frame = tmp_path / "people.csv", rows()
    texts = [f"{name} of town {k}" for k, name in enumerate(frame["plan"])]
    frame.assign(address=texts, country="here").to_csv(path, index=False)
    assert proposed(path, "people.csv").data.spec["target"] == "spent"
    many = pd.DataFrame({"size": range(900), "kind": [f"kind {k % 300}" for k in range(900)]})
    many.to_csv(path, index=False)
    assert proposed(path, "people.csv").data.spec["target"] == "size"
    many.rename(columns={"kind": "label"}).to_csv(path, index=False)
    assert proposed(path, "people.csv").data.spec["target"] == "label", "as it is named so"


def test_a_folder_of_images_and_a_text(tmp_path: Path) -> None:
    for name in ("cat", "dog"):
        (tmp_path / "zoo" / name).mkdir(parents=True)
        (tmp_path / "zoo" / name / "a.png").write_bytes(b"x")
    found = proposed(tmp_path / "zoo", "zoo")
    assert (found.kind, found.data.spec, found.notes) == ("image", {"folder": "zoo"}, ("2 classes: cat, dog",))
    (tmp_path / "book.txt").write_text("words")
    assert proposed(tmp_path / "book.txt", "book.txt").data.spec == {"text": "book.txt"}


def test_what_is_no_data_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(b"x")
    (tmp_path / "empty").mkdir()
    for name, rule in (("a.bin", "is not recognised as data by its name"), ("empty", "is no folder of images")):
        with pytest.raises(DataError, match=rule):
            proposed(tmp_path / name, name)


@pytest.mark.parametrize(
    ("columns", "file", "target"),
    [
        (["a", "Label", "b"], "x.csv", "Label"),
        (["price", "area"], "price.csv", "price"),
        (["churned", "b"], "churn.csv", "churned"),
        (["is_target", "b"], "x.csv", "is_target"),
        (["a", "b"], "x.csv", "b"),
        (["customer_id", "b", "Nr"], "customer.csv", "b"),
        (["id", "nr"], "x.csv", "nr"),
    ],
)
def test_a_target_is_told_by_its_name_the_file_s_or_its_place(columns: list[str], file: str, target: str) -> None:
    assert target_of(columns, Path(file)) == target


def test_words_of_the_data_stay_in_their_line_of_comment(tmp_path: Path) -> None:
    path = tmp_path / "other.csv"
    pd.DataFrame({"a": range(40), "b": ["one\nworkload: cnn", "two"] * 20}).to_csv(path, index=False)
    text = template(catalogue().workload("mlp"), proposed(path, path.name), "s.json", catalogue())
    assert parse_sweep(text, "sweep.yaml", tmp_path, catalogue=catalogue()).workload == "mlp"


@pytest.mark.parametrize("kind", ["table", "sentences"])
def test_rows_without_a_label_are_left_out_and_told(tmp_path: Path, kind: str) -> None:
    texts = [f"the film number {k} was a thing to see" for k in range(60)]
    frame = pd.DataFrame({"review": texts, "label": ["good", "bad", None] * 20})
    frame.to_csv(tmp_path / "reviews.csv", index=False)
    found = proposed(tmp_path / "reviews.csv", "reviews.csv", kind)  # type: ignore[arg-type]
    assert found.data.spec["missing"] == {"label": [""]}
    assert "20 of 60 rows have no label: with `missing` they are left out" in found.notes
    text = template(catalogue().workload("recurrent"), found, "s.json", catalogue())
    sweep = parse_sweep(text, "sweep.yaml", tmp_path, catalogue=catalogue())
    assert sum(len(rows) for rows in prepare(sweep.data).indices.values()) == 40


def test_texts_that_are_repeated_are_texts_where_sentences_are_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "mail.csv"
    rows = "".join(f"{'works great' if k % 2 else 'never again'},{'xyz'[k % 3]},{'ab'[k % 2]}\n" for k in range(60))
    path.write_text(f"message,channel,kind\n{rows}")
    assert proposed(path, path.name, None).kind == "table"
    assert proposed(path, path.name, "sentences").data.spec["text"] == "message"


def test_a_table_of_texts_alone_is_of_sentences_and_else_a_table(tmp_path: Path) -> None:
    path, texts = tmp_path / "reviews.csv", [f"the film number {k} was a thing to see" for k in range(60)]
    frame = pd.DataFrame({"id": range(60), "review": texts, "label": ["good", "bad", "bad"] * 20})
    frame.to_csv(path, index=False)
    found = proposed(path, path.name)
    assert (found.kind, found.problem) == ("sentences", "classification")
    assert found.data.spec == {"csv": path.name, "target": "label", "text": "review"}
    text = template(catalogue().workload("recurrent"), found, "s.json", catalogue())
    sweep = parse_sweep(text, "sweep.yaml", tmp_path, catalogue=catalogue())
    assert sweep.data.texts == ["review"]
    assert proposed(path, path.name, "table").kind == "table"
    frame.assign(age=[20 + k % 50 for k in range(60)]).to_csv(path, index=False)
    assert proposed(path, path.name).kind == "table"
    assert proposed(path, path.name, "sentences").data.spec["text"] == "review"


def test_a_folder_of_texts_is_no_folder_of_images(tmp_path: Path) -> None:
    for name in ("ham/1.txt", "spam/1.txt", "spam/2.md"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("words")
    found = proposed(tmp_path, "mail")
    assert (found.kind, found.problem, found.data.spec) == ("sentences", "classification", {"documents": "mail"})
    assert found.notes == ("2 classes of texts: ham, spam",)
    with pytest.raises(DataError, match="holds texts: workload recurrent takes them"):
        proposed(tmp_path, "mail", "image")
    (tmp_path / "ham" / "0.png").write_bytes(b"")
    assert proposed(tmp_path, "mail").kind == "image"
    assert proposed(tmp_path, "mail", "sentences").data.spec == {"documents": "mail"}, "as is said"


def test_the_metrics_of_a_file_are_those_of_its_problem_alone(tmp_path: Path) -> None:
    texts = {"review": [f"a film {k} that is fine and warm" for k in range(40)], "label": ["good", "bad"] * 20}
    pd.DataFrame(texts).to_csv(tmp_path / "reviews.csv", index=False)
    found = proposed(tmp_path / "reviews.csv", "reviews.csv", None)
    metrics = found.metrics(catalogue().workload("recurrent"))
    assert found.kind == "sentences" and next(iter(metrics)) == "val_accuracy"
    assert not {"val_rmse", "val_mae", "val_r2"} & set(metrics)
