"""Katib's Experiment (kubeflow.org/v1beta1) as a spec of the script that its trial template starts."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from typing import Any, Final

from search_spaces.spec.imported.contract import Import, Tree, group, in_its_place
from search_spaces.spec.other_tools.parameters import katib_parameter, number
from search_spaces.spec.yaml_document import Path

_METHODS: Final = {
    **{name: name for name in ("random", "grid", "tpe", "cmaes")},
    **{"bayesianoptimization": "auto", "sobol": "qmc", "multivariate-tpe": "auto"},
}
_SCHEDULES: Final = {"hyperband": "hyperband", "pbt": "pbt", "medianstop": "median"}
_SETTINGS: Final = {"min_trials_required": "min_trials", "start_step": "min_iter", "eta": "eta"}
_COUNTS: Final = {
    "maxTrialCount": "trials",
    "parallelTrialCount": "max_concurrent",
    "maxFailedTrialCount": "max_failed_trials",
}
_FIELDS: Final = ("objective", "algorithm", "earlyStopping", "parameters", "trialTemplate", "metricsCollectorSpec")
_PLACEHOLDER: Final = re.compile(r"\$\{trialParameters\.([\w.-]+)\}")
_FLAG: Final = re.compile(r"--?([\w.-]+)=\$\{trialParameters\.([\w.-]+)\}")
UNKNOWN_EPOCHS: Final = 100
"""``epochs`` of a spec whose file does not say how often a trial reports; the user is asked to write it."""
IMAGE: Final = (
    "runs in this environment, not in image {}: install what it needs, and copy the program beside the spec"
)


def from_katib(tree: Tree) -> Import:
    """Return the spec of an experiment."""
    found, spec = Import(), group(tree, "spec")
    found.put(
        name=group(tree, "metadata").get("name") or group(tree, "metadata").get("generateName", "").rstrip("-")
    )
    _objective(found, group(spec, "objective"))
    _algorithm(found, spec)
    for key, ours in _COUNTS.items():
        found.put(**{ours: spec.get(key)})
    flags = _template(found, group(spec, "trialTemplate"))
    _parameters(found, spec.get("parameters"), flags)
    _collector(found, group(spec, "metricsCollectorSpec"))
    if "early_terminate" in found.tree and not {"epochs", "steps"} & found.tree.keys():
        found.put(epochs=UNKNOWN_EPOCHS)
        found.note(("spec", "trialTemplate"), "epochs is a guess: write how often a whole trial reports its metric")
    for key in spec:
        if key == "nasConfig":
            found.refuse(
                ("spec", key), "architectures are searched by hyperparameters here, not by a NAS algorithm"
            )
        elif key not in (*_FIELDS, *_COUNTS):
            found.note(("spec", key), in_its_place(key))
    return found


def _objective(found: Import, objective: Tree) -> None:
    metric = {"name": objective.get("objectiveMetricName"), "goal": objective.get("type")}
    found.put(metric=metric | ({"target": objective["goal"]} if "goal" in objective else {}))
    if objective.get("additionalMetricNames"):
        found.note(("spec", "objective", "additionalMetricNames"), "every metric that is reported is kept")
    if objective.get("metricStrategies"):
        found.note(("spec", "objective", "metricStrategies"), "a trial's value is the best that it reported")


def _algorithm(found: Import, spec: Tree) -> None:
    for key in ("algorithm", "earlyStopping"):
        tree = group(spec, key)
        name, settings = tree.get("algorithmName"), _settings(tree)
        if name in _SCHEDULES:
            found.put(early_terminate={"type": _SCHEDULES[name]})
            found.put(method="random" if key == "algorithm" else None)
        elif name in _METHODS:
            found.put(method=_METHODS[name])
            if name == "multivariate-tpe":
                found.note(
                    ("spec", key, "algorithmName"), "auto takes parameters together, as multivariate TPE does"
                )
        elif name is not None:
            found.refuse(("spec", key, "algorithmName"), f"there is no search like {name} here")
        for place, (setting, value) in enumerate(settings.items()):
            _setting(found, ("spec", key, "algorithmSettings", place), setting, value, settings)


def _settings(algorithm: Tree) -> dict[str, Any]:
    given = algorithm.get("algorithmSettings")
    return {str(one.get("name")): number(one.get("value")) for one in given or () if isinstance(one, dict)}


def _setting(found: Import, path: Path, name: str, value: Any, beside: Tree) -> None:
    if name == "random_state":
        found.put(seed=value)
    elif name in _SETTINGS and "early_terminate" in found.tree:
        found.put(early_terminate={_SETTINGS[name]: value})
    elif name in ("r_l", "resource_name"):
        if name == "r_l":
            unit = str(beside.get("resource_name", "epochs"))
            found.put(**({"epochs": value} if "epoch" in unit else {"steps": {"name": unit, "most": value}}))
    else:
        found.note(path, f"{name} has no counterpart: methods here have no settings")


def _parameters(found: Import, parameters: Any, flags: dict[str, str]) -> None:
    resource = "epochs" if "epochs" in found.tree else None
    for place, one in enumerate(parameters if isinstance(parameters, list) else ()):
        name = str(one.get("name"))
        if not isinstance(one.get("feasibleSpace"), dict):
            found.refuse(("spec", "parameters", place), f"{name} has no feasibleSpace")
            continue
        if resource and name == resource:
            found.put(parameters={flags.get(name, name): found.tree["epochs"]})
            continue
        law = str(one["feasibleSpace"].get("distribution"))
        if law.casefold() in ("normal", "lognormal"):
            path: Path = ("spec", "parameters", place, "feasibleSpace", "distribution")
            found.note(path, f"{name} is drawn evenly from min to max: else write distribution, mu, sigma")
        found.put(parameters={flags.get(name, name): katib_parameter(one)})


def _template(found: Import, template: Tree) -> dict[str, str]:
    """Put the command and the resources of the trial template; return each parameter's name on the command line."""
    at: Path = ("spec", "trialTemplate", "trialSpec")
    pod, path, workers = _pod(group(template, "trialSpec"), at)
    container = group(pod, "spec", "containers", 0)
    words = [str(word) for key in ("command", "args") for word in container.get(key) or ()]
    if not words:
        found.refuse(("spec", "trialTemplate"), "holds no command of a container, which a trial here would start")
        return {}
    command, flags, left = _command(words)
    for placeholder in left:
        found.refuse(path, f"${{trialParameters.{placeholder}}} stands where no argument --name=value is")
    found.put(command=command)
    _container(found, container, (*path, "spec", "containers", 0), workers)
    for key in ("retain", "successCondition", "failureCondition"):
        if key in template:
            found.note(
                ("spec", "trialTemplate", key), "a trial has succeeded where its program ends with exit code 0"
            )
    given = (one for one in template.get("trialParameters") or () if isinstance(one, dict))
    parameter_of = {str(one.get("name")): str(one.get("reference")) for one in given}
    return {parameter_of.get(name, name): flag for name, flag in flags.items()}


