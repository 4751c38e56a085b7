"""Files of other tools, in the shapes of their own documentation, as specs."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from search_spaces.spec.imported.katib import LABELS
from search_spaces.spec.imported.read import imported
from search_spaces.spec.keys.plain_tree import tree_document
from search_spaces.spec.sweep import Sweep, parse_sweep
from search_spaces.spec.yaml_document import dotted, read_yaml
from search_spaces.types.faults import SpecError
from tests.helpers.files_of_other_tools import DETERMINED as DETERMINED_FILES
from tests.helpers.files_of_other_tools import FILES
from tests.helpers.files_of_other_tools import KATIB as KATIB_FILES
from workloads.registry import catalogue

KATIB = r"""
apiVersion: kubeflow.org/v1beta1
kind: Experiment
metadata: {namespace: kubeflow, name: tuned}
spec:
  objective:
    type: maximize
    goal: 0.99
    objectiveMetricName: Validation-accuracy
    additionalMetricNames: [Train-accuracy]
  algorithm:
    algorithmName: bayesianoptimization
    algorithmSettings: [{name: random_state, value: "7"}, {name: acq_func, value: gp_hedge}]
  earlyStopping: {algorithmName: medianstop, algorithmSettings: [{name: start_step, value: "4"}]}
  parallelTrialCount: 3
  maxTrialCount: 12
  maxFailedTrialCount: 2
  parameters:
    - {name: lr, parameterType: double, feasibleSpace: {min: "0.01", max: "0.05", distribution: logUniform}}
    - {name: num-layers, parameterType: int, feasibleSpace: {min: "1", max: "64"}}
    - {name: optimizer, parameterType: categorical, feasibleSpace: {list: [sgd, adam]}}
  metricsCollectorSpec:
    collector: {kind: StdOut}
    source: {filter: {metricsFormat: ['([\w|-]+)\s*=\s*([+-]?\d*(\.\d+)?)']}}
  trialTemplate:
    primaryContainerName: training-container
    retain: true
    trialParameters:
      - {name: learningRate, description: Learning rate, reference: lr}
      - {name: numberLayers, reference: num-layers}
      - {name: optimizer, reference: optimizer}
    trialSpec:
      apiVersion: batch/v1
      kind: Job
      spec:
        template:
          spec:
            containers:
              - name: training-container
                image: example/mnist:latest
                command:
                  - "python3"
                  - "/opt/mnist.py"
                  - "--batch-size=64"
                  - "--lr=${trialParameters.learningRate}"
                  - "--layers"
                  - "${trialParameters.numberLayers}"
                  - "--opt=${trialParameters.optimizer}"
                resources: {limits: {cpu: 500m, memory: 1Gi, nvidia.com/gpu: 1}}
            restartPolicy: Never
"""
DETERMINED = """
name: cifar
entrypoint: python3 -m determined.launch.torch_distributed -- python3 train.py --fast
hyperparameters:
  global_batch_size: 64
  learning_rate: {type: log, base: 10, minval: -4, maxval: -1}
  optimizer:
    momentum: {type: double, minval: 0.2, maxval: 0.9}
    name: {type: categorical, vals: [sgd, adam]}
  layers: {type: int, minval: 1, maxval: 4}
searcher:
  name: adaptive_asha
  metric: validation_accuracy
  smaller_is_better: false
  max_trials: 16
  max_length: {batches: 1000}
  max_rungs: 3
resources: {slots_per_trial: 2, resource_pool: big}
reproducibility: {experiment_seed: 5}
environment: {image: x, environment_variables: [A=1, B=two words]}
max_restarts: 1
records_per_epoch: 50000
"""
LUDWIG = """
input_features:
  - {name: age, type: number}
  - {name: plan, type: category}
output_features: [{name: churned, type: binary}]
trainer: {epochs: 20, learning_rate: 0.01, steps_per_checkpoint: 5}
hyperopt:
  goal: maximize
  metric: roc_auc
  output_feature: churned
  parameters:
    trainer.learning_rate: {space: loguniform, lower: 0.001, upper: 0.1}
    trainer.batch_size: {space: choice, categories: [32, 64]}
    combiner.num_fc_layers: {space: randint, lower: 1, upper: 5}
    age.preprocessing.normalization: {space: choice, categories: [zscore, minmax]}
  search_alg: {type: hyperopt}
  executor:
    type: ray
    num_samples: 24
    time_budget_s: 600
    cpu_resources_per_trial: 2
    scheduler: {type: async_hyperband, max_t: 30, grace_period: 3, reduction_factor: 2}
