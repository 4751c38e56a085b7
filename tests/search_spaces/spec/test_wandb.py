"""Parameters and files in W&B's form mean what they mean there."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from search_spaces.race.search import sweep_schedule
from search_spaces.space.domains import Choice, Int, Uniform
from search_spaces.space.quantile_domains import Beta, Normal, Rounded
from search_spaces.spec.sweep import Sweep
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


def read(text: str, folder: Path) -> Sweep:
    (folder / "train.py").write_text("")
    return parsed(text, base=folder)


def notes(sweep: Sweep) -> list[str]:
    assert sweep.command is not None
    return [*sweep.command.notes]


def refused(text: str, folder: Path) -> dict[str, str]:
    with pytest.raises(SpecError) as caught:
        read(text, folder)
    return {fault.path: fault.rule for fault in caught.value.faults}


BAYES = """\
program: train.py
name: first/try
project: cats
entity: team
method: bayes
metric: {name: validation_loss, goal: minimize, target: 0.01}
parameters:
  learning_rate: {min: 0.0001, max: 0.1}
  batch_size: {values: [16, 48]}
  epochs: {values: [4, 8]}
  optimizer: {values: [adam, sgd]}
run_cap: 12
"""


def test_a_bayes_file_is_taken_as_it_is(tmp_path: Path) -> None:
    sweep = read(BAYES, tmp_path)
    assert (sweep.trials, sweep.method, sweep.name) == (12, "auto", "first-try")
    assert (sweep.metric.name, sweep.metric.goal, sweep.metric.target) == ("validation_loss", "minimize", 0.01)
    assert sweep.space.domains["learning_rate"] == Uniform(1e-4, 0.1)
    assert (sweep.early_terminate.type, sweep.tracking.experiment) == ("none", "cats")
    assert notes(sweep) == [
        "entity has no meaning here: runs go to MLflow",
        "name first-try: none may hold '/', ':' or '\\'",
    ]


def test_a_random_file_of_every_distribution_is_taken_as_it_is(tmp_path: Path) -> None:
    text = """\
program: train.py
method: random
metric: {name: val_loss, goal: minimize}
parameters:
  constant: {value: 7}
  nothing: {value: null}
  words: {distribution: constant, value: relu}
  choice: {distribution: categorical, values: [1, two, 3.5, null, [64, 32]]}
  weighted: {values: [a, b], probabilities: [0.25, 0.75]}
  weighted2: {distribution: categorical_w_probabilities, values: [a, b], probabilities: [0.25, 0.75]}
  whole: {distribution: int_uniform, min: 2, max: 9}
  any: {distribution: uniform, min: 0, max: 9}
  q: {distribution: q_uniform, min: 0, max: 1, q: 0.25}
  log: {distribution: log_uniform, min: -4, max: -1}
  log_values: {distribution: log_uniform_values, min: 0.01, max: 10}
  q_log: {distribution: q_log_uniform, min: 0, max: 4, q: 2}
  q_log_values: {distribution: q_log_uniform_values, min: 1, max: 64, q: 2}
  inv: {distribution: inv_log_uniform, min: 1.0, max: 4.0}
  inv_values: {distribution: inv_log_uniform_values, min: 0.01, max: 1}
  normal: {distribution: normal, mu: 3, sigma: 0.5}
  q_normal: {distribution: q_normal, mu: 3, sigma: 0.5, q: 0.5}
  log_normal: {distribution: log_normal, mu: -1, sigma: 1}
  q_log_normal: {distribution: q_log_normal, mu: 1, sigma: 1}
  beta: {distribution: beta, a: 2, b: 5}
  q_beta: {distribution: q_beta, a: 2, b: 5, q: 0.1}
"""
    sweep = read(text, tmp_path)
    assert len(sweep.space.domains) + len(sweep.constants) == 21
    assert sweep.constants == {"constant": 7, "nothing": None, "words": "relu"}
    assert sweep.space.domains["whole"] == Int(2, 9)
    assert sweep.space.domains["any"] == Uniform(0.0, 9.0)
    assert sweep.space.domains["weighted"] == Choice(("a", "b"), (0.25, 0.75))
    assert parsed(sweep.to_text(), base=tmp_path).space == sweep.space


def test_a_grid_tries_every_point_up_to_the_cap(tmp_path: Path) -> None:
    text = """\
program: train.py
method: grid
metric: {name: val_loss, goal: minimize}
parameters: {a: {values: [1, 2, 3]}, b: {values: [x, y]}, c: {value: 3}}
"""
    assert read(text, tmp_path).trials == 6
    assert read(text + "run_cap: 4\n", tmp_path).trials == 4


def test_nested_parameters_and_a_command_of_ones_own(tmp_path: Path) -> None:
    text = """\
