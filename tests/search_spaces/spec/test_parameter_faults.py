"""Faulty ranges, choices, laws and conditions."""

from __future__ import annotations

from pathlib import Path

import pytest

from search_spaces.space.domains import Uniform
from search_spaces.spec.sweep import parse_sweep
from search_spaces.types.faults import SpecError
from tests.helpers.spec_cases import BASE, Case, judge, param, refusal
from tests.helpers.spec_catalogue import CATALOGUE

CASES = {
    # ranges
    "range as text": param("width: 16..64", "width", "a range is written {min: 16, max: 64}", "'16..64'"),
    "range with a dash": param("dropout: 0.1 - 0.5", "dropout", "a range is written {min: 0.1, max: 0.5}"),
    "law as text": param("dropout: uniform(0.1,.5)", "dropout", "a range is written {min: 0.1, max: 0.5}"),
    "choices as text": param("width: 16,32", "width", "a list of choices is written {values: [16, 32]}", "'16,32'"),
    "turned text": param("width: 64..16", "width", "must be a finite number", "'64..16'"),
    "another workload's": param("cell: gru", "cell", "unknown hyperparameter of this workload", "'cell'"),
    "empty range": param("dropout: {min: 0.5, max: 0.5}", "dropout.max", "must be above min = 0.5", "0.5"),
    "turned range": param(
        "depth: {min: 4, max: 2}", "depth.max", "must be above min = 4: swap the two, or change one", "2"
    ),
    "log of zero": param(
        "dropout: {min: 0, max: 0.5, log: true}", "dropout.min", "must be > 0 for a log scale", "0"
    ),
    "log of less": param("width: {min: -1, max: 5, log: true}", "width.min", "must be > 0 for a log scale", "-1"),
    "step": param("width: {min: 32, max: 500, step: 32}", "width.step", "evenly (max: 480 or 512 would do)", "32"),
    "float step": param("dropout: {min: 0.0, max: 0.5, step: 0.2}", "dropout.step", "must divide", "0.2"),
    "step of zero": param("width: {min: 1, max: 5, step: 0}", "width.step", "must be a number > 0", "0"),
    "step and log": param("width: {min: 2, max: 8, step: 2, log: true}", "width.step", "must be 1 on a log", "2"),
    "half": param("width: {min: 1.5, max: 8}", "width.min", "must be a whole number", "1.5"),
    "above": param("dropout: {min: 0.0, max: 1.0}", "dropout.max", "must hold 0 <= dropout < 1", "1"),
    "below": param("weight_decay: {min: -1.0, max: 1.0}", "weight_decay.min", "must hold 0 <= weight_decay", "-1"),
    "no max": param("dropout: {min: 0.0}", "dropout", "max is required for distribution uniform"),
    "no range": param("dropout: {log: true}", "dropout", "values or min and max, or value, must be given"),
    "no values": param("width: {values: []}", "width.values", "must hold at least one value", "[]"),
    "twice": param("width: {values: [32, 64, 32]}", "width.values", "must differ from each other", "[32, 64, 32]"),
    "choice type": param("width: {values: [32, wide]}", "width.values.1", "must be a finite number", "'wide'"),
    "bool choice": param("width: {values: [true]}", "width.values.0", "must be a finite number", "true"),
    "nested choice": param("width: {values: [[1]]}", "width.values.0", "must be one value", "[1]"),
    "infinite": param("width: {min: 1, max: .inf}", "width.max", "must be a finite number", "inf"),
    "text range": param("lr2: {min: 1, max: 2}", "lr2", "unknown hyperparameter", "'lr2'", "'lr'"),
    "text bound": param("width: {min: one, max: 2}", "width.min", "must be", "'one'"),
    "range of words": param(
        "optimizer: {min: 1, max: 2}", "optimizer", "values must be given: optimizer is one of"
    ),
    "constant": param("dropout: 2", "dropout", "must hold 0 <= dropout < 1", "2"),
    "constant value": param("dropout: {value: 2}", "dropout.value", "must hold 0 <= dropout < 1", "2"),
    "constant null": param("dropout:", "dropout", "must be a value", "nothing"),
    "bare list": param("width: [1, 2]", "width", "written {values: [...]}", "[1, 2]"),
    "odds": param("width: {values: [1, 2], probabilities: [1]}", "width.probabilities", "must be as many", "[1]"),
    "odds sum": param(
        "width: {values: [1, 2], probabilities: [0.5, 0.6]}", "width.probabilities", "sum to 1", "[0.5, 0.6]"
    ),
    "no effect": param("width: {values: [1, 2], step: 2}", "width.step", "has no effect with", "2"),
    "mu alone": param("dropout: {mu: 0.5}", "dropout.mu", "needs a distribution", "0.5"),
    "q alone": param("dropout: {min: 0.0, max: 0.5, q: 0.1}", "dropout.q", "needs a distribution", "0.1"),
    "sigma": param("dropout: {distribution: normal, sigma: 0}", "dropout.sigma", "must be a number > 0", "0"),
    "wide normal": param(
        "dropout: {distribution: normal, mu: 0.5, sigma: 0.5}", "dropout", "must hold 0 <= dropout"
    ),
    "normal int": param(
        "width: {distribution: normal, mu: 64, sigma: 2}", "width.distribution", "q_normal", "'normal'"
    ),
    "two of a name": param("more: {lr: 0.1}", "more.lr", "must be given once (first at sweep.yaml:4)"),
    "exponents": Case(
        "  lr: {distribution: log_uniform, min: 1e-4, max: 0.1}",
        4,
        "parameters.lr.distribution",
        "log_uniform takes exponents: this range is 1 to 1.11",
        "'log_uniform'",
        "'log_uniform_values'",
        base="workload: mlp\ndata: {name: wine}\nparameters:\n",
    ),
    # conditions
    "no parent": param(
        "dropout: {min: 0.0, max: 0.5, when: {depht: 2}}", "dropout.when.depht", "another parameter", "'depht'"
    ),
    "impossible": param(
        "momentum: {min: 0.1, max: 0.5, when: {lr: 5}}", "momentum.when.lr", "a value that lr can", "5"
    ),
    "cycle": Case(
        "  dropout: {values: [0.0, 0.5], when: {depth: 2}}\n  depth: {values: [2, 3], when: {dropout: 0.5}}",
        5,
        "parameters.dropout.when",
        "must not go in a circle (dropout, depth)",
    ),
    "self": param("depth: {values: [2, 3], when: {depth: 2}}", "depth.when", "must not go in a circle (depth)"),
    "never": Case(
        "  optimizer: adam\n  momentum: {min: 0.1, max: 0.5, when: {optimizer: sgd}}",
        6,
        "parameters.momentum.when.optimizer",
        "must be a value that optimizer can have (adam)",
        "['sgd']",
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_fault_of_a_parameter(case: Case, tmp_path: Path) -> None:
    judge(case, tmp_path)


def test_log_false_is_the_default_and_no_log_scale(tmp_path: Path) -> None:
    read = parse_sweep(
        f"{BASE}  dropout: {{min: 0, max: 0.5, log: false}}\n", "s.yaml", tmp_path, catalogue=CATALOGUE
    )
    assert read.space.domains["dropout"] == Uniform(0.0, 0.5)
    [fault] = refusal(
        f"{BASE}  dropout: {{min: 0.1, max: 0.5, log: false, distribution: log_uniform_values}}\n", tmp_path
    ).faults
    assert fault.path == "parameters.dropout.log" and fault.rule.startswith("cannot be false with distribution")


def test_a_key_inside_of_a_word_is_answered_by_the_whole_group() -> None:
    with pytest.raises(SpecError, match=r"did you mean 'early_terminate={type: median}'\?"):
        text = f"{BASE}early_terminate: none\n"
        parse_sweep(text, "s.yaml", None, ["early_terminate.type=median"], catalogue=CATALOGUE)
