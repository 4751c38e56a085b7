"""Labelled words in a spec: what a CoNLL file takes, its problem and metric, and every refusal with its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from search_spaces.spec.checks.data import SOURCES
from search_spaces.spec.data import PATHS
from search_spaces.spec.sweep import Sweep, parse_sweep
from search_spaces.types.faults import SpecError
from workloads.registry import catalogue

SPEC = "workload: recurrent\ndata: {conll: it.conll%s}\n"


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "it.conll").write_text("Ann B-PER\n\nJürgen B-PER\n", encoding="utf-8")
    (tmp_path / "old.conll").write_bytes("Ann B-PER\n\nJürgen B-PER\n".encode("cp1252"))
    return tmp_path


def parsed(text: str, folder: Path) -> Sweep:
    return parse_sweep(text, "sweep.yaml", folder, catalogue=catalogue())


def test_each_source_is_known_as_a_path() -> None:
    """So that it is found again from another folder, and sent along to a cluster."""
    assert set(SOURCES) <= set(PATHS)


def test_words_are_labelled_and_judged_by_their_spans(files: Path) -> None:
    sweep = parsed(SPEC % ", text: c0, target: c1, test: it.conll, split: {group: document}", files)
    assert (sweep.problem, sweep.metric.name, sweep.metric.goal) == ("tagging", "val_f1", "maximize")
    assert (sweep.data.conll, sweep.data.texts) == (str(files / "it.conll"), ["c0"])


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        (
            (SPEC % "").replace("it.", "old."),
            "data.encoding: must be the encoding of old.conll:3: byte 12 (0xfc) is no utf-8",
        ),
        (
            SPEC % ", target: label",
            "data.target: must be a column of the CoNLL file by its place, c0, c1, ..., rec",
        ),
        (SPEC % ", text: [c0, c1]", "data.text: must name at most 1 column, received"),
        (SPEC % ", text: c1, target: c1", "data.text: must be other columns than the target"),
        (SPEC % ", split: {group: c2}", "data.split.group: must be document with data.conll"),
        (SPEC % ", window: 3", "data.window: has no effect with data.conll"),
        (SPEC % "" + "parameters: {pooling: mean}", "parameters.pooling: has no effect"),
        (SPEC % "" + "parameters: {tokenizer: characters}", "parameters.tokenizer: has no effect"),
        (
            (SPEC % "").replace("recurrent", "mlp"),
            "data: must be table or image data for workload mlp, received tagged data",
        ),
        (SPEC % "" + "metric: {name: val_f1_macro, goal: maximize}", "metric.name: unknown metric"),
    ],
)
def test_what_is_refused(spec: str, said: str, files: Path) -> None:
    with pytest.raises(SpecError) as caught:
        parsed(spec, files)
    assert said in str(caught.value)
