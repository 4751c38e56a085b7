"""`paceline explain`: every word is explained, and what it says to try is a command that is there, or runs."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import click
import pytest

from cluster.cli.main import COMMANDS, Commands, main
from cluster.explain.entry import Entry
from cluster.explain.find import entries, find
from search_spaces.spec.sweep import parse_sweep
from search_spaces.types.faults import SpecError
from search_spaces.types.problems import METRICS, metrics_of
from tests.docs import spec_keys
from tests.helpers.paths import ROOT
from workloads.registry import WORKLOADS, catalogue

KNOWN = entries(catalogue())
PAGES = {
    name: (ROOT / "docs" / "reference" / f"{name}.md").read_text() for name in ("json", "mlflow-names", "metrics")
}


def told(capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> str:
    capsys.readouterr()
    assert main(["explain", *words]) == code
    found = capsys.readouterr()
    return found.out if code == 0 else found.err


def parsed(command: str) -> None:
    """Parse a command's words as click does, without running it."""
    name, *words = shlex.split(command)[1:]
    assert name in COMMANDS, command
    found = Commands().get_command(click.Context(Commands()), name)
    assert found is not None
    found.make_context(name, words)


@pytest.mark.parametrize("kind", sorted({one.kind for one in KNOWN}))
def test_what_is_to_be_tried_is_a_command_that_is_there_or_a_sweep_file_that_check_accepts(
    kind: str, tmp_path: Path
) -> None:
    faults = []
    for entry in (one for one in KNOWN if one.kind == kind):
        if entry.is_command:
            for command in entry.to_try.splitlines():
                parsed(command)
            continue
        try:
            parse_sweep(entry.to_try, "sweep.yaml", tmp_path, catalogue=catalogue())
        except SpecError as error:
            faults.append(f"{entry.word}: {error}")
    assert not faults


@pytest.mark.parametrize("workload", WORKLOADS)
def test_a_hyperparameter_s_commands_are_accepted(
    workload: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    faults = []
    for entry in (one for one in KNOWN if one.kind == "hyperparameter"):
        init, *run = (shlex.split(line) for line in entry.example.splitlines())
        if init[1:3] != ["init", workload]:
            continue
        written = f"{'-'.join(init[3:])}.yaml"
        if not Path(written).exists():
            assert main([*init[1:], "-o", written]) == 0
        try:
            text = Path(written).read_text()
            parse_sweep(text, written, tmp_path, (run[0][3],), catalogue=catalogue())
        except SpecError as error:
            faults.append(f"{entry.word}: {error}")
    assert not faults


def test_keys_and_names_are_those_of_the_reference() -> None:
    keys = {key.path for key in spec_keys.file_keys()}
    for entry in KNOWN:
        if entry.kind in ("word", "word of the code", "schedule", "sampler", "key of a sweep file"):
            assert not set(entry.keys) - keys, entry.word
        assert not [name for name in entry.json if f"| `{name}` |" not in PAGES["json"]], entry.word
        if entry.kind == "word":
            assert not [name for name in entry.mlflow if f"| `{name}` |" not in PAGES["mlflow-names"]], entry.word


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("lora_rank", "lora_rank (hyperparameter)"),
        ("asha", "asha (schedule)"),
        ("val_auc", "val_roc_auc (metric)"),
        ("test_accuracy", "val_accuracy (metric)"),
        ("confidence interval", "95 % interval, confidence interval (word)"),
        ("defaults", "default configuration, defaults (word)"),
        ("learning-rate", "lr (hyperparameter)"),
        ("Champions", "champion (word)"),
        ("verdict", "final evaluation (word)"),
        ("leg", "leg (word of the code)"),
        ("repeats", "repeats (key of a sweep file)"),
        ("data.split.folds", "data.split.folds (key of a sweep file)"),
        ("digits", "digits (data set)"),
        ("boosted_trees", "boosted_trees (workload)"),
    ],
)
def test_a_word_answers(word: str, expected: str, capsys: pytest.CaptureFixture[str]) -> None:
    text = told(capsys, word)
    assert expected in text.splitlines()
    assert all(len(line) <= 80 for line in text.splitlines() if not line.lstrip().startswith(("try", "paceline")))


def test_several_words_are_one_and_an_unknown_one_has_its_near_ones_listed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert told(capsys, "final", "evaluation") == told(capsys, "final evaluation")
    assert "near ones: champion" in told(capsys, "chmpion", code=2)
    assert "`paceline explain` lists all" in told(capsys, "xyzzy", code=2)


def test_json_and_the_list_have_every_word(capsys: pytest.CaptureFixture[str]) -> None:
    (found,) = json.loads(told(capsys, "rung", "--json"))["entries"]
    assert found["keys"][0] == "early_terminate" and found["try"].startswith("workload: mlp\n")
    listed = told(capsys)
    assert all(one in listed for one in ("rung", "cohort", "val_loss", "tpe", "hyperband", "gan", "lora_rank"))
    assert len(json.loads(told(capsys, "--json"))["entries"]) == len(KNOWN)


def test_every_metric_that_a_sweep_may_optimise_is_explained_and_on_the_test_split_too() -> None:
    for name in metrics_of(METRICS):
        for asked in (name, name.replace("val_", "test_")):
            assert name in [entry.word for entry in find(asked, KNOWN)]


def test_every_entry_is_found_by_all_of_its_names() -> None:
    def same(entry: Entry, name: str) -> bool:
        return entry in find(name, KNOWN)

    assert not [(entry.word, name) for entry in KNOWN for name in entry.names if not same(entry, name)]
