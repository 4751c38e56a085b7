"""Files of other tools are refused key by key with what to write instead, and their names are understood."""

from __future__ import annotations

from pathlib import Path

import pytest

from search_spaces.spec.other_tools.words import KEYS, METHODS, PARAMETER_KEYS, SCHEDULE_KEYS
from search_spaces.spec.schema import SpecFile
from search_spaces.spec.sweep import parse_sweep
from search_spaces.types.faults import SpecError
from tests.docs.markdown_files import blocks
from tests.helpers.paths import ROOT
from tests.helpers.spec_cases import BASE, refusal
from tests.helpers.spec_catalogue import CATALOGUE
from workloads.registry import catalogue

PAGE = list(blocks((ROOT / "docs/how-to/from-katib-and-determined.md").read_text(encoding="utf-8")))
FOREIGN = [block.text for block in PAGE if block.kind == "text"]
TOLD = [block.text.splitlines()[1:] for block in PAGE if block.kind == "console"]
OURS = [block.text for block in PAGE if block.kind == "yaml"]


@pytest.mark.parametrize(("name", "place"), [("katib.yaml", 0), ("determined.yaml", 1)])
def test_the_page_shows_what_is_said_of_a_whole_file(name: str, place: int) -> None:
    with pytest.raises(SpecError) as caught:
        parse_sweep(FOREIGN[place], name, Path("/"), catalogue=catalogue())
    assert str(caught.value).splitlines() == TOLD[place]


def test_what_is_written_instead_means_the_same() -> None:
    katib, determined = (parse_sweep(text, "s.yaml", Path("/"), catalogue=catalogue()) for text in OURS)
    assert (katib.method, katib.early_terminate.type, katib.early_terminate.parameters["min_iter"]) == (
        "auto",
        "median",
        4,
    )
    assert (katib.metric.target, katib.trials, katib.max_concurrent, katib.seed) == (0.99, 12, 3, 10)
    assert (determined.early_terminate.type, determined.early_terminate.parameters["eta"]) == ("hyperband", 4)
    assert (determined.epochs, determined.trials, determined.max_retries, determined.resources.most) == (
        27,
        64,
        5,
        2,
    )


@pytest.mark.parametrize(
    ("alias", "method"), [("bayes", "auto"), ("bayesianoptimization", "auto"), ("sobol", "qmc"), ("tpe", "tpe")]
)
def test_other_names_of_samplers(alias: str, method: str) -> None:
    assert parse_sweep(f"{BASE}method: {alias}\n", "s.yaml", Path("/"), catalogue=CATALOGUE).method == method


@pytest.mark.parametrize("name", METHODS)
def test_a_method_that_is_none_is_refused_with_what_is(name: str, tmp_path: Path) -> None:
    [fault] = refusal(f"{BASE}method: {name}\n", tmp_path).faults
    assert (fault.place, fault.path, fault.rule) == ("sweep.yaml:5", "method", METHODS[name])
    if METHODS[name].startswith("is a schedule"):
        rule = METHODS[name].partition("write ")[2].partition(",")[0]
        if name != "pbt":  # it needs hyperparameters that it may change
            parse_sweep(f"{BASE}{rule}\n", "s.yaml", Path("/"), catalogue=CATALOGUE)


def test_each_key_is_refused_with_what_to_write(tmp_path: Path) -> None:
    own = SpecFile.model_fields.keys()
    flat = [key for key in KEYS if "." not in key]
    error = refusal(BASE + "".join(f"{key}: 1\n" for key in flat), tmp_path)
    assert {fault.path: fault.rule for fault in error.faults} == {key: KEYS[key] for key in flat}
    assert not own & set(flat), "a key that there is here needs no word"
    for path in set(KEYS) - set(flat):
        group, key = path.split(".")
        [fault] = refusal(f"{BASE}{group}: {{{key}: 1}}\n", tmp_path).faults
        assert (fault.path, fault.rule) == (path, KEYS[path])


def test_keys_inside_of_a_parameter_or_a_schedule_are_told_too(tmp_path: Path) -> None:
    given = ", ".join(f"{key}: 1" for key in PARAMETER_KEYS)
    error = refusal(f"{BASE}  dropout: {{min: 0.0, max: 0.5, {given}}}\n", tmp_path)
    assert {f.path.rpartition(".")[2]: f.rule for f in error.faults} == PARAMETER_KEYS
    given = ", ".join(f"{key}: 1" for key in SCHEDULE_KEYS)
    error = refusal(f"{BASE}early_terminate: {{type: hyperband, {given}}}\n", tmp_path)
    assert {f.path.rpartition(".")[2]: f.rule for f in error.faults} == SCHEDULE_KEYS


def test_odd_values_of_other_tools_keys_are_survived(tmp_path: Path) -> None:
    odd = """\
searcher: {name: [1], metric: {a: 1}, max_length: 3, smaller_is_better: x, wat: 1, max_lenght: 2, name2: }
hyperparameters: {lr: {type: log, minval: x, maxval: 1e9}, a: {type: log}, b: {type: categorical}, d: [1]}
spec: {objective: 3, algorithm: [1], earlyStopping: {algorithmSettings: [3]}, parameters: {a: 1}, wat: 3}
"""
    paths = {fault.path for fault in refusal(BASE + odd, tmp_path).faults}
    assert {"searcher.wat", "searcher.max_lenght", "hyperparameters.lr", "hyperparameters.d", "spec.wat"} <= paths
    for rest in ("searcher: 3", "hyperparameters: [1]", "spec: x"):
        assert refusal(f"{BASE}{rest}\n", tmp_path)