"""


def spec_of(text: str, folder: Path) -> tuple[Sweep, str, list[str]]:
    written, notes = imported(read_yaml(text, "theirs.yaml"))
    alone = ["resources.workers=1"] if "workers: 2" in written else []
    return parse_sweep(written, "sweep.yaml", folder, alone, catalogue=catalogue()), written, notes


def said(notes: list[str], key: str) -> str:
    return next(note for note in notes if f": {key}: " in note)


def test_a_katib_experiment_starts_its_container_s_command(tmp_path: Path) -> None:
    sweep, text, notes = spec_of(KATIB, tmp_path)
    assert sweep.command is not None
    assert sweep.command.words == ("python3", "/opt/mnist.py", "--batch-size=64", "${args}")
    assert sweep.command.pattern is not None and "(?P<name>" in sweep.command.pattern
    assert {name: str(domain) for name, domain in sweep.space.domains.items()} == {
        "lr": "0.01 to 0.05, log scale",
        "layers": "1 to 64, whole",
        "opt": "one of sgd, adam",
    }
    assert (sweep.metric.name, sweep.metric.goal, sweep.metric.target) == ("Validation-accuracy", "maximize", 0.99)
    assert (sweep.method, sweep.seed, sweep.trials, sweep.max_concurrent) == (
        "gp",
        7,
        12,
        3,
    ) or sweep.method == "auto"
    assert (sweep.max_failed_trials, sweep.early_terminate.type) == (2, "median")
    assert (sweep.resources.cpus, sweep.resources.gpus) == (0.5, 1)
    assert "image example/mnist:latest" in said(
        notes, "spec.trialTemplate.trialSpec.spec.template.spec.containers.0.image"
    )
    assert "acq_func has no counterpart" in said(notes, "spec.algorithm.algorithmSettings.1")
    assert text.startswith("# Imported from theirs.yaml, a Katib experiment.\n# theirs.yaml:")


def test_a_determined_experiment_starts_its_entrypoint(tmp_path: Path) -> None:
    sweep, text, notes = spec_of(DETERMINED, tmp_path)
    assert sweep.command is not None and sweep.command.words == ("python3", "train.py", "--fast", "${args}")
    assert sweep.command.steps is not None and (sweep.command.steps.name, sweep.command.steps.most) == (
        "batches",
        1000,
    )
    assert str(sweep.space.domains["learning_rate"]) == "0.0001 to 0.1, log scale"
    assert {"optimizer.momentum", "optimizer.name", "layers"} <= sweep.space.domains.keys()
    assert sweep.constants["global_batch_size"] == 64
    assert (sweep.metric.name, sweep.metric.goal, sweep.trials) == ("validation_accuracy", "maximize", 16)
    assert (sweep.resources.gpus, sweep.seed, sweep.max_retries) == (1, 5, 1) and "workers: 2" in text
    assert sweep.env == {"A": "1", "B": "two words"}
    assert "paceline submit" in said(notes, "resources.resource_pool")
    assert "Determined's came by its API" in said(notes, "entrypoint") or len(notes) > 3


def test_a_ludwig_configuration_is_a_table_for_a_perceptron(tmp_path: Path) -> None:
    (tmp_path / "FILE.csv").write_text("age,plan,churned\n" + "\n".join(f"{k},a,{k % 2}" for k in range(50)))
    sweep, _, notes = spec_of(LUDWIG, tmp_path)
    assert (sweep.workload, sweep.data.target) == ("mlp", "churned")
    assert (sweep.metric.name, sweep.metric.goal, sweep.trials, sweep.epochs) == ("val_roc_auc", "maximize", 24, 30)
    assert {name: str(domain) for name, domain in sweep.space.domains.items()} == {
        "lr": "0.001 to 0.1, log scale",
        "batch_size": "one of 32, 64",
        "depth": "1 to 4, whole",
    }
    assert sweep.early_terminate.type == "asha_stopping"
    assert {"min_iter": 3, "eta": 2}.items() <= sweep.early_terminate.parameters.items()
    assert (sweep.method, sweep.timeout_s, sweep.resources.cpus) == ("tpe", 600, 2)
    assert "no counterpart" in said(notes, "hyperopt.parameters.age.preprocessing.normalization")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (KATIB.replace("bayesianoptimization", "darts"), "there is no search like darts here"),
        (KATIB.replace("--opt=${", "--opt=x-${"), "stands where no argument --name=value is"),
        (DETERMINED.replace("adaptive_asha", "custom"), "there is no searcher like custom here"),
        (LUDWIG.replace("type: binary}]", "type: binary}, {name: b, type: number}]"), "must be one feature"),
        ("a: 1", "must be a Katib experiment, a Determined experiment, a Ludwig configuration"),
        ("method: grid\nparameters: {}", "`paceline run` takes it as it is"),
    ],
)
def test_what_cannot_be_meant_is_refused(text: str, told: str) -> None:
    with pytest.raises(SpecError) as error:
        imported(read_yaml(text, "theirs.yaml"))
    assert told in str(error.value)


@pytest.mark.parametrize(("text", "what"), [(KATIB, "Katib"), (DETERMINED, "Determined"), (LUDWIG, "Ludwig")])
def test_such_a_file_that_is_run_is_recognised(text: str, what: str) -> None:
    with pytest.raises(SpecError) as error:
        parse_sweep(text, "theirs.yaml", Path.cwd(), catalogue=catalogue())
    assert f"is a {what}" in str(error.value) and "`paceline import theirs.yaml`" in str(error.value)


def tree_of(text: str) -> tuple[dict[str, Any], list[str]]:
    written, notes = imported(read_yaml(text, "theirs.yaml"))
    found: dict[str, Any] = read_yaml(written, "sweep.yaml").tree
    return found, notes


@pytest.mark.parametrize(
    ("asked", "meant"),
    [
        ("metric: loss", {"name": "val_loss", "goal": "minimize"}),
        ("metric: accuracy", {"name": "val_accuracy", "goal": "maximize"}),
        ("output_feature: churned", {"name": "val_loss", "goal": "minimize"}),
        ("metric: loss\n  goal: maximize", {"name": "val_loss", "goal": "maximize"}),
    ],
)
def test_ludwig_s_metric_is_the_loss_and_has_its_own_goal_unless_said(asked: str, meant: dict[str, str]) -> None:
    assert tree_of(LUDWIG.replace("goal: maximize\n  metric: roc_auc", asked))[0]["metric"] == meant


def test_ludwig_s_texts_are_sentences() -> None:
    text = """
