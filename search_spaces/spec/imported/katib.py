"""Katib's Experiment (kubeflow.org/v1beta1) as a spec of the script that its trial template starts."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from typing import Any, Final

from search_spaces.spec.imported.contract import (
    Import,
    Tree,
    count,
    group,
    groups,
    in_its_place,
    listed,
    plain,
    text_of,
)
from search_spaces.spec.other_tools.parameters import katib_parameter, last_step, number
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
LABELS: Final = (
    "apiVersion",
    "kind",
    "name",
    "namespace",
    "description",
    "parameterType",
    "distribution",
    "format",
)
"""Keys that only name or describe what they are in."""
UNKNOWN_EPOCHS: Final = 100
"""``epochs`` of a spec whose file does not say how often a trial reports; the user is asked to write it."""
IMAGE: Final = (
    "runs in this environment, not in image {}: install what it needs, and copy the program beside the spec"
)


def from_katib(tree: Tree) -> Import:
    """Return the spec of an experiment."""
    found, spec = Import(), group(tree, "spec")
    found.put(
        name=text_of(group(tree, "metadata"), "name")
        or (text_of(group(tree, "metadata"), "generateName") or "").rstrip("-")
        or None
    )
    _objective(found, group(spec, "objective"))
    _algorithm(found, spec)
    for key, ours in _COUNTS.items():
        found.put(**{ours: spec.get(key)})
    flags = _template(found, group(spec, "trialTemplate"))
    resource = _settings(group(spec, "algorithm")).get("resource_name", "")
    _parameters(found, spec, flags, str(resource))
    _collector(found, group(spec, "metricsCollectorSpec"))
    if "early_terminate" in found.tree and not {"epochs", "steps"} & found.tree.keys():
        found.put(epochs=UNKNOWN_EPOCHS)
        key = "earlyStopping" if "earlyStopping" in spec else "algorithm"
        found.note(("spec", key), "epochs is a guess: write how often a whole trial reports its metric")
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
    if plain(objective.get("metricStrategies")):
        found.note(("spec", "objective", "metricStrategies"), "a trial's value is the best that it reported")


def _algorithm(found: Import, spec: Tree) -> None:
    for key in ("algorithm", "earlyStopping"):
        tree = group(spec, key)
        name, settings = text_of(tree, "algorithmName"), _settings(tree)
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
    return {str(one.get("name")): number(one.get("value")) for _, one in groups(algorithm, "algorithmSettings")}


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


def _parameters(found: Import, spec: Tree, flags: dict[str, str], resource_name: str) -> None:
    steps = found.tree.get("steps", {})
    resource, amount = (steps.get("name", "epochs"), steps.get("most", found.tree.get("epochs")))
    for place, one in groups(spec, "parameters"):
        name = str(one.get("name"))
        if not group(one, "feasibleSpace"):
            found.refuse(("spec", "parameters", place), f"{name} has no feasibleSpace")
            continue
        if amount is not None and name == (resource_name or resource):
            found.put(parameters={flags.get(name, name): amount})
            continue
        law = str(group(one, "feasibleSpace").get("distribution"))
        if law.casefold() in ("normal", "lognormal"):
            path: Path = ("spec", "parameters", place, "feasibleSpace", "distribution")
            found.note(path, f"{name} is drawn evenly from min to max: else write distribution, mu, sigma")
        given = katib_parameter(one)
        if isinstance(given, dict) and (last := last_step(given)) != given.get("max"):
            found.note(("spec", "parameters", place), f"{name} has {last} as its max, the last of its steps")
            given["max"] = last
        found.put(parameters={flags.get(name, name): given})


def _template(found: Import, template: Tree) -> dict[str, str]:
    """Put the command and the resources of the trial template; return each parameter's name on the command line."""
    container, path, workers = _container(found, template)
    words = [str(one) for key in ("command", "args") for one in listed(container, key)]
    if not words:
        found.refuse(("spec", "trialTemplate"), "holds no command of a container, which a trial here would start")
        return {}
    references = {str(one.get("name")): str(one.get("reference")) for _, one in groups(template, "trialParameters")}
    command, flags, left = _command(words)
    for placeholder in left:
        found.refuse(path, f"${{trialParameters.{placeholder}}} stands where no argument --name=value is")
    found.put(command=command)
    found.note((*path, "image"), IMAGE.format(container.get("image", "?")))
    _variables(found, container, (*path, "env"))
    _resources(found, container, path, workers)
    for key in ("retain", "successCondition", "failureCondition"):
        if key in template:
            found.note(
                ("spec", "trialTemplate", key), "a trial has succeeded where its program ends with exit code 0"
            )
    return {references.get(name, name): flag for name, flag in flags.items()}


