"""Keys of a script: what they imply, what is refused, and that the sweep's own text means the same again."""

from __future__ import annotations

from pathlib import Path

import pytest

from search_spaces.race.search import sweep_schedule
from search_spaces.spec.keys.command import DEFAULT_COMMAND, UNKNOWN_LENGTH, Steps
from search_spaces.spec.sweep import Sweep
from search_spaces.types.faults import SpecError
from tests.helpers.spec_texts import parsed

SPEC = """\
program: train.py
metric: {name: val/acc, goal: maximize}
parameters:
  lr: {min: 1e-4, max: 1e-1}
  optimizer:
    parameters:
      kind: {values: [adam, sgd]}
      momentum: {value: 0.9}
  model.width: {values: [32, 64]}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "train.py").write_text("")
    (tmp_path / "train.sh").write_text("")
    return tmp_path


def read(folder: Path, *lines: str) -> Sweep:
    return parsed("\n".join(lines), base=folder)


def faults(folder: Path, *lines: str) -> dict[str, str]:
    with pytest.raises(SpecError) as caught:
        read(folder, *lines)
    return {fault.path: fault.rule for fault in caught.value.faults}


def test_a_program_implies_workload_length_and_what_a_script_cannot_have(folder: Path) -> None:
    sweep = read(folder, SPEC)
    assert sweep.command is not None
    assert (sweep.workload, sweep.name, sweep.final) == ("script", "train", None)
    assert (sweep.command.program, sweep.command.words) == ("train.py", DEFAULT_COMMAND)
    assert (sweep.epochs, sweep.command.open_ended) == (UNKNOWN_LENGTH, True)
    assert (sweep.early_terminate.type, sweep.retest, sweep.metric.name) == ("none", 0, "val/acc")
    assert not sweep.data.given


def test_rungs_over_many_steps(folder: Path) -> None:
    many = "steps: {name: global_step, most: 10000000}"
    sweep = read(folder, SPEC, many, "early_terminate: {min_iter: 1000000}")
    assert sweep_schedule(sweep).rungs == (1_000_000, 3_000_000, 10_000_000)
    told = faults(folder, SPEC, many, "early_terminate: {type: median}")
    assert told == {
        "early_terminate.every": "must be at least 1000, a decision in so many of steps.most = 10000000"
    }
    told = faults(folder, SPEC, many, "checkpoint: true", "early_terminate: {type: hyperband}")
    assert told == {"early_terminate.min_iter": "must be at least 100, as steps.most is 10000000"}


def test_as_many_steps_as_there_are_epochs_by_default_are_written_again(folder: Path) -> None:
    sweep = read(folder, SPEC, "steps: {name: global_step, most: 10}")
    assert parsed(sweep.to_text(), base=folder).command == sweep.command


def test_parameters_in_groups_have_dotted_names(folder: Path) -> None:
    sweep = read(folder, SPEC)
    assert sweep.command is not None
    assert list(sweep.space.domains) == ["lr", "optimizer.kind", "model.width"]
    assert sweep.constants == {"optimizer.momentum": 0.9}
    assert sweep.command.nested == {
        "optimizer.kind": ("optimizer", "kind"),
        "optimizer.momentum": ("optimizer", "momentum"),
    }


@pytest.mark.parametrize(
    "lines",
    [
        "",
        "epochs: 7",
        "steps: {name: global_step, most: 5000000}",
        "command: [bash, -c, 'run ${envvar:HOME}', '${program}', '${args_no_hyphens}', -n, 3]",
        "metrics: {pattern: 'acc (?P<val_acc>\\S+)'}",
        "checkpoint: true\nwandb: real",
        "require: ['optimizer.kind == \"sgd\" or lr < 0.01']",
        "parameters: {layers: {values: [[64, 64], [32], null]}, loss: {value: {name: a}}, x: null, n: {value: 3}}",
        "start_from: [{lr: 0.001, optimizer.kind: sgd, model.width: 32}]",
    ],
)
def test_the_text_of_a_sweep_means_the_same(folder: Path, lines: str) -> None:
    sweep = read(folder, SPEC.partition("parameters")[0] if "parameters" in lines else SPEC, lines)
    assert parsed(sweep.to_text(), base=folder) == sweep


def test_steps_are_the_unit_of_a_trials_length(folder: Path) -> None:
    sweep = read(folder, SPEC, "steps: {name: global_step, most: 5000000}")
    assert sweep.command is not None
    assert (sweep.epochs, sweep.command.steps) == (5_000_000, Steps(name="global_step", most=5_000_000))
    assert not sweep.command.open_ended


def test_a_command_needs_no_program(folder: Path) -> None:
    sweep = read(folder, SPEC.partition("\n")[2], "command: [Rscript, fit.R, '${args}', --rows, 100]")
    assert sweep.command is not None
    assert sweep.command.words == ("Rscript", "fit.R", "${args}", "--rows", "100")
    assert sweep.name == "fit"


def test_every_fault_of_a_script_is_told_at_once(folder: Path) -> None:
    spec = SPEC.replace("train.py", "trian.py").replace("{name: val/acc, goal: maximize}", "{name: reward}")
    told = faults(folder, spec, "command: ['${program}', '${arg}']", "epochs: 3", "steps: {name: s, most: 3}")
    assert list(told) == ["program", "metric.goal", "command.1", "epochs"]


@pytest.mark.parametrize(
    ("lines", "path", "rule"),
    [
        ("command: [python, '${arg}', '${program}']", "command.1", "unknown macro"),
        ("command: [python, 'x${args}', '${program}']", "command.1", "${args} must be a word of its own"),
        ("command: [python, train.py]", "program", "has no effect: ${program} does not stand in command"),
        ("command: python train.py", "command", "must be a list of words, such as [python, train.py]"),
        ("command: []", "command", "must not be empty"),
        ("metrics: {pattern: '(acc'}", "metrics.pattern", "must be a regular expression"),
        ("metrics: {pattern: 'acc (\\S+)'}", "metrics.pattern", "must name what it finds"),
        ("metrics: {patern: 'acc (\\S+)'}", "metrics.pattern", "is required"),
        ("steps: {most: 3}", "steps.name", "is required"),
        ("checkpoint: folder", "checkpoint", "must be true or false"),
        ("wandb: reel", "wandb", "must be shim or real"),
        ("final: {top: 2}", "final", "must be none"),
        ("start_from: [{lr: 7}]", "start_from.0.lr", "must lie in the space"),
        ("require: ['width > 3']", "require.0", "is no hyperparameter"),
    ],
)
def test_faults_of_a_scripts_keys(folder: Path, lines: str, path: str, rule: str) -> None:
    told = faults(folder, SPEC, lines)
    assert told.keys() <= {path, "metrics.patern"}
    assert told[path].startswith(rule)


def test_a_program_must_be_there_and_one_that_can_be_run(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "must be a file in" in faults(folder, SPEC.replace("train.py", "trian.py"))["program"]
    (folder / "specs").mkdir()
    monkeypatch.chdir(folder)
    assert faults(folder / "specs", SPEC)["program"].endswith(f"so move the spec to {folder}")
    told = faults(folder, SPEC.replace("train.py", "train.sh"))["program"]
    assert told == "is no Python program: write 'command: [bash, '${program}', '${args}']' beside it"


def test_a_script_needs_a_metric_with_its_goal_unless_that_is_known(folder: Path) -> None:
    spec = SPEC.replace("metric: {name: val/acc, goal: maximize}\n", "")
    assert faults(folder, spec)["metric"].startswith("is required")
    assert (
        faults(folder, spec, "metric: {name: reward}")["metric.goal"]
        == "is required for reward: write metric: {name: reward, goal: maximize} (or minimize)"
    )
    assert read(folder, spec, "metric: {name: val_acc}").metric.goal == "maximize"


def test_keys_of_scripts_have_no_effect_elsewhere(folder: Path) -> None:
    told = faults(folder, "workload: mlp\ndata: {name: digits}\nwandb: real\nmetrics: {pattern: '(?P<a>.)'}")
    assert told == dict.fromkeys(["wandb", "metrics.pattern"], "has no effect without program or command")


def test_a_population_of_a_script_has_no_conditions(folder: Path) -> None:
    """A trial without the parameter would get that of another, as a configuration that is none of the space."""
    text = SPEC.replace("{values: [32, 64]}", "{values: [32, 64], when: {optimizer.kind: sgd}}")
    population = ("epochs: 8", "checkpoint: true", "early_terminate: {type: pbt, interval: 2}")
    assert "leave 'when' out" in faults(folder, text, *population)["early_terminate.type"]
    assert read(folder, SPEC, *population).early_terminate.type == "pbt"


def test_a_script_on_several_workers(folder: Path) -> None:
    assert read(folder, SPEC, "resources: {workers: 2}").resources.most == 2
    told = faults(folder, SPEC, "resources: {workers: [1, 4], strategy: fsdp, lr_scaling: linear}")
    assert list(told) == ["resources.strategy", "resources.lr_scaling", "resources.workers"]
    assert (
        "divides its work itself" in told["resources.strategy"] and "checkpoint: true" in told["resources.workers"]
    )
    assert read(folder, SPEC, "checkpoint: true", "resources: {workers: [1, 4]}").resources.least == 1
