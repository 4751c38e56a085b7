"""The command line of a script: W&B's macros, each as W&B's agent fills it."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from search_spaces.spec.keys.command import Command
from search_spaces.types.values import value_of
from workloads.models.script.argv import argv, config
from workloads.models.script.environment import SHIM, Told, environment, parameters_file

PARAMS = {"lr": 1e-05, "opt.name": "adam", "nesterov": True, "amp": False, "note": "two words"}
NESTED = {"opt.name": ("opt", "name")}
CONFIG = {"lr": 1e-05, "opt": {"name": "adam"}, "nesterov": True, "amp": False, "note": "two words"}


def words(*given: str, program: str | None = "train.py") -> list[str]:
    command = Command(program=program, words=given, nested=NESTED)
    return argv(command, PARAMS, "/venv/bin/python", Path("/tmp/p.json"), {"GPU": "1", "a_b": "x"})


@pytest.mark.parametrize(
    ("macro", "expected"),
    [
        ("args", ["--lr=1e-05", "--opt.name=adam", "--nesterov=True", "--amp=False", "--note=two words"]),
        ("args_no_hyphens", ["lr=1e-05", "opt.name=adam", "nesterov=True", "amp=False", "note=two words"]),
        ("args_no_boolean_flags", ["--lr=1e-05", "--opt.name=adam", "--nesterov", "--note=two words"]),
        ("args_append_hydra", ["+lr=1e-05", "+opt.name=adam", "+nesterov=True", "+amp=False", "+note=two words"]),
        ("args_json_file", ["/tmp/p.json"]),
        ("env", ["/usr/bin/env"]),
        ("interpreter", ["/venv/bin/python"]),
        ("program", ["train.py"]),
        ("unknown", ["${unknown}"]),
    ],
)
def test_a_macro_stands_for_words(macro: str, expected: list[str]) -> None:
    assert words(f"${{{macro}}}") == expected


def test_values_are_written_as_wandb_writes_them() -> None:
    command = Command(program="train.py", words=("${args}", "${args_json}"))
    params = {"layers": value_of([64, 32]), "depth": None, "kind": value_of({"name": "a"})}
    filled = argv(command, params, "python", Path("p.json"), {})
    assert filled[:3] == ["--layers=[64, 32]", "--depth=None", "--kind={'name': 'a'}"]
    assert json.loads(filled[3]) == {"layers": [64, 32], "depth": None, "kind": {"name": "a"}}


def test_words_between_macros_stay_and_variables_are_filled_in() -> None:
    filled = words("cmd", "--gpu=${envvar:GPU}-${envvar:a_b}", "${args_no_equals}", "x${args}")
    assert filled[:4] == ["cmd", "--gpu=1-x", "--lr", "1e-05"]
    assert filled[-1] == "x${args}"
    with pytest.raises(ValueError, match="environment variable MISSING, which is not set"):
        words("${envvar:MISSING}")


def test_the_configuration_has_its_groups() -> None:
    command = Command(program="train.py", nested=NESTED)
    assert config(command, PARAMS) == CONFIG
    assert json.loads(words("${args_json}")[0]) == CONFIG


def test_a_script_is_told_its_trial(tmp_path: Path) -> None:
    told = Told(
        sweep="1e3d",
        trial="t007",
        project="p",
        reports=tmp_path / "r.jsonl",
        folder=tmp_path,
        seed=3,
        purpose="search",
    )
    outer = {"PATH": "/bin", "PYTHONPATH": "/mine", "HOME": "/home/me"}
    command = Command(program="train.py", nested=NESTED)
    found = environment(command, PARAMS, told, "/venv/bin/python", outer)
    assert json.loads(found["PACELINE_CONFIG"]) == CONFIG
    assert (found["PATH"], found["HOME"]) == (f"/venv/bin{os.pathsep}/bin", "/home/me")
    assert found["PYTHONPATH"] == f"{SHIM}{os.pathsep}/mine"
    assert "PACELINE_CHECKPOINT" not in found
    real = environment(command.model_copy(update={"wandb": "real"}), PARAMS, told, "/venv/bin/python", outer)
    assert real["PYTHONPATH"] == "/mine"
    assert json.loads(parameters_file(command, PARAMS))["opt"] == {"value": {"name": "adam"}}


def test_a_text_stays_the_text_that_the_spec_has() -> None:
    command = Command(program="train.py", words=("${args}",))
    assert argv(command, {"js": '{"a":1}'}, "python", Path("p.json"), {}) == ['--js={"a":1}']
    assert config(command, {"js": '{"a":1}'}) == {"js": '{"a":1}'}
