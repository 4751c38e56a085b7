"""Sentences in a spec: the columns of texts beside a table, and every refusal with its place."""

from __future__ import annotations

from pathlib import Path

import jsonschema
import pytest
from ruamel.yaml import YAML

from search_spaces.spec.data import Data
from search_spaces.spec.json_schema import json_schema
from search_spaces.spec.stored import from_json, to_json
from search_spaces.spec.streaming import decided
from search_spaces.spec.sweep import Sweep, parse_sweep
from search_spaces.types.faults import SpecError
from workloads.registry import catalogue

SPEC = """workload: own:train
data: {csv: r.csv, target: label, %s}
final: none
metric: {name: val_accuracy, goal: maximize}
epochs: 1
trials: 1
"""
OWN = "def train(run, *, a: float = 1.0):\n    run.report(val_accuracy=a)\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "r.csv").write_text("review,title,label\nfine film,a,1\ndull one,b,0\n")
    (tmp_path / "own.py").write_text(OWN)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def parsed(options: str, folder: Path) -> Sweep:
    return parse_sweep(SPEC % options, "sweep.yaml", folder, catalogue=catalogue())


@pytest.mark.parametrize(("text", "columns"), [("review", ["review"]), ("[title, review]", ["title", "review"])])
def test_the_columns_of_texts_are_kept_in_their_order(folder: Path, text: str, columns: list[str]) -> None:
    sweep = parsed(f"text: {text}", folder)
    assert sweep.data.texts == columns and sweep.data.text is None
    assert from_json(to_json(sweep), "sweep.json").data == sweep.data
    assert parse_sweep(sweep.to_text(), "again.yaml", folder, catalogue=catalogue()).data == sweep.data


CASES = {
    "unknown column": ("text: reviews", "data.text: must be a column of r.csv, received 'reviews', did you mean"),
    "unknown column of two": ("text: [title, body]", "data.text.1: must be a column of r.csv"),
    "the target": ("text: label", "data.text: must be other columns than the target, each once"),
    "one column twice": ("text: [title, title]", "data.text: must be other columns than the target, each once"),
    "three columns": ("text: [title, review, label]", "data.text: must name at most 2 columns"),
    "no name": ("text: 7", "data.text: must be text"),
    "kinds of columns": ("text: review, columns: {title: text}", "data.columns: has no effect beside data.text"),
    "streaming": ("text: review, streaming: true", "data.streaming: has no effect beside data.text"),
}


@pytest.mark.parametrize("name", CASES)
def test_refusals(folder: Path, name: str) -> None:
    options, message = CASES[name]
    with pytest.raises(SpecError) as found:
        parsed(options, folder)
    assert message in str(found.value)


@pytest.mark.parametrize("files", ["'r*.csv'", "[r.csv, s3://bucket/r.csv]"])
def test_texts_are_not_streamed_from_places_that_would_be(folder: Path, files: str) -> None:
    """The way out of the rows' reader, data.columns, has no effect beside columns of texts."""
    spec = SPEC.replace("csv: r.csv", f"csv: {files}") % "text: review"
    with pytest.raises(SpecError, match=r"data\.csv: must be a file of this machine, or a list of such files"):
        parse_sweep(spec, "sweep.yaml", folder, catalogue=catalogue())
    assert not decided(Data(csv=str(folder / "r.csv"), texts=["review"]), 1)


def test_editors_know_one_column_and_two() -> None:
    rules = jsonschema.Draft202012Validator(json_schema(catalogue()))
    spec = YAML(typ="safe", pure=True).load(SPEC % "text: review")
    for text, valid in {"review": True, ("title", "review"): True, ("a", "b", "c"): False, 7: False}.items():
        spec["data"]["text"] = [*text] if isinstance(text, tuple) else text
        assert rules.is_valid(spec) == valid, text


def test_a_folder_of_documents_needs_two_classes(folder: Path) -> None:
    (folder / "mail" / "spam").mkdir(parents=True)
    (folder / "mail" / "spam" / "1.txt").write_text("win")
    spec = SPEC.replace("{csv: r.csv, target: label, %s}", "{documents: mail}")
    with pytest.raises(SpecError, match="must hold a folder of texts for each of two or more classes"):
        parse_sweep(spec, "sweep.yaml", folder, catalogue=catalogue())
