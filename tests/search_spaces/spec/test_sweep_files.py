"""Examples, templates and the JSON Schema agree with the loader; loading stays light."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import jsonschema
import pytest
from ruamel.yaml import YAML

import search_spaces
from search_spaces.space.hyperparameters import hyper
from search_spaces.spec.data import TABLES
from search_spaces.spec.json_schema import json_schema
from search_spaces.spec.starting.proposal import Proposal
from search_spaces.spec.starting.template import default_kind, guessed_space, template
from search_spaces.spec.sweep import load_sweep, parse_sweep
from search_spaces.spec.yaml_document import flow
from tests.helpers.spec_catalogue import CATALOGUE
from tests.helpers.spec_texts import FULL, HEAD
from workloads.registry import catalogue

EXAMPLES = sorted((Path(search_spaces.__file__).parent / "examples").glob("*.yaml"))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_examples_load_and_fit_the_schema(path: Path) -> None:
    sweep = load_sweep(path, catalogue=catalogue())
    schema = json_schema(catalogue())
    jsonschema.Draft202012Validator.check_schema(schema)
    for text in (path.read_text(), sweep.to_text()):
        jsonschema.Draft202012Validator(schema).validate(YAML(typ="safe", pure=True).load(text))
    again = parse_sweep(sweep.to_text(), "again", Path("/"), catalogue=catalogue())
    assert again.model_copy(update={"folder": sweep.folder}) == sweep


def test_there_is_an_example_for_each_workload() -> None:
    assert {path.stem for path in EXAMPLES} >= set(catalogue().workload_names)


@pytest.mark.parametrize(
    "line",
    [
        "epoch: 3",
        "epochs: x",
        "trials: 0",
        "data: {nam: x}",
        "final: {top: 0}",
        "parameters: {lr: {min: a}}",
        "cohort: x",
    ],
)
def test_the_schema_refuses_what_the_loader_refuses(line: str) -> None:
    key = line.partition(":")[0]
    tree = {**YAML(typ="safe", pure=True).load(HEAD), **YAML(typ="safe", pure=True).load(line)}
    validator = jsonschema.Draft202012Validator(json_schema(CATALOGUE))
    assert not validator.is_valid(tree), key
    assert validator.is_valid({**tree, key: 3} if key == "epochs" else YAML(typ="safe", pure=True).load(FULL))


@pytest.mark.parametrize("key", TABLES)
def test_the_schema_takes_several_files_of_a_table(key: str) -> None:
    tree = YAML(typ="safe", pure=True).load(HEAD)
    validator = jsonschema.Draft202012Validator(json_schema(CATALOGUE))
    for files, right in ((["a", "b"], True), ("a", True), ([], False), ([1], False)):
        assert validator.is_valid({**tree, "data": {key: files, "target": "y"}}) == right


@pytest.mark.parametrize("name", catalogue().workload_names)
def test_a_template_parses_without_change_and_means_the_defaults(name: str, tmp_path: Path) -> None:
    info = catalogue().workload(name)
    proposal = Proposal.example(info, default_kind(info))
    if proposal.data.file:
        (tmp_path / proposal.data.file).write_text(proposal.data.content())
    text = template(info, proposal, "paceline.schema.json", catalogue())
    assert text.startswith("# yaml-language-server: $schema=paceline.schema.json\n")
    sweep = parse_sweep(text, "new.yaml", tmp_path, catalogue=catalogue())
    plain = f"workload: {name}\ndata: {flow(proposal.data.spec)}"
    if proposed := info.init_metric.get(proposal.problem):
        plain += f"\nmetric: {{name: {proposed}, goal: {proposal.metrics(info)[proposed]}}}"
    meant = parse_sweep(plain, "plain.yaml", tmp_path, catalogue=catalogue())
    assert sweep.space == meant.space and sweep.constants == {**meant.constants, **info.init_values}
    assert (sweep.metric, sweep.trials, sweep.final) == (meant.metric, meant.trials, meant.final)


@dataclass(frozen=True, kw_only=True)
class Around:
    share: float = hyper(0.8, "below 1")
    factor: float = hyper(2.0, "above 1")
    count: int = hyper(1, "a count")
    flag: bool = hyper(True, "a flag")
    nothing: float = hyper(0.0, "zero")
    word: str = hyper("l2", "a word")


def test_a_space_is_guessed_around_the_defaults_of_a_function_that_has_none() -> None:
    assert guessed_space(Around) == {
        "share": {"min": 0.267, "max": 0.894, "log": True},
        "factor": {"min": 0.667, "max": 6.0, "log": True},
        "count": {"values": [1, 2]},
        "flag": {"values": [False, True]},
    }


def test_loading_a_spec_imports_nothing_heavy() -> None:
    heavy = ("torch", "ray", "mlflow", "optuna", "numpy", "scipy", "pandas", "sklearn", "pyarrow")
    code = (
        "import sys; from pathlib import Path; from search_spaces.spec.sweep import load_sweep;"
        "from workloads.registry import catalogue;"
        f"load_sweep(Path({str(EXAMPLES[0])!r}), catalogue=catalogue());"
        f"print([name for name in {heavy} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path.cwd())
    assert done.stdout.strip() == "[]"
