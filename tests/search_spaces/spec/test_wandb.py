"""Parameters and files in W&B's form mean what they mean there."""

from __future__ import annotations

import math
from typing import Any

import pytest

from search_spaces.space.domains import Choice, Int, Uniform
from search_spaces.space.quantile_domains import Beta, Normal, Rounded
from search_spaces.types.faults import SpecError
from tests.helpers.spec_texts import HEAD, parsed


def domain(parameter: str) -> Any:
    """The domain of one parameter, ``name: {...}``."""
    (only,) = parsed(f"{HEAD}parameters: {{{parameter}}}").space.domains.values()
    return only


@pytest.mark.parametrize(
    ("parameter", "expected"),
    [
        ("lr: {min: 1e-4, max: 1e-1}", Uniform(1e-4, 0.1)),
        ("lr: {distribution: log_uniform_values, min: 1e-4, max: 1e-1}", Uniform(1e-4, 0.1, log=True)),
        ("lr: {distribution: inv_log_uniform_values, min: 1e-4, max: 1e-1}", Uniform(1e-4, 0.1, log=True)),
        ("lr: {distribution: log_uniform, min: -4, max: -1}", Uniform(math.exp(-4), math.exp(-1), log=True)),
        ("lr: {distribution: inv_log_uniform, min: 1.0, max: 4.0}", Uniform(math.exp(-4), math.exp(-1), log=True)),
        ("lr: {distribution: log_normal, mu: -5, sigma: 1}", Normal(-5.0, 1.0, log=True)),
        ("dropout: {min: 0, max: 0.5}", Uniform(0.0, 0.5)),
        ("dropout: {distribution: q_uniform, min: 0, max: 0.5, q: 0.1}", Rounded(Uniform(0.0, 0.5), 0.1)),
        ("dropout: {distribution: normal, mu: 0.3, sigma: 0.02}", Normal(0.3, 0.02)),
        ("weight_decay: {distribution: beta, a: 2, b: 5}", Beta(2.0, 5.0)),
        ("weight_decay: {min: 0, max: 1}", Uniform(0.0, 1.0)),
        ("depth: {min: 1, max: 4}", Int(1, 4)),
        ("depth: {min: 1.0, max: 4.0}", Int(1, 4)),
        ("depth: {distribution: int_uniform, min: 1, max: 4}", Int(1, 4)),
        ("depth: {distribution: uniform, min: 1, max: 4}", Int(1, 4)),
        ("width: {distribution: log_uniform_values, min: 16, max: 256}", Int(16, 256, log=True)),
        (
            "width: {distribution: q_log_uniform_values, min: 16, max: 256, q: 8}",
            Rounded(Uniform(16.0, 256.0, log=True), 8),
        ),
        ("width: {distribution: q_normal, mu: 64, sigma: 4}", Rounded(Normal(64.0, 4.0), 1)),
        ("width: {values: [32.0, 64]}", Choice((32, 64))),
        ("optimizer: {distribution: categorical, values: [adam, sgd]}", Choice(("adam", "sgd"))),
        ("width: {values: [16, 32], probabilities: [0.3, 0.7]}", Choice((16, 32), (0.3, 0.7))),
    ],
)
def test_parameters_mean_what_they_mean_to_wandb(parameter: str, expected: object) -> None:
    assert domain(parameter) == expected


def test_values_have_their_hyperparameters_type() -> None:
    assert [type(value) for value in domain("width: {values: [32.0, 64]}").values] == [int, int]
    assert isinstance(domain("width: {distribution: q_normal, mu: 64, sigma: 4}").to_value(0.5), int)
    constants = parsed(HEAD + "parameters: {depth: 2.0, lr: 1, width: {min: 1, max: 2}}").constants
    assert [type(value) for value in constants.values()] == [int, float]


def test_a_wandb_file_runs_but_for_its_program() -> None:
    text = """\
method: bayes
metric: {name: val_loss, goal: minimize}
parameters:
  optimizer:
    parameters:
      lr: {distribution: log_uniform_values, min: 1e-5, max: 1e-1}
      momentum: {value: 0.9}
  batch_size: {values: [32, 64]}
  epochs_are_not_searched: {value: 1}
early_terminate: {type: hyperband, min_iter: 3}
run_cap: 12
program: train.py
project: mine
command: ["${env}", python]
"""
    with pytest.raises(SpecError) as caught:
        parsed(text)
    assert {fault.path for fault in caught.value.faults} == {"program", "project"}
    drop = ("program", "project", "command", "early_terminate", "  epochs_are")
    kept = [line for line in text.splitlines() if not line.startswith(drop)]
    sweep = parsed(HEAD + "\n".join(kept))
    assert (sweep.trials, sweep.method, list(sweep.space.domains)) == (12, "auto", ["lr", "batch_size"])
