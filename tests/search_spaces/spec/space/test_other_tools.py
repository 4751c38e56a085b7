"""Files of other tools are refused key by key with what to write instead, and their names are understood."""

from __future__ import annotations

from pathlib import Path

import pytest

from search_spaces.spec.other_tools.names import hyperparameter, meant, metric
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


FOREIGN_NAMES = """\
hyperparameters: {global_batch_size: 64, nested: {--num-layers: {type: int, minval: 1, maxval: 3}}, max_epochs: 9}
searcher: {metric: val_loss}
spec:
  objective: {type: maximize, objectiveMetricName: Validation-accuracy}
  algorithm:
    algorithmName: hyperband
    algorithmSettings: [{name: resourceName, value: num-epochs}, {name: eta, value: "3"}, {name: r_l, value: "9"}]
  parameters:
    - {name: --lr, parameterType: double, feasibleSpace: {min: "0.01", max: "0.1"}}
    - {name: num-epochs, parameterType: int, feasibleSpace: {min: "9", max: "9"}}
  nasConfig: {}
"""


def test_names_of_other_tools_become_those_of_here(tmp_path: Path) -> None:
    told = {fault.path: fault.rule for fault in refusal(BASE + FOREIGN_NAMES, tmp_path).faults}
    epochs = "is not read: write 'epochs: 9', the most that a trial has"
    assert told == told | {
        "hyperparameters.global_batch_size": "is not read: write 'batch_size: 64' below parameters",
        "hyperparameters.nested.--num-layers": "is not read: write 'depth: {min: 1, max: 3}' below parameters",
        "hyperparameters.max_epochs": "is not read: write 'epochs: 9' beside parameters",
        "searcher.metric": "is not read: write 'metric: {name: val_loss, goal: minimize}'",
        "spec.objective": "is not read: write 'metric: {name: val_accuracy, goal: maximize}'",
        "spec.algorithm.algorithmSettings.0": epochs,
        "spec.algorithm.algorithmSettings.1": "is not read: write 'early_terminate: {eta: 3}'",
        "spec.algorithm.algorithmSettings.2": epochs,
        "spec.parameters.0": "is not read: write 'lr: {min: 0.01, max: 0.1}' below parameters",
        "spec.parameters.1": epochs,
        "spec.nasConfig": "is not available: architectures are searched by hyperparameters, such as depth",
    }


def test_a_function_of_ones_own_keeps_its_names() -> None:
    assert hyperparameter("learning_rate", ["learning_rate", "lr"]) == "learning_rate"
    assert hyperparameter("hidden-size", ["lr", "width"]) == "width" and hyperparameter("bs", ["lr"]) is None
    assert meant("filters", ["channels"]) == "channels" and meant("drop_out", ["dropout"]) == "dropout"
    assert [metric(name) for name in ("validation_loss", "auc", "eval/acc", "reward")] == [
        "val_loss",
        "val_roc_auc",
        "val_accuracy",
        None,
    ]


@pytest.mark.parametrize(
    ("given", "path", "said"),
    [
        ("  learning_rate: 0.1", "parameters.learning_rate", "did you mean 'lr'?"),
        ("  epochs: {value: 27}", "parameters.epochs", "write 'epochs: 27' beside parameters"),
        ("  num_epochs: {values: [3, 9]}", "parameters.num_epochs", "write 'epochs: 9' beside parameters"),
        ("  seed: {min: 0, max: 0.5}", "parameters.seed", "write 'seed: N' beside parameters"),
        ("start_from: [{learning_rate: 0.1}]", "start_from.0.learning_rate", "did you mean 'lr'?"),
        ("require: [learning_rate < 1]", "require.0", "did you mean 'lr'?"),
        ("metric: {name: auc}", "metric.name", "did you mean 'val_roc_auc'?"),
    ],
)
def test_names_that_habit_gives_are_known(given: str, path: str, said: str, tmp_path: Path) -> None:
    [fault] = refusal(f"{BASE}{given}\n", tmp_path).faults
    assert fault.path == path and said in str(fault)