def _container(found: Import, container: Tree, path: Path, workers: int) -> None:
    """Put a container's environment variables and resources, and note that its image is not used."""
    found.note((*path, "image"), IMAGE.format(container.get("image", "?")))
    _variables(found, container.get("env"), (*path, "env"))
    resources = group(container, "resources")
    found.put(resources=_resources(resources.get("limits") or resources.get("requests") or {}, workers) or None)


def _variables(found: Import, variables: Any, path: Path) -> None:
    for place, one in enumerate(variables if isinstance(variables, list) else ()):
        name, value = group(one, "name"), group(one, "value")
        if isinstance(value, str) and _PLACEHOLDER.search(value):
            found.refuse((*path, place), f"{name} holds a hyperparameter, which comes as an argument --name=value")
        elif isinstance(value, str):
            found.put(env={str(name): value})
        else:
            found.note((*path, place), f"{name} has no value here: set it where the sweep runs")


def _pod(job: Tree, path: Path) -> tuple[Tree, Path, int]:
    """Return the pod's template of a job, its path, and the number of its workers."""
    for kind, replicas in group(job, "spec").items():
        if kind.endswith("ReplicaSpecs") and isinstance(replicas, dict):
            number_of = sum(int(one.get("replicas", 1)) for one in replicas.values())
            name = "Master" if "Master" in replicas else next(iter(replicas))
            return group(replicas, name, "template"), (*path, "spec", kind, name, "template"), number_of
    return group(job, "spec", "template"), (*path, "spec", "template"), 1


def _command(words: Sequence[str]) -> tuple[list[str], dict[str, str], list[str]]:
    """Return our command, the flag of each placeholder by its name, and placeholders that are no flag's value."""
    if len(words) > 2 and words[0].rpartition("/")[2] in ("sh", "bash") and words[1] == "-c":
        words = shlex.split(words[2].replace("\\\n", " "))
    command: list[str] = []
    flags: dict[str, str] = {}
    left: list[str] = []
    rest = list(words)
    while rest:
        word = rest.pop(0)
        whole = _FLAG.fullmatch(word)
        value = _PLACEHOLDER.fullmatch(rest[0]) if rest and word.startswith("-") and "=" not in word else None
        if whole or value:
            flag, name = (whole[1], whole[2]) if whole else (word.lstrip("-"), value[1] if value else "")
            flags[name] = flag
            if rest and value:
                rest.pop(0)
            command += [] if "${args}" in command else ["${args}"]
        elif inside := _PLACEHOLDER.findall(word):
            left += inside
        else:
            command.append(word)
    return command, flags, left


def _resources(limits: Tree, workers: int) -> dict[str, Any]:
    found: dict[str, Any] = {"workers": workers} if workers > 1 else {}
    for name, amount in limits.items():
        if name == "cpu":
            text = str(amount)
            found["cpus"] = float(text.removesuffix("m")) / 1000 if text.endswith("m") else number(text)
        elif name.endswith("/gpu"):
            found["gpus"] = number(amount)
    return found


def _collector(found: Import, collector: Tree) -> None:
    kind = group(collector, "collector").get("kind", "StdOut")
    path: Path = ("spec", "metricsCollectorSpec", "collector", "kind")
    if kind not in ("StdOut", "File"):
        found.note(
            path, f"{kind} is not read: print the metric, as 'val_acc=0.91', or report it (workloads.report)"
        )
    if kind == "File":
        found.note(path, "no file is read: print the metrics, as 'epoch=3 val_acc=0.91'")
    formats = group(collector, "source", "filter").get("metricsFormat")
    if isinstance(formats, list) and formats:
        named = [_named(str(one)) for one in formats]
        if all(named) and len(named) == 1:
            found.put(metrics={"pattern": named[0]})
        else:
            where: Path = ("spec", "metricsCollectorSpec", "source", "filter", "metricsFormat")
            found.note(where, "write 'metrics: {pattern: ...}', with the groups (?P<name>...) and (?P<value>...)")


def _named(pattern: str) -> str | None:
    """Return a pattern of Katib's, whose first two groups are name and value, with these groups named."""
    groups = [at.start() for at in re.finditer(r"(?<!\\)\((?!\?)", pattern)]
    if len(groups) < 2:
        return None
    first, second = groups[:2]
    return f"{pattern[:first]}(?P<name>{pattern[first + 1 : second]}(?P<value>{pattern[second + 1 :]}"
