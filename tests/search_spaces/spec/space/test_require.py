"""``require`` of a spec: what is refused and how it is told, and that a sweep keeps it."""

from __future__ import annotations

from pathlib import Path

import pytest

from search_spaces.spec import stored
from search_spaces.spec.sweep import Sweep, parse_sweep
from tests.helpers.spec_cases import refusal
from tests.helpers.spec_catalogue import CATALOGUE

HEAD = """\
workload: mlp
data: {name: digits}
method: random
parameters:
  lr: {min: 1e-5, max: 0.1, log: true}
  shape:
    width: {min: 8, max: 64, step: 8}
    depth: {min: 1, max: 4}
  momentum: {min: 0.1, max: 0.9, when: {optimizer: sgd}}
  optimizer: {values: [sgd, adam]}
  weight_decay: 0.01
"""


def parsed(text: str, *overrides: str) -> Sweep:
    return parse_sweep(text, "sweep.yaml", Path("/"), overrides, catalogue=CATALOGUE)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("widht > 2", "is no hyperparameter of this workload, received 'widht', did you mean 'width'?"),
        ("optimizer == adam", "text is written in quotes, received 'adam', did you mean \"'adam'\"?"),
        (
            "optimizer == 'adm'",
            "is no value of optimizer (one of sgd, adam, adamw, rmsprop), received 'adm', did you mean 'adam'?",
        ),
        ("width >> 2", "may hold only numbers, text, null, lists, parameters, + - * / // % **, comparisons"),
        (
            "__import__('os').system('x') > width",
            "must call nothing but min, max, abs, log, received \"__import__('os').system\"",
        ),
        ("width.real > 2", "is no hyperparameter of this workload, received 'width.real'"),
        ("shapes.width > 2", "received 'shapes.width', did you mean 'shape.width'?"),
        ("width - 2", "must be a comparison, such as a >= b, and not a number, received 'width - 2'"),
        ("width and depth", "and, or, not join comparisons, this is a number, received 'width'"),
        ("optimizer > 2", "compares text with a number, received 'optimizer, 2'"),
        ("optimizer < 'sgd'", "only numbers are in order, this is text, received 'optimizer'"),
        ("optimizer + 2 > width", "only numbers are calculated with, this is text, received 'optimizer'"),
        ("dropout < 1 and weight_decay > 0", "is about no searched hyperparameter"),
        ("width in [8, 'sgd']", "compares a number with text"),
        ("width == null", "compares a number with null"),
        ("width == [8]", "compares a number with a list or mapping"),
        ("width in [8] == 2", "compares a list or mapping with a number"),
        ("[8] < [9]", "is about no searched hyperparameter"),
        ("width > 100", "leaves too little of the space: 0 of"),
        (
            "lr > 0.0999999",
            "random configurations (0 %) satisfy it, 0.1 % must (widen the ranges, or search fewer)",
        ),
        ("lr == 0.01", "leaves too little of the space: 0 of 10000 random configurations"),
        ("width >" + " 1 +" * 200, "must be at most 500 characters long"),
        ("(" * 60 + "width" + ")" * 60 + " > -" + "-" * 30 + "1", "must not be nested deeper than 20"),
    ],
)
def test_a_requirement_that_cannot_be_is_refused_at_its_line(text: str, told: str, tmp_path: Path) -> None:
    listed = f'{HEAD}require:\n  - width > 1\n  - "{text}"\n'
    [fault] = refusal(listed, tmp_path).faults
    assert str(fault).startswith("sweep.yaml:14: require.1: ") and told in str(fault)


def test_every_fault_is_told(tmp_path: Path) -> None:
    error = refusal(f"{HEAD}require: [widht > 2, width, 'x', 3, open('x')]\n", tmp_path)
    assert [fault.path for fault in error.faults] == ["require.3"], "types first"
    error = refusal(f"{HEAD}epochs: many\nrequire: [widht > 2, width, open('x')]\n", tmp_path)
    assert [fault.path for fault in error.faults] == ["epochs", *(f"require.{place}" for place in range(3))]
    assert [f.path for f in refusal(f"{HEAD}require: width > 2\n", tmp_path).faults] == ["require"]


def test_requirements_that_exclude_each_other_are_refused_together(tmp_path: Path) -> None:
    [fault] = refusal(f"{HEAD}require: [width > 32, width < 32]\n", tmp_path).faults
    assert (fault.path, fault.rule.startswith("together leaves too little")) == ("require", True)


def test_constants_defaults_and_names_of_groups_are_known() -> None:
    texts = [
        "shape.width >= 4 * parameters.shape.depth",
        "weight_decay * batch_size < depth",
        "lr < dropout + 0.05",
    ]
    sweep = parsed(f"{HEAD}require: {texts}\n")
    first, second, third = sweep.space.require
    assert (first.text, first.given) == ("width >= 4 * depth", {})
    assert (second.text, second.given) == (texts[1], {"weight_decay": 0.01, "batch_size": 64})
    assert third.given == {"dropout": 0.0}


def test_a_sweep_keeps_them_in_its_file_and_as_it_is_stored() -> None:
    sweep = parsed(f"{HEAD}require: [shape.width >= 8 * depth, momentum < 0.5]\n")
    assert stored.from_json(stored.to_json(sweep), "sweep.json") == sweep
    assert parsed(sweep.to_text()) == sweep
    assert sweep.to_tree()["require"] == ["width >= 8 * depth", "momentum < 0.5"]
    assert "require" not in parsed(HEAD).to_tree()
    assert parsed(f"{HEAD}require: [width > 8]\n", "require.0=width > 16").space.require[0].text == "width > 16"


def test_what_is_to_be_tried_first_must_satisfy_them(tmp_path: Path) -> None:
    first = "start_from: [{depth: 1}, {depth: 3, width: 16}, {width: 24}]"
    text = f"{HEAD}require: [width >= 16 * depth]\n{first}\n"
    error = refusal(text, tmp_path)
    assert [str(fault) for fault in error.faults] == [
        "sweep.yaml:13: start_from.1: must satisfy require.0: width >= 16 * depth, received width=16, depth=3",
        "sweep.yaml:13: start_from.2: must satisfy require.0: width >= 16 * depth, received width=24, depth=2",
    ]


def test_a_grid_has_the_points_that_satisfy_them(tmp_path: Path) -> None:
    head = "workload: mlp\ndata: {name: digits}\nmethod: grid\n"
    text = f"{head}parameters: {{width: {{values: [8, 16, 32]}}, depth: {{min: 1, max: 4}}}}\n"
    assert parsed(f"{text}require: [width >= 8 * depth]\n").trials == 1 + 2 + 4 + 1, "the defaults are none of it"
    assert parsed(f"{text}require: [width >= 8 * depth]\n", "parameters.width.values.2=64").trials == 1 + 2 + 4
    large = text.replace("depth: {min: 1, max: 4}", "depth: {min: 1, max: 16}, batch_size: {min: 1, max: 4096}")
    assert parsed(f"{large}require: [batch_size < 3]\n").trials == 3 * 16 * 2 + 1
    huge = large.replace("[8, 16, 32]", "[8, 16, 24, 32]")
    [fault] = refusal(f"{huge}require: [batch_size < width * depth]\n", tmp_path).faults
    assert (fault.path, fault.received) == ("method", "too many to see which satisfy require")