def _variables(found: Import, container: Tree, path: Path) -> None:
    for place, one in groups(container, "env"):
        name, value = one.get("name"), one.get("value")
        if isinstance(value, str) and _PLACEHOLDER.search(value):
            found.refuse((*path, place), f"{name} holds a hyperparameter, which comes as an argument --name=value")
        elif isinstance(value, str):
            found.put(env={str(name): value})
        else:
            found.note((*path, place), f"{name} has no value here: set it where the sweep runs")


def _container(found: Import, template: Tree) -> tuple[Tree, Path, int]:
    """Return the container that trains, its path, and the number of its workers."""
    job, path = group(template, "trialSpec", "spec"), ("spec", "trialTemplate", "trialSpec", "spec")
    if trainer := group(job, "trainer"):
        return trainer, (*path, "trainer"), count(trainer, "numNodes") * count(trainer, "numProcPerNode")
    pod, inner, workers = _pod(found, job, path)
    containers = groups(group(pod, "spec"), "containers") or [(0, {})]
    wanted = template.get("primaryContainerName")
    place, container = next((one for one in containers if one[1].get("name") == wanted), containers[0])
    return container, (*inner, "spec", "containers", place), workers


def _pod(found: Import, job: Tree, path: Path) -> tuple[Tree, Path, int]:
    """Return the pod's template of a job, its path, and the number of its workers."""
    for kind in [kind for kind in job if str(kind).endswith("ReplicaSpecs") and group(job, kind)]:
        replicas = group(job, kind)
        num_workers = sum(count(group(replicas, name), "replicas") for name in replicas)
        name = next((name for name in ("Master", "Launcher") if name in replicas), next(iter(replicas)))
        if name == "Launcher":
            found.note((*path, kind), "its workers are started by the launcher's command, where that runs")
            num_workers = 1
        return group(replicas, name, "template"), (*path, kind, name, "template"), num_workers
    return group(job, "template"), (*path, "template"), 1


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


def _resources(found: Import, container: Tree, path: Path, num_workers: int) -> None:
    found.put(resources={"workers": num_workers} if num_workers > 1 else None)
    place = next((key for key in ("resources", "resourcesPerNode") if key in container), None)
    kind = next((key for key in ("limits", "requests") if key in group(container, place or "")), None)
    for name, amount in group(container, place or "", kind or "").items():
        if name == "cpu":
            text = str(amount)
            cpus = float(text.removesuffix("m")) / 1000 if text.endswith("m") else number(text)
            found.put(resources={"cpus": cpus})
        elif name.endswith("/gpu"):
            found.put(resources={"gpus": number(amount)})
        else:
            found.note((*path, str(place), str(kind), name), "has no counterpart")


def _collector(found: Import, collector: Tree) -> None:
    kind = text_of(group(collector, "collector"), "kind") or "StdOut"
    path: Path = ("spec", "metricsCollectorSpec", "collector", "kind")
    if kind not in ("StdOut", "File"):
        found.note(
            path, f"{kind} is not read: print the metric, as 'val_acc=0.91', or report it (workloads.report)"
        )
    if kind == "File":
        found.note(path, "no file is read: print the metrics, as 'epoch=3 val_acc=0.91'")
    if formats := listed(group(collector, "source", "filter"), "metricsFormat"):
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
