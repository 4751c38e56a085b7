"""The final evaluation of a script: whether a spec may ask for one, and what is told where it has none."""

from __future__ import annotations

from pathlib import Path

import pytest

from search_spaces.spec.keys.command import Command
from search_spaces.spec.script.verdict import unjudged, without_verdict
from search_spaces.spec.sweep import parse_sweep
from search_spaces.types.faults import SpecError
from workloads.registry import catalogue

SPEC = """
program: train.py
metric: {name: val_acc, goal: maximize}
parameters: {lr: {min: 0.1, max: 1.0}}
"""


def test_a_script_has_one_where_its_file_asks_for_it(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text("import inner.data\n")
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "data.py").write_text("splits = 'train', 'val', 'Test'\n")
    assert parse_sweep(SPEC, "a", tmp_path, catalogue=catalogue()).final is None
    sweep = parse_sweep(f"{SPEC}final: {{top: 2}}\n", "a", tmp_path, catalogue=catalogue())
    assert sweep.final is not None and sweep.final.top == 2
    (tmp_path / "inner" / "data.py").unlink()
    with pytest.raises(SpecError) as caught:
        parse_sweep(f"{SPEC}final: {{top: 2}}\n", "a", tmp_path, catalogue=catalogue())
    assert (
        "final: must be none: no file of train.py says test, and it must report test_acc at its last epoch, where "
        "PACELINE_PURPOSE is final"
    ) in str(caught.value)


def test_what_is_no_python_program_may_report_anything(tmp_path: Path) -> None:
    (tmp_path / "train.R").write_text("1\n")
    assert unjudged("train.R", "val_acc", tmp_path) is None
    assert unjudged(None, "val_acc", tmp_path) is None
    assert unjudged("train.py", "val_acc", None) is None


def test_a_pattern_must_find_the_test_metric_too() -> None:
    both = "acc (?P<val_acc>.*) or (?P<test_acc>.*)"
    assert unjudged(None, "val_acc", None, both) is None
    assert unjudged(None, "val_acc", None, "(?P<name>.*)=(?P<value>.*)") is None
    told = "must be none: metrics.pattern finds no test_acc, which needs a group of this name"
    assert unjudged(None, "val_acc", None, "acc (?P<val_acc>.*)") == told


def test_what_chooses_cannot_judge(tmp_path: Path) -> None:
    told = "must be none: the search chooses by test_acc, and what has chosen cannot judge"
    assert (unjudged("train.R", "test_acc", tmp_path) or "").startswith(told)
    told = without_verdict(Command(program="train.py"), "test_acc", ["test_acc"], "ab12")
    assert told.startswith("the search chose by test_acc itself, so nothing is left to judge by")


def test_without_one_it_is_told_what_gives_it() -> None:
    command = Command(program="train.py")
    gives = "`final: {top: 3, seeds: 5}` in the sweep file trains the best again with new seeds"
    assert without_verdict(command, "val/acc", ["test/acc", "test_loss"], "ab12") == (
        f"none is asked for; {gives}, and judges them by test/acc, which train.py reports: `paceline edit ab12 "
        "'final={top: 3}'` and `paceline resume ab12` do it now"
    )
    assert without_verdict(command, "val_acc", ["test/acc"], "ab12") == (
        "train.py reports no test_acc; once it does at its last epoch, where PACELINE_PURPOSE is final, "
        f"{gives} and judges them by it"
    )
    told = without_verdict(Command(words=("./run.sh",)), "acc", [], "ab12")
    assert told.startswith("./run.sh reports no test_acc;")