program: train.py
method: random
metric: {name: val/loss, goal: minimize}
parameters:
  model.depth: {values: [2, 3]}
  optimizer:
    parameters:
      name: {values: [adam, sgd]}
      schedule:
        parameters:
          warmup: {min: 0, max: 10}
command:
  - ${env}
  - python3
  - ${program}
  - fit
  - --config=base.yaml
  - ${args_no_hyphens}
  - --seed
  - 3
"""
    sweep = read(text, tmp_path)
    assert list(sweep.space.domains) == ["model.depth", "optimizer.name", "optimizer.schedule.warmup"]
    assert sweep.command is not None
    assert sweep.command.words[1:] == (
        "python3", "${program}", "fit", "--config=base.yaml", "${args_no_hyphens}", "--seed", "3"
    )  # fmt: skip
    assert sweep.command.nested["optimizer.schedule.warmup"] == ("optimizer", "schedule", "warmup")


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("{type: hyperband, min_iter: 3}", {"min_iter": 3}),
        ("{type: hyperband, min_iter: 3, eta: 2.0, strict: true}", {"min_iter": 3, "eta": 2}),
        ("{type: hyperband, max_iter: 27, s: 2}", {"min_iter": 3, "eta": 3, "max_iter": 27}),
        ("{type: hyperband, max_iter: 30, s: 2, eta: 3}", {"min_iter": 3, "eta": 3, "max_iter": 30}),
        ("{type: hyperband, max_iter: 8, s: 9, eta: 2}", {"min_iter": 1, "eta": 2, "max_iter": 8}),
    ],
)
def test_hyperband_has_the_bands_of_wandb(rule: str, expected: dict[str, int], tmp_path: Path) -> None:
    sweep = read(f"{BAYES}early_terminate: {rule}\n", tmp_path)
    assert {**sweep.early_terminate.parameters, **expected} == sweep.early_terminate.parameters
    if "max_iter" in expected:
        assert sweep.early_terminate.type == "asha_stopping"
        assert any(note.startswith(f"early_terminate: max_iter {expected['max_iter']}") for note in notes(sweep))


def test_bands_end_before_the_last_iteration_and_the_script_goes_on(tmp_path: Path) -> None:
    sweep = read(f"{BAYES}early_terminate: {{type: hyperband, max_iter: 30, s: 2}}\n", tmp_path)
    assert sweep_schedule(sweep).rungs == (3, 9, sweep.epochs)
    assert sweep.command is not None and sweep.command.open_ended


def test_a_goal_that_is_not_written_is_wandbs_where_that_can_be_meant(tmp_path: Path) -> None:
    sweep = read(BAYES.replace("validation_loss, goal: minimize", "center_error, impute: best"), tmp_path)
    assert sweep.metric.goal == "minimize"
    assert "metric.goal is minimize, W&B's default" in notes(sweep)
    told = refused(BAYES.replace("validation_loss, goal: minimize", "reward"), tmp_path)
    assert told["metric.goal"].startswith("is required for reward")


def test_a_metric_of_the_test_split_is_told_of(tmp_path: Path) -> None:
    sweep = read(BAYES.replace("validation_loss", "test_loss"), tmp_path)
    assert notes(sweep)[-1].startswith("the search chooses by test_loss: what it finds looks better than it is")


def test_what_cannot_be_meant_is_refused_with_the_way_out(tmp_path: Path) -> None:
    text = BAYES.replace("program: train.py", "job: team/cats/job:v1").replace("name: first/try\n", "")
    assert "write 'program: train.py'" in refused(text, tmp_path)["job"]
    told = refused(f"{BAYES}scheduler: {{job: x}}\nearly_terminate: {{type: median}}\n", tmp_path)
    assert told["scheduler"].startswith("is not read")
    assert told["early_terminate.type"].startswith("needs 'epochs: N'")
    assert "no decision before" in refused(
        f"{BAYES}early_terminate: {{type: hyperband, max_iter: 2, s: 2}}\n", tmp_path
    )["early_terminate.s"]  # fmt: skip
    kept = f"{BAYES}controller: {{type: local}}\nkind: sweep\nearly_terminate: {{type: hyperband, min_iter: 2}}\n"
    assert read(kept, tmp_path).trials == 12


def test_budget_and_limits_hold_for_trials_of_unknown_length(tmp_path: Path) -> None:
    assert read(f"{BAYES}budget: {{epochs: 50}}\n", tmp_path).budget is not None