input_features: [{name: title, type: text}, {name: body, type: text}]
output_features: [{name: label, type: category}]
trainer: {epochs: 2, batch_size: 16, activation: relu}
hyperopt:
  parameters:
    trainer.learning_rate: {space: loguniform, lower: 0.001, upper: 0.1}
    combiner.activation: {space: choice, categories: [relu, tanh]}
"""
    tree, notes = tree_of(text)
    assert tree["workload"] == "recurrent"
    assert tree["data"] == {"csv": "FILE.csv", "target": "label", "text": ["title", "body"]}
    assert set(tree["parameters"]) == {"lr", "batch_size"}, "and none of tables alone"
    assert sum("no counterpart" in note for note in notes) == 2
    assert tree_of(text.replace(", {name: body, type: text}", ""))[0]["data"]["text"] == "title"


def test_ludwig_s_laws_of_multiples_keep_them_and_their_upper_end() -> None:
    before, laws = "{space: choice, categories: [32, 64]}", "trainer.batch_size: "
    tree, _ = tree_of(LUDWIG.replace(laws + before, laws + "{space: qrandint, lower: 32, upper: 256, q: 32}"))
    assert tree["parameters"]["batch_size"] == {"min": 32, "max": 256, "distribution": "q_uniform", "q": 32}
    tree, _ = tree_of(LUDWIG.replace(before, "{space: qloguniform, lower: 8, upper: 64, q: 8}"))
    assert tree["parameters"]["batch_size"]["distribution"] == "q_log_uniform_values"


def test_katib_s_variables_and_laws_are_kept_or_told() -> None:
    variables = "env: [{name: A, value: one}, {name: B, valueFrom: {secretKeyRef: {name: s, key: k}}}]"
    text = KATIB.replace("resources: {limits", variables + "\n                resources: {limits")
    text = text.replace("logUniform", "logNormal").replace("learningRate", "learning-rate")
    tree, notes = tree_of(text)
    assert tree["env"] == {"A": "one"} and tree["parameters"]["lr"]["log"] is True
    assert "B has no value here" in said(
        notes, "spec.trialTemplate.trialSpec.spec.template.spec.containers.0.env.1"
    )
    assert "lr is drawn evenly" in said(notes, "spec.parameters.0.feasibleSpace.distribution")
    with pytest.raises(SpecError, match="A holds a hyperparameter"):
        tree_of(text.replace("value: one", "value: '${trialParameters.optimizer}'"))


def test_determined_s_lists_are_single_values_and_no_slot_is_no_gpu(tmp_path: Path) -> None:
    text = DETERMINED.replace("global_batch_size: 64", "global_batch_size: 64\n  sizes: [64, 32]\n  none: null")
    text = text.replace("slots_per_trial: 2", "slots_per_trial: 0").replace("[A=1, B=two words]", "{cpu: [A=1]}")
    sweep, _, notes = spec_of(text, tmp_path)
    assert (sweep.constants["sizes"], sweep.constants["none"]) == ("[64, 32]", None)
    assert sweep.resources.gpus == 0 and "into env" in said(notes, "environment.environment_variables")


DEFAULTS = ("reference", "trialParameters", "primaryContainerName", "distribution", "replicas", "numProcPerNode")
"""Keys whose values here are what Katib takes without them, or what nothing else goes by."""
OWN_DEFAULTS = {
    "Katib": DEFAULTS,
    "Determined": ("smaller_is_better", "base"),
    "Ludwig": ("goal", "space", "split", "type"),
}


def paths_in(tree: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    pairs = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, value in pairs:
        yield (*path, key)
        yield from paths_in(value, (*path, key))


def changed(tree: Any, path: tuple[str | int, ...], *value: Any) -> Any:
    """Return the tree with another value at a path, or without it."""
    tree = copy.deepcopy(tree)
    inside = group_at(tree, path[:-1])
    if value:
        inside[path[-1]] = value[0]
    else:
        del inside[path[-1]]
    return tree


def group_at(tree: Any, path: tuple[str | int, ...]) -> Any:
    for key in path:
        tree = tree[key]
    return tree


def meant(tree: Any) -> tuple[str, list[str]]:
    try:
        return imported(tree_document(tree, "f"))
    except SpecError as error:
        return "", str(error).splitlines()


@pytest.mark.parametrize("name", FILES)
def test_every_key_is_in_the_spec_or_named(name: str) -> None:
    """Without it another spec, or other notes, would be written: or one around it is named as a whole."""
    tree = read_yaml(FILES[name], "f").tree
    text, notes = meant(tree)
    if not text:
        assert (len(notes) in (1, 2) and "workflow" in name) or "architectures" in name
        return
    silent = [path for path in paths_in(tree) if meant(changed(tree, path)) == (text, notes)]
    labels = (*LABELS, *OWN_DEFAULTS[name.partition(":")[0]])
    named = [note.split(": ")[1] for note in notes]
    for path in silent:
        around = [dotted(path[: length + 1]) for length in range(len(path))]
        known = path[-1] in labels or isinstance(path[-1], int) or any(one in named for one in around)
        assert known, dotted(path)


@pytest.mark.parametrize("name", FILES)
def test_odd_values_are_refused_or_named(name: str) -> None:
    tree = read_yaml(FILES[name], "f").tree
    odd = [None, 3, "${x", [None], {"a": None}, [[1]], 10**400]
    for place, path in enumerate(paths_in(tree)):
        meant(changed(tree, path, odd[place % len(odd)]))


def test_determined_s_launcher_gives_way_to_what_it_starts() -> None:
    launched, notes = tree_of(DETERMINED_FILES["launcher"])
    assert launched["workload"] == "model_def:train" and "command" not in launched
    assert any("entrypoint: model_def:IrisTrial is a Trial class" in note for note in notes)
    program, notes = tree_of(DETERMINED_FILES["launched program"])
    assert program["command"] == ["python3", "train.py", "--data", "my data", "--fast", "${args}"]
    assert program["parameters"]["widths"]["parameters"] == {"0": {"min": 8, "max": 64}, "1": {"values": [16, 32]}}
    assert "widths.0, widths.1" in said(notes, "hyperparameters.widths")
    assert set(program["parameters"]["optimizer"]["parameters"]) == {"type", "lr"}, "type is a name here"
    line, _ = tree_of(DETERMINED_FILES["shell"])
    shell = 'pip install thing && cd src && python train.py "$@" --out $HOME/x | tee log'
    assert line["command"] == ["sh", "-c", shell, "sh", "${args}"]
    with pytest.raises(SpecError, match="a line for a shell in which no program"):
        tree_of(DETERMINED_FILES["shell"].replace("python train.py", "make train"))


def test_katib_s_main_container_its_steps_and_its_trainer_are_found() -> None:
    text = KATIB_FILES["laws"].replace(
        "containers:", "containers:\n              - {name: first, command: [sleep]}"
    )
    spec, notes = tree_of(text)
    assert spec["command"][0] == "python3", "that of the container which is named"
    assert spec["parameters"]["m"]["max"] == 0.901 and "m has 0.901 as its max" in said(notes, "spec.parameters.1")
    assert tree_of(KATIB_FILES["hyperband"])[0]["parameters"]["num-epochs"] == 9
    job, _ = tree_of(KATIB_FILES["train job"])
    assert job["resources"] == {"workers": 2, "cpus": 2} and job["command"][-1] == "${args}"
    assert tree_of(KATIB_FILES["mpi job"])[0]["resources"] == {"cpus": 0.5}, "mpirun starts them"
